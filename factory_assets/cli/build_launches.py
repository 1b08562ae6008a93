"""Launching builds by hand, beside ticks and other commands that launch them too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich.console import Console

from factory_assets.cli.queue_actions import place
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.jobs import BUILD_JOB
from factory_assets.defs.runs import ATTEMPTS_TAG
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

_LOOK_SECONDS = 1.0


@dataclass
class BuildLaunches:
    """The build runs of one command: those it launches, and those that others have launched or are about to.

    `only` names the repos that were asked for by name, if any were; `wanted` says what to launch, given the repos that
    have a run. `labels` names each run by its id, `failures` says by label why a launch failed.
    """

    client: FactoryClient
    registry: Registry
    console: Console
    only: frozenset[str]
    wanted: Callable[[Mapping[str, str]], Sequence[QueuedSpec]]
    sleep: Callable[[float], None]
    labels: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    _launched: list[str] = field(default_factory=list)
    _dealt_with: set[str] = field(default_factory=set)
    _run_key: str = field(default_factory=lambda: f"command {datetime.now(UTC).isoformat()}")

    def launch(self) -> dict[str, str]:
        """Launch what is wanted, and return the labels once each of it has a run.

        A launch that fails ends no other. When it is interrupted, what it launched and still waits in Dagster's queue
        is taken back.
        """
        try:
            while others := self._launch_free():
                for queued in others:
                    self.console.print(
                        f"  {place(queued)}: somebody else is launching it; waiting some minutes for its run."
                    )
                self._wait_for({queued.spec.name for queued in others})
        except BaseException:
            self.client.cancel_queued(self._launched)
            raise
        return self.labels

    def _launch_free(self) -> list[QueuedSpec]:
        """Launch what nobody else is launching; return the rest."""
        settled = self.client.settled_launches(self.registry)
        busy = self.client.busy_repos(self.registry)
        going = {name: run_id for name, run_id in busy.items() if not self.only or name in self.only}
        todo = [queued for queued in self.wanted(going) if queued.spec.name not in self._dealt_with]
        for name, run_id in going.items():
            self.labels.setdefault(run_id, f"{BUILD_JOB:<8} {name} (launched before)")
        self._dealt_with |= going.keys()
        return [queued for queued in todo if not self._launched_here(queued, settled)]

    def _launched_here(self, queued: QueuedSpec, settled: Mapping[str, datetime]) -> bool:
        """Whether the launch was free, and so is dealt with.

        Taken one by one: a command that is killed leaves at most one unlaunched.
        """
        name = queued.spec.name
        if not self.registry.launches.claim({name: self._run_key}, settled=settled, now=datetime.now(UTC)):
            return False
        # What is asked for by name is built though it has failed or was put off meanwhile.
        tags = {} if self.only else {ATTEMPTS_TAG: str(queued.attempts)}
        try:
            run_id = self.client.launch_spec(BUILD_JOB, queued, tags)
        except (FactoryError, OSError) as error:
            self.registry.launches.release(name, run_key=self._run_key)
            self.failures[f"{BUILD_JOB:<8} {place(queued)}"] = str(error)
            self._dealt_with.add(name)
            return True
        except BaseException:
            self.registry.launches.release(name, run_key=self._run_key)
            raise
        self._launched.append(run_id)
        self.labels[run_id] = f"{BUILD_JOB:<8} {place(queued)}"
        self._dealt_with.add(name)
        return True

    def _wait_for(self, names: set[str]) -> None:
        """Until what others are launching is a run, or has come to nothing."""
        while names & (
            self.registry.launches.asked_for().keys() - self.client.settled_launches(self.registry).keys()
        ):
            self.sleep(_LOOK_SECONDS)
