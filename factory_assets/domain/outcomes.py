"""What became of a spec, in one line: why it waits, which gate refused it, or what it shipped as."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from factory_assets.domain.builds import BuildStatus, GateVerdict, ShippedRepo, WaitCause
from factory_assets.domain.places import Lacking
from factory_assets.domain.specs import QueuedSpec
from factory_assets.domain.text import single_line

_LONGEST = 200


def why_it_waits(queued: QueuedSpec, *, lost: str = "", lacks: Lacking | None = None) -> str:
    """Why a spec is not built yet, and until when, in words; a dash where it is being built.

    `lost` says how the run ended of a build that is at work by the queue alone, `lacks` why it has no partition.
    """
    if lost:
        return f"for another run: {lost}"
    if queued.status is not BuildStatus.QUEUED:
        return "-"
    if queued.rank is None:
        return "for a free rank"
    if lacks is not None:
        return f"for a {lacks.missing}"
    if queued.wait_cause is None:
        return "for its turn"
    words = [str(queued.wait_cause)]
    if queued.wait_cause is WaitCause.EXISTS:
        words.append(f"until `factory retry {queued.spec.name}`")
    if queued.wait_limit_usd is not None:
        words.append(f"until it is more than ${queued.wait_limit_usd:.2f}")
    if queued.not_before is not None:
        words.append(f"until {moment(queued.not_before)}")
    if queued.waits:
        words.append(f"put off {queued.waits} times")
    return ", ".join(words)


def refusals_in_one_line(refusals: Sequence[GateVerdict]) -> str:
    """Each gate with the first line of what it saw, at most 200 characters in all."""
    return _short("; ".join(f"{verdict.gate}: {_first_line(verdict.saw)}" for verdict in refusals))


def outcome_in_one_line(queued: QueuedSpec, refusals: Sequence[GateVerdict], repo: ShippedRepo | None) -> str:
    """Why the spec stands where it stands, in at most 200 characters. `refusals` are those of its last attempt."""
    match queued.status:
        case BuildStatus.SHIPPED:
            return f"version {repo.version}, {repo.tests_executed} tests executed" if repo else ""
        case BuildStatus.FAILED:
            return refusals_in_one_line(refusals) or _short(_first_line(queued.error_log or ""))
        case BuildStatus.QUEUED:
            return _short(f"waits: {why_it_waits(queued)}")
        case _:
            return f"since {moment(queued.started_at)}" if queued.started_at else ""


def moment(at: datetime) -> str:
    """A time of the factory (UTC), to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _first_line(text: str) -> str:
    return next((single_line(line) for line in text.splitlines() if line.strip()), "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
