"""A subscription's windows before builds: one that could not end before they are full is not started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from factory_assets.domain.planning import usual_build_minutes
from factory_assets.instance.router import InstanceRouter
from factory_assets.registry import Registry

_LOOK_BACK = timedelta(days=30)
# The windows may turn out emptier than they were foreseen, or another credential be in use by then.
_LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class NoRoom:
    """Why no build is started now, and until when."""

    why: str
    minutes: float
    until: datetime
    now: datetime

    @property
    def look_again_at(self) -> datetime:
        """When a build that had been launched already is to be launched again."""
        return min(self.until, self.now + _LOOK_AGAIN)

    def __str__(self) -> str:
        return (
            f"No build is started before {self.until:%Y-%m-%d %H:%M} UTC: {self.why}; a build takes about"
            f" {self.minutes:.0f} minutes. `factory build --repo NAME` builds one all the same."
        )


def no_room(registry: Registry, router: InstanceRouter, now: datetime) -> NoRoom | None:
    """Whether the subscription's windows leave no room for a build; None where they do, or nothing is known of them.

    A build is taken to need what those of the last 30 days have needed, as `factory plan` reckons.
    """
    if not router.windows().lines(now):
        return None
    today = now.date()
    minutes = usual_build_minutes(registry.reports.statistics(today - _LOOK_BACK, today))
    room = router.room_for_build(minutes, now)
    return None if room.fits else NoRoom(room.why, minutes, room.until or now + _LOOK_AGAIN, now)
