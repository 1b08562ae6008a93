"""Importing from the idea engine: its candidates are marked only when their specs are safe here."""

from __future__ import annotations

from dataclasses import dataclass

from factory_assets.domain.imports import Candidate, CandidateSource, ImportedSpec, Origin
from factory_assets.domain.specs import QueuedSpec
from factory_assets.intake.candidates import ImportRefusedError, NoSpecYetError, read_candidates
from factory_assets.intake.folder import Intake


@dataclass(frozen=True)
class DatabaseReport:
    """What became of the candidates: names that are new in the queue or stood there, and refusals by row id.

    `unranked` are those of the queued that wait for a free rank, `pending` the rows that have no spec yet.
    """

    queued: tuple[str, ...]
    known: tuple[str, ...]
    refused: tuple[tuple[str, tuple[str, ...]], ...]
    unranked: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()


def import_candidates(source: CandidateSource, intake: Intake) -> DatabaseReport:
    """Queue every candidate that is ready, one by one, and then mark those that are here as imported.

    A candidate that cannot be taken stays as it is and is reported. A run that dies before the marking does the
    same candidates again, which changes nothing.
    """
    safe: list[str] = []
    queued: list[QueuedSpec] = []
    known: list[str] = []
    refused: list[tuple[str, tuple[str, ...]]] = []
    pending: list[str] = []
    for candidate in source.ready():
        try:
            counts = intake.queue(_specs(candidate, intake))
        except NoSpecYetError:
            pending.append(candidate.id)
            continue
        except ImportRefusedError as error:
            refused.append((candidate.id, error.reasons))
            continue
        safe.append(candidate.id)
        queued += counts.queued
        known += counts.known
    source.mark_imported(safe)
    return DatabaseReport(
        tuple(spec.spec.name for spec in queued),
        tuple(known),
        tuple(refused),
        unranked=tuple(spec.spec.name for spec in queued if spec.rank is None),
        pending=tuple(pending),
    )


def _specs(candidate: Candidate, intake: Intake) -> list[ImportedSpec]:
    found = read_candidates(candidate.text)
    return [intake.check(one, origin=Origin.DATABASE, source=f"candidate {candidate.id}") for one in found]
