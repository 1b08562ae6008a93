"""What there is around a candidate, in tests: an archive in memory, citations, texts, and GitHub on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from memory_registry import memory_registry
from registry_samples import DAY, paper

from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import (
    Candidate,
    CitationCounts,
    CitationDirection,
    CitedPaper,
    FullText,
    ResearchContext,
    Section,
    SimilarPaper,
)
from factory_assets.ideas.repositories import Repositories
from factory_assets.ideas.research import Sources, research
from factory_assets.ideas.scoring_file import load_scoring
from factory_assets.network.github import NOT_SERVED, GitHubApi
from factory_assets.network.politeness import Politeness
from factory_assets.network.service import Service
from factory_assets.registry import Registry
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Existing, RecordedRepository
from factory_assets.replay.server import ReplayServer

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
TOKEN = "ghp_replay"
SCORING = load_scoring()
PAPER = paper(
    "2606.01234",
    title="CacheScope: Probing Prefix Caches of Language Model Servers",
    abstract="Prefix caches hide what they hold. We probe prefix caches of servers.",
    authors=("Ada Probe", "Bo Cache"),
)


class KilledError(Exception):
    """The worker dies here."""


def record(arxiv_id: str, title: str = "On other things", **changes: object) -> ArchiveRecord:
    told: dict[str, object] = {
        "arxiv_id": arxiv_id,
        "version": 1,
        "title": title,
        "abstract": f"The abstract of {arxiv_id}.",
        "authors": (f"Author of {arxiv_id}",),
        "categories": ("cs.LG",),
        "comment": None,
        "journal_ref": None,
        "doi": None,
        "licence": None,
        "submitted": datetime(2026, 6, 3, 12, tzinfo=UTC),
        "changed": date(2026, 6, 4),
    }
    return ArchiveRecord.model_validate({**told, **changes})


def similar(*records: ArchiveRecord) -> list[SimilarPaper]:
    """The nearest one first."""
    return [
        SimilarPaper(record=one, likeness=round(0.9 - place / 100, 2)) for place, one in enumerate(records)
    ]


def cited(*arxiv_ids: str) -> list[CitedPaper]:
    return [CitedPaper(arxiv_id=one, title=f"Title of {one}", steps=1) for one in arxiv_ids]


def repository(full_name: str, description: str, **more: object) -> RecordedRepository:
    values: dict[str, object] = {
        "stars": 40,
        "readme": f"# {full_name}\nWhat it is for.",
        "files": ("src/", "README.md"),
        "licence": "MIT",
        "pushed": date(2026, 6, 10),
        **more,
    }
    return RecordedRepository.model_validate({"full_name": full_name, "description": description, **values})


def text_of(arxiv_id: str, heading: str = "3 Our Method") -> FullText:
    told = "We probe each prefix twice. " * 20
    sections = (Section(heading="1 Introduction", text=told), Section(heading=heading, text=told))
    return FullText(
        arxiv_id=arxiv_id,
        source=f"https://arxiv.org/html/{arxiv_id}",
        licence="http://creativecommons.org/licenses/by/4.0/",
        quotable=True,
        sections=sections,
    )


@dataclass
class World:
    """Plays all sources; what is set as `broken` raises. `look` is a run of its own."""

    server: ReplayServer
    folder: Path
    similar: list[SimilarPaper] = field(default_factory=list)
    cited: dict[CitationDirection, list[CitedPaper]] = field(default_factory=dict)
    text: FullText | None = None
    records: dict[str, ArchiveRecord] = field(default_factory=dict)
    broken: dict[str, FactoryError] = field(default_factory=dict)
    counts_missing: bool = False
    token: str | None = TOKEN
    now: datetime = NOW
    registry: Registry = field(default_factory=memory_registry)
    told: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def look(self, *papers: Paper, dies_at: int = 0) -> list[ResearchContext]:
        """Research around these candidates, which are chosen; the worker dies when it tells of that one."""
        chosen = papers or (PAPER,)
        candidates = [
            Candidate(arxiv_id=one.arxiv_id, day=DAY, score=50, reasons=(), place=place, chosen=True)
            for place, one in enumerate(chosen, start=1)
        ]
        self.registry.ideas.record_candidates(DAY, candidates, now=self.now)

        def notify(line: str) -> None:
            self.told.append(line)
            if len(self.told) == dies_at:
                raise KilledError

        return research(
            DAY,
            chosen,
            self.sources(),
            self.registry.ideas,
            now=lambda: self.now,
            notify=notify,
            clean=lambda text: text.replace("SECRET", "[redacted]"),
        )

    def sources(self) -> Sources:
        token = {"Authorization": f"Bearer {self.token}"} if self.token else {}

        def service(name: str) -> Service:
            return Service(
                name=name,
                politeness=Politeness(self.folder / f"{name}.lock", interval=0),
                notify=self.told.append,
                fix=f"Check {name}.",
                later="It is looked up again.",
                headers={"User-Agent": "software-factory-test", **token},
                sleep=self.slept.append,
                absent=NOT_SERVED,
            )

        api = GitHubApi(service("GitHub's search"), service("GitHub"), self.server.url)
        return Sources(
            neighbours=_Neighbours(self),
            citations=_Citations(self),
            texts=_Texts(self),
            repositories=Repositories(api, self.now.date()),
            held=self._held,
            disagreeing=SCORING.disagreeing,
        )

    def requests(self) -> list[str]:
        """What GitHub was asked so far."""
        return [request.path for request in self.server.requests]

    def fail(self, name: str) -> None:
        self.asked.append(name)
        if name in self.broken:
            raise self.broken[name]

    def _held(self, arxiv_ids: Sequence[str]) -> list[ArchiveRecord]:
        self.fail("held")
        return [self.records[key] for key in arxiv_ids if key in self.records]


@dataclass
class _Neighbours:
    world: World

    def similar(self, arxiv_id: str, count: int) -> list[SimilarPaper]:
        del arxiv_id
        self.world.fail("similar")
        return self.world.similar[:count]


@dataclass
class _Citations:
    world: World

    def look_up(self, arxiv_ids: list[str]) -> dict[str, CitationCounts]:
        self.world.fail("citations")
        if self.world.counts_missing:
            return {}
        return {
            key: CitationCounts(arxiv_id=key, cited_by=0, references=0, source="test", fetched_at=NOW)
            for key in arxiv_ids
        }

    def related(
        self, arxiv_id: str, direction: CitationDirection, *, steps: int = 1, count: int = 100
    ) -> list[CitedPaper]:
        del arxiv_id, steps
        return self.world.cited.get(direction, [])[:count]


@dataclass
class _Texts:
    world: World

    def read(self, arxiv_id: str) -> FullText | None:
        del arxiv_id
        self.world.fail("text")
        return self.world.text


@contextmanager
def research_world(
    folder: Path, *repositories: RecordedRepository, searches: int | None = None
) -> Iterator[World]:
    """A world that holds the paper itself, with these repositories on GitHub."""
    with ReplayServer(
        recordings=Recordings.of(Existing(github=repositories)), github_token=TOKEN, github_searches=searches
    ) as server:
        own = record(PAPER.arxiv_id, PAPER.title, authors=PAPER.authors)
        yield World(server, folder, records={PAPER.arxiv_id: own})
