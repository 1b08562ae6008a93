"""The headers in which an answer tells a subscriber how full its windows are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
HEADER = "anthropic-ratelimit-unified-"


def headers(
    *, five: float | None = None, five_resets: datetime | None = None, seven: float | None = None, **more: str
) -> dict[str, str]:
    """As an answer to a subscriber has them; the 5-hour window began at 9, the 7-day one four days ago."""
    named = {
        "status": "allowed",
        "representative-claim": "five_hour",
        "5h-reset": str(int((five_resets or NOW + timedelta(hours=2)).timestamp())),
        "7d-reset": str(int((NOW + timedelta(days=3)).timestamp())),
    }
    if five is not None:
        named["5h-utilization"] = str(five)
    if seven is not None:
        named["7d-utilization"] = str(seven)
    named |= {name.replace("_", "-").removeprefix("-"): value for name, value in more.items()}
    return {HEADER + name: value for name, value in named.items()}
