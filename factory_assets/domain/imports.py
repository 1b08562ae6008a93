"""Specs that come from outside: an operator's JSON files, or another program's table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from factory_assets.domain.specs import QueuedSpec, Spec


class Origin(StrEnum):
    """What kind of place an imported spec came from."""

    FILE = "file"
    DATABASE = "database"


class ImportedSpec(BaseModel):
    """A spec from outside with what its author said beside it.

    `source` is the file's name or the row's id; `source_repos` are the repositories that the idea rests on, and
    `further` is what stood under names that the factory does not know.
    """

    model_config = ConfigDict(frozen=True)

    spec: Spec
    origin: Origin
    source: str
    source_repos: tuple[str, ...] = ()
    market_analysis: str | None = None
    further: dict[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True)
class ImportCounts:
    """What an import did: the specs that are new in the queue, and the names that stood there already."""

    queued: tuple[QueuedSpec, ...]
    known: tuple[str, ...]


@dataclass(frozen=True)
class Candidate:
    """A row of another program's table: what it is called here, and the row with its spec or specs as JSON."""

    id: str
    text: str


class CandidateSource(Protocol):
    """Another program's candidates."""

    def ready(self) -> list[Candidate]:
        """Those that may be taken now."""
        ...

    def mark_imported(self, ids: Sequence[str]) -> None:
        """Mark those that are safe here."""
        ...
