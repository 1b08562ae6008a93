"""Where a shipped repo comes from: `provenance.json` in its tree, and the record in its annotated tag."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.acceptance import AcceptanceCounts
from factory_assets.domain.builds import Phase
from factory_assets.domain.readings import ReadingCounts
from factory_assets.domain.specs import Language

PROVENANCE_FILE = "provenance.json"
SPEC_FILE = "SPEC.md"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcePaper(_Record):
    """A paper that the repo rests on."""

    id: str
    title: str
    url: str


class SourceRepository(_Record):
    """A repository that claims of the spec rest on."""

    name: str
    url: str
    licence: str | None


class AgreedAcceptance(_Record):
    """What was agreed before the build that the repo has to do: a digest of it, and how many scenarios it has."""

    model: str
    digest: str
    scenarios: int
    examples: int


class PhaseCommit(_Record):
    """The commit that a phase ended with."""

    phase: Phase
    commit: str


class Provenance(_Record):
    """All that is known of a repo before its last gate.

    `spec_sha256` is of the bytes of SPEC.md, `prompt_sha256` of the prompt templates by phase, of `repair` where a
    phase was repaired, and of those by which models were asked; `papers` is empty where a spec was imported, and
    `source_url` then says where its idea comes from; `repositories` are those that a researched spec rests on.
    `version` is the tag that it ships by. `acceptance` is None where nothing was agreed before the build.
    """

    schema_version: Literal[1] = 1
    name: str
    version: str
    language: Language
    papers: tuple[SourcePaper, ...]
    repositories: tuple[SourceRepository, ...] = ()
    source_url: str
    spec_sha256: str
    prompt_sha256: dict[str, str]
    models: dict[Phase, str]
    claude_code_version: str
    phases: tuple[PhaseCommit, ...]
    factory_version: str
    acceptance: AgreedAcceptance | None = None


class GateRecord(_Record):
    """One gate's verdict in a line."""

    passed: bool
    saw: str


class TagRecord(_Record):
    """What only the end knows. `commit` is what the tag points to; `cost_usd` is of all attempts.

    `reading` counts what a model found that had not written the repo; None where none was asked. `acceptance` counts
    the scenarios that it passed; None where nothing was agreed before it was built.
    """

    schema_version: Literal[1] = 1
    name: str
    version: str
    commit: str
    gates: dict[str, GateRecord]
    tests_executed: int
    cost_usd: float
    reading: ReadingCounts | None = None
    acceptance: AcceptanceCounts | None = None


def provenance_bytes(provenance: Provenance) -> bytes:
    """The file's content: the same provenance gives the same bytes."""
    fields = provenance.model_dump(mode="json")
    return (json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sha256(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
