"""When a server wants to be asked again, read from its headers and from its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

# The headers of a subscription's limits hold seconds since 1970; `retry-after` holds seconds to wait or a date.
_RESET_HEADER = "anthropic-ratelimit-unified-reset"
# Accounts are reset by the month at the latest.
_LATEST = timedelta(days=32)
_EPOCH = re.compile(r"\|\s*(1\d{9})\b")
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)(?:[T ,]+(?:at )?(\d\d?):(\d\d))?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(\d{1,2})(?::(\d\d))?\s*(am|pm)\b|(\d{1,2}):(\d\d)"
_NAMED = re.compile(
    rf"\b({'|'.join(_MONTHS)})[a-z]*\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (20\d\d))?(?:,? (?:at )?(?:{_CLOCK}))?",
    re.IGNORECASE,
)
_TODAY = re.compile(
    rf"\b(?:resets?|again|until|access|back|available)\b[^.\d]{{0,20}}?(?:{_CLOCK})", re.IGNORECASE
)
_IN = re.compile(
    r"\bin (?:about )?((?:\d+ ?(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b[ ,and]*)+)"
)
_SPAN = re.compile(r"(\d+) ?([dhms])", re.IGNORECASE)
_ZONE = re.compile(r"\(([A-Za-z]+(?:/[A-Za-z_+-]+)*)\)")


def return_time(words: str, headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The time (UTC) to come back, by the headers or else by the words; None where none is named.

    A time without a zone is taken for UTC. What lies in the past or more than 32 days ahead is no time to wait for.
    """
    for found in (header_time(headers, now), words_time(words, now)):
        if found is not None and now < found <= now + _LATEST:
            return found
    return None


def header_time(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """What `anthropic-ratelimit-unified-reset` or `retry-after` name."""
    try:
        return datetime.fromtimestamp(float(headers.get(_RESET_HEADER, "")), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raw = headers.get("retry-after", "").strip()
    try:
        return now + timedelta(seconds=float(raw))
    except (ValueError, OverflowError):
        pass
    try:
        moment = parsedate_to_datetime(raw)
    except (ValueError, IndexError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def words_time(words: str, now: datetime) -> datetime | None:
    """A time in the words of an error, in the forms that the API and Claude Code have used.

    They are "regain access on 2026-12-01 at 00:00 UTC", "usage limit reached|1760000400", "resets Apr 23 at 4pm
    (America/Recife)", "resets 3pm (UTC)" and "try again in 2h 30m".
    """
    try:
        return _words_time(words, now)
    except (ValueError, OverflowError):
        # There is no such day or hour.
        return None


def _words_time(words: str, now: datetime) -> datetime | None:
    if found := _EPOCH.search(words):
        return datetime.fromtimestamp(int(found[1]), UTC)
    zone = _zone(words)
    if found := _ISO.search(words):
        year, month, day = int(found[1]), int(found[2]), int(found[3])
        return datetime(year, month, day, int(found[4] or 0), int(found[5] or 0), tzinfo=zone).astimezone(UTC)
    here = now.astimezone(zone)
    if found := _NAMED.search(words):
        month = _MONTHS.index(found[1].lower()[:3]) + 1
        hour, minute = _clock(found.groups()[3:])
        named = datetime(int(found[3] or here.year), month, int(found[2]), hour, minute, tzinfo=zone)
        if found[3] is None and named < here - timedelta(days=180):
            named = named.replace(year=here.year + 1)
        return named.astimezone(UTC)
    if found := _TODAY.search(words):
        hour, minute = _clock(found.groups())
        named = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return (named if named > here else named + timedelta(days=1)).astimezone(UTC)
    if found := _IN.search(words):
        seconds = {"d": 86400, "h": 3600, "m": 60, "s": 1}
        return now + timedelta(
            seconds=sum(int(n) * seconds[unit.lower()] for n, unit in _SPAN.findall(found[1]))
        )
    return None


def _clock(groups: tuple[str | None, ...]) -> tuple[int, int]:
    hour12, minute12, half, hour24, minute24 = groups
    if hour12 is not None:
        if not 1 <= int(hour12) <= 12:
            raise ValueError(hour12)
        hour = int(hour12) % 12 + (12 if (half or "").lower() == "pm" else 0)
        return hour, int(minute12 or 0)
    return int(hour24 or 0), int(minute24 or 0)


def _zone(words: str) -> tzinfo:
    for name in _ZONE.findall(words):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    return UTC
