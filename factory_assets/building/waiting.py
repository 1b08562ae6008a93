"""Putting a build off: why, until when, and the one act that gives its spec back to the queue."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from factory_assets.building.budgets import Bound, OutOfBudgetError
from factory_assets.building.outcome import Deferred, Stops
from factory_assets.building.report import BuildReport
from factory_assets.building.state import AttemptState, Books
from factory_assets.domain.agents import AgentOutcome, OutcomeKind
from factory_assets.domain.back_off import pause_after
from factory_assets.domain.builds import Phase, WaitCause
from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    MissingToolError,
    RateLimitedError,
)
from factory_assets.domain.leases import LeaseLostError
from factory_assets.domain.refusals import ModelStoppedError, stopped_error
from factory_assets.domain.specs import QueuedSpec

# What nobody has named a time for is tried again by itself, seldom, so that what was fixed needs nobody to launch it.
_UNHURRIED_PAUSE = timedelta(hours=1)
_LONGEST_NAMED = timedelta(hours=24)
_OUTSIDE = {
    OutcomeKind.STOPPED: WaitCause.INFRASTRUCTURE,
    OutcomeKind.RATE_LIMITED: WaitCause.RATE_LIMIT,
    OutcomeKind.INFRASTRUCTURE: WaitCause.INFRASTRUCTURE,
}


@dataclass(frozen=True, kw_only=True)
class BuildWait:
    """Why a build cannot go on now. `until` is a time (UTC) that was named by the server, or by the budget `bound`."""

    what: str
    cause: WaitCause
    where: str = ""
    fix: str = ""
    until: datetime | None = None
    stops: Stops | None = None
    bound: Bound | None = None
    error_met: FactoryError | None = None


def put_off(
    wait: BuildWait,
    queued: QueuedSpec,
    books: Books,
    *,
    attempt: AttemptState | None = None,
    protections: tuple[str, ...] = (),
) -> Deferred:
    """Give a spec back to the queue without using up an attempt, and say why.

    Args:
        wait: why, and until when.
        queued: the spec.
        books: the journal and the clock, and what takes the factory's own secrets out of texts.
        attempt: where a run has claimed it; without one the queue is all that tells how to fix it.
        protections: of the run that did not come to claim it.
    """
    clean, now = books.clean, books.clock()
    what, fix = clean(wait.what), clean(wait.fix)
    not_before = _next_start(wait, attempt.waits if attempt else queued.waits, now)
    books.journal.defer(
        queued.id,
        cause=wait.cause,
        until=not_before,
        reason=what if attempt or not fix else f"{what} Fix: {fix}",
        limit_usd=wait.bound.limit_usd if wait.bound else None,
    )
    if not fix and not_before and wait.stops is None:
        fix = f"Nothing: it is launched again after {not_before:%Y-%m-%d %H:%M} UTC."
    report = BuildReport(name=queued.spec.name, attempts=queued.attempts, protections=protections)
    return Deferred(
        what=what,
        where=clean(wait.where) or queued.spec.name,
        fix=fix,
        cause=wait.cause,
        until=wait.until if wait.stops is Stops.MODEL else not_before,
        stops=wait.stops,
        report=attempt.summary() if attempt else report,
        error_met=clean.error(wait.error_met) if wait.error_met else None,
    )


def _next_start(wait: BuildWait, waits: int, now: datetime) -> datetime | None:
    """The earliest next start; None where only a higher setting brings it."""
    if wait.bound is not None:
        return wait.bound.until
    if wait.stops is Stops.MODEL:
        return wait.until or now + _UNHURRIED_PAUSE
    if wait.cause is WaitCause.TOOLCHAIN:
        return now + _UNHURRIED_PAUSE
    # A time that has passed would launch it every minute, and one that is years off would park it.
    return max(min(wait.until or now, now + _LONGEST_NAMED), now + pause_after(waits))


@contextmanager
def puts_off(
    *kinds: type[FactoryError | OSError], where: Path, end: Callable[[BuildWait], NoReturn]
) -> Iterator[None]:
    """End the build with a wait when an error of these kinds leaves the block. `where` is what it works in.

    Whoever has lost the spec has nothing to put off.
    """
    try:
        yield
    except LeaseLostError:
        raise
    except kinds as error:
        end(wait_after(error, where))


def wait_after(error: FactoryError | OSError, where: Path) -> BuildWait:
    """What an error makes a build wait for."""
    met = _system_error(error, where) if isinstance(error, OSError) else error
    told = BuildWait(
        what=met.what, where=met.where, fix=met.fix, cause=WaitCause.INFRASTRUCTURE, error_met=met
    )
    match met:
        case ModelStoppedError():
            return replace(told, where="", cause=met.cause, until=met.until, stops=Stops.MODEL)
        case CredentialError():
            return replace(told, where="", cause=WaitCause.CREDENTIAL, stops=Stops.MODEL)
        case OutOfBudgetError():
            return replace(wait_for_budget(Phase.REVIEW, met.bound, met.what), error_met=met)
        case RateLimitedError():
            return replace(told, fix="", cause=WaitCause.RATE_LIMIT, until=met.until)
        case MissingToolError():
            return replace(told, cause=WaitCause.TOOLCHAIN)
    return told


def wait_after_agent(outcome: AgentOutcome, *, phase: Phase, by: Phase) -> BuildWait | None:
    """What an agent of the phase `by` met in `phase` that is not its own; None where the end is its own."""
    if outcome.kind is OutcomeKind.AUTHENTICATION:
        return BuildWait(
            what=f"The agent's credential was refused: {outcome.detail}",
            fix="Renew the Claude credential (see `factory doctor`).",
            cause=WaitCause.CREDENTIAL,
            stops=Stops.MODEL,
        )
    if outcome.kind is OutcomeKind.STOPPED and outcome.refusal is not None:
        error = stopped_error(
            outcome.refusal,
            where="",
            credential="see `factory doctor`",
            model=outcome.model,
            setting=f"FACTORY_{by.upper()}_MODEL",
        )
        return wait_after(error, Path())
    cause = _OUTSIDE.get(outcome.kind)
    what = f"Phase {phase} met a {outcome.kind}: {outcome.detail}"
    return BuildWait(what=what, cause=cause, until=outcome.until) if cause else None


def wait_for_budget(phase: Phase, bound: Bound, detail: str) -> BuildWait:
    """A wait until the budget is raised, or the day turns where it is the day's."""
    turns = "; without that it goes on when the day (UTC) turns" if bound.until else ""
    return BuildWait(
        what=f"Phase {phase} was stopped by the {bound.words}: {detail}",
        fix=f"Raise {bound.setting}: it then goes on from what was done so far{turns}.",
        cause=bound.cause,
        bound=bound,
    )


def _system_error(error: OSError, where: Path) -> InfrastructureError:
    fix = "See `factory doctor`; it is launched again by itself."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        fix = "Free disk space there, then launch this partition again."
    return InfrastructureError(
        f"The system refused: {error.strerror or error}.", where=str(error.filename or where), fix=fix
    )
