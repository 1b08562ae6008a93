"""Search among the archive's papers by their words (BM25), in an index that is brought up to date when it is asked.

The index is made from the months' files alone: thrown away, it is made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import tantivy
from pydantic import BaseModel, ConfigDict

from factory_assets.archive.store import Archive
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import InfrastructureError
from factory_assets.locks import path_lock

# What a query's word counts where it stands in the title, against in the abstract.
_WEIGHTS = {"title": 2.0, "abstract": 1.0, "authors": 1.0}
# Of another form of index: the next one is made beside it.
_FORM = "search-1"
_HEAP = 100_000_000
# By month, the size and the time of the file that was indexed.
_State = dict[str, tuple[int, int]]


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
        self._folder = archive.folder / _FORM

    def search(self, words: str, count: int) -> list[Found]:
        """The papers that fit best, the best first; `"two words"`, `+word`, `-word` and `title:word` are understood.

        What of the query cannot be understood is passed over.
        """
        with _errors(self._folder):
            if not self._archive.files():
                return []
            index = self._up_to_date()
            query, _ = index.parse_query_lenient(words, list(_WEIGHTS), field_boosts=_WEIGHTS)
            searcher = index.searcher()
            hits = searcher.search(query, count).hits
            scores = {
                str(searcher.doc(address).get_first("arxiv_id")): float(score) for score, address in hits
            }
        records = {record.arxiv_id: record for record in self._archive.read(list(scores))}
        return [
            Found(score=score, record=records[key])
            for key, score in scores.items()
            if key in records and not records[key].deleted
        ]

    def _up_to_date(self) -> tantivy.Index:
        self._folder.mkdir(parents=True, exist_ok=True)
        with path_lock(self._folder.with_suffix(".lock")):
            index = tantivy.Index(_schema(), str(self._folder))
            known, there = self._state(), self._there()
            if stale := sorted(
                month for month in known.keys() | there if known.get(month) != there.get(month)
            ):
                with index.writer(_HEAP, num_threads=1) as writer:
                    for month in stale:
                        writer.delete_documents_by_term("month", month)
                        for record in self._archive.of_month(month):
                            if not record.deleted:
                                writer.add_document(_document(record))
                # Whoever dies before this writes the months again, which changes nothing.
                self._write_state(there)
                index.reload()
            return index

    def _there(self) -> _State:
        stats = ((path.stem, path.stat()) for path in self._archive.files())
        return {month: (stat.st_size, stat.st_mtime_ns) for month, stat in stats}

    @property
    def _state_file(self) -> Path:
        return self._folder / "months.json"

    def _state(self) -> _State:
        try:
            kept: Mapping[str, list[int]] = json.loads(self._state_file.read_text(encoding="utf-8"))
            return {month: (size, time) for month, (size, time) in kept.items()}
        except (FileNotFoundError, ValueError):
            return {}

    def _write_state(self, state: _State) -> None:
        made = self._state_file.with_suffix(".new")
        with made.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        made.replace(self._state_file)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in ("arxiv_id", "month"):
        builder.add_text_field(name, stored=name == "arxiv_id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("title", tokenizer_name="en_stem")
    builder.add_text_field("abstract", tokenizer_name="en_stem")
    builder.add_text_field("authors", tokenizer_name="default")
    return builder.build()


def _document(record: ArchiveRecord) -> tantivy.Document:
    return tantivy.Document(
        arxiv_id=record.arxiv_id,
        month=record.month,
        title=record.title,
        abstract=record.abstract,
        authors=", ".join(record.authors),
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
