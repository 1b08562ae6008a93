"""What the registry reports: mirrors, the ledger's sums, the funnel, failures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, call, labelled, queue, ship, spec

from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.errors import StatusError
from factory_assets.registry import FailedBuild, FunnelDay, MirrorRecord, Registry

LATER = NOW + timedelta(hours=1)
NEXT_DAY = DAY + timedelta(days=1)
URL = "https://github.com/acme/cache-probe"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def test_shipped_repos_are_unmirrored_until_their_mirror_is_recorded(registry: Registry) -> None:
    (one,) = queue(registry, "one-tool", day=NEXT_DAY)
    two, three = queue(registry, "two-tool", "three-tool")
    repos = {queued.spec.name: ship(registry, queued) for queued in (one, three, two)}
    waiting = [(entry.day, entry.rank, entry.repo) for entry in registry.repos.unmirrored(to_github=True)]
    assert waiting == [
        (DAY, 1, repos["two-tool"]),
        (DAY, 2, repos["three-tool"]),
        (NEXT_DAY, 1, repos["one-tool"]),
    ]
    registry.repos.record_mirror("two-tool", url=URL, commit="c0ffee", now=NOW)
    left = [entry.repo.name for entry in registry.repos.unmirrored(to_github=True)]
    assert left == ["three-tool", "one-tool"]


def test_a_repo_in_a_local_folder_is_not_on_github(registry: Registry, tmp_path: Path) -> None:
    ship(registry, *queue(registry, "one-tool"))
    registry.repos.record_mirror("one-tool", url="file:///srv/mirrored/one-tool", commit="c0ffee", now=NOW)
    assert registry.repos.unmirrored(to_github=False) == []
    assert [entry.repo.name for entry in registry.repos.unmirrored(to_github=True)] == ["one-tool"]
    with Registry(tmp_path / "registry.duckdb")._database.transaction() as connection:
        assert connection.execute("SELECT github_pushed FROM repos").fetchall() == [(False,)]


def test_a_mirror_of_another_commit_than_the_shipped_one_counts_as_none(registry: Registry) -> None:
    ship(registry, *queue(registry, "one-tool"))
    registry.repos.record_mirror("one-tool", url=URL, commit="0ddba11", now=NOW)
    assert [entry.repo.name for entry in registry.repos.unmirrored(to_github=False)] == ["one-tool"]
    registry.repos.record_mirror("one-tool", url=URL, commit="c0ffee", now=LATER)
    assert registry.repos.unmirrored(to_github=True) == []


def test_a_repo_that_goes_back_to_a_local_folder_is_on_github_no_more(registry: Registry) -> None:
    ship(registry, *queue(registry, "one-tool"))
    registry.repos.record_mirror("one-tool", url=URL, commit="c0ffee", now=NOW)
    registry.repos.record_mirror("one-tool", url="file:///srv/mirrored/one-tool", commit="c0ffee", now=LATER)
    assert registry.repos.unmirrored(to_github=False) == []
    assert [entry.repo.name for entry in registry.repos.unmirrored(to_github=True)] == ["one-tool"]


def test_a_mirror_is_recorded_once_with_the_time_of_its_push(registry: Registry, tmp_path: Path) -> None:
    ship(registry, *queue(registry, "cache-probe"))
    assert registry.repos.mirror_of("cache-probe") is None
    registry.repos.record_mirror("cache-probe", url=URL, commit="c0ffee", now=NOW)
    registry.repos.record_mirror("cache-probe", url=URL, commit="c0ffee", now=LATER)
    assert registry.repos.mirror_of("cache-probe") == MirrorRecord(
        name="cache-probe", url=URL, commit="c0ffee", mirrored_at=NOW
    )
    with Registry(tmp_path / "registry.duckdb")._database.transaction() as connection:
        rows = connection.execute("SELECT github_pushed, github_push_at FROM repos").fetchall()
    assert rows == [(True, NOW.replace(tzinfo=None))]


def test_a_repo_that_moves_gets_its_new_address(registry: Registry) -> None:
    ship(registry, *queue(registry, "cache-probe"))
    registry.repos.record_mirror("cache-probe", url=URL, commit="c0ffee", now=NOW)
    registry.repos.record_mirror(
        "cache-probe", url="https://git.example/cache-probe", commit="c0ffee", now=LATER
    )
    moved = registry.repos.mirror_of("cache-probe")
    assert moved is not None
    assert (moved.url, moved.mirrored_at) == ("https://git.example/cache-probe", LATER)


def test_a_repo_that_never_shipped_cannot_be_mirrored(registry: Registry) -> None:
    queue(registry, "cache-probe")
    with pytest.raises(StatusError, match="cache-probe: It has not shipped"):
        registry.repos.record_mirror("cache-probe", url=URL, commit="c0ffee", now=NOW)


def test_usage_is_summed_by_repo_day_and_stage(registry: Registry) -> None:
    registry.ledger.record(call())
    registry.ledger.record(
        call(stage="build", partition="2026-06-03|01", repo="cache-probe", phase=Phase.SEO, at=LATER)
    )
    registry.ledger.record(call(stage="build", partition="2026-06-04|01", repo="lora-lint"))
    one = call().usage
    assert registry.ledger.usage() == one + one + one
    assert registry.ledger.usage(repo="cache-probe") == one
    assert registry.ledger.usage(day=DAY) == one + one
    assert registry.ledger.usage(day=DAY, stage="build") == one
    assert registry.ledger.usage(repo="nobody") == Usage()


def test_the_same_call_recorded_twice_is_one_line(registry: Registry) -> None:
    registry.ledger.record(call())
    registry.ledger.record(call())
    registry.ledger.record(call(at=LATER))
    assert registry.ledger.usage().calls == 2


def test_dollars_are_counted_from_a_moment_on(registry: Registry) -> None:
    registry.ledger.record(call())
    registry.ledger.record(call(at=LATER))
    assert registry.ledger.spent_since(NOW) == pytest.approx(1.0)
    assert registry.ledger.spent_since(NOW + timedelta(seconds=1)) == pytest.approx(0.5)
    assert registry.ledger.spent_since(LATER + timedelta(seconds=1)) == 0


def test_the_funnel_counts_every_date_and_keeps_empty_ones(registry: Registry) -> None:
    registry.papers.upsert([labelled(arxiv_id=f"2606.0000{n}") for n in range(4)], now=NOW)
    names = ["done-tool", "shipped-tool", "failed-tool"]
    done, shipped, failed = registry.queue.add(
        DAY,
        [spec(name) for name in names],
        ["2606.00000", "2606.00001"],
        dropped=0,
        ranks=RANKS,
        late_ranks=LATE_RANKS,
        now=NOW,
    )
    busy, _waiting = queue(registry, "busy-tool", "waiting-tool", now=LATER)
    ship(registry, done)
    ship(registry, shipped)
    registry.repos.record_mirror("done-tool", url=URL, commit="c0ffee", now=NOW)
    registry.builds.start(busy.id, run_id="run-1", now=NOW)
    registry.builds.fail(failed.id, "gate tests: 1 failed")
    assert registry.reports.funnel(DAY, NEXT_DAY) == [
        FunnelDay(
            day=DAY,
            papers=4,
            analysed=2,
            specs=5,
            queued=1,
            in_progress=1,
            shipped=2,
            failed=1,
            mirrored=1,
        ),
        FunnelDay(day=NEXT_DAY),
    ]
    assert registry.reports.failures(DAY, NEXT_DAY) == [
        FailedBuild(name="failed-tool", day=DAY, rank=3, error_log="gate tests: 1 failed")
    ]
    assert registry.reports.failures(NEXT_DAY, NEXT_DAY) == []
