"""The registry behind the redaction: what comes from outside is stored without the factory's secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from factory_assets.domain.imports import ImportCounts, ImportedSpec
from factory_assets.domain.papers import LabelledPaper, UpsertCounts
from factory_assets.domain.ports import ImportStore, PaperStore
from factory_assets.domain.redaction import Redactor


@dataclass(frozen=True)
class RedactedPapers:
    """Stores papers as gathering asks; a paper that quotes a secret is stored without it."""

    store: PaperStore
    redact: Redactor

    def upsert(self, papers: Sequence[LabelledPaper], *, now: datetime) -> UpsertCounts:
        """As the store's own."""
        return self.store.upsert([self.redact.model(paper) for paper in papers], now=now)


@dataclass(frozen=True)
class RedactedImports:
    """Queues imported specs; one that quotes a secret is queued without it."""

    store: ImportStore
    redact: Redactor

    def queue(
        self, day: date, specs: Sequence[ImportedSpec], *, late_ranks: range, now: datetime
    ) -> ImportCounts:
        """As the store's own.

        Raises:
            StatusError: naming the names that other specs have.
        """
        clean = [self.redact.model(spec) for spec in specs]
        return self.store.queue(day, clean, late_ranks=late_ranks, now=now)
