"""Papers near each other by what they speak of, in a space learned from the archive's own papers.

It is learned from at most 50,000 of them, and anew when there are twice as many papers as then. The vectors stand in a
file for each month beside the archive's, and are brought up to date when they are asked for: of a month whose file has
changed, those whose title, abstract or authors have. Thrown away, all of it is made again.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from factory_assets.archive.following import MonthFile, month_files, put_in_place
from factory_assets.archive.index_folders import SPACE, lock_of
from factory_assets.archive.learned import Learned
from factory_assets.archive.store import Archive
from factory_assets.archive.vectors import (
    Floats,
    Rows,
    blank_rows,
    fill,
    nearest,
    open_rows,
    take_over,
    vector_of,
    write_rows,
)
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.research import SimilarPaper
from factory_assets.locks import path_lock

# More say no more of how words go together; these are learned in a minute, and in 1 GB.
_LEARNED_FROM = 50_000
_ANEW_AT = 2
# So many papers are read and given vectors at a time.
_BATCH = 10_000
_LEARNED = "learned.npz"


class _Month(BaseModel):
    """A month's file, and how many papers of it have a vector."""

    model_config = ConfigDict(frozen=True)

    file: MonthFile
    papers: int


class _State(BaseModel):
    """Which space counts, how many papers there were when it was learned, and the months that are in it."""

    model_config = ConfigDict(frozen=True)

    space: str
    papers: int
    months: dict[str, _Month]

    @property
    def total(self) -> int:
        return sum(month.papers for month in self.months.values())

    @property
    def files(self) -> dict[str, MonthFile]:
        return {month: held.file for month, held in self.months.items()}


class Vectorizer(Protocol):
    """What gives texts their vectors; `digest` tells it from any other, and is the name of a folder."""

    @property
    def digest(self) -> str:
        """What tells it from any other."""
        ...

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        ...

    def vectors(self, texts: Sequence[str]) -> Floats:
        """A row of length 1 for each text; of zeros for one that it knows nothing of."""
        ...


@dataclass(frozen=True)
class _Held:
    state: _State
    vectorizer: Vectorizer
    months: Mapping[str, Rows]


class Space:
    """The space beside an archive's files; one that is asked more than once keeps open what it needs.

    `model` gives the vectors where none are to be learned.
    Every method raises InfrastructureError where a file cannot be read or written; what the model raises passes.
    """

    def __init__(self, archive: Archive, model: Vectorizer | None = None) -> None:
        self._archive = archive
        self._model = model
        self._folder = archive.folder / SPACE
        self._open: _Held | None = None

    def similar(self, arxiv_id: str, count: int) -> list[SimilarPaper]:
        """The nearest papers of the archive, the nearest one first; none where it does not hold the paper."""
        with _errors(self._folder):
            if (held := self._up_to_date()) is None:
                return []
            vector = vector_of(held.months, arxiv_id)
            return [] if vector is None else self._near(held, vector, count, but=arxiv_id)

    def near_text(self, text: str, count: int) -> list[SimilarPaper]:
        """The papers of the archive that are nearest to a text, the nearest one first."""
        with _errors(self._folder):
            if (held := self._up_to_date()) is None:
                return []
            return self._near(held, held.vectorizer.vectors([text])[0], count)

    def likeness(self, text: str, texts: Sequence[str]) -> list[float] | None:
        """The cosine between a text and each of others; None where the archive is empty, from which nothing is learned.

        0 for what has no word that the archive's papers use.
        """
        with _errors(self._folder):
            if (held := self._up_to_date()) is None:
                return None
            one, *others = held.vectorizer.vectors([text, *texts])
            return [max(-1.0, min(1.0, float(one @ other))) for other in others]

    def update(self) -> int:
        """Bring the vectors up to date, which else the next question does; how many papers have one then."""
        with _errors(self._folder):
            held = self._up_to_date()
            return held.state.total if held else 0

    def papers(self) -> int:
        """How many papers have a vector as it is, with nothing brought up to date."""
        with _errors(self._folder):
            state = self._state()
            return state.total if state else 0

    def _near(self, held: _Held, vector: Floats, count: int, *, but: str | None = None) -> list[SimilarPaper]:
        found = nearest(held.months, vector, count, but=but)
        months = sorted({month for _, _, month in found})
        read = self._archive.read([arxiv_id for _, arxiv_id, _ in found], months=months)
        records = {record.arxiv_id: record for record in read}
        return [
            SimilarPaper(record=records[arxiv_id], likeness=cosine)
            for cosine, arxiv_id, _ in found
            if arxiv_id in records
        ]

    def _up_to_date(self) -> _Held | None:
        there = month_files(self._archive)
        if not there:
            return None
        self._folder.mkdir(parents=True, exist_ok=True)
        with path_lock(lock_of(self._folder)):
            state = self._state()
            if state is None or state.files != there or not self._is_own(state):
                state = self._follow(state, there)
            # Opened while nobody replaces them; what is open stays what it was.
            held = self._open
            if held is None or held.state != state:
                folder = self._folder / state.space
                months = {month: open_rows(folder / f"{month}.npy") for month in state.months}
                held = self._open = _Held(state, self._model or Learned.load(folder / _LEARNED), months)
            return held

    def _follow(self, state: _State | None, there: Mapping[str, MonthFile]) -> _State:
        vectorizer, of = self._vectorizer(state)
        folder = self._folder / vectorizer.digest
        self._tidy(folder.name, *([state.space] if state else []))
        folder.mkdir(exist_ok=True)
        if isinstance(vectorizer, Learned):
            put_in_place(folder / _LEARNED, vectorizer.save)
        known = state.months if state and state.space == folder.name else {}
        months = {
            month: known[month]
            if month in known and known[month].file == file
            else _Month(file=file, papers=self._bring(vectorizer, month, folder))
            for month, file in there.items()
        }
        # Whoever dies before this finds all vectors made, and the next one only compares the marks.
        made = _State(space=folder.name, papers=of, months=months)
        put_in_place(self._state_file, lambda file: file.write(made.model_dump_json().encode()))
        self._tidy(folder.name)
        for path in folder.glob("*.npy"):
            if path.stem not in months:
                path.unlink()
        return made

    def _is_own(self, state: _State) -> bool:
        """Whether the vectors that are there were made as they are wanted: by this model, or by what was learned."""
        if self._model is not None:
            return state.space == self._model.digest
        return (self._folder / state.space / _LEARNED).exists()

    def _vectorizer(self, state: _State | None) -> tuple[Vectorizer, int]:
        """The space to follow the archive in, and how many papers there were when it was learned."""
        total = self._archive.count()
        if self._model is not None:
            return self._model, total
        if state is None or not self._is_own(state) or total >= _ANEW_AT * state.papers:
            return Learned.of(map(_text, self._archive.drawn(_LEARNED_FROM))), total
        return Learned.load(self._folder / state.space / _LEARNED), state.papers

    def _bring(self, vectorizer: Vectorizer, month: str, folder: Path) -> int:
        path = folder / f"{month}.npy"
        rows = blank_rows(self._archive.marks(month), vectorizer.dimensions)
        missing = take_over(rows, open_rows(path) if path.exists() else rows[:0])
        for start in range(0, len(missing), _BATCH):
            places = missing[start : start + _BATCH]
            ids = [arxiv_id.decode() for arxiv_id in rows["id"][places].tolist()]
            read = {record.arxiv_id: _text(record) for record in self._archive.read(ids, months=[month])}
            fill(rows, places, vectorizer.vectors([read.get(arxiv_id, "") for arxiv_id in ids]))
        put_in_place(path, lambda file: write_rows(file, rows))
        return len(rows)

    @property
    def _state_file(self) -> Path:
        return self._folder / "state.json"

    def _state(self) -> _State | None:
        try:
            return _State.model_validate_json(self._state_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _tidy(self, *spaces: str) -> None:
        """Remove all that is of no space but these."""
        for path in self._folder.iterdir():
            if path.is_dir() and path.name not in spaces:
                shutil.rmtree(path)


def _text(record: ArchiveRecord) -> str:
    # A title says in a few words what the abstract says in many: on the sample, 4 in 100 more titles find their own.
    return f"{record.title}\n{record.title}\n{record.abstract}"


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    # What else than OSError numpy raises for a file that is cut or holds something else.
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InfrastructureError(
            f"The space of similar papers cannot be used: {error}",
            where=str(folder),
            fix="Look at the free space there; remove the folder, and the next question makes it again.",
        ) from error
