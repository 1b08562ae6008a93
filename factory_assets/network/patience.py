"""Asking a server again for as long as that helps, and the ways in which it fails whatever it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from factory_assets.domain.errors import SourceError
from factory_assets.domain.papers import as_utc
from factory_assets.domain.text import counted

_Answer = TypeVar("_Answer")


class TransientError(SourceError):
    """The same request may pass a little later."""

    wait_hint: float | None = None


class BusyError(TransientError):
    """429 or 503: asked to come back later; `wait_hint` is Retry-After in seconds, where it was sent."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", wait_hint: float | None = None) -> None:
        super().__init__(what, where=where, fix=fix)
        self.wait_hint = wait_hint


class UnreachableError(TransientError):
    """No answer: the connection failed, broke off or timed out, or the server had an error of its own."""


class RefusedAccessError(SourceError):
    """This is not the request's fault: a redirect, 401, 403 or 404."""


@dataclass(frozen=True)
class Backoff:
    """Waits between tries: `first` seconds, doubled each time up to `longest`, at most `tries` tries."""

    first: float
    longest: float
    tries: int

    def wait(self, failed: int) -> float:
        """Seconds to wait after that many failed tries."""
        return min(self.longest, self.first * 2.0 ** (failed - 1))


@dataclass(frozen=True)
class Patience:
    """How long to go on asking. arXiv's 429 and 503 last for minutes, other faults are mostly short.

    A wait that the server asked for uses up no try; `longest_asked` is the most, in seconds, that all such waits for
    one answer may come to.
    """

    busy: Backoff = Backoff(first=30.0, longest=300.0, tries=6)
    fault: Backoff = Backoff(first=5.0, longest=60.0, tries=5)
    longest_asked: float = 900.0

    def backoff(self, error: TransientError) -> Backoff:
        """The waits for this kind of failure."""
        return self.busy if isinstance(error, BusyError) else self.fault


@dataclass
class _Tries:
    """The tries for one answer so far, and the seconds that the server asked to wait and that were waited."""

    failed: int = 0
    asked: float = 0.0


def ask_patiently(
    ask: Callable[[], _Answer],
    patience: Patience,
    *,
    notify: Callable[[str], None],
    sleep: Callable[[float], None],
) -> _Answer:
    """The answer of `ask`, which is called again after a wait for as long as it raises TransientError.

    `notify` gets a line for every wait.

    Raises:
        TransientError: the last one, saying how often it was tried; whatever else `ask` raises.
    """
    tries = _Tries()
    while True:
        try:
            return ask()
        except TransientError as error:
            seconds, told = _wait(error, tries, patience)
            notify(f"{error.what} {told}")
            sleep(seconds)


def retry_after(header: str, now: Callable[[], datetime]) -> float | None:
    """Seconds that Retry-After names, as a number or an HTTP date (RFC 9110, 10.2.3); None where it names none."""
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (as_utc(moment) - now()).total_seconds())
    except (ValueError, OverflowError):
        return None


def _wait(error: TransientError, tries: _Tries, patience: Patience) -> tuple[float, str]:
    """The seconds to wait, and what is told of them.

    Raises:
        TransientError: the error itself, once that is enough.
    """
    if error.wait_hint is not None:
        return _wait_as_asked(error, error.wait_hint, tries, patience)
    backoff = patience.backoff(error)
    tries.failed += 1
    if tries.failed >= backoff.tries:
        error.what = f"{error.what} Given up after {counted(tries.failed, 'try', 'tries')}."
        raise error
    seconds = backoff.wait(tries.failed)
    return seconds, f"Waiting {seconds:.0f} s before try {tries.failed + 1} of {backoff.tries}."


def _wait_as_asked(
    error: TransientError, seconds: float, tries: _Tries, patience: Patience
) -> tuple[float, str]:
    # Who asks for no time at all, again and again, is not waited for without end.
    asked = tries.asked + max(seconds, patience.busy.first)
    if asked > patience.longest_asked:
        error.what = (
            f"{error.what} It asks to wait for {seconds:.0f} s; with the {tries.asked:.0f} s that were waited for"
            f" this page that is more than {patience.longest_asked:.0f} s. Given up."
        )
        raise error
    tries.asked = asked
    return seconds, f"Waiting {seconds:.0f} s, as it asks."
