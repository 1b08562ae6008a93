"""Specs in the registry: ranks, late ranks, waiting, names, and reading the queue."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from registry_samples import DAY, LATE_RANKS, LIMITS, NOW, RANKS, labelled, queue, ship, spec

from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.errors import StatusError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

NEXT_DAY = DAY + timedelta(days=1)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def _places(specs: list[QueuedSpec]) -> dict[str, tuple[date | None, int | None]]:
    return {queued.spec.name: (queued.day, queued.rank) for queued in specs}


def test_a_spec_comes_back_as_it_was_queued(registry: Registry) -> None:
    wanted = spec()
    (queued,) = registry.queue.add(DAY, [wanted], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    assert queued == QueuedSpec(
        id=queued.id,
        spec=wanted,
        day=DAY,
        rank=1,
        status=BuildStatus.QUEUED,
        attempts=0,
        queued_at=NOW,
    )
    assert registry.queue.by_id(queued.id) == registry.queue.named("cache-probe") == queued
    assert registry.queue.at(DAY, 1) == queued
    assert registry.queue.at(DAY, 2) is None
    assert registry.queue.named("another-name") is None


def test_build_queue_holds_what_users_look_for(registry: Registry, tmp_path: Path) -> None:
    queue(registry, "cache-probe")
    with Registry(tmp_path / "registry.duckdb")._database.transaction() as connection:
        columns = "name, source_url, language, files, estimated_lines, status, attempts"
        rows = connection.execute(f"SELECT {columns} FROM build_queue").fetchall()
    assert rows == [
        (
            "cache-probe",
            "https://arxiv.org/abs/2606.01234",
            "python",
            '["src/probe.py","tests/test_probe.py"]',
            150,
            "queued",
            0,
        )
    ]


def test_the_first_analysis_of_a_day_takes_its_ranks_in_order(registry: Registry) -> None:
    queued = queue(registry, "one-tool", "two-tool", "three-tool")
    assert _places(queued) == {"one-tool": (DAY, 1), "two-tool": (DAY, 2), "three-tool": (DAY, 3)}
    assert registry.queue.of_day(DAY) == queued


def test_a_later_analysis_of_a_day_takes_late_ranks_and_moves_nothing(registry: Registry) -> None:
    first = queue(registry, "one-tool")
    second = queue(registry, "two-tool", "three-tool", now=LATER)
    assert _places(second) == {"two-tool": (DAY, 4), "three-tool": (DAY, 5)}
    assert registry.queue.of_day(DAY) == [*first, *second]


def test_a_day_that_was_empty_at_first_still_has_all_its_ranks(registry: Registry) -> None:
    queue(registry)
    assert _places(queue(registry, "one-tool", now=LATER)) == {"one-tool": (DAY, 1)}


def test_what_finds_no_free_rank_waits_and_takes_the_next_dates_late_ranks_first(registry: Registry) -> None:
    queue(registry, "one-tool")
    late = queue(registry, "two-tool", "three-tool", "four-tool", now=LATER)
    assert _places(late)["four-tool"] == (None, None)
    assert [queued.spec.name for queued in registry.queue.unranked()] == ["four-tool"]
    first = queue(registry, "five-tool", day=NEXT_DAY, now=LATER)
    assert _places(first) == {"five-tool": (NEXT_DAY, 1)}
    assert registry.queue.unranked() == []
    again = queue(registry, "six-tool", "seven-tool", day=NEXT_DAY, now=LATER)
    assert _places(registry.queue.of_day(NEXT_DAY)) == {
        "five-tool": (NEXT_DAY, 1),
        "four-tool": (NEXT_DAY, 4),
        "six-tool": (NEXT_DAY, 5),
        "seven-tool": (None, None),
    }
    assert _places(again)["seven-tool"] == (None, None)


def test_specs_wait_in_the_order_in_which_they_were_queued(registry: Registry) -> None:
    queue(registry, "one-tool")
    queue(registry, "two-tool", "three-tool", "late-a", "late-b", "late-c", now=LATER)
    queue(registry, day=NEXT_DAY, now=LATER)
    assert _places(registry.queue.of_day(NEXT_DAY)) == {"late-a": (NEXT_DAY, 4), "late-b": (NEXT_DAY, 5)}
    assert [queued.spec.name for queued in registry.queue.unranked()] == ["late-c"]


def test_a_rank_once_given_never_changes_when_the_ranks_grow(registry: Registry) -> None:
    queue(registry, "one-tool")
    queue(registry, "late-tool", now=LATER)
    registry.queue.add(
        DAY, [spec("more-tool")], [], dropped=0, ranks=range(1, 7), late_ranks=range(7, 9), now=LATER
    )
    assert _places(registry.queue.of_day(DAY)) == {
        "one-tool": (DAY, 1),
        "late-tool": (DAY, 4),
        "more-tool": (DAY, 7),
    }


def test_a_name_that_is_taken_is_skipped(registry: Registry) -> None:
    queue(registry, "one-tool")
    again = queue(registry, "one-tool", "two-tool", "two-tool", day=NEXT_DAY)
    assert _places(again) == {"two-tool": (NEXT_DAY, 1)}
    assert registry.queue.taken_names() == {"one-tool", "two-tool"}


def test_queueing_the_same_analysis_twice_leaves_the_same_rows(registry: Registry) -> None:
    registry.papers.upsert([labelled()], now=NOW)
    for moment in (NOW, LATER):
        registry.queue.add(
            DAY, [spec()], ["2606.01234"], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=moment
        )
    (queued,) = registry.queue.specs()
    assert (queued.rank, queued.queued_at) == (1, NOW)
    assert [record.analysed_at for record in registry.analyses.of_day(DAY)] == [NOW]


def test_papers_that_were_analysed_are_not_offered_again(registry: Registry) -> None:
    registry.papers.upsert([labelled(), labelled(arxiv_id="2606.00002")], now=NOW)
    assert registry.papers.unread_days() == {DAY}
    registry.queue.add(DAY, [spec()], ["2606.01234"], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    assert [entry.arxiv_id for entry in registry.papers.unanalysed(DAY)] == ["2606.00002"]
    registry.queue.add(DAY, [], ["2606.00002"], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=LATER)
    assert registry.papers.unread_days() == set()


def test_a_second_analysis_of_the_same_papers_is_refused_and_writes_nothing(registry: Registry) -> None:
    registry.papers.upsert([labelled(), labelled(arxiv_id="2606.00002")], now=NOW)
    registry.queue.add(DAY, [spec()], ["2606.01234"], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    with pytest.raises(StatusError, match=r"2026-06-03: .*2606\.01234"):
        registry.queue.add(
            DAY,
            [spec("rival-probe")],
            ["2606.01234", "2606.00002"],
            dropped=0,
            ranks=RANKS,
            late_ranks=LATE_RANKS,
            now=LATER,
        )
    assert registry.queue.taken_names() == {"cache-probe"}
    assert registry.papers.unread_days() == {DAY}


def test_an_analysis_is_recorded_even_without_papers(registry: Registry) -> None:
    queue(registry, day=DAY)
    assert registry.analyses.days() == {DAY}
    (record,) = registry.analyses.of_day(DAY)
    assert (record.papers, record.specs, record.invalid_dropped) == (0, 0, 0)


def test_an_analysis_is_recorded_with_what_it_read_queued_and_dropped(registry: Registry) -> None:
    registry.papers.upsert([labelled(), labelled(arxiv_id="2606.00002")], now=NOW)
    ids = ["2606.01234", "2606.00002"]
    registry.queue.add(DAY, [spec()], ids, dropped=3, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    (record,) = registry.analyses.of_day(DAY)
    assert (record.papers, record.specs, record.invalid_dropped) == (2, 1, 3)


def test_the_queue_is_read_by_status_with_unranked_specs_last(registry: Registry) -> None:
    queue(registry, "other-day", day=NEXT_DAY)
    first, _ = queue(registry, "one-tool", "two-tool")
    queue(registry, "late-a", "late-b", "unranked-tool", now=LATER)
    registry.builds.fail(first.id, "out of luck")
    assert [queued.spec.name for queued in registry.queue.specs({BuildStatus.FAILED})] == ["one-tool"]
    everything = [queued.spec.name for queued in registry.queue.specs()]
    assert everything == ["one-tool", "two-tool", "late-a", "late-b", "other-day", "unranked-tool"]


def test_launchable_specs_are_queued_ranked_and_due(registry: Registry) -> None:
    done, deferred, due = queue(registry, "done-tool", "deferred-tool", "due-tool")
    queue(registry, "a-late", "b-late", "unranked-tool", now=LATER)
    ship(registry, done)
    registry.builds.defer(deferred.id, cause=WaitCause.RATE_LIMIT, until=LATER, reason="rate limited")
    names = [queued.spec.name for queued in registry.queue.launchable(NOW, LIMITS)]
    assert names == ["due-tool", "a-late", "b-late"]
    names = [queued.spec.name for queued in registry.queue.launchable(LATER, LIMITS)]
    assert names == ["deferred-tool", "due-tool", "a-late", "b-late"]
    assert registry.queue.by_id(due.id) == due


def test_the_specs_of_a_run_are_those_it_claimed(registry: Registry) -> None:
    first, second = queue(registry, "one-tool", "two-tool")
    registry.builds.start(second.id, run_id="run-7", now=NOW)
    assert [queued.id for queued in registry.queue.of_run("run-7")] == [second.id]
    assert registry.queue.of_run("run-8") == []
    assert registry.queue.by_id(first.id).run_id is None


def test_a_spec_that_does_not_exist_is_named(registry: Registry) -> None:
    with pytest.raises(StatusError, match="spec 99"):
        registry.queue.by_id(99)


def test_a_raw_answer_is_kept_word_for_word_and_once(registry: Registry, tmp_path: Path) -> None:
    def store(text: str) -> int:
        return registry.answers.keep(
            day=DAY, purpose="batch 1/3", model="claude-haiku-5-5", prompt_hash="abc", text=text, now=NOW
        )

    first = store('{"specs": [')
    assert store('{"specs": [') == first
    assert store("another") != first
    with Registry(tmp_path / "registry.duckdb")._database.transaction() as connection:
        rows = connection.execute("SELECT answer FROM answers ORDER BY id").fetchall()
    assert rows == [('{"specs": [',), ("another",)]
    assert registry.answers.to(DAY, "abc") == ["another", '{"specs": [']
    assert registry.answers.to(DAY, "abd") == []
