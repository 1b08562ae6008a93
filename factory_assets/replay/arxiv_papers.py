"""The papers that a played arXiv knows: one record each, and the sample that comes with the package.

The sample, papers.jsonl.gz, is arXiv's own metadata, which is in the public domain (CC0): LICENSE-DATA.md.
"""

from __future__ import annotations

import gzip
import zlib
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import Paper, UtcDatetime, split_arxiv_id
from factory_assets.domain.text import single_line

SAMPLE_FILE = Path(__file__).with_name("papers.jsonl.gz")


def _version_free(arxiv_id: str) -> str:
    try:
        plain, _ = split_arxiv_id(arxiv_id)
    except InputError as error:
        raise ValueError(error.what) from None
    if plain != arxiv_id:
        raise ValueError(f"write the id alone, as {plain}")
    return arxiv_id


class ArxivRecord(BaseModel):
    """One paper as arXiv holds it. `published` is version 1's time; `updated` this version's, if another."""

    model_config = ConfigDict(frozen=True)

    id: Annotated[str, AfterValidator(_version_free)]
    title: str
    summary: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    comment: str | None = None
    published: UtcDatetime
    version: int = 1
    updated: UtcDatetime | None = None

    @property
    def changed(self) -> datetime:
        """The time of the version that is shown."""
        return self.updated or self.published

    @property
    def paper(self) -> Paper:
        """What a right reading of arXiv's answer makes of it."""
        return Paper(
            arxiv_id=self.id,
            version=self.version,
            title=single_line(self.title),
            abstract=single_line(self.summary),
            authors=self.authors,
            categories=self.categories,
            comment=self.comment,
            published=self.published,
            updated=self.changed,
        )


def load_papers(file: Path = SAMPLE_FILE) -> tuple[ArxivRecord, ...]:
    """The papers of a gzipped file with one JSON object a line.

    Raises:
        InputError: naming the file, the line and the field that is wrong.
    """
    try:
        lines = gzip.decompress(file.read_bytes()).splitlines()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"The papers cannot be read: {error}.", where=str(file), fix="Restore the file from git."
        ) from error
    return tuple(_record(line, where=f"{file}, line {number}") for number, line in enumerate(lines, start=1))


def _record(line: bytes, *, where: str) -> ArxivRecord:
    try:
        return ArxivRecord.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the line"
        raise InputError(
            f"{field} is not valid: {first['msg']}.",
            where=where,
            fix="Write one JSON object a line, with id, title, summary, authors, categories, published.",
        ) from None
