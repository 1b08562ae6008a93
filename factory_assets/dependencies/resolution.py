"""What resolving comes to: the verdict, lock files for the commit, and what a run without network needs."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from factory_assets.domain.builds import GateVerdict, Phase

GATE = "dependencies"
_FIX = "Declare what the code imports, by a name that the package registry has, or do without it."


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """The outcome for one commit.

    `files` are added to the commit. `folders` were fetched: each stands at its name in any clone whose tests are
    to run without network. `paths` are environment variables that name a place in the clone, `env` any others.
    """

    verdict: GateVerdict
    files: Mapping[str, bytes] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def provide(self, clone: Path) -> dict[str, str]:
        """Put into a clone what its tests need, and return the environment that they need."""
        for name, folder in self.folders.items():
            # What untrusted code in a clone does to its copy is gone with the clone.
            shutil.copytree(folder, clone / name, symlinks=True, dirs_exist_ok=True)
        return {**self.env, **{variable: str(clone / path) for variable, path in self.paths.items()}}


class DependencyFaultError(Exception):
    """The repo's dependencies are not in order; each fault is a line for the verdict."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


_Model = TypeVar("_Model", bound=BaseModel)


def read_project(path: str, read: Callable[[], _Model]) -> _Model:
    """What a project file declares.

    Raises:
        DependencyFaultError: when it is broken, or something in it has another form.
    """
    try:
        return read()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise DependencyFaultError([f"{path}, {place}: {first['msg']}"]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DependencyFaultError([f"{path} is no TOML: {error}"]) from error


def passed(saw: str, details: Sequence[str] = ()) -> GateVerdict:
    """The verdict on dependencies that are in order."""
    return GateVerdict(gate=GATE, phase=Phase.REVIEW, passed=True, saw="\n".join([saw, *details]))


def refused(faults: Sequence[str]) -> GateVerdict:
    """The verdict on dependencies that are not."""
    count = f"{len(faults)} faults in the dependencies" if len(faults) > 1 else "a fault in the dependencies"
    saw = "\n".join([count, *faults])
    return GateVerdict(gate=GATE, phase=Phase.REVIEW, passed=False, saw=saw, fix=_FIX)
