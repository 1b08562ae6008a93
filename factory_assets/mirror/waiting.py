"""Waiting for GitHub: seconds between requests, waits that it asks for, retries, and the lag after a creation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from factory_assets.domain.errors import FactoryError, InfrastructureError, RateLimitedError

PATIENCE_SECONDS = 300.0
"""What a server asks to wait for is waited for up to this long in one run; a longer wait is left to a later one."""

# Where a server names no time: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
_UNNAMED = timedelta(minutes=1)
# A reset is named in whole seconds.
_ROUNDING = 1.0
_RETRIES = 3
_LONG = timedelta(minutes=10)
# With a second that doubles: a minute in all. Terraform's provider and others saw lags of seconds.
_LAG_RETRIES = 6
_LONGEST_LAG_WAIT = 30.0

T = TypeVar("T")


class MirrorClock(Protocol):
    """The time, and how to let it pass."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


def later(until: datetime) -> str:
    """What an operator does about a wait that does not fit into a run."""
    return f"Mirror it after {until:%Y-%m-%d %H:%M} UTC; the next night does so by itself."


@dataclass
class Waiting:
    """Makes one request after the other, each after the wait that is due.

    `asked_to_wait` is told until when the server wants to hear nothing, before that is waited for: should the
    process die meanwhile, whoever comes next knows. `backoff` are the seconds that double with each retry.
    """

    clock: MirrorClock
    between_requests: float
    between_writes: float
    backoff: float
    notify: Callable[[str], None]
    asked_to_wait: Callable[[datetime], None]
    _patience: float = field(default=PATIENCE_SECONDS, init=False)
    _unnamed: timedelta = field(default=_UNNAMED, init=False)
    _began: datetime | None = field(default=None, init=False)
    _last_request: datetime | None = field(default=None, init=False)
    _last_write: datetime | None = field(default=None, init=False)

    def begin(self) -> None:
        """Start a repo's mirror with the whole patience."""
        self._patience, self._unnamed, self._began = PATIENCE_SECONDS, _UNNAMED, self.clock.now()

    def ask(
        self,
        request: Callable[[], T],
        *,
        write: bool = False,
        lag: tuple[type[FactoryError], ...] = (),
    ) -> T:
        """Make a request; again after what is only for the moment.

        A wait that the server asked for uses up no retry, but patience; network failures and 5xx are retried three
        times; errors of the kinds in `lag`, by which a server may answer for what it has only just made, for about a
        minute with growing waits.

        Raises:
            RateLimitedError: the server asks for more than the patience that is left; `until` is always named.
            FactoryError: whatever the request raised last.
        """
        failures = lags = 0
        while True:
            self._keep_apart(write)
            try:
                return request()
            except RateLimitedError as error:
                self._wait_as_asked(error)
            except FactoryError as error:
                if isinstance(error, lag) and lags < _LAG_RETRIES:
                    seconds = min(self.backoff * 2**lags, _LONGEST_LAG_WAIT)
                    lags += 1
                    self._sleep(seconds, "GitHub has only just created the repository")
                elif isinstance(error, InfrastructureError) and failures < _RETRIES and not self._is_long():
                    seconds = self.backoff * 2**failures
                    failures += 1
                    self._sleep(seconds, f"retry {failures} of {_RETRIES}: {error.what}")
                else:
                    raise
            finally:
                self._last_request = self.clock.now()
                if write:
                    self._last_write = self._last_request

    def _is_long(self) -> bool:
        """Whether so much time is over, hung connections among it, that a retry is left to a later run."""
        return self._began is not None and self.clock.now() - self._began > _LONG

    def _keep_apart(self, write: bool) -> None:
        due = [(self._last_request, self.between_requests)]
        if write:
            due.append((self._last_write, self.between_writes))
        now = self.clock.now()
        left = max(
            (seconds - (now - last).total_seconds() for last, seconds in due if last is not None), default=0.0
        )
        # A clock that was set back must not make anybody wait for longer than the gap.
        if left > 0:
            self.clock.sleep(min(left, max(seconds for _, seconds in due)))

    def _wait_as_asked(self, error: RateLimitedError) -> None:
        until = error.until
        if until is None:
            until = self.clock.now() + self._unnamed
            self._unnamed *= 2
        seconds = max((until - self.clock.now()).total_seconds() + _ROUNDING, _ROUNDING)
        self.asked_to_wait(until)
        if seconds > self._patience:
            raise RateLimitedError(error.what, where=error.where, fix=later(until), until=until) from error
        self._patience -= seconds
        self._sleep(seconds, error.what)

    def _sleep(self, seconds: float, why: str) -> None:
        if seconds > 0:
            self.notify(f"Waiting {seconds:.0f} s: {why}")
            self.clock.sleep(seconds)
