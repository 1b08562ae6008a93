"""Catalogues on loopback with what a test puts in them, and a spec to look up there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from memory_registry import memory_registry
from registry_samples import paper, spec

from factory_assets.domain.novelty import Found, LookUp, Novelty, NoveltySource
from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import Spec
from factory_assets.network.politeness import Politeness
from factory_assets.network.service import Service
from factory_assets.novelty.catalogues import Catalogue, GitHub, Npm, PaperPages, Pypi
from factory_assets.novelty.stage import Wanted, look_up
from factory_assets.registry import Registry
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Existing
from factory_assets.replay.server import ReplayServer

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
TOKEN = "ghp_replay"
FLOOR = 0.45


@dataclass
class World:
    """Looks specs up at a server, each time as a run of its own does."""

    server: ReplayServer
    folder: Path
    registry: Registry = field(default_factory=memory_registry)
    told: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: datetime = NOW
    token: str | None = TOKEN

    def catalogues(self, url: str | None = None) -> list[Catalogue]:
        """As many services as in a run; at another address where one is named."""
        place = url or self.server.url

        def service(name: str, headers: dict[str, str] | None = None) -> Service:
            return Service(
                name=name,
                politeness=Politeness(self.folder / f"{name}.lock", interval=0),
                notify=self.told.append,
                fix=f"Check {name}.",
                later="It is looked up again.",
                headers={"User-Agent": "software-factory-test", **(headers or {})},
                sleep=self.slept.append,
            )

        token = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return [
            PaperPages(service("Hugging Face"), place),
            GitHub(service("GitHub", token), place),
            Npm(service("npm"), lambda: place),
            Pypi(service("PyPI"), lambda: f"{place}/simple"),
        ]

    def look_up(
        self,
        wanted: Spec,
        papers: Sequence[Paper] = (),
        own: Sequence[Found] = (),
        catalogues: Sequence[Catalogue] | None = None,
    ) -> Novelty:
        return look_up(
            Wanted(wanted, tuple(papers), own),
            self.catalogues() if catalogues is None else catalogues,
            self.registry.novelty,
            floor=FLOOR,
            now=lambda: self.now,
            clean=str,
        )

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.server.requests]


@contextmanager
def world(folder: Path, existing: Existing | None = None) -> Iterator[World]:
    """A server with these things in its catalogues."""
    with ReplayServer(recordings=Recordings.of(existing or Existing()), github_token=TOKEN) as server:
        yield World(server, folder)


def of(novelty: Novelty, source: NoveltySource) -> LookUp:
    """What one source said."""
    (found,) = [lookup for lookup in novelty.lookups if lookup.source is source]
    return found


BYTES = spec(
    "byte-window",
    problem="A broken file shows up as a wrong byte that no viewer of text prints.",
    solution="Print a window of a file's bytes as hexadecimal numbers and characters.",
)
PAPER = paper("2606.01234", title="Windows over the bytes of files", abstract="We print bytes.", comment=None)
