"""What can go wrong, by kind: each error says what happened, where, and how to fix it."""

from __future__ import annotations

from datetime import datetime


class FactoryError(Exception):
    """A failure that an operator can read.

    Args:
        what: what failed, with the outside system's own words where there are any.
        where: the file, field, URL, date or repo that it concerns.
        fix: the setting or command that fixes it.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        gap = "\n" if "\n" in text else " "
        return f"{text}{gap}Fix: {self.fix}" if self.fix else text

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.fix, self.__dict__))


def _rebuild(
    kind: type[FactoryError], what: str, where: str, fix: str, state: dict[str, object]
) -> FactoryError:
    error = kind.__new__(kind)
    Exception.__init__(error, what)
    error.what, error.where, error.fix = what, where, fix
    error.__dict__.update(state)
    return error


class InputError(FactoryError):
    """A file, setting, date or answer that the factory was given is malformed."""


class MissingToolError(FactoryError):
    """A program that this machine needs is not installed or does not start."""


class CredentialError(FactoryError):
    """A credential is missing, expired or refused; a retry cannot help."""


class InfrastructureError(FactoryError):
    """The outside world failed (network, 5xx, full disk): the same step may pass later."""


class RateLimitedError(InfrastructureError):
    """A server asked to wait. `until` is the UTC time it named, or None."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", until: datetime | None = None) -> None:
        super().__init__(what, where=where, fix=fix)
        self.until = until


class SourceError(FactoryError):
    """A paper source answered something that must not be taken for a result."""


class GateError(FactoryError):
    """A gate refused a repo's history, or what was pushed of it."""


class RegistryBusyError(InfrastructureError):
    """The registry stayed locked by another process for longer than the wait."""


class BudgetError(FactoryError):
    """The day's budget has no room for what is about to start. `limit_usd` is that budget."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", limit_usd: float) -> None:
        super().__init__(what, where=where, fix=fix)
        self.limit_usd = limit_usd


class StatusError(FactoryError):
    """A change of status that the rules do not allow."""


class NotOursError(FactoryError):
    """A repository of that name exists and the factory did not make it."""
