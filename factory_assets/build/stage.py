"""The build stage's way in: claims one spec, builds it to the end, and leaves no state half-done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from factory_assets.build.attempt import Attempt, Tools
from factory_assets.build.config import BuildConfig, BuildJob
from factory_assets.build.errors import (
    BuildAgentError,
    BuildCredentialError,
    BuildDeferredError,
    BuildGateError,
)
from factory_assets.build.git import BareRepo
from factory_assets.build.languages import CONVENTIONS
from factory_assets.build.locks import spec_lock
from factory_assets.build.report import BuildReport
from factory_assets.build.workspaces import fresh_folder, remove_folder
from factory_assets.domain.agents import AgentRunner, Command, CommandRunner
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    MissingToolError,
    StatusError,
)
from factory_assets.domain.ports import BuildJournal, CallLedger
from factory_assets.domain.specs import Spec

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
        journal: where a build writes down what it does.
        ledger: where model calls are written down.
        clock: the time in UTC.
    """

    def __init__(
        self,
        config: BuildConfig,
        *,
        agents: AgentRunner,
        commands: CommandRunner,
        journal: BuildJournal,
        ledger: CallLedger,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._agents = agents
        self._commands = commands
        self._journal = journal
        self._ledger = ledger
        self._clock = clock

    def build(self, job: BuildJob, report: Callable[[str], None]) -> BuildReport:
        """Build the spec to the shipped repo, from where an earlier run of this attempt stopped.

        `report` gets one readable line per event.

        Raises:
            BuildBusyError: another run holds this spec; nothing was touched.
            MissingToolError: git or a tool of the language is missing; nothing was touched.
            StatusError: the spec, or a repo of its name, is shipped already.
            BuildGateError: a gate refused; the spec has failed. Carries the report, as the next ones do.
            BuildAgentError: an agent did not do its phase; the spec has failed.
            BuildDeferredError: the outside world failed; the spec is queued again, no attempt is used up.
            BuildCredentialError: the same, until the credential is mended.
        """
        spec = job.queued.spec
        with spec_lock(self._config.locks_dir, spec.name):
            scratch = self._config.workspaces_dir / spec.name
            try:
                fresh_folder(scratch)
                self._check_tools(spec, scratch)
                repo = self._open_repo(spec)
            except OSError as error:
                remove_folder(scratch)
                raise _disk_error(error, self._config.workspaces_dir) from error
            except FactoryError:
                remove_folder(scratch)
                raise
            try:
                return self._attempt(job, repo, scratch, report)
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
        )
        attempt = Attempt(self._config, job, queued=queued, repo=repo, scratch=scratch, tools=tools)
        try:
            return attempt.run()
        except (BuildGateError, BuildAgentError, BuildDeferredError, BuildCredentialError):
            raise
        except CredentialError as error:
            attempt.refuse_credential(error.what, mend=error.mend)
        except FactoryError as error:
            attempt.defer(error.what, where=error.where, mend=error.mend)
        except OSError as error:
            failure = _disk_error(error, scratch)
            attempt.defer(failure.what, where=failure.where, mend=failure.mend)

    def _open_repo(self, spec: Spec) -> BareRepo:
        repo = BareRepo(self._config.git_dir / f"{spec.name}.git", author=self._config.author)
        shipped = repo.main()
        # A run that died between shipping in git and in the registry left main at its review.
        if shipped is not None and shipped != repo.phases_done().get(Phase.REVIEW):
            raise StatusError(
                "A repo of this name is shipped already.",
                where=str(repo.path),
                mend="A shipped repo never changes: give the new one another name.",
            )
        return repo

    def _check_tools(self, spec: Spec, folder: Path) -> None:
        needs = CONVENTIONS[spec.language].needs
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
            raise MissingToolError(
                f"{', '.join(missing)} not found, which a build in {spec.language} needs.",
                where=spec.name,
                mend="Install it on this machine; `factory doctor` checks all of them.",
            )
        if result.exit_code != 0 or result.timed_out:
            raise MissingToolError(
                f"No command can be run for the gates: {result.output.strip()}",
                where=spec.name,
                mend="See `factory doctor`.",
            )


def _disk_error(error: OSError, where: Path) -> InfrastructureError:
    return InfrastructureError(
        f"The disk refused: {error.strerror or error}.",
        where=str(error.filename or where),
        mend="Free disk space, or correct the permissions there; then launch this partition again.",
    )
