"""What a harvest has brought so far, on the disk before anything more is asked for.

A page is written, then the state that names it and the token of the next one, each at once: whoever is killed goes on
from there. The records reach the archive when the list is whole.
"""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from factory_assets.archive.oai_page import OaiPage
from factory_assets.archive.report import UnreadRecord
from factory_assets.domain.archive import ArchiveRecord, DeletedRecord

_STALE_SECONDS = 2 * 24 * 3600.0
_WORD: TypeAdapter[ArchiveRecord | DeletedRecord] = TypeAdapter(ArchiveRecord | DeletedRecord)


class SetState(BaseModel):
    """How far the list of a set is: since when it is asked for, its pages, and the token of the next one.

    `whole` says that the last page is there.
    """

    model_config = ConfigDict(frozen=True)

    asked_at: datetime | None = None
    pages: int = 0
    token: str | None = None
    whole: bool = False
    unread: tuple[tuple[str, str], ...] = ()


class _State(BaseModel):
    sets: dict[str, SetState]


class Journal:
    """The journal of one window of dates under `folder`; what an earlier process wrote there is gone on from.

    Every method raises OSError where a file cannot be read or written.
    """

    def __init__(self, folder: Path, first: date, last: date, set_specs: Sequence[str]) -> None:
        self._folder = folder / f"{first} {last}"
        self._state = self._opened(set_specs)

    def unfinished(self) -> str | None:
        """The set whose list is to be asked for now; None where all are whole."""
        return next((name for name, state in self._state.sets.items() if not state.whole), None)

    def state(self, set_spec: str) -> SetState:
        """How far a set is."""
        return self._state.sets[set_spec]

    def begin(self, set_spec: str, asked_at: datetime) -> None:
        """Forget what there is of a set, and note since when it is asked for."""
        self._write(set_spec, SetState(asked_at=asked_at))

    def add(self, set_spec: str, page: OaiPage) -> None:
        """Keep a page and the token of the next one."""
        state = self.state(set_spec)
        lines = b"".join(word.model_dump_json().encode() + b"\n" for word in page.words)
        with _written(self._page(set_spec, state.pages)) as path:
            path.write_bytes(gzip.compress(lines, compresslevel=1))
        kept = state.model_copy(
            update={
                "pages": state.pages + 1,
                "token": page.token,
                "whole": page.token is None,
                "unread": (*state.unread, *((one.id, one.why) for one in page.unread)),
            }
        )
        self._write(set_spec, kept)

    def words(self) -> Iterator[ArchiveRecord | DeletedRecord]:
        """All that the pages hold, in the order in which it came."""
        for set_spec, state in self._state.sets.items():
            for number in range(state.pages):
                with gzip.open(self._page(set_spec, number), "rb") as file:
                    yield from map(_WORD.validate_json, file)

    def unread(self) -> tuple[UnreadRecord, ...]:
        """The records that came and could not be read."""
        told = dict.fromkeys(one for state in self._state.sets.values() for one in state.unread)
        return tuple(UnreadRecord(name, why) for name, why in told)

    def remove(self) -> None:
        """Everything is in the archive."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _opened(self, set_specs: Sequence[str]) -> _State:
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = _State(sets={name: SetState() for name in set_specs})
        try:
            state = _State.model_validate_json(self._state_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return fresh
        return state if list(state.sets) == list(set_specs) else fresh

    def _write(self, set_spec: str, state: SetState) -> None:
        sets = {**self._state.sets, set_spec: state}
        with _written(self._state_file) as path:
            path.write_bytes(_State(sets=sets).model_dump_json().encode())
        self._state = _State(sets=sets)

    @property
    def _state_file(self) -> Path:
        return self._folder / "state.json"

    def _page(self, set_spec: str, number: int) -> Path:
        place = list(self._state.sets).index(set_spec)
        return self._folder / f"{place:02d}-{number:05d}.jsonl.gz"


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    """A file that is there as a whole or not at all: filled beside its place, kept on the disk, then renamed."""
    made = path.with_name(f"{path.name}.new")
    yield made
    with made.open("rb") as file:
        os.fsync(file.fileno())
    made.replace(path)


def drop_stale(folder: Path) -> None:
    """Remove the journals that nothing was written to for two days: their tokens have expired."""
    for path in folder.glob("*"):
        if time.time() - path.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
