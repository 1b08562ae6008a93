"""The full texts that are kept, in the folder `texts` beside the archive's months, each in a file named by its paper.

Where a text goes: from here to `factory archive read ID --text` and, as a piece of a research context, to a model. It
is under its authors' licence, mostly arXiv's own, so it goes nowhere else: the stages that build and publish do not
import this package (the layers in pyproject.toml), the folder is in no workspace, its files are this user's alone, and
git passes it over, should somebody keep an instance in a repository.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.papers import UtcDatetime
from factory_assets.domain.research import Section

MOST_KEPT: Final = 5_000
"""Texts; those that were asked for longest ago make room. At some 100 KB each that is half a gigabyte at most."""

_TEXT, _NONE = ".text.json", ".none.json"


class KeptText(BaseModel):
    """What arXiv had when it was asked: a text and where it stands, or no text, with no `sections`.

    `known` is the version that the archive knew then, 0 where it did not hold the paper; `version` the text's own.
    """

    model_config = ConfigDict(frozen=True)

    arxiv_id: str
    known: int = Field(ge=0)
    version: int = Field(ge=0)
    asked_at: UtcDatetime
    source: str
    sections: tuple[Section, ...]


class TextStore:
    """The texts under a folder, which is made at the first write. Writes are whole or not at all."""

    def __init__(self, archive_folder: Path, *, most: int = MOST_KEPT) -> None:
        self.folder = archive_folder / "texts"
        self._most = most

    def get(self, arxiv_id: str) -> KeptText | None:
        """What is kept of a paper; None where nothing is, or what is there cannot be read any more."""
        for suffix in (_TEXT, _NONE):
            # A file that was cut off or edited is fetched again, which costs a request.
            with suppress(FileNotFoundError, ValidationError, ValueError), _errors(self.folder):
                kept = KeptText.model_validate_json(self._path(arxiv_id, suffix).read_bytes())
                if kept.arxiv_id == arxiv_id:
                    return kept
        return None

    def holds(self, arxiv_id: str) -> bool:
        """Whether there is a text of the paper."""
        return self._path(arxiv_id, _TEXT).exists()

    def count(self) -> int:
        """How many texts there are."""
        return sum(1 for _ in self.folder.glob(f"*{_TEXT}"))

    def put(self, kept: KeptText) -> None:
        """Keep what arXiv had, in the place of what is kept of that paper.

        Raises:
            InfrastructureError: it cannot be written.
        """
        suffix, other = (_TEXT, _NONE) if kept.sections else (_NONE, _TEXT)
        place = self._path(kept.arxiv_id, suffix)
        made = place.with_name(f".{place.name}.{uuid4().hex}.new")
        with _errors(self.folder):
            self._make_folder()
            self._make_room(place)
            try:
                with open(made, "w", encoding="utf-8", opener=_private) as file:
                    file.write(kept.model_dump_json())
                    file.flush()
                    os.fsync(file.fileno())
                made.replace(place)
            finally:
                made.unlink(missing_ok=True)
            self._path(kept.arxiv_id, other).unlink(missing_ok=True)

    def touch(self, arxiv_id: str, now: datetime) -> None:
        """Say that a text was asked for, so that it is not the next to make room."""
        with suppress(OSError):
            os.utime(self._path(arxiv_id, _TEXT), (now.timestamp(), now.timestamp()))

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ignored = self.folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text(
                "# Papers under their authors' licences: not to be published.\n*\n", encoding="utf-8"
            )

    def _make_room(self, place: Path) -> None:
        held = [path for path in self.folder.glob("*.json") if path != place]
        for path in sorted(held, key=_asked)[: max(0, len(held) + 1 - self._most)]:
            path.unlink(missing_ok=True)
        # What a writer that died has left; a living one is done within seconds.
        for path in self.folder.glob(".*.new"):
            if path.stat().st_mtime < place.parent.stat().st_mtime - 3600:
                path.unlink(missing_ok=True)

    def _path(self, arxiv_id: str, suffix: str) -> Path:
        # An id that `split_arxiv_id` has passed holds no underscore, and a slash at most.
        return self.folder / f"{arxiv_id.replace('/', '_')}{suffix}"


def _asked(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InfrastructureError(
            f"The kept full texts cannot be used: {error.strerror}.",
            where=str(folder),
            fix="Look at the free space and the permissions there. What was kept stays.",
        ) from error
