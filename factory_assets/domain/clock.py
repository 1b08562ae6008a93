"""What tells the time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, so that weeks can be simulated."""

    def now(self) -> datetime:
        """The time, in UTC."""
        ...
