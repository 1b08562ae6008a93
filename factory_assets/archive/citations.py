"""Who cites whom: asked of a source where what is kept is old, and answered from what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from factory_assets.archive.citation_source import CitationSource
from factory_assets.domain.citations import CitationStore, PaperCitations, SourceCounts, citation_key
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.research import CitationCounts, CitationDirection, CitedPaper
from factory_assets.domain.text import counted

KEPT_FOR = timedelta(days=30)
# A paper of today is unknown to the sources for some days.
UNKNOWN_FOR = timedelta(days=1)
# A transaction takes longer than what it writes of one paper.
_KEPT_AT_ONCE = 25


@dataclass(frozen=True)
class Citations:
    """Implements CitationGraph. `now` tells the time; `notify` gets a line for whatever could not be looked up."""

    source: CitationSource
    kept: CitationStore
    now: Callable[[], datetime]
    notify: Callable[[str], None]

    def look_up(self, arxiv_ids: list[str]) -> dict[str, CitationCounts]:
        """See CitationGraph. A fault of the source is told, and what it had told before stays.

        Raises:
            InputError: one of them is no arXiv id.
            RegistryBusyError, InfrastructureError: of the store.
        """
        asked = {arxiv_id: citation_key(arxiv_id) for arxiv_id in arxiv_ids}
        known, stale = self._fresh(asked.values())
        if stale:
            self._ask(stale)
            known, _ = self._fresh(asked.values())
        return {
            arxiv_id: told.model_copy(update={"arxiv_id": arxiv_id})
            for arxiv_id, key in asked.items()
            if (told := known.get(key)) is not None
        }

    def related(
        self, arxiv_id: str, direction: CitationDirection, *, steps: int = 1, count: int = 100
    ) -> list[CitedPaper]:
        """See CitationGraph."""
        return self.kept.related(citation_key(arxiv_id), direction, steps=steps, count=count)

    def _ask(self, arxiv_ids: list[str]) -> None:
        coming = self.source.citations(arxiv_ids, self.now)
        left, held = len(arxiv_ids), list[PaperCitations]()
        while True:
            fault, found = None, None
            try:
                found = next(coming, None)
            except FactoryError as error:
                fault = error
            held += [found] if found else []
            if held and (found is None or len(held) == _KEPT_AT_ONCE):
                self.kept.keep(held)
                left, held = left - len(held), []
            if fault is not None:
                papers = counted(left, "paper", "papers")
                self.notify(f"Citations of {papers} could not be looked up: {fault}")
            if found is None:
                return

    def _fresh(self, arxiv_ids: Iterable[str]) -> tuple[dict[str, CitationCounts], list[str]]:
        """What is known of these papers and not too old, and those that are to be asked for."""
        wanted = list(dict.fromkeys(arxiv_ids))
        known: dict[str, CitationCounts] = {}
        unknown: set[str] = set()
        now = self.now()
        # The last one that was told comes first.
        for counts in self.kept.counts(wanted):
            if (told := _known(counts)) is None:
                unknown |= {counts.arxiv_id} if counts.fetched_at > now - UNKNOWN_FOR else set()
            elif counts.fetched_at > now - KEPT_FOR:
                known.setdefault(counts.arxiv_id, told)
        return known, [arxiv_id for arxiv_id in wanted if arxiv_id not in known and arxiv_id not in unknown]


def _known(counts: SourceCounts) -> CitationCounts | None:
    if counts.cited_by is None:
        return None
    return CitationCounts(
        arxiv_id=counts.arxiv_id,
        cited_by=counts.cited_by,
        references=counts.references or 0,
        source=counts.source,
        fetched_at=counts.fetched_at,
    )
