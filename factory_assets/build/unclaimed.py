"""Putting off a spec that no run has claimed: it stays in the queue, and says what this machine lacks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

from factory_assets.build.budgets import pause_after
from factory_assets.build.errors import BuildDeferredError
from factory_assets.build.report import BuildReport
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.ports import BuildJournal
from factory_assets.domain.specs import QueuedSpec

TOOLCHAIN_PAUSE = timedelta(hours=1)


def put_off_unclaimed(
    journal: BuildJournal,
    queued: QueuedSpec,
    error: FactoryError,
    *,
    cause: WaitCause,
    now: datetime,
    clean: Callable[[str], str],
    protections: tuple[str, ...] = (),
    ends_with: type[BuildDeferredError] = BuildDeferredError,
) -> NoReturn:
    """Leave the spec in the queue for a while, and say why in the error's words. Nothing is spent.

    `clean` takes the factory's own secrets out of them.

    Raises:
        BuildDeferredError: always.
    """
    until = now + (TOOLCHAIN_PAUSE if cause is WaitCause.TOOLCHAIN else pause_after(queued.waits))
    what = clean(error.what)
    reason = f"{what} To mend it: {error.mend}" if error.mend else what
    journal.defer_build(queued.id, cause=cause, until=until, reason=reason)
    raise ends_with(
        what,
        where=error.where or queued.spec.name,
        mend=error.mend,
        cause=cause,
        until=until,
        report=BuildReport(name=queued.spec.name, attempts=queued.attempts, protections=protections),
    ) from error
