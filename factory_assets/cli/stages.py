"""The commands gather, analyze, build and mirror: the same jobs as in the UI, launched and followed here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rich.console import Console

from factory_assets.cli.build_launches import BuildLaunches
from factory_assets.cli.command_programs import client_at_work
from factory_assets.cli.instance import OpenedInstance
from factory_assets.cli.ownership import own_or_await_daemon, using_daemon
from factory_assets.cli.queue_actions import place
from factory_assets.cli.running import note_running, show_daemon
from factory_assets.defs.automation import todays_budget, unmirrored_specs
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.daemons import (
    check_no_daemon,
    daemon_is_running,
    forget_daemon,
    open_queue,
    release_dead_runs,
)
from factory_assets.defs.runs import RunOutcome
from factory_assets.defs.storage import open_storage
from factory_assets.domain.automation import Launches, choose_launches
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.errors import CredentialError, InputError
from factory_assets.domain.places import Lacking, Places
from factory_assets.domain.specs import QueuedSpec
from factory_assets.domain.text import tail
from factory_assets.registry import Registry
from factory_assets.settings import Settings


def _never() -> bool:
    return False


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
            raise InputError("--date goes alone, or --from with --to.", fix="Give one of the two.")
        if day is not None:
            first = last = day
        if first is None and last is None:
            return None
        if first is None or last is None or last < first:
            raise InputError(
                "A range wants both ends in order.", fix="Give --from D --to D, older date first."
            )
        return cls.within(settings, first, last)

    @classmethod
    def within(cls, settings: Settings, first: date, last: date) -> Days:
        """Dates that are partitions.

        Raises:
            InputError: one of them is none.
        """
        newest = settings.newest_date(datetime.now(UTC).date())
        if first < settings.factory_start_date or last > newest:
            named = f"{first}" if first == last else f"{first} to {last}"
            raise InputError(
                f"{named} is beyond the partitions: {settings.factory_start_date} to {newest}.",
                fix="Choose dates in between, or set FACTORY_START_DATE or FACTORY_END_DATE.",
            )
        return cls(first, last)

    def each(self) -> list[date]:
        """All of them."""
        return [
            date.fromordinal(number) for number in range(self.first.toordinal(), self.last.toordinal() + 1)
        ]

    def hold(self, day: date | None) -> bool:
        """Whether the day is one of them."""
        return day is not None and self.first <= day <= self.last


def named_specs(registry: Registry, names: Sequence[str], *, places: Places) -> list[QueuedSpec]:
    """The specs with these names, each once. They are looked at before anything is started for one of them.

    Raises:
        InputError: with every name that no spec has, or whose spec has no partition, for one and the same reason.
    """
    found = {name: registry.queue.named(name) for name in dict.fromkeys(names)}
    unknown = [name for name, queued in found.items() if queued is None]
    if unknown:
        raise InputError(
            "No spec has this name.", where=", ".join(unknown), fix="`factory status` lists the names."
        )
    specs = [queued for queued in found.values() if queued is not None]
    today = datetime.now(UTC).date()
    lacking = {queued.spec.name: places.lacking(queued, today) for queued in specs}
    if (first := next(filter(None, lacking.values()), None)) is not None:
        alike = [name for name, lacks in lacking.items() if lacks is not None and lacks.what == first.what]
        raise InputError(first.what, where=", ".join(alike), fix=first.fix)
    return specs


@dataclass
class Factory:
    """An instance at work: a client for runs, and the registry for what there is to do."""

    settings: Settings
    client: FactoryClient
    registry: Registry
    console: Console
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    @contextmanager
    def at_work(cls, instance: OpenedInstance, registry: Registry, console: Console) -> Iterator[Factory]:
        """Load the code location, with the running daemon or one for the time of this block."""
        settings = instance.settings
        data_dir = settings.factory_data_dir
        with open_storage(data_dir) as dagster, ExitStack() as stack:
            # First of all, so that the daemon that is found does not stop before it was used.
            use = stack.enter_context(using_daemon(data_dir))
            ownership = own_or_await_daemon(stack, data_dir, lambda: daemon_is_running(dagster))
            if ownership is None:
                show_daemon(settings, console)
                client = stack.enter_context(FactoryClient.open(instance.workspace, data_dir))
                yield cls(settings, client, registry, console)
                return
            check_no_daemon(dagster)
            note_running(instance)
            forget_daemon(dagster)
            release_dead_runs(dagster, registry)
            open_queue(dagster, registry, instance.parts.credential, settings.build_workers)
            stack.callback(forget_daemon, dagster)
            client = stack.enter_context(client_at_work(instance, ownership))
            factory = cls(settings, client, registry, console)
            yield factory
            use.await_others(
                lambda: console.print("Waiting for other commands to end before the daemon stops …")
            )
            factory.wait_for_others()

    def wait_for_others(self) -> None:
        """Let the runs end that other commands have going on this command's daemon."""
        if going := self.client.going_on():
            self.console.print(f"Waiting for {len(going)} runs of other commands before the daemon stops …")
            self.client.wait(going, lambda _run, _status: None)

    def gather(self, days: Days) -> list[str]:
        """Gather the dates in one run. What failed is returned, here as by the other stages."""
        return self._follow(self._together("gather", days))

    def harvest(self, days: Days) -> list[str]:
        """Harvest what arXiv changed on the dates, in one run."""
        return self._follow(self._together("harvest", days))

    def _together(self, job: str, days: Days) -> dict[str, str]:
        """One run of a job on all of the dates, with its label."""
        label = str(days.first) if days.first == days.last else f"{days.first} to {days.last}"
        return {self.client.launch_days(job, days.first, days.last): f"{job:<8} {label}"}

    def analyze(self, days: Days) -> list[str]:
        """Analyse each of the dates that has not been analysed, or holds papers that came later."""
        done = self.registry.analyses.days() - self.registry.papers.unread_days()
        todo = [day for day in days.each() if day not in done]
        if self.settings.analyzes_by_batch and todo:
            self.console.print(
                "  FACTORY_ANALYZE_BY=batch holds for the schedule; whoever asks by hand is answered now, at the full"
                " price.",
                soft_wrap=True,
            )
        for batch in self.registry.batches.open():
            if batch.day in todo:
                self.console.print(
                    f"  {batch.words}. What it has brought is taken; else it is cancelled, and the date is asked"
                    " about now.",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
        return self._follow(
            {self.client.launch_days("analyze", day, day): f"analyze  {day}" for day in todo},
            nothing="Every date is analysed.",
        )

    def discover(self, days: Days) -> list[str]:
        """Choose the candidates of each of the dates."""
        return self._follow(self._each("discover", days))

    def research(self, days: Days) -> list[str]:
        """Look around the candidates of each of the dates."""
        return self._follow(self._each("research", days))

    def synthesize(self, days: Days) -> list[str]:
        """Make specs from the research of each of the dates."""
        return self._follow(self._each("synthesize", days))

    def ideas(self, days: Days) -> list[str]:
        """Choose candidates, look around them and make specs from that, of each of the dates."""
        return self._follow(self._each("ideas", days))

    def _each(self, job: str, days: Days) -> dict[str, str]:
        """A run of a job on each of the dates, with its label."""
        return {self.client.launch_days(job, day, day): f"{job:<8} {day}" for day in days.each()}

    def build(self, days: Days | None, names: Sequence[str]) -> list[str]:
        """Build the specs that wait, or those that are named, even if they failed before.

        What has a run already is followed. Whatever could not be launched is returned with what failed.

        Raises:
            CredentialError: the queue is stopped.
            InputError: one of the names cannot be built; none of them is then launched.
        """
        if standing := [hold for hold in self.registry.holds.standing() if hold.stops_builds]:
            raise CredentialError(standing[0].reason, where="the queue is stopped", fix=standing[0].fix)
        launches = BuildLaunches(
            self.client,
            self.registry,
            self.console,
            only=frozenset(names),
            wanted=lambda going: self._unshipped(names, going) if names else self._affordable(days, going),
            sleep=self.sleep,
        )
        labels = launches.launch()
        failed = self._follow(
            labels,
            nothing="No spec waits to be built." if not launches.failures else "No build was launched.",
            is_stopped=self._is_stopped,
        )
        return [*failed, *self._say_unlaunched(launches.failures)]

    def has_launches(self, days: Days) -> bool:
        """Whether a spec of these dates may be launched now, by its time and by the day's budget."""
        return bool(self._launches(days, self.client.busy_repos(self.registry)).specs)

    def _affordable(self, days: Days | None, going: Mapping[str, str]) -> list[QueuedSpec]:
        launches = self._launches(days, going)
        if launches.held_by_budget:
            self.console.print(
                f"  {launches.held_by_budget} specs wait for the budget of another day, or for a higher"
                " FACTORY_DAY_BUDGET_USD; --repo NAME builds one all the same."
            )
        self._name_unplaced(self._launchable(days))
        return list(launches.specs)

    def _launches(self, days: Days | None, going: Mapping[str, str]) -> Launches:
        now = datetime.now(UTC)
        waiting = [queued for queued in self._launchable(days) if self._lacking(queued) is None]
        names = [*going, *(queued.spec.name for queued in waiting)]
        return choose_launches(
            waiting,
            busy=going.keys(),
            budget=todays_budget(self.registry, names, limits=self.settings.budget_limits, now=now),
            launched_before=self.client.launches_so_far(),
            now=now,
        )

    def _launchable(self, days: Days | None) -> list[QueuedSpec]:
        return [
            queued
            for queued in self.registry.queue.launchable(datetime.now(UTC), self.settings.budget_limits)
            if days is None or days.hold(queued.day)
        ]

    def _lacking(self, queued: QueuedSpec) -> Lacking | None:
        return self.settings.places.lacking(queued, datetime.now(UTC).date())

    def _name_unplaced(self, specs: Sequence[QueuedSpec]) -> None:
        """Say which of them have no partition, and why."""
        for queued in specs:
            if (lacks := self._lacking(queued)) is not None:
                self.console.print(
                    f"  {place(queued)}: {lacks.what} {lacks.fix}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )

    def mirror(self, days: Days | None, names: Sequence[str]) -> list[str]:
        """Publish the shipped repos that are not mirrored yet, or those that are named."""
        waiting = (
            named_specs(self.registry, names, places=self.settings.places)
            if names
            else unmirrored_specs(self.registry, to_github=self.settings.mirrors_to_github)
        )
        chosen = [queued for queued in waiting if days is None or days.hold(queued.day)]
        self._name_unplaced(chosen)
        todo = [queued for queued in chosen if self._lacking(queued) is None]
        return self._follow(
            {self.client.launch_spec("mirror", queued): f"mirror   {place(queued)}" for queued in todo},
            nothing="Every shipped repo is mirrored.",
        )

    def report(self) -> list[str]:
        """Make the report of the last days."""
        return self._follow({self.client.launch_report(): "report"})

    def _unshipped(self, names: Sequence[str], going: Mapping[str, str]) -> list[QueuedSpec]:
        named = named_specs(self.registry, names, places=self.settings.places)
        return [
            queued
            for queued in named
            if queued.status is not BuildStatus.SHIPPED and queued.spec.name not in going
        ]

    def _is_stopped(self) -> bool:
        return any(hold.stops_builds for hold in self.registry.holds.standing())

    def _follow(
        self, labels: dict[str, str], *, nothing: str = "", is_stopped: Callable[[], bool] = _never
    ) -> list[str]:
        if not labels:
            self.console.print(f"  {nothing}")
            return []

        def show(run_id: str, status: str) -> None:
            if status in {"queued", "started", "success", "failure", "canceled"}:
                self.console.print(
                    f"  {datetime.now(UTC):%H:%M:%S}  {labels[run_id]:<58} {status}", highlight=False
                )

        try:
            ends = self.client.wait(list(labels), show, is_stopped)
        except (KeyboardInterrupt, SystemExit):
            self.client.cancel_queued(list(labels))
            raise
        for backfill_id in labels.keys() - {end.run_id for end in ends}:
            self.console.print(
                f"  {labels[backfill_id]}: the backfill {backfill_id} builds it", highlight=False
            )
        for end in ends:
            if end.outcome == RunOutcome.DEFERRED:
                self._say_put_off(labels[end.run_id], end.run_id)
        failed = [end for end in ends if not end.succeeded]
        for end in failed:
            self.console.print(f"  {labels[end.run_id]} failed:", style="red", markup=False)
            self.console.print(tail(end.error), markup=False, highlight=False, soft_wrap=True)
        return [labels[end.run_id] for end in failed]

    def _say_unlaunched(self, failures: Mapping[str, str]) -> list[str]:
        for label, error in failures.items():
            self.console.print(f"  {label} was not launched:", style="red", markup=False)
            self.console.print(error, markup=False, highlight=False, soft_wrap=True)
        return list(failures)

    def _say_put_off(self, label: str, run_id: str) -> None:
        for queued in self.registry.queue.of_run(run_id):
            until = f" until {queued.not_before:%Y-%m-%d %H:%M} UTC" if queued.not_before else ""
            self.console.print(
                f"  {label} is put off{until}: {queued.error_log}",
                style="yellow",
                markup=False,
                soft_wrap=True,
            )
