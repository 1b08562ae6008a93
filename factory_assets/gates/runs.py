"""What running a commit gives: a fresh clone with its dependencies, and the results of its tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from factory_assets.domain.agents import CommandRunner
from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.provenance import Provenance
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.folders import fresh_folder, remove_folder
from factory_assets.gates.go_cache import GoCache, go_cache_folder
from factory_assets.gates.tests_run import TestRuns
from factory_assets.gates.watched import Watched
from factory_assets.languages import LANGUAGES
from factory_assets.languages.clocks import GO_CACHE

# What a build makes, it may remove: also where somebody has committed it.
_MADE = frozenset({"build", "dist", "target", "node_modules"})


class Resolved(Protocol):
    """What resolving a commit's dependencies came to: see dependencies/resolution.py."""

    @property
    def verdict(self) -> GateVerdict:
        """Whether they are in order."""
        ...

    @property
    def files(self) -> Mapping[str, bytes]:
        """Lock files for the commit."""
        ...

    @property
    def folders(self) -> Mapping[str, Path]:
        """What was fetched, by the name of its folder in a clone."""
        ...

    def provide(self, clone: Path) -> dict[str, str]:
        """Put into a clone what its tests need, and return the environment that they need."""
        ...


@dataclass(frozen=True, kw_only=True)
class Final:
    """The commit as it would ship. `lay_out` writes a fresh clone of it; `provenance` is what its file has to say."""

    commit: str
    tree: Tree
    lay_out: Callable[[Path], None]
    provenance: Provenance | None = None


@dataclass(frozen=True)
class Clone:
    """A fresh clone whose dependencies are there. `env` is what they need, `folders` what was fetched for them."""

    folder: Path
    env: Mapping[str, str]
    folders: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Makes each thing when it is first asked for, and keeps it until `close`.

    Args:
        language: whose toolchain is used.
        commands: what runs the untrusted commands, without network.
        scratch: an empty folder of its own.
        seconds: what one command may take, by the time that the build has left.
        resolve: judges, locks and fetches the dependencies: the only step with network.
        finish: adds to the commit what the factory adds itself.
    """

    language: Language
    commands: CommandRunner
    scratch: Path
    seconds: Callable[[], float]
    resolve: Callable[[], Resolved]
    finish: Callable[[Resolved], Final]

    @cached_property
    def resolved(self) -> Resolved:
        """The dependencies."""
        return self.resolve()

    @cached_property
    def final(self) -> Final:
        """The commit as it would ship."""
        return self.finish(self.resolved)

    @cached_property
    def clone(self) -> Clone:
        """A fresh clone of the final commit."""
        folder = fresh_folder(self.scratch / "clone")
        self.final.lay_out(folder)
        if LANGUAGES[self.language].compiles_library:
            library = GoCache(
                commands=self.commands, folder=go_cache_folder(), scratch=self.scratch / "go-library"
            )
            library.copy_to(folder / GO_CACHE)
        return Clone(folder, self.resolved.provide(folder), tuple(self.resolved.folders))

    @cached_property
    def watched(self) -> Watched:
        """Runs the commands of the commit as it is, and keeps what they are seen to do."""
        files = (path for path in self.final.tree if path.partition("/")[0] not in _MADE)
        return Watched(self.commands, tuple(files))

    @cached_property
    def tests(self) -> TestRuns:
        """The runs of its tests."""
        clone = self.clone
        return TestRuns(
            language=self.language,
            clone=clone.folder,
            tree=self.final.tree,
            commands=self.watched,
            seconds=self.seconds(),
            env=clone.env,
            folders=clone.folders,
        )

    def close(self) -> None:
        """Remove the clone."""
        remove_folder(self.scratch / "clone")
