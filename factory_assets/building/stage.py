"""The build stage's way in: claims one spec, builds it to the end, and leaves no state half-done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

from factory_assets.building.acceptance import Acceptor
from factory_assets.building.attempt import Attempt
from factory_assets.building.config import BuildConfig, BuildJob
from factory_assets.building.endings import Endings
from factory_assets.building.git import BareRepo
from factory_assets.building.holding import held_repo
from factory_assets.building.judge import Judge
from factory_assets.building.locks import SpecBusyError, lock_place, spec_lock
from factory_assets.building.outcome import Busy, EndedError, Outcome, Shipped, Stops
from factory_assets.building.reader import Reader
from factory_assets.building.state import AttemptState, Books, Tools
from factory_assets.building.waiting import BuildWait, put_off, puts_off, wait_after
from factory_assets.domain.agents import AgentRunner, Command, CommandRunner
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import FactoryError, InfrastructureError, MissingToolError, StatusError
from factory_assets.domain.leases import LeaseHeldError, LeaseLostError
from factory_assets.domain.ports import BuildJournal, BuildLedger
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import QueuedSpec
from factory_assets.folders import fresh_folder, remove_folder
from factory_assets.languages import LANGUAGES
from factory_assets.secret_scan.scanner import HistoryScanner

_TOOL_CHECK_SECONDS = 30.0


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def build(
    job: BuildJob,
    made: Callable[[], Builder],
    report: Callable[[str], None],
    *,
    books: Books,
    locks_dir: Path,
) -> Outcome:
    """Build one spec by the builder that `made` makes; put it off where this machine lacks what every build needs.

    Raises:
        StatusError, FactoryError: as the builder's own.
    """
    try:
        builder = made()
    except MissingToolError as error:
        return _put_off_for_machine(job, error, books, locks_dir=locks_dir)
    return builder.build(job, report)


class Builder:
    """Builds specs, one call each.

    Args:
        config: places, models and limits.
        agents: runs the agent's phases.
        commands: runs untrusted commands for the gates.
        scanner: looks for secrets in what is committed.
        journal: where a build writes down what it does.
        ledger: where dollars are reserved and model calls written down.
        redact: takes the factory's own secrets out of whatever leaves a build, or an agent is told.
        clock: the time in UTC.
        reader: reads what is to ship; None where no repo is read.
        acceptor: says before a build what the repo has to do; None where nobody does.
    """

    def __init__(
        self,
        config: BuildConfig,
        *,
        agents: AgentRunner,
        commands: CommandRunner,
        scanner: HistoryScanner,
        journal: BuildJournal,
        ledger: BuildLedger,
        redact: Redactor,
        clock: Callable[[], datetime] = utc_now,
        reader: Reader | None = None,
        acceptor: Acceptor | None = None,
    ) -> None:
        self._config = config
        self._agents = agents
        self._commands = commands
        self._scanner = scanner
        self._journal = journal
        self._ledger = ledger
        self._clock = clock
        self._reader = reader
        self._acceptor = acceptor
        self._clean = redact

    def build(self, job: BuildJob, report: Callable[[str], None]) -> Outcome:
        """Build the spec to its end, from where an earlier run of this attempt stopped.

        `report` gets one readable line per event.

        Raises:
            StatusError: the spec is shipped already, or a repo of its name, and the spec has failed then.
            FactoryError: before an attempt has begun, for a reason that no waiting fixes.
        """
        spec, scratch = job.queued.spec, self._config.workspaces_dir / job.queued.spec.name
        with self._clean.stage(report) as told:
            try:
                with (
                    spec_lock(self._config.locks_dir, spec.name),
                    self._sessions_forgotten(spec.name, told),
                    _removed(scratch),
                    ExitStack() as holding,
                ):
                    unclaimed = partial(self._put_off, job.queued)
                    with puts_off(
                        MissingToolError, InfrastructureError, OSError, where=scratch, end=unclaimed
                    ):
                        journal = holding.enter_context(self._held(job))
                        fresh_folder(scratch)
                        self._check_tools(job, scratch)
                        repo = self._open_repo(job, journal)
                        state = self._claim(job, repo, scratch, journal, told)
                    endings = Endings(state)
                    with puts_off(FactoryError, OSError, where=scratch, end=endings.put_off):
                        return Shipped(report=Attempt(state, self._judge(job, repo, scratch), endings).run())
            except (SpecBusyError, LeaseHeldError, LeaseLostError) as error:
                return Busy(what=error.what, where=spec.name, fix=error.fix)
            except EndedError as ended:
                return ended.outcome

    def _held(self, job: BuildJob) -> AbstractContextManager[BuildJournal]:
        """The spec against other hosts, for whoever holds its lock on this one."""
        place = lock_place(self._config.locks_dir)
        return self._journal.held(job.queued.id, place=place, run_id=job.run_id)

    @contextmanager
    def _sessions_forgotten(self, name: str, report: Callable[[str], None]) -> Iterator[None]:
        """Remove the sessions of a build with it, while no other run can hold the spec.

        What cannot be removed must not stand in the place of the build's own result.
        """
        try:
            yield
        finally:
            try:
                self._agents.forget(self._config.agent_workspace(name))
            except OSError as error:
                report(f"The sessions of this build stay; the nightly housekeeping tries again: {error}")

    def _claim(
        self,
        job: BuildJob,
        repo: BareRepo,
        scratch: Path,
        journal: BuildJournal,
        report: Callable[[str], None],
    ) -> AttemptState:
        queued = journal.start(job.queued.id, run_id=job.run_id, now=self._clock())
        tools = Tools(
            agents=self._agents,
            commands=self._commands,
            journal=journal,
            ledger=self._ledger,
            clock=self._clock,
            report=report,
            clean=self._clean,
            reader=self._reader,
            acceptor=self._acceptor,
        )
        return AttemptState(self._config, job, queued=queued, repo=repo, scratch=scratch, tools=tools)

    def _judge(self, job: BuildJob, repo: BareRepo, scratch: Path) -> Judge:
        return Judge(
            repo=repo,
            language=job.queued.spec.language,
            commands=self._commands,
            scanner=self._scanner,
            indexes=self._config.indexes,
            scratch=scratch,
        )

    def _put_off(self, queued: QueuedSpec, wait: BuildWait) -> NoReturn:
        """Leave a spec that no attempt has begun at in the queue, and say why."""
        books = Books(journal=self._journal, clock=self._clock, clean=self._clean)
        raise EndedError(put_off(wait, queued, books, protections=self._commands.protections))

    def _open_repo(self, job: BuildJob, journal: BuildJournal) -> BareRepo:
        path = self._config.git_dir / f"{job.queued.spec.name}.git"
        repo = held_repo(path, author=self._config.author, journal=journal)
        shipped = repo.main()
        # A run that died between shipping in git and in the registry left main at its release, above the review.
        if shipped is not None and repo.parent(shipped) != repo.phases_done().get(Phase.REVIEW):
            taken = StatusError(
                "A repo of this name is shipped already.",
                where=str(repo.path),
                fix="A shipped repo never changes: give the new one another name.",
            )
            # To wait fixes nothing here: the name stays taken.
            journal.start(job.queued.id, run_id=job.run_id, now=self._clock())
            journal.fail(job.queued.id, self._clean(str(taken)))
            raise taken
        return repo

    def _check_tools(self, job: BuildJob, folder: Path) -> None:
        """Look, before anything is spent, whether this machine can build the spec's language.

        Raises:
            MissingToolError: it cannot.
        """
        language = job.queued.spec.language
        needs = LANGUAGES[language].needs
        script = "\n".join(f"( {test} ) >/dev/null 2>&1 || echo 'missing: {name}'" for name, test in needs)
        result = self._commands.run(
            Command(
                argv=("sh", "-c", f"{script}\ntrue"), workspace=folder, timeout_seconds=_TOOL_CHECK_SECONDS
            )
        )
        missing = [
            line.removeprefix("missing: ") for line in result.output.splitlines() if "missing: " in line
        ]
        if missing:
            what = f"{', '.join(missing)} not found, which a build in {language} needs."
            fix = "Install it on this machine; `factory doctor` checks all of them."
        elif result.exit_code != 0 or result.timed_out:
            what = f"No command can be run for the gates: {result.output.strip()}"
            fix = "See `factory doctor`."
        else:
            return
        raise MissingToolError(what, where=job.queued.spec.name, fix=fix)


@contextmanager
def _removed(scratch: Path) -> Iterator[None]:
    try:
        yield
    finally:
        remove_folder(scratch)


def _put_off_for_machine(job: BuildJob, error: MissingToolError, books: Books, *, locks_dir: Path) -> Outcome:
    """Put a spec off because this machine lacks what every build needs; another run that has found it is let be."""
    wait = replace(wait_after(error, locks_dir), stops=Stops.MACHINE)
    name, place = job.queued.spec.name, lock_place(locks_dir)
    try:
        with (
            spec_lock(locks_dir, name),
            books.journal.held(job.queued.id, place=place, run_id=job.run_id) as journal,
        ):
            return put_off(wait, job.queued, replace(books, journal=journal))
    except (SpecBusyError, LeaseHeldError, LeaseLostError) as busy:
        return Busy(what=busy.what, where=name, fix=busy.fix)
