"""A date's questions in a message batch, and what is to be done with it next: a pure function of the clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.papers import UtcDatetime

# What is answered already is paid for, so a batch that is cancelled is given time to end.
_TO_CANCEL = timedelta(hours=1)
# An analysis that fails on it is launched once a day; then the daily schedule takes the date up by itself.
_GIVE_UP_AFTER = timedelta(days=3)
# The API keeps results for 29 days.
_READABLE_FOR = timedelta(days=28)


class AnalysisBatch(BaseModel):
    """The batch of one date. `name` is what the router knows it by, `run_id` the run that makes it.

    `batch_id` is None before the API has told it, `late_at` is when the date is asked about directly instead. `why`
    says why the analysis may run now, which is set with `ready_at`; `closed_at` is when that was done. `booked_at` is
    when what the batch has cost was written down.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    day: date
    run_id: str
    papers: tuple[str, ...]
    requests: int
    asked_at: UtcDatetime
    late_at: UtcDatetime
    batch_id: str | None = None
    cancelled_at: UtcDatetime | None = None
    ready_at: UtcDatetime | None = None
    why: str = ""
    closed_at: UtcDatetime | None = None
    booked_at: UtcDatetime | None = None

    @property
    def words(self) -> str:
        """How it stands, for an operator."""
        since = f"since {self.asked_at:%Y-%m-%d %H:%M} UTC"
        if self.ready_at is not None:
            return f"{self.day}: {self.why}; its analysis is launched"
        if self.batch_id is None:
            return f"{self.day}: the message batch is being made {since}"
        doing = "is being cancelled, because it is late" if self.cancelled_at else "is under way"
        late = f"asked about directly from {self.late_at:%Y-%m-%d %H:%M} UTC"
        return f"{self.day}: message batch {self.batch_id} ({self.requests} requests) {doing} {since}; {late}"


class Step(StrEnum):
    """What is to be done with a batch."""

    WAIT = "wait"
    MAKE_AGAIN = "make it again"
    LOOK = "look"
    CANCEL = "cancel"
    ANALYSE = "analyse"
    BOOK = "book"
    CLOSE = "close"


def next_step(batch: AnalysisBatch, now: datetime, *, is_being_made: bool) -> Step:
    """What to do now with a batch that is open, or closed and not booked; `is_being_made` while its run goes on.

    LOOK is to be followed by `after_look`.
    """
    if now - batch.asked_at > _READABLE_FOR:
        return Step.CLOSE
    if batch.closed_at is not None:
        return Step.LOOK if batch.cancelled_at is not None else Step.CANCEL
    if batch.ready_at is not None:
        return Step.CLOSE if now - batch.ready_at > _GIVE_UP_AFTER else Step.ANALYSE
    if batch.batch_id is not None:
        return Step.LOOK
    if is_being_made:
        return Step.WAIT
    return Step.ANALYSE if now >= batch.late_at else Step.MAKE_AGAIN


def after_look(batch: AnalysisBatch, now: datetime, *, has_ended: bool) -> tuple[Step, str]:
    """What to do with a batch that was looked at, and why in words."""
    if batch.closed_at is not None:
        return (Step.BOOK, "") if has_ended else (Step.WAIT, "")
    if has_ended and batch.cancelled_at is not None:
        return Step.ANALYSE, f"the message batch {batch.batch_id} was late and has been cancelled"
    if has_ended:
        return Step.ANALYSE, f"the message batch {batch.batch_id} has ended"
    if batch.cancelled_at is not None:
        if now - batch.cancelled_at > _TO_CANCEL:
            return Step.ANALYSE, f"the message batch {batch.batch_id} is late and does not end"
        return Step.WAIT, ""
    return (Step.CANCEL, "it is late") if now >= batch.late_at else (Step.WAIT, "")
