"""How a build can end without shipping; each error carries the report of what was done and judged."""

from __future__ import annotations

from datetime import datetime

from factory_assets.build.report import BuildReport
from factory_assets.domain.errors import (
    AgentError,
    CredentialError,
    FactoryError,
    GateError,
    InfrastructureError,
)


class BuildBusyError(FactoryError):
    """Another run holds this spec."""


class BuildDeferredError(InfrastructureError):
    """The build could not go on for reasons that are not its own; it used up no attempt.

    `until` is the earliest time (UTC) to start it again.
    """

    def __init__(
        self, what: str, *, where: str = "", mend: str = "", until: datetime, report: BuildReport
    ) -> None:
        super().__init__(what, where=where, mend=mend)
        self.until = until
        self.report = report


class BuildCredentialError(CredentialError):
    """The agent's credential was refused; the build waits for a better one and used up no attempt."""

    def __init__(self, what: str, *, where: str = "", mend: str = "", report: BuildReport) -> None:
        super().__init__(what, where=where, mend=mend)
        self.report = report


class BuildAgentError(AgentError):
    """The agent ended without doing its phase; the build has failed."""

    def __init__(self, what: str, *, where: str = "", mend: str = "", report: BuildReport) -> None:
        super().__init__(what, where=where, mend=mend)
        self.report = report


class BuildGateError(GateError):
    """A gate refused what a phase made; the build has failed."""

    def __init__(self, what: str, *, where: str = "", mend: str = "", report: BuildReport) -> None:
        super().__init__(what, where=where, mend=mend)
        self.report = report
