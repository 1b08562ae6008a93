"""What the reader found is kept by commit, and told in the story of a repo and in the report."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from registry_samples import NOW, call, queue, reservation
from rich.console import Console

from factory_assets.cli.story import show_story
from factory_assets.domain.builds import Usage
from factory_assets.domain.readings import Finding, FindingKind, Judged, Reading, Severity, Standing
from factory_assets.registry import Registry
from factory_assets.report.page import tables


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def judged(standing: Standing, *, kind: FindingKind = FindingKind.WRONG, disputed: bool = False) -> Judged:
    finding = Finding(
        kind=kind,
        severity=Severity.CRITICAL,
        file="core.py",
        line=3,
        quote="return [1]",
        why="It sorts [nothing].",
        fix="Sort.",
    )
    return Judged(finding=finding, standing=standing, disputed=disputed)


FIRST = Reading(model="haiku", judged=(judged(Standing.CONFIRMED),))
LAST = Reading(
    model="haiku",
    judged=(
        judged(Standing.FIXED),
        judged(Standing.STRUCK, disputed=True),
        judged(Standing.SHOWN, kind=FindingKind.UNSAFE),
    ),
    dropped=2,
)


def record(registry: Registry, spec_id: int, commit: str, reading: Reading, minutes: int = 0) -> None:
    registry.builds.record_reading(
        spec_id, 1, commit=commit, asked_as="so", reading=reading, now=NOW + timedelta(minutes=minutes)
    )


def test_a_reading_is_found_by_its_commit_and_by_how_it_was_asked(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    record(registry, queued.id, "c1", FIRST)
    record(registry, queued.id, "c2", LAST)
    assert registry.builds.reading_of(queued.id, commit="c1", asked_as="so") == FIRST
    assert registry.builds.reading_of(queued.id, commit="c2", asked_as="so") == LAST
    assert registry.builds.reading_of(queued.id, commit="c1", asked_as="otherwise") is None
    assert registry.builds.reading_of(queued.id, commit="c3", asked_as="so") is None


def test_the_report_counts_each_finding_of_an_attempt_once_by_its_last_standing(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    record(registry, queued.id, "c1", FIRST)
    record(registry, queued.id, "c2", LAST, minutes=5)
    statistics = registry.reports.statistics(NOW.date(), NOW.date())
    (shown,) = (part for part in tables(statistics, now=NOW) if part.title == "Findings of the reader")
    assert shown.rows == (
        ("wrong against the spec", "2", "2", "1", "1"),
        ("unsafe habit", "1", "0", "0", "0"),
    )


def test_the_story_of_a_repo_tells_what_the_reader_found(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    record(registry, queued.id, "c1", LAST)
    story = registry.stories.of_repo("cache-probe")
    assert story is not None
    console = Console(file=io.StringIO(), width=200)
    show_story(story, console, git_dir=Path("/git"))
    said = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    assert "findings of the reader" in said
    for word in ("struck, disputed", "core.py:3", "It sorts [nothing].", "unsafe habit"):
        assert word in said


def test_a_call_of_the_reader_takes_from_the_repos_dollars_and_from_no_phases(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    kept = reservation(queued, stage="read", phase=None, dollars=0.5)
    registry.ledger.reserve(kept, day_budget_usd=50.0)
    assert registry.ledger.spent_since(NOW) == pytest.approx(0.5)
    line = call(stage="read", repo="cache-probe", usage=Usage(calls=1, cost_usd=0.25), at=NOW)
    registry.ledger.settle(kept.id, line)
    spending = registry.ledger.spending(queued.id, 1)
    assert (spending.repo_usd, spending.phase_usd) == (0.25, {})


def test_what_a_reader_had_metered_when_its_worker_died_is_a_line_of_the_ledger(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.ledger.reserve(reservation(queued, stage="read", phase=None), day_budget_usd=50.0)
    registry.ledger.meter("reservation-1", Usage(calls=1, cost_usd=0.25))
    registry.builds.start(queued.id, run_id="run-2", now=NOW)
    assert registry.ledger.usage(repo="cache-probe", stage="read").cost_usd == pytest.approx(0.25)
