"""What an answer's headers tell of the API's rate limits, and what is left of them since.

Limits hold for each model by itself and fill up steadily: https://platform.claude.com/docs/en/api/rate-limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from factory_assets.domain.return_times import header_time

KINDS = ("requests", "tokens", "input-tokens", "output-tokens")
_HEADER = "anthropic-ratelimit-"
# What is beyond this is no limit that a call could be held back for.
_MOST = 10**12


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Tokens that a call is expected to use. What the prompt cache holds already does not count as input."""

    input_tokens: int
    output_tokens: int

    def need(self, kind: str, *, is_answered: bool = False) -> int:
        """What it takes of a limit; once it is answered, the API has counted all but its output."""
        before = 0 if is_answered else 1
        return {
            "requests": before,
            "input-tokens": before * self.input_tokens,
            "output-tokens": self.output_tokens,
            "tokens": before * self.input_tokens + self.output_tokens,
        }[kind]


@dataclass(frozen=True)
class Limit:
    """What was told of one limit."""

    limit: int
    remaining: int
    seen_at: datetime
    whole_at: datetime

    def level(self, now: datetime) -> float:
        """What is left of it."""
        if now >= self.whole_at:
            return self.limit
        share = (now - self.seen_at) / (self.whole_at - self.seen_at)
        return self.remaining + (self.limit - self.remaining) * max(share, 0.0)

    def reaches(self, level: float) -> datetime:
        """When that much is left."""
        missing = self.limit - self.remaining
        if missing <= 0 or level <= self.remaining:
            return self.seen_at
        return self.seen_at + (self.whole_at - self.seen_at) * min((level - self.remaining) / missing, 1.0)


def told(headers: Mapping[str, str], now: datetime) -> dict[str, Limit]:
    """The limits that an answer tells of; what cannot be read is not known."""
    named = [kind for kind in KINDS if f"{_HEADER}{kind}-reset" in headers]
    # The API's clock may be another than ours: what counts is how far ahead it sees the reset.
    there = now
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        there = parsedate_to_datetime(headers.get("date", "")).astimezone(UTC) if named else now
    found: dict[str, Limit] = {}
    for kind in named:
        with suppress(ValueError, OverflowError):
            limit = int(headers.get(f"{_HEADER}{kind}-limit", ""))
            left = int(headers.get(f"{_HEADER}{kind}-remaining", ""))
            reset = datetime.fromisoformat(headers[f"{_HEADER}{kind}-reset"])
            ahead = (reset if reset.tzinfo else reset.replace(tzinfo=UTC)) - there
            if 0 < limit <= _MOST:
                found[kind] = Limit(limit, min(max(left, 0), limit), now, now + max(ahead, timedelta()))
    return found


def retry_time(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When a backend that answered 429 wants to be asked again; None where it does not say."""
    named = header_time({"retry-after": headers.get("retry-after", "")}, now)
    if named is None and headers.get(f"{_HEADER}unified-status") == "rejected":
        # Only then is the window's end a time to wait for.
        named = header_time(headers, now)
    return named
