"""What a sandbox is: the protocol that the contained and the plain one share, and what they start."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.sandbox.egress import EgressProxy, EgressRules
from factory_assets.sandbox.groups import ControlGroup
from factory_assets.sandbox.limits import ResourceLimits

TIMED_OUT_EXIT_CODE = 124
"""Exit code of a command that ran past its time, as coreutils' `timeout` gives it."""
_FOR_THE_LOADER = "LD_"

STOPPED_EXIT_CODE = 137
"""Exit code of a command that was stopped at a limit, as of one that was killed."""


@dataclass(frozen=True)
class Confines:
    """What holds one program while it runs: its way out, its limits, its control group where there is one."""

    limits: ResourceLimits
    egress: EgressProxy | None = None
    group: ControlGroup | None = None


@dataclass(frozen=True)
class Program:
    """An untrusted program that runs for long, with its input and output held by whoever starts it.

    It works in `workspace`, the only real folder it can change, unless `writable` names more. `readable` is
    shown to it read-only. `home` is a folder that lasts between two runs; without one, HOME is empty and
    forgotten. `homes` is instead a folder that holds the home under HOME's own name, so that the home itself can go.
    `env` is what it gets beside the clean environment: no secrets, they are passed at the start. Its network is the
    egress proxy of its confines.
    """

    argv: tuple[str, ...]
    workspace: Path
    confines: Confines
    home: Path | None = None
    homes: Path | None = None
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def started(self) -> tuple[str, ...]:
        """Its command line, in what the dynamic loader is told for it: nothing that runs around it may be told that."""
        told = [f"{name}={value}" for name, value in self.env.items() if name.startswith(_FOR_THE_LOADER)]
        return ("env", *told, *self.argv) if told else self.argv

    @property
    def env_around(self) -> dict[str, str]:
        """All of `env` that is not for the loader."""
        return {name: value for name, value in self.env.items() if not name.startswith(_FOR_THE_LOADER)}


class Sandbox(Protocol):
    """Runs untrusted commands and programs; implements domain.agents.CommandRunner."""

    @property
    def protections(self) -> tuple[str, ...]:
        """What is on, in words for an operator; empty when nothing contains the command."""
        ...

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not on, and why, in words for an operator."""
        ...

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal that makes a wrapped program and all it started go away."""
        ...

    def which(self, program: str) -> Path | None:
        """Where a command would find `program`, or None."""
        ...

    def confine(self, rules: EgressRules | None) -> AbstractContextManager[Confines]:
        """The confines of one program, with an egress proxy where there are rules for one."""
        ...

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out; nothing it started is left running.

        Raises:
            MissingToolError: when the sandbox itself could not be started.
        """
        ...

    def environment(self, program: Program) -> dict[str, str]:
        """The whole environment of a wrapped program, but for secrets."""
        ...

    def wrap(self, program: Program, *, info_fd: int | None = None) -> list[str]:
        """The command line that starts `program` contained, in exactly the environment it is started with.

        Where there is a PID namespace, its first process is written to `info_fd` as JSON.
        """
        ...
