"""How full a subscription's windows are, and whether a build still fits into them.

A subscription is limited over windows of 5 hours and of 7 days. Its answers say, in `anthropic-ratelimit-unified-*`
headers, what share of each is used (0 to 1), when it is whole again (seconds since 1970) and whether calls are
`allowed`, `allowed_warning` or `rejected`; Claude Code tells the same as `RateLimitInfo`. Seen in Claude Code 2.1 and
in answers that users have published; Anthropic documents none of it, so what is not told is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

_HEADER = "anthropic-ratelimit-unified-"
_WINDOW_HEADER = re.compile(rf"{_HEADER}(\d+[hd](?:_\w+)?)-(utilization|reset|status)")
_NAME = re.compile(r"(\d{1,3})([hd])(_\w+)?")
# The names that `representative-claim` and Claude Code have for them.
_CLAIMS = {"": "5h", "five_hour": "5h", "seven_day": "7d", "seven_day_overage_included": "7d_oi"}
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
_STATUSES = frozenset({"allowed", "allowed_warning", "rejected"})
# These bind every model; the others one family of models, or what is paid for by the call.
_COMMON = ("5h", "7d")
_MOST_WINDOWS = 8
_LATEST_RESET = timedelta(days=32)
# A rejection that names no time is believed for so long.
_REJECTION_STANDS = timedelta(minutes=15)
# The first calls of a window say little of its growth.
_SHORTEST_GROWTH = timedelta(minutes=15)
_RECENT = timedelta(hours=1)
_BETWEEN_SAMPLES = timedelta(minutes=5)
_SAME_RESET = timedelta(minutes=2)
_FRESH = timedelta(minutes=1)
_ROUNDED = 0.02
# A window may be a little overdrawn; what is larger is no share.
_LARGEST_SHARE = 2.0


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sample(_State):
    """How full a window was at a time."""

    at: AwareDatetime
    utilization: float


class LimitWindow(_State):
    """One window as it was last told of: its name as in the headers (5h, 7d, 7d_opus), `utilization` from 0 to 1."""

    name: str
    length: timedelta
    seen_at: AwareDatetime
    utilization: float | None = None
    status: str | None = None
    resets_at: AwareDatetime | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def title(self) -> str:
        """Its name for an operator."""
        hours = int(self.length.total_seconds() // 3600)
        size = f"{hours}-hour" if hours < 24 else f"{hours // 24}-day"
        family = self.name.partition("_")[2]
        return f"{size} window ({family})" if family else f"{size} window"

    @property
    def is_full(self) -> bool:
        """Whether no call passes any more."""
        return self.status == "rejected" or (self.utilization or 0) >= 1

    def ends_at(self) -> datetime:
        """When nothing is known of it any longer: at its reset."""
        if self.resets_at is not None:
            return self.resets_at
        return self.seen_at + (_REJECTION_STANDS if self.is_full else self.length)

    def full_at(self, now: datetime) -> datetime | None:
        """When it is full if it goes on filling up as it did; None where it does not, or nothing is known of that.

        What counts is the faster of its growth since it began and its growth of late.
        """
        if self.is_full:
            return now
        used = self.utilization or 0.0
        rates = []
        if self.resets_at is not None:
            rates.append(used / max(now - (self.resets_at - self.length), _SHORTEST_GROWTH).total_seconds())
        old = [s for s in self.samples if _SHORTEST_GROWTH <= now - s.at <= _RECENT]
        if old:
            rates.append((used - old[0].utilization) / (now - old[0].at).total_seconds())
        rate = max(rates, default=0.0)
        seconds = (1 - used) / rate if rate > 0 else math.inf
        return now + timedelta(seconds=seconds) if seconds < _LATEST_RESET.total_seconds() else None

    def has_room(self, now: datetime, minutes: float) -> bool:
        """Whether what ends in so many minutes ends before it is full, or it is reset before that."""
        full = self.full_at(now)
        return (
            now >= self.ends_at()
            or full is None
            or full >= min(now + timedelta(minutes=minutes), self.ends_at())
        )

    def line(self, now: datetime) -> str:
        """How full it is, in a sentence's words."""
        if self.is_full:
            filled = "full"
        elif self.utilization is not None:
            filled = f"{math.floor(self.utilization * 100 + 1e-9)} % full"
        else:
            filled = "nearly full" if self.status == "allowed_warning" else "open"
        resets = f", resets {_clock(self.resets_at, now)}" if self.resets_at else ""
        return f"the {self.title} is {filled}{resets}"

    def followed_by(self, new: LimitWindow) -> LimitWindow:
        """What is newly told; of the same window, what is not told again still holds, but for its status."""
        if new.resets_at is None:
            is_same = new.seen_at < self.ends_at()
        else:
            is_same = self.resets_at is not None and abs(new.resets_at - self.resets_at) <= _SAME_RESET
        if not is_same:
            return new.with_sample(())
        used = self.utilization if new.utilization is None else new.utilization
        known = {"utilization": used, "resets_at": new.resets_at or self.resets_at}
        # It is emptied before its time now and then.
        is_emptied = (used or 0) < (self.utilization or 0) - _ROUNDED
        return new.model_copy(update=known).with_sample(() if is_emptied else self.samples)

    def with_sample(self, before: tuple[Sample, ...]) -> LimitWindow:
        """With this moment as a sample, some minutes after the last."""
        kept = tuple(sample for sample in before if self.seen_at - sample.at <= _RECENT)
        if self.utilization is not None and (not kept or self.seen_at - kept[-1].at >= _BETWEEN_SAMPLES):
            kept += (Sample(at=self.seen_at, utilization=self.utilization),)
        return self.model_copy(update={"samples": kept})

    def says_the_same(self, new: LimitWindow) -> bool:
        """Whether nothing was learned since a moment ago."""
        is_fresh = new.seen_at - self.seen_at < _FRESH
        old = (self.utilization, self.status, self.resets_at)
        return is_fresh and old == (new.utilization, new.status, new.resets_at)


@dataclass(frozen=True)
class Room:
    """Whether a build may start, and if not, why and until when."""

    fits: bool
    why: str = ""
    until: datetime | None = None


class Windows(_State):
    """The windows of every credential, by a name that tells nothing of it; state to be kept as JSON."""

    credentials: Mapping[str, tuple[LimitWindow, ...]] = {}

    @classmethod
    def restored(cls, text: str) -> Self:
        """The state that was kept; what cannot be read is forgotten, for the next answer tells it anew."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return cls()

    def heard(self, credential: str, headers: Mapping[str, str], now: datetime) -> Self:
        """With what an answer's headers, named in lower case, tell; this very object where that is nothing new."""
        stored = self.credentials.get(credential, ())
        believed = tuple(_believed(stored, headers))
        before = {window.name: window for window in believed}
        told = {window.name: window for window in _told(headers, now)}
        new = {name: before.get(name, window).followed_by(window) for name, window in told.items()}
        if believed == stored and all(n in before and before[n].says_the_same(w) for n, w in new.items()):
            return self
        kept = {name: window for name, window in {**before, **new}.items() if now < window.ends_at()}
        windows = tuple(kept[name] for name in sorted(kept)[:_MOST_WINDOWS])
        return self.model_copy(update={"credentials": {**self.credentials, credential: windows}})

    def told(
        self,
        credential: str,
        *,
        status: str,
        rate_limit_type: str | None,
        utilization: float | None,
        resets_at: int | None,
        now: datetime,
    ) -> Self:
        """With what Claude Code tells in a `RateLimitInfo`."""
        claim = rate_limit_type or ""
        headers = {f"{_HEADER}status": status, f"{_HEADER}representative-claim": claim}
        if resets_at is not None:
            headers[f"{_HEADER}reset"] = str(resets_at)
        if utilization is not None:
            headers[f"{_HEADER}{_window_name(claim)}-utilization"] = str(utilization)
        return self.heard(credential, headers, now)

    def room(self, credential: str, minutes: float, now: datetime) -> Room:
        """Whether a build of so many minutes can end before a window is full or, before that, is reset.

        Only the windows that bind every model count. `until` is when it could start if nothing else was used.
        """
        tight = [w for w in self._open(credential, now) if w.name in _COMMON and not w.has_room(now, minutes)]
        if not tight:
            return Room(fits=True)
        until, window = max(((_fits_from(w, minutes, now), w) for w in tight), key=lambda found: found[0])
        full = window.full_at(now)
        foreseen = "" if window.is_full or full is None else f", and at this pace full {_clock(full, now)}"
        return Room(fits=False, why=f"{window.line(now)}{foreseen}", until=until)

    def lines(self, now: datetime) -> list[str]:
        """How full every window is, one line each."""
        return [
            f"{credential}: {window.line(now)}"
            for credential in sorted(self.credentials)
            for window in self._open(credential, now)
        ]

    def _open(self, credential: str, now: datetime) -> list[LimitWindow]:
        return [w for w in self.credentials.get(credential, ()) if now < w.ends_at()]


def _believed(windows: tuple[LimitWindow, ...], headers: Mapping[str, str]) -> Iterator[LimitWindow]:
    """What was told before, without a rejection that an answer has shown to be over."""
    is_open = headers.get(f"{_HEADER}status") in _STATUSES - {"rejected"}
    for window in windows:
        is_refuted = is_open and window.name in _COMMON and window.status == "rejected"
        yield window.model_copy(update={"status": None}) if is_refuted else window


def _fits_from(window: LimitWindow, minutes: float, now: datetime) -> datetime:
    """When a build could start, looked for in steps of five minutes."""
    at = now
    while at < window.ends_at() and not window.has_room(at, minutes):
        at += timedelta(minutes=5)
    return min(at, window.ends_at())


def _told(headers: Mapping[str, str], now: datetime) -> Iterator[LimitWindow]:
    """The windows that an answer tells of."""
    parts: dict[str, dict[str, str]] = {}
    for header, value in headers.items():
        if (named := _WINDOW_HEADER.fullmatch(header)) and _NAME.fullmatch(named[1]):
            parts.setdefault(named[1], {})[named[2]] = value
    # The status of the whole answer is that of the window which binds it; the shortest, where it names none.
    overall = headers.get(f"{_HEADER}status", "")
    binding = _window_name(headers.get(f"{_HEADER}representative-claim", ""))
    if overall in _STATUSES and _NAME.fullmatch(binding):
        whole = {"status": overall, "reset": headers.get(f"{_HEADER}reset", "")}
        parts[binding] = whole | parts.get(binding, {})
    for name, part in list(parts.items())[:_MOST_WINDOWS]:
        status = part.get("status")
        window = LimitWindow(
            name=name,
            length=_length(name),
            seen_at=now,
            utilization=_share(part.get("utilization", "")),
            status=status if status in _STATUSES else None,
            resets_at=_time(part.get("reset", ""), now),
        )
        if (window.utilization, window.status, window.resets_at) != (None, None, None):
            yield window


def _window_name(claim: str) -> str:
    return _CLAIMS.get(claim) or claim.replace("five_hour", "5h", 1).replace("seven_day", "7d", 1)


def _length(name: str) -> timedelta:
    found = _NAME.fullmatch(name)
    return int(found[1]) * _UNITS[found[2]] if found else timedelta()


def _share(text: str) -> float | None:
    with suppress(ValueError):
        share = float(text)
        if 0 <= share <= _LARGEST_SHARE:
            return min(share, 1.0)
    return None


def _time(text: str, now: datetime) -> datetime | None:
    """A time in seconds since 1970 or in RFC 3339; None where it is neither, or too far ahead to be a window's end."""
    found = None
    with suppress(ValueError, OverflowError, OSError):
        found = datetime.fromtimestamp(float(text), UTC)
    with suppress(ValueError):
        found = found or datetime.fromisoformat(text)
    if found is None or found.tzinfo is None or found > now + _LATEST_RESET:
        return None
    return found.astimezone(UTC)


def _clock(time: datetime, now: datetime) -> str:
    day = "" if time.date() == now.astimezone(UTC).date() else f"on {time:%Y-%m-%d} "
    return f"{day}at {time:%H:%M} UTC"
