"""Sources of citations over peers on loopback, as an instance makes them, and a registry that keeps what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from json_server import JsonServer
from memory_registry import memory_registry
from openalex_server import OpenAlexServer

from factory_assets.archive.citation_source import CitationSource
from factory_assets.archive.citations import Citations
from factory_assets.archive.openalex import OpenAlex
from factory_assets.archive.semantic_scholar import NOTHING, SemanticScholar
from factory_assets.domain.citations import PaperCitations
from factory_assets.network.politeness import Politeness
from factory_assets.network.service import Service
from factory_assets.registry import Registry

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)


@dataclass
class CitationWorld:
    """Asks one server, each time as a run of its own does. Without `key` it shows none."""

    server: JsonServer
    folder: Path
    key: str | None
    registry: Registry = field(default_factory=memory_registry)
    now: datetime = NOW
    told: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def source(self) -> CitationSource:
        if isinstance(self.server, OpenAlexServer):
            signed = {"Authorization": f"Bearer {self.key}"} if self.key else {}
            return OpenAlex(self._service("OpenAlex", signed), f"{self.server.url}/")
        signed = {"x-api-key": self.key} if self.key else {}
        return SemanticScholar(self._service("Semantic Scholar", signed), self.server.url)

    def ask(self, *arxiv_ids: str) -> dict[str, PaperCitations]:
        """What the source itself says."""
        return {
            found.counts.arxiv_id: found for found in self.source().citations(arxiv_ids, lambda: self.now)
        }

    def graph(self) -> Citations:
        return Citations(self.source(), self.registry.citations, lambda: self.now, self.told.append)

    def _service(self, name: str, credential: dict[str, str]) -> Service:
        return Service(
            name=name,
            politeness=Politeness(self.folder / f"{name}.lock", interval=0),
            notify=self.told.append,
            fix=f"Check {name}.",
            later="It is looked up again.",
            headers={"User-Agent": "software-factory-test"},
            credential=credential,
            refusals=frozenset({401, 403}),
            answered=NOTHING,
            pauses=(5.0, 20.0),
            sleep=self.slept.append,
        )


def ends(found: PaperCitations) -> tuple[list[str], list[str]]:
    """The ids of those that cite a paper, and of those that it names."""
    return [paper.arxiv_id for paper in found.citing], [paper.arxiv_id for paper in found.cited]
