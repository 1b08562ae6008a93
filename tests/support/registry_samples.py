"""Papers, specs and build results to fill a registry with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from factory_assets.domain.builds import (
    BudgetLimits,
    ModelCall,
    Phase,
    PhaseRecord,
    Reservation,
    ShippedRepo,
    Usage,
)
from factory_assets.domain.papers import LabelledPaper, Paper
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.registry import Registry

DAY = date(2026, 6, 3)
NOW = datetime(2026, 6, 5, 6, 0, tzinfo=UTC)
RANKS, LATE_RANKS = range(1, 4), range(4, 6)
LIMITS = BudgetLimits(
    repo_usd=5.0, day_usd=50.0, phase_usd={Phase.BUILD: 3.0, Phase.SEO: 0.5, Phase.REVIEW: 1.5}
)


def paper(arxiv_id: str = "2606.01234", **changes: object) -> Paper:
    fields: dict[str, object] = {
        "arxiv_id": arxiv_id,
        "version": 1,
        "title": f"On {arxiv_id}",
        "abstract": "We cache keys.\nAnd values: $O(n)$.",
        "authors": ("Ada Löve, Jr.", "Alan T."),
        "categories": ("cs.LG", "cs.CL"),
        "comment": None,
        "published": datetime(2026, 6, 3, 12, 30, tzinfo=UTC),
        "updated": datetime(2026, 6, 3, 12, 30, tzinfo=UTC),
    }
    return Paper.model_validate({**fields, **changes})


def labelled(*topics: str, arxiv_id: str = "2606.01234", **changes: object) -> LabelledPaper:
    return LabelledPaper(paper=paper(arxiv_id, **changes), topics=topics or ("kv-cache",))


def spec(name: str = "cache-probe", **changes: object) -> Spec:
    fields: dict[str, object] = {
        "name": name,
        "problem": "Nobody sees the cache.",
        "source_papers": ("2606.01234",),
        "solution": "Show it.",
        "language": "python",
        "files": ("src/probe.py", "tests/test_probe.py"),
        "estimated_lines": 150,
        "complexity": "low",
        "who_pays": "Teams that serve models.",
        "integration_point": "A pytest plugin.",
        "moat": "It knows the layout.",
    }
    return Spec.model_validate({**fields, **changes})


def queue(registry: Registry, *names: str, day: date = DAY, now: datetime = NOW) -> list[QueuedSpec]:
    specs = [spec(name) for name in names]
    return registry.queue.add(day, specs, [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=now)


def phase_record(phase: Phase = Phase.BUILD, **changes: object) -> PhaseRecord:
    fields: dict[str, object] = {
        "phase": phase,
        "commit": f"commit-of-{phase}",
        "model": "claude-sonnet-5-5",
        "turns": 7,
        "usage": Usage(calls=7, input_tokens=900, output_tokens=80, cost_usd=0.25),
        "seconds": 12.5,
        "finished_at": NOW,
    }
    return PhaseRecord.model_validate({**fields, **changes})


def shipped(name: str = "cache-probe", **changes: object) -> ShippedRepo:
    fields: dict[str, object] = {
        "name": name,
        "language": "python",
        "problem": "Nobody sees the cache.",
        "source_url": "https://arxiv.org/abs/2606.01234",
        "version": "0.1.0",
        "commit": "c0ffee",
        "lines_of_code": 140,
        "tests_executed": 6,
        "shipped_at": NOW + timedelta(minutes=30),
    }
    return ShippedRepo.model_validate({**fields, **changes})


def ship(registry: Registry, queued: QueuedSpec, **changes: object) -> ShippedRepo:
    """Take a queued spec through its phases."""
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    for phase in Phase:
        registry.builds.enter_phase(queued.id, phase)
    repo = shipped(queued.spec.name, **changes)
    registry.builds.ship(queued.id, repo)
    return repo


def call(**changes: object) -> ModelCall:
    fields: dict[str, object] = {
        "stage": "analyze",
        "partition": "2026-06-03",
        "repo": None,
        "phase": None,
        "route": "api",
        "model": "claude-haiku-5-5",
        "usage": Usage(
            calls=1,
            input_tokens=100,
            output_tokens=10,
            cache_read_tokens=50,
            cache_write_tokens=5,
            cost_usd=0.5,
        ),
        "seconds": 1.5,
        "cache_hit": False,
        "outcome": "done",
        "at": NOW,
    }
    return ModelCall.model_validate({**fields, **changes})


def reservation(queued: QueuedSpec, *, number: int = 1, **changes: object) -> Reservation:
    fields: dict[str, object] = {
        "id": f"reservation-{number}",
        "spec_id": queued.id,
        "repo": queued.spec.name,
        "stage": "build",
        "partition": "2026-06-03|01",
        "phase": Phase.BUILD,
        "route": "api",
        "model": "claude-sonnet-5-5",
        "run_id": "run-1",
        "dollars": 3.0,
        "at": NOW,
    }
    return Reservation.model_validate({**fields, **changes})
