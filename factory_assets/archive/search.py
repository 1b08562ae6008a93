"""Search among the archive's papers by their words (BM25), in an index that is brought up to date when it is asked.

The index is made from the months' files alone: thrown away, it is made again. Beside it stands for each month which
papers of it are in the index and what they said, so that of a month that has changed only those are written that have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tantivy
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from factory_assets.archive.following import MonthFile, month_files, put_in_place, write_beside
from factory_assets.archive.index_folders import SEARCH, lock_of
from factory_assets.archive.search_words import PAIRS, open_index, pairs_of, query_of
from factory_assets.archive.store import Archive
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import InfrastructureError
from factory_assets.locks import path_lock

_HEAP = 100_000_000
# So many papers are read at a time.
_BATCH = 10_000
_State = TypeAdapter(dict[str, MonthFile])
_Marks = TypeAdapter(dict[str, int])


class Found(BaseModel):
    """A paper that was found. `score` is BM25's: it orders the papers of one search, and means nothing by itself."""

    model_config = ConfigDict(frozen=True)

    score: float
    record: ArchiveRecord


class SearchIndex:
    """The index beside an archive's files.

    Every method raises InfrastructureError where a file cannot be read or written.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._folder = archive.folder / SEARCH

    def search(self, words: str, count: int) -> list[Found]:
        """The papers that fit best, the best first; how words are understood, `query_of` says."""
        with _errors(self._folder):
            if not self._archive.files():
                return []
            index = self._up_to_date()
            searcher = index.searcher()
            hits = searcher.search(query_of(index, words), count).hits
            scores = {
                str(searcher.doc(address).get_first("arxiv_id")): float(score) for score, address in hits
            }
        records = {record.arxiv_id: record for record in self._archive.read(list(scores))}
        return [
            Found(score=score, record=records[key])
            for key, score in scores.items()
            if key in records and not records[key].deleted
        ]

    def update(self) -> None:
        """Bring the index up to date, which else the next search does."""
        with _errors(self._folder):
            if self._archive.files():
                self._up_to_date()

    def _up_to_date(self) -> tantivy.Index:
        self._folder.mkdir(parents=True, exist_ok=True)
        with path_lock(lock_of(self._folder)):
            index = open_index(str(self._folder))
            known, there = self._state(), month_files(self._archive)
            if stale := sorted(
                month for month in known.keys() | there if known.get(month) != there.get(month)
            ):
                with index.writer(_HEAP, num_threads=1) as writer:
                    marked = [self._bring(writer, month) for month in stale]
                for made in marked:
                    made.replace(made.with_suffix(""))
                # Whoever dies before this compares the months again, which changes nothing.
                self._write_state(there)
                index.reload()
            return index

    def _bring(self, writer: tantivy.IndexWriter, month: str) -> Path:
        """Write what is new of a month; the file, not yet in its place, that says what is in the index then."""
        held, marks = self._folder / "marks" / f"{month}.json", self._archive.marks(month)
        try:
            before = _Marks.validate_json(held.read_bytes())
            gone = [arxiv_id for arxiv_id, mark in before.items() if marks.get(arxiv_id) != mark]
            for arxiv_id in gone:
                writer.delete_documents_by_term("key", _key(month, arxiv_id))
        except (FileNotFoundError, ValidationError):
            before = {}
            writer.delete_documents_by_term("month", month)
        # Without it a writer that dies knows nothing of the month, and writes it all.
        held.unlink(missing_ok=True)
        wanted = [arxiv_id for arxiv_id, mark in marks.items() if before.get(arxiv_id) != mark]
        for start in range(0, len(wanted), _BATCH):
            for record in self._archive.read(wanted[start : start + _BATCH], months=[month]):
                writer.add_document(_document(record, month))
        held.parent.mkdir(exist_ok=True)
        return write_beside(held, lambda file: file.write(_Marks.dump_json(marks)))

    @property
    def _state_file(self) -> Path:
        return self._folder / "months.json"

    def _state(self) -> dict[str, MonthFile]:
        try:
            return _State.validate_json(self._state_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return {}

    def _write_state(self, state: dict[str, MonthFile]) -> None:
        put_in_place(self._state_file, lambda file: file.write(_State.dump_json(state)))


def _key(month: str, arxiv_id: str) -> str:
    # Whatever becomes of a paper in one month is no matter of another that holds it as well.
    return f"{month}/{arxiv_id}"


def _document(record: ArchiveRecord, month: str) -> tantivy.Document:
    return tantivy.Document(
        arxiv_id=record.arxiv_id,
        key=_key(month, record.arxiv_id),
        month=month,
        title=record.title,
        abstract=record.abstract,
        authors=", ".join(record.authors),
        **{PAIRS: " ".join(pairs_of(record.title) + pairs_of(record.abstract))},
    )


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    # The library raises ValueError for all that becomes of its files.
    except (OSError, ValueError) as error:
        raise InfrastructureError(
            f"The search index cannot be used: {error}",
            where=str(folder),
            fix="Look at the free space there; remove the folder, and the next search makes it again.",
        ) from error
