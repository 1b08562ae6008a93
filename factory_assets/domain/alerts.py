"""What an operator is told of, and how often: one message per cause, not one per repo."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.papers import UtcDatetime

# A cause that goes on is told again after a day, with how often it came.
TELL_AGAIN = timedelta(hours=24)


class Alert(BaseModel):
    """Something that needs a person. `cause` is what makes two of them one; `link` opens the UI at it."""

    model_config = ConfigDict(frozen=True)

    cause: str
    title: str
    text: str
    link: str


class KnownAlert(Alert):
    """An alert with its history: `times` counts since it was told last."""

    times: int
    first_at: UtcDatetime
    last_at: UtcDatetime
    sent_at: UtcDatetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether to tell it now: it is new, or came again and was told longer ago than a day."""
        # A clock that was ahead and is set right must not keep a cause quiet until it is that late again.
        return self.times > 0 and (self.sent_at is None or abs(now - self.sent_at) >= TELL_AGAIN)
