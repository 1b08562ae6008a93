"""The commands gather, analyze, build and mirror: the same jobs as in the UI, launched and followed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from rich.console import Console

from factory_assets.cli.instance import Instance
from factory_assets.cli.processes import daemon
from factory_assets.defs.automation import unmirrored_specs
from factory_assets.defs.client import FactoryClient
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.errors import InputError
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.domain.text import tail
from factory_assets.registry import Registry
from factory_assets.settings import Settings


@dataclass(frozen=True)
class Days:
    """The dates a command works on, both ends inclusive."""

    first: date
    last: date

    @classmethod
    def chosen(
        cls, settings: Settings, *, day: date | None, first: date | None, last: date | None
    ) -> Days | None:
        """From --date or --from and --to; None where none was given.

        Raises:
            InputError: the options contradict each other, or name dates that are no partitions.
        """
        if day is not None and (first is not None or last is not None):
            raise InputError("--date goes alone, or --from with --to.", mend="Give one of the two.")
        if day is not None:
            first = last = day
        if first is None and last is None:
            return None
        if first is None or last is None or last < first:
            raise InputError(
                "A range wants both ends in order.", mend="Give --from D --to D, older date first."
            )
        newest = settings.factory_end_date or datetime.now(UTC).date()
        if first < settings.factory_start_date or last > newest:
            raise InputError(
                f"{first} to {last} is beyond the partitions: {settings.factory_start_date} to {newest}.",
                mend="Choose dates in between, or set FACTORY_START_DATE.",
            )
        return cls(first, last)

    def hold(self, day: date | None) -> bool:
        """Whether the day is one of them."""
        return day is not None and self.first <= day <= self.last


@dataclass
class Factory:
    """An instance at work: a client for runs, and the registry for what there is to do."""

    settings: Settings
    client: FactoryClient
    registry: Registry
    console: Console
    _labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def at_work(cls, instance: Instance, registry: Registry, console: Console) -> Iterator[Factory]:
        """Load the code location, with the running daemon or one for the time of this block."""
        with FactoryClient.open(instance.workspace) as client:
            if not client.daemon_is_running():
                client.release_dead_runs()
                client.set_pool("builds", instance.settings.build_workers)
            log = instance.settings.factory_data_dir / "logs" / "daemon.log"
            with daemon(workspace=instance.workspace, log=log, is_running=client.daemon_is_running):
                yield cls(instance.settings, client, registry, console)

    def gather(self, days: Days) -> list[str]:
        """Gather the dates in one run. What failed is returned, here as by the other stages."""
        run = self.client.launch_days("gather", days.first, days.last)
        label = str(days.first) if days.first == days.last else f"{days.first} to {days.last}"
        return self._follow({run: f"gather   {label}"})

    def analyze(self, days: Days) -> list[str]:
        """Analyse each of the dates that has not been analysed, or holds papers that came later."""
        done = self.registry.analysed_days() - self.registry.unread_days()
        every = [
            date.fromordinal(number) for number in range(days.first.toordinal(), days.last.toordinal() + 1)
        ]
        todo = [day for day in every if day not in done]
        return self._follow(
            {self.client.launch_days("analyze", day, day): f"analyze  {day}" for day in todo},
            nothing="Every date is analysed.",
        )

    def build(self, days: Days | None, names: Sequence[str]) -> list[str]:
        """Build the specs that wait; one that is named is built again even if it failed before."""
        wanted = (
            [self._named(name) for name in names]
            if names
            else self.registry.launchable_specs(datetime.now(UTC))
        )
        busy = self.client.busy_repos()
        todo = [
            queued
            for queued in wanted
            if queued.spec.name not in busy
            and queued.status is not BuildStatus.SHIPPED
            and (days is None or days.hold(queued.day))
        ]
        return self._follow_specs("build", todo, nothing="No spec waits to be built.")

    def mirror(self, days: Days | None, names: Sequence[str]) -> list[str]:
        """Publish the shipped repos that are not mirrored yet, or those that are named."""
        waiting = [self._named(name) for name in names] if names else unmirrored_specs(self.registry)
        todo = [queued for queued in waiting if days is None or days.hold(queued.day)]
        return self._follow_specs("mirror", todo, nothing="Every shipped repo is mirrored.")

    def _named(self, name: str) -> QueuedSpec:
        queued = self.registry.spec_named(name)
        if queued is None:
            raise InputError("No spec has this name.", where=name, mend="`factory status` lists the names.")
        return queued

    def _follow_specs(self, job: str, specs: Sequence[QueuedSpec], *, nothing: str) -> list[str]:
        return self._follow(
            {self.client.launch_spec(job, queued): f"{job:<8} {_place(queued)}" for queued in specs},
            nothing=nothing,
        )

    def _follow(self, labels: dict[str, str], *, nothing: str = "") -> list[str]:
        if not labels:
            self.console.print(f"  {nothing}")
            return []

        def show(run_id: str, status: str) -> None:
            if status in {"queued", "started", "success", "failure", "canceled"}:
                self.console.print(
                    f"  {datetime.now(UTC):%H:%M:%S}  {labels[run_id]:<58} {status}", highlight=False
                )

        failed = [end for end in self.client.wait(list(labels), show) if not end.succeeded]
        for end in failed:
            self.console.print(f"  {labels[end.run_id]} failed:", style="red", markup=False)
            self.console.print(tail(end.error), markup=False, highlight=False, soft_wrap=True)
        return [labels[end.run_id] for end in failed]


def _place(queued: QueuedSpec) -> str:
    rank = rank_key(queued.rank) if queued.rank is not None else "--"
    return f"{queued.day}|{rank} {queued.spec.name}"
