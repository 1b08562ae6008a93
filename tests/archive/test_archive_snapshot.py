"""The public snapshot, line by line: what becomes of a record, and of a line that is none."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from factory_assets.archive import Archive, snapshot
from factory_assets.archive.loading import load_snapshot
from factory_assets.archive.snapshot import Unread, read_snapshot
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import InputError

# As the snapshot writes them.
LINE = {
    "id": "0704.0001",
    "submitter": "Pavel Nadolsky",
    "authors": "C. Bal\\'azs, E. L. Berger, P. M. Nadolsky, C.-P. Yuan",
    "title": "Calculation of prompt diphoton production cross sections at Tevatron and\n  LHC energies",
    "comments": "37 pages, 15 figures; published version",
    "journal-ref": "Phys.Rev.D76:013009,2007",
    "doi": "10.1103/PhysRevD.76.013009",
    "report-no": "ANL-HEP-PR-07-12",
    "categories": "hep-ph cs.LG",
    "license": None,
    "abstract": "  A fully differential calculation in perturbative quantum chromodynamics is\npresented.\n",
    "versions": [
        {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
        {"version": "v2", "created": "Tue, 24 Jul 2007 20:10:27 GMT"},
    ],
    "update_date": "2008-11-26",
    "authors_parsed": [["Balázs", "C.", ""], ["Berger", "E. L.", "Jr."], ["The CMS Collaboration", "", ""]],
}


def written(folder: Path, *lines: object, name: str = "snapshot.json") -> Path:
    path = folder / name
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["snapshot.json", "snapshot.jsonl.gz"])
def test_a_line_becomes_a_record(tmp_path: Path, name: str) -> None:
    (record,) = read_snapshot(written(tmp_path, LINE, name=name))
    assert record == ArchiveRecord(
        arxiv_id="0704.0001",
        version=2,
        title="Calculation of prompt diphoton production cross sections at Tevatron and LHC energies",
        abstract="A fully differential calculation in perturbative quantum chromodynamics is presented.",
        authors=("C. Balázs", "E. L. Berger Jr.", "The CMS Collaboration"),
        categories=("hep-ph", "cs.LG"),
        comment="37 pages, 15 figures; published version",
        journal_ref="Phys.Rev.D76:013009,2007",
        doi="10.1103/PhysRevD.76.013009",
        licence=None,
        submitted=datetime(2007, 4, 2, 19, 18, 42, tzinfo=UTC),
        updated=datetime(2007, 7, 24, 20, 10, 27, tzinfo=UTC),
        changed=date(2008, 11, 26),
    )


def test_without_parsed_authors_their_line_is_split(tmp_path: Path) -> None:
    line = {**LINE, "authors": "A. One, B. Two and C. Three", "authors_parsed": []}
    (record,) = read_snapshot(written(tmp_path, line))
    assert isinstance(record, ArchiveRecord)
    assert record.authors == ("A. One", "B. Two", "C. Three")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{not json", "Invalid JSON"),
        ("[1, 2]", "Input should be an object"),
        ({**LINE, "id": "no id"}, "is not an arXiv id"),
        ({**LINE, "versions": []}, "versions: Tuple should have at least 1 item"),
        ({**LINE, "versions": [{"version": "v1", "created": "yesterday"}]}, "yesterday"),
        ({**LINE, "title": "half a pair \ud83d"}, "Invalid JSON"),
        ({**LINE, "doi": "NUL \0"}, "it holds characters that no text has"),
        (
            {name: value for name, value in LINE.items() if name != "update_date"},
            "update_date: Field required",
        ),
    ],
)
def test_a_line_that_is_no_record_is_told_with_its_number_and_the_others_are_read(
    tmp_path: Path, line: object, why: str
) -> None:
    first, bad, last = read_snapshot(written(tmp_path, LINE, line, {**LINE, "id": "hep-th/9901001"}))
    assert isinstance(first, ArchiveRecord)
    assert isinstance(bad, Unread)
    assert isinstance(last, ArchiveRecord)
    assert bad.line == 2
    assert why in bad.why


def test_a_line_longer_than_any_record_is_passed_over_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_LONGEST_LINE", 2000)
    _, bad, last = read_snapshot(written(tmp_path, LINE, "x" * 9000, LINE))
    assert bad == Unread(line=2, why="it is longer than 2,000 bytes")
    assert isinstance(last, ArchiveRecord)


@pytest.mark.parametrize(
    "cut", [gzip.compress(b"x" * 1000, mtime=0)[:-9], b"no gzip"], ids=["cut", "no gzip"]
)
def test_a_file_that_is_cut_or_is_no_such_file_is_an_error_that_names_it(tmp_path: Path, cut: bytes) -> None:
    path = tmp_path / "cut.json.gz"
    path.write_bytes(cut)
    with pytest.raises(InputError, match="The snapshot cannot be read") as caught:
        list(read_snapshot(path))
    assert caught.value.where == str(path)


def test_a_file_that_is_cut_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    whole = written(tmp_path, LINE, name="whole.json.gz")
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(whole.read_bytes()[:-8])
    with pytest.raises(InputError):
        load_snapshot(cut, archive)
    assert archive.stats().records == 0


def test_loading_tells_what_is_new_and_the_first_lines_that_were_left_out(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    path = written(tmp_path, LINE, *["{"] * 12, {**LINE, "id": "hep-th/9901001"})
    report = load_snapshot(path, archive)
    assert (report.counts.new, report.counts.months, report.left_out) == (2, 1, 12)
    assert [line.line for line in report.unread] == list(range(2, 12))
    assert load_snapshot(path, archive).counts.unchanged == 2


def test_a_file_without_any_record_is_refused_with_its_first_fault(tmp_path: Path) -> None:
    path = written(tmp_path, {"name": "a spec"})
    with pytest.raises(InputError, match="None of its 1 lines is a record; line 1: id: Field required"):
        load_snapshot(path, Archive(tmp_path / "archive"))
