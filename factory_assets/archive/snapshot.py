"""Reads the snapshot of arXiv's metadata that is published as one JSON object a line.

Form: https://www.kaggle.com/datasets/Cornell-University/arxiv (CC0), which names each version with its time.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from io import BufferedIOBase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory_assets.archive.tex import names, plain
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import as_utc, split_arxiv_id

# A record is 2 KB, seldom 20. What is longer is no line of this file, and is not held in memory as one.
_LONGEST_LINE = 1_000_000


class Unread(BaseModel):
    """A line that is no record, and why."""

    model_config = ConfigDict(frozen=True)

    line: int
    why: str


class _Version(BaseModel):
    version: str = Field(pattern=r"^v\d{1,4}$")
    created: str


class _Line(BaseModel):
    id: str
    title: str
    abstract: str
    authors: str = ""
    authors_parsed: tuple[tuple[str, ...], ...] = ()
    categories: str
    comments: str | None = None
    journal_ref: str | None = Field(default=None, alias="journal-ref")
    doi: str | None = None
    license: str | None = None
    versions: tuple[_Version, ...] = Field(min_length=1)
    update_date: date

    def record(self) -> ArchiveRecord:
        """The same as the archive keeps it.

        Raises:
            InputError: its id is none.
            ValueError: a time of a version is none.
        """
        first = min(self.versions, key=lambda version: int(version.version[1:]))
        last = max(self.versions, key=lambda version: int(version.version[1:]))
        return ArchiveRecord(
            arxiv_id=split_arxiv_id(self.id)[0],
            version=int(last.version[1:]),
            title=plain(self.title),
            abstract=plain(self.abstract),
            authors=tuple(filter(None, map(_name, self.authors_parsed))) or names(self.authors),
            categories=tuple(self.categories.split()),
            comment=plain(self.comments or "") or None,
            journal_ref=plain(self.journal_ref or "") or None,
            doi=self.doi or None,
            licence=self.license or None,
            submitted=_time(first.created),
            updated=_time(last.created),
            changed=self.update_date,
        )


def read_snapshot(path: Path) -> Iterator[ArchiveRecord | Unread]:
    """Each line of a snapshot (`.json`, `.jsonl`, or one of them gzipped), in order; empty lines are passed over.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from _lines(file)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"The snapshot cannot be read: {getattr(error, 'strerror', None) or error}.",
            where=str(path),
            fix="Name the file with one JSON object a line, plain or gzipped; fetch it again if it is cut.",
        ) from error


def _lines(file: BufferedIOBase) -> Iterator[ArchiveRecord | Unread]:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
            while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield Unread(line=number, why=f"it is longer than {_LONGEST_LINE:,} bytes")
        elif line.strip():
            yield _read(number, line)


def _read(number: int, line: bytes) -> ArchiveRecord | Unread:
    try:
        return _Line.model_validate_json(line).record()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        return Unread(line=number, why=f"{place}: {first['msg']}" if place else first["msg"])
    except (InputError, ValueError) as error:
        return Unread(line=number, why=str(error))


def _time(written: str) -> datetime:
    # As mail has it: Mon, 2 Apr 2007 19:18:42 GMT.
    return as_utc(parsedate_to_datetime(written))


def _name(parts: tuple[str, ...]) -> str:
    """A name from family name, given names and what stands behind them."""
    family, given, *behind = (*parts, "", "")
    return " ".join(filter(None, (given.strip(), family.strip(), *(more.strip() for more in behind[:1]))))
