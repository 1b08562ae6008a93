"""The archive's files: what merging changes, that nothing is lost or half written, and what is read back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from layout import python_path

from factory_assets.archive import Archive
from factory_assets.archive import store as storing
from factory_assets.domain.archive import ArchiveRecord, DeletedRecord, MergeCounts
from factory_assets.domain.errors import InfrastructureError


def record(arxiv_id: str = "2606.00001", **changes: object) -> ArchiveRecord:
    told: dict[str, object] = {
        "arxiv_id": arxiv_id,
        "version": 1,
        "title": "On caches",
        "abstract": 'We replay \'em: "quotes", \\ backslashes, ünïcode.',
        "authors": ("A. Author", "B. O'Brien"),
        "categories": ("cs.LG", "stat.ML"),
        "comment": None,
        "journal_ref": None,
        "doi": None,
        "licence": "http://creativecommons.org/licenses/by/4.0/",
        "submitted": datetime(2026, 6, 3, 12, tzinfo=UTC),
        "changed": date(2026, 6, 4),
    }
    return ArchiveRecord.model_validate({**told, **changes})


OLD = record("hep-th/9901001", submitted=datetime(1999, 1, 4, tzinfo=UTC), categories=("hep-th",))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "it's an archive")


def test_records_are_read_back_as_they_were_by_ids_with_a_slash_too(archive: Archive) -> None:
    assert archive.merge([record(), OLD]) == MergeCounts(new=2, months=2)
    assert archive.read(["2606.00001", "hep-th/9901001", "2606.99999"]) == [record(), OLD]
    assert archive.recent(1) == [record()]


def test_an_archive_without_files_holds_nothing(archive: Archive) -> None:
    assert (archive.read(["2606.00001"]), archive.recent(3), archive.stats().records) == ([], [], 0)
    assert not archive.folder.exists()


def test_the_same_records_again_change_nothing_and_rewrite_no_month(archive: Archive) -> None:
    archive.merge([record(), OLD])
    before = {path: path.stat().st_mtime_ns for path in archive.folder.glob("*.parquet")}
    assert archive.merge([record(), OLD]) == MergeCounts(unchanged=2)
    assert {path: path.stat().st_mtime_ns for path in archive.folder.glob("*.parquet")} == before


def test_a_later_word_on_a_paper_replaces_the_one_that_is_held_and_an_earlier_one_does_not(
    archive: Archive,
) -> None:
    archive.merge([record(), record("2606.00002"), OLD])
    later = record(version=2, title="On caches, again", changed=date(2026, 6, 9))
    assert archive.merge([later]) == MergeCounts(changed=1, months=1)
    assert archive.merge([record()]) == MergeCounts(unchanged=1)
    assert archive.read(["2606.00001", "2606.00002", "hep-th/9901001"]) == [later, record("2606.00002"), OLD]


def test_of_a_paper_that_comes_twice_at_once_the_latest_word_is_kept(archive: Archive) -> None:
    later = record(title="Later", changed=date(2026, 6, 9))
    assert archive.merge([later, record(), record(title="Same date")]).new == 1
    assert archive.read(["2606.00001"]) == [later]


def test_only_the_months_that_have_news_are_written(archive: Archive) -> None:
    archive.merge([record(), OLD])
    untouched = (archive.folder / "1999-01.parquet").stat().st_mtime_ns
    archive.merge([OLD, record("2606.00002")])
    assert (archive.folder / "1999-01.parquet").stat().st_mtime_ns == untouched


def test_what_is_held_is_counted(archive: Archive) -> None:
    archive.merge([record(), record("2606.00002", changed=date(2026, 6, 30)), OLD])
    stats = archive.stats()
    assert (stats.records, stats.months, stats.first_month, stats.last_month) == (3, 2, "1999-01", "2026-06")
    assert stats.last_changed == date(2026, 6, 30)
    assert stats.by_category == {"cs.LG": 2, "hep-th": 1}
    assert stats.bytes_on_disk == sum(path.stat().st_size for path in archive.folder.glob("*.parquet"))


def test_more_records_than_one_batch_are_merged(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "_BATCH", 7)
    assert archive.merge(record(f"2606.{number:05d}") for number in range(50)).new == 50
    assert archive.stats().records == 50


def test_a_writer_that_is_killed_leaves_whole_months_and_the_next_one_goes_on(archive: Archive) -> None:
    archive.merge([OLD])
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from test_archive_store import Archive, record, storing\n"
        "merged = Archive._merge_month\n"
        "def die(self, connection, working, month):\n"
        "    counts = merged(self, connection, working, month)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Archive._merge_month = die\n"
        "from datetime import datetime, UTC\n"
        "july = record('2607.00001', submitted=datetime(2026, 7, 1, tzinfo=UTC))\n"
        "Archive(Path(sys.argv[1])).merge([july, record()])\n"
    )
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    killed = subprocess.run([sys.executable, "-c", code, str(archive.folder)], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert archive.read(["2606.00001", "2607.00001", "hep-th/9901001"]) == [record(), OLD]
    july = record("2607.00001", submitted=datetime(2026, 7, 1, tzinfo=UTC))
    assert archive.merge([july, record()]) == MergeCounts(new=1, unchanged=1, months=1)
    assert sorted(path.name for path in archive.folder.iterdir()) == [
        "1999-01.parquet",
        "2026-06.parquet",
        "2026-07.parquet",
        "archive.lock",
    ]


def test_a_month_that_cannot_be_written_is_an_error_that_names_the_folder_and_what_was_held_stays(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.merge([record()])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InfrastructureError, match="No space left on device") as caught:
        archive.merge([record("2606.00002")])
    assert caught.value.where == str(archive.folder)
    assert archive.read(["2606.00001", "2606.00002"]) == [record()]
    assert not (archive.folder / "at work").exists()


def test_a_file_that_is_no_parquet_is_an_error_that_names_it(archive: Archive) -> None:
    archive.merge([record()])
    (archive.folder / "2026-06.parquet").write_bytes(b"no parquet")
    with pytest.raises(InfrastructureError, match=r"2026-06\.parquet"):
        archive.stats()


def test_a_paper_whose_date_is_told_in_another_month_is_not_held_twice(archive: Archive) -> None:
    late = record(submitted=datetime(2026, 6, 30, 23, 59, tzinfo=UTC))
    archive.merge([late])
    july = datetime(2026, 7, 1, tzinfo=UTC)
    archive.merge([record(submitted=july, title="Last")])
    assert [(one.title, one.submitted) for one in archive.recent(9)] == [("Last", late.submitted)]
    assert archive.stats().months == 1


def test_a_deleted_paper_is_still_told_of_but_not_found(archive: Archive) -> None:
    archive.merge([record(), record("2606.00002")])
    gone = DeletedRecord(arxiv_id="2606.00001", changed=date(2026, 6, 20))
    assert archive.merge([gone]) == MergeCounts(deleted=1, months=1)
    assert archive.merge([gone, record()]) == MergeCounts(unchanged=1)
    assert archive.read(["2606.00001"]) == [record(deleted=True, changed=date(2026, 6, 20))]
    assert [one.arxiv_id for one in archive.recent(9)] == ["2606.00002"]
    assert archive.count_since(datetime(2026, 1, 1, tzinfo=UTC)) == 1
    assert (archive.stats().records, archive.stats().deleted) == (1, 1)
    day = date(2026, 6, 3)
    assert [one.arxiv_id for one in archive.of_dates(day, day)] == ["2606.00002"]


def test_a_deleted_paper_that_comes_back_is_found_again(archive: Archive) -> None:
    archive.merge([record(), DeletedRecord(arxiv_id="2606.00001", changed=date(2026, 6, 20))])
    assert archive.read(["2606.00001"])[0].deleted
    archive.merge([record(changed=date(2026, 6, 21))])
    assert archive.read(["2606.00001"]) == [record(changed=date(2026, 6, 21))]


def test_a_deletion_of_what_was_never_held_is_nothing(archive: Archive) -> None:
    assert archive.merge([DeletedRecord(arxiv_id="2606.00009", changed=date(2026, 6, 20))]) == MergeCounts()
    assert archive.stats().records == archive.stats().deleted == 0


def test_a_file_of_an_earlier_form_is_read_and_goes_on(archive: Archive) -> None:
    archive.merge([record(), OLD])
    for path in archive.files():
        old = path.with_suffix(".old")
        relation = duckdb.read_parquet(str(path))
        relation.select(duckdb.StarExpression(exclude=["deleted", "updated"])).write_parquet(str(old))
        old.replace(path)
    assert archive.read(["2606.00001", "hep-th/9901001"]) == [record(), OLD]
    archive.merge([DeletedRecord(arxiv_id="hep-th/9901001", changed=date(2026, 6, 20))])
    assert [one.deleted for one in archive.read(["2606.00001", "hep-th/9901001"])] == [False, True]
    assert archive.merge([record()]) == MergeCounts(unchanged=1)


@pytest.mark.parametrize(
    ("arxiv_id", "submitted"),
    [
        ("2607.00001", datetime(2026, 6, 30, 21, tzinfo=UTC)),
        ("2601.00001", datetime(2025, 12, 31, tzinfo=UTC)),
        ("hep-th/0001001", datetime(1999, 12, 31, tzinfo=UTC)),
        ("cond-mat.mes-hall/9912345", datetime(1999, 12, 3, tzinfo=UTC)),
        ("2606.00004", datetime(2024, 2, 3, tzinfo=UTC)),
    ],
)
def test_a_paper_is_read_by_its_id_whatever_the_month_of_its_first_submission(
    archive: Archive, arxiv_id: str, submitted: datetime
) -> None:
    paper = record(arxiv_id, submitted=submitted)
    archive.merge([OLD, paper, record()])
    assert archive.read([arxiv_id]) == [paper]
    assert archive.read([arxiv_id, "2606.00001", "no id", "9913.00001"]) == sorted(
        [paper, record()], key=lambda one: one.arxiv_id
    )
    assert archive.read([arxiv_id], months=["2010-01"]) == []


def test_papers_of_many_months_are_drawn_evenly_and_the_same_ones_each_time(archive: Archive) -> None:
    archive.merge(
        record(f"26{month:02}.{number:05}", submitted=datetime(2026, month, 3, tzinfo=UTC))
        for month in (1, 2, 3, 4)
        for number in range(100)
    )
    drawn = archive.drawn(100)
    assert drawn == archive.drawn(100)
    assert all(10 < sum(paper.month == f"2026-0{month}" for paper in drawn) < 40 for month in (1, 2, 3, 4))
    assert archive.count() == len(archive.drawn(500)) == 400


def test_a_mark_changes_with_what_is_said_and_with_nothing_else(archive: Archive) -> None:
    archive.merge([record(), OLD])
    before = archive.marks("2026-06")
    archive.merge([record(version=2, doi="10.1/2", changed=date(2026, 6, 9))])
    assert archive.marks("2026-06") == before
    for number, change in enumerate(({"title": "T"}, {"abstract": "A"}, {"authors": ("A", "B")}), start=10):
        archive.merge([record(changed=date(2026, 6, number), **change)])
        after = archive.marks("2026-06")
        assert after.keys() == before.keys() == {"2606.00001"}
        assert after != before
        before = after
    assert archive.marks("2010-01") == {}
