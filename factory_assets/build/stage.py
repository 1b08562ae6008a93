"""The build stage's way in: claims one spec, builds it to the end, and leaves no state half-done."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from factory_assets.build.attempt import Attempt
from factory_assets.build.budgets import OutOfBudgetError
from factory_assets.build.config import BuildConfig, BuildJob
from factory_assets.build.endings import Endings
from factory_assets.build.errors import (
    BuildAgentError,
    BuildDeferredError,
    BuildGateError,
    BuildStoppedError,
)
from factory_assets.build.git import BareRepo
from factory_assets.build.judge import Judge
from factory_assets.build.locks import spec_lock
from factory_assets.build.reader import Reader
from factory_assets.build.report import BuildReport
from factory_assets.build.state import AttemptState, Tools
from factory_assets.build.unclaimed import TOOLCHAIN_PAUSE, put_off_unclaimed
from factory_assets.domain.agents import AgentRunner, Command, CommandRunner
from factory_assets.domain.builds import Phase, WaitCause
from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    MissingToolError,
    RateLimitedError,
    StatusError,
)
from factory_assets.domain.ports import BuildJournal, BuildLedger
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.domain.specs import Spec
from factory_assets.folders import fresh_folder, remove_folder
from factory_assets.languages import LANGUAGES
from factory_assets.leaks.scanner import HistoryScanner

_TOOL_CHECK_SECONDS = 30.0


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Builder:
    """Builds specs, one call each.

    Args:
        config: places, models and limits.
        agents: runs the agent's phases.
        commands: runs untrusted commands for the gates.
        scanner: looks for secrets in what is committed.
        journal: where a build writes down what it does.
        ledger: where dollars are reserved and model calls written down.
        clock: the time in UTC.
        reader: reads what is to ship; None where no repo is read.
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
        clock: Callable[[], datetime] = utc_now,
        reader: Reader | None = None,
    ) -> None:
        self._config = config
        self._agents = agents
        self._commands = commands
        self._scanner = scanner
        self._journal = journal
        self._ledger = ledger
        self._clock = clock
        self._reader = reader
        self._clean = Redactor(config.secrets)

    def build(self, job: BuildJob, report: Callable[[str], None]) -> BuildReport:
        """Build the spec to the shipped repo, from where an earlier run of this attempt stopped.

        `report` gets one readable line per event.

        Raises:
            BuildBusyError: another run holds this spec; nothing was touched.
            StatusError: the spec is shipped already, or a repo of its name, and the spec has failed then.
            BuildGateError: a gate refused; the spec has failed. Carries the report, as the next ones do.
            BuildAgentError: an agent did not do its phase; the spec has failed.
            BuildDeferredError: the outside world failed, a tool of the language is missing, or a budget is used
                up; the spec is queued again, no attempt is used up.
            BuildStoppedError: the same, until what the model's API refuses is mended.
        """
        spec = job.queued.spec
        scratch = self._config.workspaces_dir / spec.name
        with self._clean.errors(), spec_lock(self._config.locks_dir, spec.name):
            try:
                fresh_folder(scratch)
                self._check_tools(job, scratch)
                return self._attempt(job, self._claimable_repo(job), scratch, report)
            except OSError as error:
                # Before the claim: an attempt sees to its own.
                self._put_off(job, _system_error(error, scratch), WaitCause.INFRASTRUCTURE)
            finally:
                remove_folder(scratch)

    def _attempt(
        self, job: BuildJob, repo: BareRepo, scratch: Path, report: Callable[[str], None]
    ) -> BuildReport:
        queued = self._journal.start_build(job.queued.id, run_id=job.run_id, now=self._clock())
        tools = Tools(
            agents=self._agents,
            commands=self._commands,
            journal=self._journal,
            ledger=self._ledger,
            clock=self._clock,
            report=report,
            clean=self._clean,
            reader=self._reader,
        )
        state = AttemptState(self._config, job, queued=queued, repo=repo, scratch=scratch, tools=tools)
        endings = Endings(state)
        try:
            return Attempt(state, self._judge(job, repo, scratch), endings).run()
        except (BuildGateError, BuildAgentError, BuildDeferredError, BuildStoppedError):
            raise
        except ModelStoppedError as error:
            endings.stop(error.what, mend=error.mend, cause=error.cause, until=error.until)
        except CredentialError as error:
            endings.stop(error.what, mend=error.mend)
        except OutOfBudgetError as error:
            endings.stop_for_budget(Phase.REVIEW, error.bound, error.what)
        except RateLimitedError as error:
            endings.put_off(error.what, cause=WaitCause.RATE_LIMIT, where=error.where, until=error.until)
        except MissingToolError as error:
            endings.put_off(
                error.what,
                cause=WaitCause.TOOLCHAIN,
                where=error.where,
                mend=error.mend,
                until=self._clock() + TOOLCHAIN_PAUSE,
            )
        except FactoryError as error:
            endings.put_off(error.what, where=error.where, mend=error.mend)
        except OSError as error:
            failure = _system_error(error, scratch)
            endings.put_off(failure.what, where=failure.where, mend=failure.mend)

    def _judge(self, job: BuildJob, repo: BareRepo, scratch: Path) -> Judge:
        return Judge(
            repo=repo,
            language=job.queued.spec.language,
            commands=self._commands,
            scanner=self._scanner,
            indexes=self._config.indexes,
            scratch=scratch,
        )

    def _put_off(self, job: BuildJob, error: FactoryError, cause: WaitCause) -> NoReturn:
        """Leave a spec that was not claimed in the queue, and say why."""
        put_off_unclaimed(
            self._journal,
            job.queued,
            error,
            cause=cause,
            now=self._clock(),
            clean=self._clean,
            protections=self._commands.protections,
        )

    def _claimable_repo(self, job: BuildJob) -> BareRepo:
        """The repo of the spec; where there can be none, the queue says why."""
        try:
            return self._open_repo(job.queued.spec)
        except MissingToolError as error:
            self._put_off(job, error, WaitCause.TOOLCHAIN)
        except InfrastructureError as error:
            self._put_off(job, error, WaitCause.INFRASTRUCTURE)
        except StatusError as error:
            # To wait mends nothing here: the name stays taken.
            self._journal.start_build(job.queued.id, run_id=job.run_id, now=self._clock())
            self._journal.fail_build(job.queued.id, self._clean(str(error)))
            raise

    def _open_repo(self, spec: Spec) -> BareRepo:
        repo = BareRepo(self._config.git_dir / f"{spec.name}.git", author=self._config.author)
        repo.release_locks()
        shipped = repo.main()
        # A run that died between shipping in git and in the registry left main one commit, the seal, above its review.
        if shipped is not None and repo.parent(shipped) != repo.phases_done().get(Phase.REVIEW):
            raise StatusError(
                "A repo of this name is shipped already.",
                where=str(repo.path),
                mend="A shipped repo never changes: give the new one another name.",
            )
        return repo

    def _check_tools(self, job: BuildJob, folder: Path) -> None:
        """Put the spec off, before anything is spent, when this machine cannot build its language."""
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
            mend = "Install it on this machine; `factory doctor` checks all of them."
        elif result.exit_code != 0 or result.timed_out:
            what = f"No command can be run for the gates: {result.output.strip()}"
            mend = "See `factory doctor`."
        else:
            return
        error = MissingToolError(what, where=job.queued.spec.name, mend=mend)
        self._put_off(job, error, WaitCause.TOOLCHAIN)


def _system_error(error: OSError, where: Path) -> InfrastructureError:
    mend = "See `factory doctor`; it is launched again by itself."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        mend = "Free disk space there, then launch this partition again."
    return InfrastructureError(
        f"The system refused: {error.strerror or error}.", where=str(error.filename or where), mend=mend
    )
