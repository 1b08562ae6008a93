"""How a build can end without shipping; each error carries the report of what was done and judged."""

from __future__ import annotations

from datetime import datetime

from factory_assets.build.report import BuildReport
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import (
    AgentError,
    FactoryError,
    GateError,
    InfrastructureError,
)
from factory_assets.domain.refusals import ModelStoppedError


class BuildBusyError(FactoryError):
    """Another run holds this spec."""


class BuildDeferredError(InfrastructureError):
    """The build could not go on for reasons that are not its own; it used up no attempt.

    `cause` says what it waits for, `until` the earliest time (UTC) to start it again: None where it waits for
    a setting alone.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        mend: str = "",
        cause: WaitCause,
        until: datetime | None,
        report: BuildReport,
    ) -> None:
        super().__init__(what, where=where, mend=mend)
        self.cause = cause
        self.until = until
        self.report = report


class BuildMachineError(BuildDeferredError):
    """This machine lacks what every build needs, whatever its language."""


class BuildStoppedError(ModelStoppedError):
    """The model's API refuses whoever asks; the build waits until that is mended and used up no attempt."""

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        mend: str = "",
        cause: WaitCause,
        until: datetime | None = None,
        report: BuildReport,
    ) -> None:
        super().__init__(what, where=where, mend=mend, cause=cause, until=until)
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
