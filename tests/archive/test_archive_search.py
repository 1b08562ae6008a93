"""Searching the archive: what is found first, and that the index follows the files whatever becomes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import tantivy
from layout import python_path
from test_archive_store import record

from factory_assets.archive import Archive
from factory_assets.archive import search as searching
from factory_assets.archive.search import SearchIndex
from factory_assets.domain.archive import ArchiveRecord, DeletedRecord
from factory_assets.domain.errors import InfrastructureError

CACHES = record(
    "2606.00001", title="Evicting caches of keys and values", abstract="We replay logs of a server."
)
TREES = record("2606.00002", title="Speculative decoding by trees", abstract="Caches are not our subject.")
NAMES = record(
    "2505.00003",
    title="Names",
    abstract="Nothing of it.",
    authors=("Ada Lovelace",),
    submitted=datetime(2025, 5, 3, tzinfo=UTC),
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "archive")
    made.merge([CACHES, TREES, NAMES])
    return made


def ids(archive: Archive, words: str, count: int = 10) -> list[str]:
    return [found.record.arxiv_id for found in SearchIndex(archive).search(words, count)]


def test_the_title_counts_more_than_the_abstract_and_words_are_found_in_all_their_forms(
    archive: Archive,
) -> None:
    assert ids(archive, "cache") == ["2606.00001", "2606.00002"]
    assert ids(archive, "evict", 1) == ["2606.00001"]
    assert ids(archive, "lovelace") == ["2505.00003"]
    assert ids(archive, "zyx") == []


def test_the_query_language_is_understood_and_what_is_not_of_it_is_passed_over(archive: Archive) -> None:
    assert ids(archive, 'cache -title:"speculative decoding"') == ["2606.00001"]
    assert ids(archive, "+cache +replay") == ["2606.00001"]
    assert ids(archive, "replay AND ((") == ["2606.00001"]


def test_of_papers_with_the_same_words_the_one_that_has_them_side_by_side_comes_first(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.merge(
        [
            record(
                "2606.00001", title="One", abstract="Code of a library, and retrieval of facts by a graph."
            ),
            record(
                "2606.00002", title="Two", abstract="Facts of a library, and retrieval of code by a graph."
            ),
        ]
    )
    assert ids(archive, "retrieving facts") == ["2606.00001", "2606.00002"]
    assert ids(archive, "retrieval for code") == ["2606.00002", "2606.00001"]


def test_of_plain_words_all_count_whatever_stands_between_them(archive: Archive) -> None:
    assert ids(archive, "Evicting: keys (and values) - not trees!") == ["2606.00001", "2606.00002"]
    assert ids(archive, "Speculative/multi-decoding") == ["2606.00002"]


def test_the_commonest_words_find_nothing_by_themselves(archive: Archive) -> None:
    assert ids(archive, "of the") == []
    assert ids(archive, "") == []
    assert ids(archive, '+"keys and values"') == ["2606.00001"]
    assert ids(archive, '+"keys values"') == []


def test_the_index_follows_what_is_added_changed_and_gone(archive: Archive) -> None:
    assert ids(archive, "speculative") == ["2606.00002"]
    archive.merge([TREES.model_copy(update={"title": "Drafting", "changed": date(2026, 6, 9)})])
    assert ids(archive, "speculative") == []
    assert ids(archive, "drafting") == ["2606.00002"]
    (archive.folder / "2025-05.parquet").unlink()
    assert ids(archive, "lovelace") == []


def test_an_archive_without_papers_has_nothing_to_find_and_no_index(tmp_path: Path) -> None:
    assert ids(Archive(tmp_path / "empty"), "cache") == []
    assert not (tmp_path / "empty").exists()


def test_an_index_that_is_thrown_away_is_made_again(archive: Archive) -> None:
    assert ids(archive, "cache")
    shutil.rmtree(archive.folder / "search-3")
    assert ids(archive, "cache") == ["2606.00001", "2606.00002"]


KILLED = """
import os, signal, sys; from pathlib import Path
from factory_assets.archive import Archive; from factory_assets.archive.search import SearchIndex
end = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "before the state":
    SearchIndex._write_state = end
elif sys.argv[2] == "after the commit":
    Path.replace = end
else:
    write, left = SearchIndex._bring, [int(sys.argv[2])]
    def bring(self, *asked):
        written = write(self, *asked)
        left[0] -= 1
        return written if left[0] else end()
    SearchIndex._bring = bring
SearchIndex(Archive(Path(sys.argv[1]))).search("cache", 3)
"""


@pytest.mark.parametrize("when", ["1", "2", "after the commit", "before the state"])
@pytest.mark.parametrize("again", [False, True], ids=["at first", "later"])
def test_whoever_is_killed_before_the_index_is_known_to_be_whole_leaves_no_paper_twice_and_none_out(
    archive: Archive, when: str, again: bool
) -> None:
    if again:
        ids(archive, "cache")
        archive.merge(
            [
                CACHES.model_copy(update={"title": "Evicting caches", "changed": date(2026, 6, 9)}),
                NAMES.model_copy(update={"title": "Caches", "changed": date(2026, 6, 9)}),
            ]
        )
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    command = [sys.executable, "-c", KILLED, str(archive.folder), when]
    assert subprocess.run(command, env=env, check=False).returncode == -signal.SIGKILL
    there = ["2505.00003"] * again + ["2606.00001", "2606.00002"]
    assert sorted(ids(archive, "cache")) == there
    assert tantivy.Index.open(str(archive.folder / "search-3")).searcher().num_docs == 3


def test_an_index_that_was_brought_up_to_date_is_only_asked(archive: Archive) -> None:
    SearchIndex(archive).update()
    made = {path.name: path.stat().st_mtime_ns for path in (archive.folder / "search-3").iterdir()}
    assert ids(archive, "cache") == ["2606.00001", "2606.00002"]
    assert {path.name: path.stat().st_mtime_ns for path in (archive.folder / "search-3").iterdir()} == made


def test_only_papers_that_say_something_else_now_are_written_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids(archive, "cache")
    written, document = [], searching._document

    def told(paper: ArchiveRecord, month: str) -> object:
        written.append(paper.arxiv_id)
        return document(paper, month)

    monkeypatch.setattr(searching, "_document", told)
    later = {"version": 2, "changed": date(2026, 6, 9)}
    archive.merge(
        [TREES.model_copy(update=later), CACHES.model_copy(update={**later, "authors": ("A. Turing",)})]
    )
    assert ids(archive, "turing") == ["2606.00001"]
    assert ids(archive, "author") == ["2606.00002"]
    assert written == ["2606.00001"]


def test_an_index_that_is_broken_is_an_error_that_says_what_to_remove(archive: Archive) -> None:
    assert ids(archive, "cache")
    (archive.folder / "search-3" / "meta.json").write_text("{")
    with pytest.raises(InfrastructureError, match="The search index cannot be used") as caught:
        ids(archive, "cache")
    assert caught.value.where == str(archive.folder / "search-3")
    assert "remove the folder" in caught.value.fix


def test_a_deleted_paper_is_not_found(archive: Archive) -> None:
    assert ids(archive, "cache") == ["2606.00001", "2606.00002"]
    archive.merge([DeletedRecord(arxiv_id="2606.00001", changed=date(2026, 6, 20))])
    assert ids(archive, "cache") == ["2606.00002"]
