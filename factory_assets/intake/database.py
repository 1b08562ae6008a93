"""Importing from the idea engine: its candidates are marked only when their specs are safe here."""

from __future__ import annotations

from dataclasses import dataclass

from factory_assets.domain.errors import StatusError
from factory_assets.domain.imports import CandidateSource, Origin
from factory_assets.intake.candidates import RefusedError, check_candidate, read_candidates
from factory_assets.intake.folder import Intake


@dataclass(frozen=True)
class DatabaseReport:
    """What became of the candidates: names that are new in the queue or stood there, and refusals by row id."""

    queued: tuple[str, ...]
    known: tuple[str, ...]
    refused: tuple[tuple[str, tuple[str, ...]], ...]


def import_candidates(source: CandidateSource, intake: Intake) -> DatabaseReport:
    """Queue every candidate that is ready, one by one, and then mark those that are here as imported.

    A candidate that cannot be taken stays as it is and is reported. A run that dies before the marking does the
    same candidates again, which changes nothing.
    """
    safe, queued, known, refused = [], [], [], []
    for candidate in source.ready():
        try:
            fresh, old = _take(intake, candidate.id, candidate.text)
        except RefusedError as error:
            refused.append((candidate.id, error.reasons))
            continue
        safe.append(candidate.id)
        queued += fresh
        known += old
    source.mark_imported(safe)
    return DatabaseReport(tuple(queued), tuple(known), tuple(refused))


def _take(intake: Intake, row_id: str, text: str) -> tuple[list[str], list[str]]:
    specs = [
        check_candidate(candidate, origin=Origin.DATABASE, source=f"candidate {row_id}")
        for candidate in read_candidates(text)
    ]
    try:
        counts = intake.store.import_specs(intake.day, specs, late_ranks=intake.late_ranks, now=intake.now)
    except StatusError as error:
        raise RefusedError((error.what,)) from None
    return [queued.spec.name for queued in counts.queued], list(counts.known)
