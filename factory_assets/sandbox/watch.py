"""What a command that runs a repo's own code is watched by: a home with planted files, and its network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.domain.agents import Sighting
from factory_assets.domain.errors import MissingToolError
from factory_assets.sandbox.attempts import Attempts
from factory_assets.sandbox.mounts import HOME
from factory_assets.sandbox.planted import PlantedHome
from factory_assets.scratch import scratch_folder


@dataclass
class Watch:
    """One watched command. `unwatched` says what this machine cannot watch, and why."""

    planted: PlantedHome
    unwatched: list[str] = field(default_factory=list)
    _attempts: Attempts | None = None
    _seen: tuple[Sighting, ...] | None = None

    @property
    def home(self) -> Path:
        """The folder that the command gets as its home."""
        return self.planted.folder

    def follow(self, first: int) -> None:
        """Watch the network of a process that waits to begin."""
        try:
            self._attempts = Attempts(first)
        except MissingToolError as error:
            self.unwatched.append(error.what)

    def sightings(self) -> tuple[Sighting, ...]:
        """What was seen, once everything has ended."""
        if self._seen is None:
            attempts = self._attempts.close() if self._attempts else ()
            self._seen = (*self.planted.sightings(), *attempts)
        return self._seen


@contextmanager
def watched() -> Iterator[Watch]:
    """A new home, removed at the end."""
    with scratch_folder("home") as folder:
        home = folder / "homes" / HOME.name
        home.mkdir(mode=0o700, parents=True)
        with PlantedHome(home) as planted:
            watch = Watch(planted, [planted.unwatched] if planted.unwatched else [])
            try:
                yield watch
            finally:
                watch.sightings()
