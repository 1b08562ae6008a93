"""`factory backfill`: the four stages over a range of dates, on as many days as the budget wants."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from factory_assets.cli.stages import Days, Factory
from factory_assets.domain.announcements import is_settled
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.specs import QueuedSpec

_LOOK_SECONDS = 60.0
# These waits end when a person raises the setting, which a command that runs already would not see.
_FOR_A_PERSON = (WaitCause.REPO_BUDGET, WaitCause.PHASE_BUDGET)


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """One backfill. Ranks without a spec are never launched; what is done is not done again."""

    factory: Factory
    days: Days
    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep

    def run(self, *, wait: bool) -> list[str]:
        """Work through the stages and return what failed.

        What the day's budget holds back, or a rate limit, is waited for when `wait` is on; otherwise it stays in
        the queue.
        """
        failed = self.factory.gather(self.days)
        for first, last in self._settled():
            failed += self.factory.analyze(Days(first, last))
        failed += self.factory.build(self.days, [])
        while wait and (waiting := self._waiting()):
            self._wait(waiting)
            failed += self.factory.build(self.days, [])
        self._name_stopped()
        return failed + self.factory.mirror(self.days, [])

    def _settled(self) -> list[tuple[date, date]]:
        """The settled dates of the range, as one piece: a date can only be settled when the one before is."""
        now = self.clock()
        last = self.days.last
        while last >= self.days.first and not is_settled(last, now):
            last = date.fromordinal(last.toordinal() - 1)
        if last < self.days.last:
            self.factory.console.print(
                f"  After {last} arXiv has not announced all papers yet: those dates are analysed by themselves"
                " later.",
                highlight=False,
            )
        return [(self.days.first, last)] if last >= self.days.first else []

    def _waiting(self) -> list[QueuedSpec]:
        return [
            queued
            for queued in self.factory.registry.queue.specs({BuildStatus.QUEUED})
            if queued.wait_cause not in {*_FOR_A_PERSON, WaitCause.EXISTS} and self._is_ours(queued)
        ]

    def _is_ours(self, queued: QueuedSpec) -> bool:
        lacks = self.factory.settings.places.lacking(queued, self.clock().date())
        return lacks is None and self.days.hold(queued.day)

    def _name_stopped(self) -> None:
        for queued in self.factory.registry.queue.specs({BuildStatus.QUEUED}):
            if queued.wait_cause is WaitCause.EXISTS and self._is_ours(queued):
                self.factory.console.print(
                    f"  {queued.spec.name}: it exists already, as `factory show {queued.spec.name}` tells."
                    f" `factory retry {queued.spec.name}` has it built all the same.",
                    highlight=False,
                    soft_wrap=True,
                )
            if queued.wait_cause in _FOR_A_PERSON and self._is_ours(queued):
                self.factory.console.print(
                    f"  {queued.spec.name}: its {queued.wait_cause} is used up. It stays in the queue; raise the"
                    " setting to go on with it.",
                    highlight=False,
                    soft_wrap=True,
                )

    def _wait(self, waiting: list[QueuedSpec]) -> None:
        self.factory.console.print(
            f"  {self.clock():%Y-%m-%d %H:%M} UTC  {len(waiting)} specs wait for their time or another day's"
            " budget. This command goes on by itself; Ctrl-C ends it, and they stay in the queue.",
            highlight=False,
            soft_wrap=True,
        )
        while not self.factory.has_launches(self.days):
            self.sleep(_LOOK_SECONDS)
            if not self._waiting():
                # Somebody else, a schedule or another command, has built them meanwhile.
                return
