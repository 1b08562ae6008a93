"""Specs from research for other factories: as documents that they read, and into a folder of JSON files.

The form: https://github.com/timholm/idea-engine (internal/types/types.go), with what this factory knows beside it under
names of its own. Its readers, https://github.com/timholm/claude-code-factory (internal/importer) and intake/ here, take
a file with one object and pass over fields that they do not know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from pydantic import JsonValue

from factory_assets.domain.delivery import Delivered, Delivery
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.evidence import ClaimKind, SpecEvidence
from factory_assets.domain.links import repository
from factory_assets.domain.research import PieceKind
from factory_assets.domain.specs import Spec

# Where the intake moves files that it has read.
_READ = ("done", "rejected")


def delivery_of(spec: Spec, evidence: SpecEvidence, *, score: float = 0.0) -> Delivery:
    """A spec with its evidence, as far as that may be published: no text of a paper goes with it."""
    first = next((piece for piece in evidence.pieces if piece.kind is PieceKind.CANDIDATE), None)
    return Delivery(
        name=spec.name,
        document=_document(spec, evidence.publishable()),
        arxiv_id=spec.source_papers[0] if spec.source_papers else "",
        title=first.title if first else spec.name,
        score=score,
    )


def _document(spec: Spec, evidence: SpecEvidence) -> dict[str, JsonValue]:
    return {
        "name": spec.name,
        "problem": spec.problem,
        "solution": spec.solution,
        "language": spec.language.value,
        "files": list(spec.files),
        "estimated_lines": spec.estimated_lines,
        "source_papers": list(spec.source_papers),
        "source_repos": list(_repositories(evidence)),
        "source_url": spec.origin_url,
        "market_analysis": spec.who_pays,
        "technique_map": dict(_techniques(evidence)),
        "competing_tools": [claim.text for claim in evidence.of_kind(ClaimKind.COMPETITOR)],
        "moat": spec.moat,
        "complexity": spec.complexity,
        "who_pays": spec.who_pays,
        "integration_point": spec.integration_point,
        "evidence": evidence.model_dump(mode="json", exclude={"papers"}),
    }


def _repositories(evidence: SpecEvidence) -> Iterator[str]:
    for piece in evidence.repositories:
        # A reader refuses the whole spec for one link that is no repository.
        with suppress(InputError):
            repository(piece.url)
            yield piece.url


def _techniques(evidence: SpecEvidence) -> dict[str, JsonValue]:
    """By paper, how the spec uses it: the first step of the method that rests on it."""
    papers = {piece.id: piece.arxiv_id for piece in evidence.pieces if piece.arxiv_id}
    used: dict[str, JsonValue] = {}
    for claim in evidence.of_kind(ClaimKind.METHOD):
        for name in claim.pieces:
            if name in papers:
                used.setdefault(papers[name], claim.text)
    return used


class SpecFolder:
    """A folder that a factory reads specs from, such as FACTORY_SPECS_DIR: one file a spec, named after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, delivery: Delivery) -> Delivered:
        """Write the file, whole or not at all, unless one of that name lies there.

        Raises:
            InfrastructureError: it cannot be written.
        """
        place = self._folder / f"{delivery.name}.json"
        try:
            if self._has_been_read(delivery):
                return Delivered.BEFORE
            self._folder.mkdir(parents=True, exist_ok=True)
            # A reader takes what ends with .json; this does not.
            made = place.with_name(f".{place.name}.{uuid4().hex}.new")
            try:
                with made.open("w", encoding="utf-8") as file:
                    json.dump(delivery.document, file, indent=2, ensure_ascii=False)
                    file.write("\n")
                    file.flush()
                    os.fsync(file.fileno())
                place.hardlink_to(made)
            except FileExistsError:
                return Delivered.BEFORE if _holds(place, delivery) else Delivered.TAKEN
            finally:
                made.unlink(missing_ok=True)
        except OSError as error:
            raise InfrastructureError(
                f"The spec cannot be written: {error.strerror}.",
                where=str(place),
                fix="Look at the free space and the permissions there; delivering again changes nothing else.",
            ) from error
        return Delivered.NEW

    def _has_been_read(self, delivery: Delivery) -> bool:
        return any(_holds(self._folder / read / f"{delivery.name}.json", delivery) for read in _READ)


def _holds(path: Path, delivery: Delivery) -> bool:
    try:
        held: JsonValue = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return False
    return held == delivery.document
