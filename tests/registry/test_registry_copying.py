"""Copying a registry between a file and a database, both ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from memory_registry import rows
from pydantic import SecretStr
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, labelled, spec

from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.errors import InputError
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry import Registry
from factory_assets.registry.copying import CopiedTable, copy_registry

Opened = Callable[[str, str], Registry]


@pytest.fixture
def opened(tmp_path: Path, server: str) -> Opened:
    def opened(kind: str, name: str) -> Registry:
        if kind == "duckdb":
            return Registry(tmp_path / f"{name}.duckdb")
        return Registry(PostgresPlace(SecretStr(server), f"{name}_{tmp_path.name}"))

    return opened


def filled(registry: Registry, count: int = 3) -> Registry:
    papers = [labelled(arxiv_id=f"2606.{number:05d}") for number in range(count)]
    registry.papers.upsert(papers, now=NOW)
    names = [f"tool-{number}" for number in range(count)]
    registry.queue.add(
        DAY,
        [spec(name=name) for name in names],
        [paper.paper.arxiv_id for paper in papers],
        dropped=0,
        ranks=RANKS,
        late_ranks=LATE_RANKS,
        now=NOW,
    )
    (first, *_) = registry.queue.of_day(DAY)
    registry.builds.start(first.id, run_id="r", now=NOW)
    registry.answers.keep(day=DAY, purpose="batch 1/1", model="m", prompt_hash="h", text="é \n'", now=NOW)
    return registry


def written(copied: list[CopiedTable]) -> dict[str, int]:
    return {table.name: table.written for table in copied if table.written}


@pytest.mark.parametrize(("one", "other"), [("duckdb", "postgres"), ("postgres", "duckdb")])
def test_a_copy_holds_all_that_was_there_and_a_second_one_changes_nothing(
    opened: Opened, one: str, other: str
) -> None:
    source, target = filled(opened(one, "source")), opened(other, "target")
    counts = written(copy_registry(source, target))
    assert counts["raw_items"] == counts["build_queue"] == 3
    assert counts["answers"] == counts["attempts"] == 1
    assert target.queue.of_day(DAY) == source.queue.of_day(DAY)
    assert target.papers.of_day(DAY) == source.papers.of_day(DAY)
    assert target.answers.to(DAY, "h") == ["é \n'"]
    assert written(copy_registry(source, target)) == {}


def test_every_table_is_copied(opened: Opened) -> None:
    source = opened("duckdb", "source")
    copied = {table.name for table in copy_registry(source, opened("postgres", "target"))}
    sql = (
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_catalog = current_database()"
    )
    assert copied == {row["table_name"] for row in rows(source, sql)} - {"schema_migrations"}


@pytest.mark.parametrize(("one", "other"), [("duckdb", "postgres"), ("postgres", "duckdb")])
def test_there_and_back_is_the_same(opened: Opened, one: str, other: str) -> None:
    source, there, back = filled(opened(one, "source")), opened(other, "there"), opened(one, "back")
    copy_registry(source, there)
    copy_registry(there, back)
    for table in ("raw_items", "build_queue", "answers", "attempts"):
        sql = f"SELECT * FROM {table} ORDER BY 1"
        assert rows(back, sql) == rows(source, sql)


@pytest.mark.parametrize(("one", "other"), [("duckdb", "postgres"), ("postgres", "duckdb")])
def test_what_is_queued_after_a_copy_gets_a_number_of_its_own(opened: Opened, one: str, other: str) -> None:
    source, target = filled(opened(one, "source"), 7), opened(other, "target")
    copy_registry(source, target)
    (new,) = target.queue.add(
        DAY, [spec(name="later")], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW
    )
    assert new.id > max(queued.id for queued in source.queue.of_day(DAY))
    copy_registry(target, source)
    assert source.queue.named("later") == new


@pytest.mark.parametrize(("one", "other"), [("duckdb", "postgres"), ("postgres", "duckdb")])
def test_what_has_changed_since_is_brought_along(opened: Opened, one: str, other: str) -> None:
    source, target = filled(opened(one, "source")), opened(other, "target")
    copy_registry(source, target)
    (first, second, *_) = source.queue.of_day(DAY)
    source.builds.fail(first.id, "it broke")
    source.builds.start(second.id, run_id="s", now=NOW)
    assert written(copy_registry(source, target)) == {"attempts": 1, "build_queue": 2}
    failed = target.queue.named(first.spec.name)
    assert failed is not None
    assert failed.status is BuildStatus.FAILED


@pytest.mark.parametrize(("one", "other"), [("duckdb", "postgres"), ("postgres", "duckdb")])
def test_a_registry_with_rows_of_its_own_is_no_copy_and_stays_as_it_is(
    opened: Opened, one: str, other: str
) -> None:
    source, target = filled(opened(one, "source"), 2), filled(opened(other, "target"), 3)
    before = target.queue.of_day(DAY)
    with pytest.raises(InputError, match="rows there that the source has not"):
        copy_registry(source, target)
    assert target.queue.of_day(DAY) == before


def test_more_rows_than_are_read_at_once_are_all_copied(opened: Opened) -> None:
    source, target = opened("duckdb", "source"), opened("postgres", "target")
    source.papers.upsert([labelled(arxiv_id=f"2606.{number:05d}") for number in range(4_500)], now=NOW)
    copied = {table.name: table for table in copy_registry(source, target)}
    assert copied["raw_items"].rows == copied["raw_items"].written == 4_500
    assert len(target.papers.of_day(DAY)) == 4_500
