"""The file of points and words by which papers are scored, read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.yaml_files import read_yaml

DEFAULT_FILE = Path(__file__).with_name("scoring.yaml")
_FIX = "Write it as factory_assets/ideas/scoring.yaml does, or leave FACTORY_SCORING_FILE out."


def _word(raw: object) -> object:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{raw!r} is no word: put it in quotes")
    text = raw.strip()
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        try:
            re.compile(text[1:-1])
        except re.error as error:
            raise ValueError(f"{text} is no regular expression: {error}") from None
    return text


Word = Annotated[str, BeforeValidator(_word)]
Words = Annotated[tuple[Word, ...], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CitationPoints(_Part):
    """Points for each citation a day, and the most of them."""

    a_day: float = Field(ge=0, le=100)
    most: float = Field(ge=0, le=100)


class WordPoints(_Part):
    """Points for each of some words."""

    points: float = Field(ge=-100, le=100)
    words: Words


class BuiltPoints(_Part):
    """Points off for likeness to what the factory has built: none up to `start`, all at a likeness of 1."""

    points: float = Field(ge=-100, le=0)
    start: float = Field(alias="from", ge=0, lt=1)


class Scoring(_Part):
    """What a score is made of."""

    citations: CitationPoints
    recency: Mapping[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=-100, le=100)]]
    categories: Mapping[str, Annotated[float, Field(ge=-100, le=100)]]
    novelty: WordPoints
    product: WordPoints
    built: BuiltPoints
    published_code: float = Field(ge=-100, le=0)
    disagreement: Words

    @cached_property
    def disagreeing(self) -> re.Pattern[str]:
        """What finds the words of disagreement in a text."""
        return re.compile("|".join(map(expression, self.disagreement)), re.IGNORECASE)


def expression(word: str) -> str:
    """The regular expression that finds a word of the file: whole, with any white space, in singular or plural."""
    if len(word) > 2 and word.startswith("/") and word.endswith("/"):
        return f"(?:{word[1:-1]})"
    parts = r"[\s-]+".join(re.escape(part) for part in re.split(r"[\s-]+", word))
    return rf"(?<!\w){parts}(?:e?s)?(?!\w)"


def load_scoring(path: Path = DEFAULT_FILE) -> Scoring:
    """Read a scoring file.

    Raises:
        InputError: naming the file, the field and the fix.
    """
    raw = read_yaml(path, what="scoring file", setting="FACTORY_SCORING_FILE")
    if not isinstance(raw, dict):
        raise InputError("There are no points here.", where=str(path), fix=_FIX)
    try:
        return Scoring.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise InputError(
            f"{first['msg'].removeprefix('Value error, ')}.", where=f"{path}, field {field!r}", fix=_FIX
        ) from None
