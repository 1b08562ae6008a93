"""The gateways of one instance, made from its settings when a stage first needs them.

In replay mode the same gateways talk to a replay server inside this process, and nothing else is reached.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime
from functools import cached_property, wraps
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from pydantic import SecretStr

from factory_assets.domain.agents import Route, StructuredModel
from factory_assets.domain.builds import Phase, ShippedRepo, WaitCause
from factory_assets.domain.errors import CredentialError, InputError, MissingToolError
from factory_assets.domain.indexes import Indexes
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

if TYPE_CHECKING:
    from factory_assets.alerts.send import Places
    from factory_assets.analyze.report import AnalysisReport
    from factory_assets.build.config import BuildConfig
    from factory_assets.build.report import BuildReport
    from factory_assets.doctor.result import DoctorInputs
    from factory_assets.gather.report import GatherReport
    from factory_assets.intake.folder import FileReport, Intake
    from factory_assets.leaks.scanner import LeakScanner
    from factory_assets.llm.claude_code import ClaudeCode
    from factory_assets.mirror.target import MirrorReport, MirrorTarget
    from factory_assets.replay.server import ReplayServer
    from factory_assets.sandbox import ResourceLimits, Sandbox

Notify = Callable[[str], None]
P = ParamSpec("P")
Result = TypeVar("Result")

USER_AGENT = "software-factory/0.1 (a Dagster project that reads new papers; one operator, one machine)"
# A made-up key: the replay server wants one, and a real one must not reach it.
_REPLAY_KEY = SecretStr("sk-ant-replay-no-real-key")


def _now() -> datetime:
    return datetime.now(UTC)


def _redacted(
    stage: Callable[Concatenate[Gateways, P], Result],
) -> Callable[Concatenate[Gateways, P], Result]:
    """A stage whose errors, too, hold no secret."""

    @wraps(stage)
    def redacted(self: Gateways, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        with self.redactor().errors():
            return stage(self, *args, **kwargs)

    return redacted


class Gateways:
    """What the four stages need, for one instance and one process."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = _now) -> None:
        self._settings = settings
        self._clock = clock
        self._held = ExitStack()

    def now(self) -> datetime:
        """The time, in UTC."""
        return self._clock()

    @cached_property
    def registry(self) -> Registry:
        """The registry of this instance."""
        return Registry(self._settings.registry_path)

    @property
    def arxiv_name(self) -> str:
        """Where papers come from, in words."""
        return "the replay server" if self._replays else self.redactor()(self._settings.factory_arxiv_url)

    @property
    def mirror_name(self) -> str:
        """Where shipped repos go, in words."""
        settings = self._settings
        if self._replays or settings.github_token is None:
            return f"the folder {settings.factory_mirror_dir}" if settings.factory_mirror_dir else "not set"
        return f"GitHub ({settings.github_user or 'the account of GITHUB_TOKEN'})"

    @_redacted
    def gather(self, days: Sequence[date], notify: Notify) -> GatherReport:
        """Gather the papers of these dates; see gather.stage."""
        from factory_assets.gather.arxiv import ArxivSource
        from factory_assets.gather.stage import gather
        from factory_assets.gather.topics import load_topics
        from factory_assets.registry.redacted import RedactedPapers

        settings, redact = self._settings, self.redactor()
        notify = redact.lines(notify)
        # arXiv counts requests over all programs of a machine, so this file is the machine's.
        shared = settings.factory_data_dir if self._replays else Path(tempfile.gettempdir())
        source = ArxivSource(
            url=f"{self._replay.url}/api/query" if self._replays else settings.factory_arxiv_url,
            interval=settings.factory_arxiv_interval,
            lock_path=shared / "software-factory-arxiv.lock",
            user_agent=USER_AGENT,
            notify=notify,
        )
        return gather(
            days,
            source=source,
            topics=load_topics(settings.factory_topics_file),
            store=RedactedPapers(self.registry, redact),
            now=self.now(),
            notify=notify,
            max_per_topic=settings.factory_max_per_topic,
        )

    @_redacted
    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        """Analyse the day's unread papers; see analyze.stage."""
        from factory_assets.analyze.stage import analyze
        from factory_assets.llm.redacted import RedactedModel
        from factory_assets.llm.routes import Routes

        settings, redact = self._settings, self.redactor()
        notify = redact.lines(notify)
        return analyze(
            day,
            papers=self.registry.unanalysed_papers(day),
            taken_names=self.registry.taken_names(),
            model=RedactedModel(Routes(self._routes(), notify), redact),
            model_name=settings.factory_analyze_model,
            prompts_dir=settings.factory_prompts_dir,
            specs_wanted=settings.factory_specs_per_day,
            store=self.registry,
            ledger=self.registry,
            ranks=settings.ranks,
            late_ranks=settings.late_ranks,
            now=self.now,
            notify=notify,
        )

    @_redacted
    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> BuildReport:
        """Build one spec; see build.stage."""
        from factory_assets.build.config import BuildJob
        from factory_assets.build.errors import BuildAgentError, BuildGateError, BuildMachineError
        from factory_assets.build.locks import spec_lock
        from factory_assets.build.stage import Builder
        from factory_assets.build.unclaimed import put_off_unclaimed
        from factory_assets.llm.redacted import RedactedAgents

        redact = self.redactor()
        notify = redact.lines(notify)
        try:
            self._require_git()
            commands = self._require_sandbox()
            config = self._build_config()
            agents = self._claude_code(self._agents_url())
        except MissingToolError as error:
            # Another run may be at work on it, which found the tool.
            with spec_lock(self._locks_dir, queued.spec.name):
                put_off_unclaimed(
                    self.registry,
                    queued,
                    error,
                    cause=WaitCause.TOOLCHAIN,
                    now=self.now(),
                    clean=redact,
                    ends_with=BuildMachineError,
                )
        builder = Builder(
            config,
            agents=RedactedAgents(agents, redact),
            commands=commands,
            scanner=self.leak_scanner(),
            journal=self.registry,
            ledger=self.registry,
            clock=self.now,
        )
        job = BuildJob(
            queued=queued,
            papers=tuple(self.registry.papers_by_id(queued.spec.source_papers)),
            run_id=run_id,
            partition=f"{queued.day}|{rank_key(queued.rank)}" if queued.rank is not None else str(queued.day),
        )
        try:
            report = builder.build(job, notify)
        except (BuildGateError, BuildAgentError) as error:
            self.tell_router(error.report, notify)
            raise
        finally:
            forget_sessions(agents, config, queued.spec.name, notify)
        self.tell_router(report, notify)
        return report

    def tell_router(self, report: BuildReport, notify: Notify) -> None:
        """Tell the router, where there is one, how a build ended; never fatal. See llm.feedback."""
        from factory_assets.build.gates import ALL_GATES
        from factory_assets.llm.feedback import feedback_on_build, tell_router
        from factory_assets.llm.router import Router

        settings = self._settings
        if self._replays or not settings.llm_router_url:
            return
        feedback = feedback_on_build(
            model=settings.factory_build_model,
            shipped=report.commit is not None,
            passed=sum(verdict.passed for verdict in report.verdicts),
            gates=len(ALL_GATES),
        )
        key = settings.anthropic_api_key or settings.anthropic_auth_token
        tell_router(Router(settings.llm_router_url, api_key=key), feedback, notify)

    def credential_digest(self) -> str:
        """A digest of the credential in use: it changes when the operator changes the credential."""
        digest = hashlib.sha256(self._agents_url().encode())
        credentials = self._credentials()
        for name, secret in sorted(credentials.items()):
            digest.update(f"\0{name}={secret.get_secret_value()}".encode())
        if not credentials and self._has_login():
            digest.update((_claude_config() / ".credentials.json").read_bytes())
        return digest.hexdigest()[:16]

    def credential_works(self) -> bool | None:
        """Whether the model's server takes the credential, tried without cost.

        None where that cannot be told: a login and a token of Claude Code have nothing free to ask for, and a server
        may not answer. True tells nothing of an account without credit.
        """
        from factory_assets.doctor.result import Severity
        from factory_assets.doctor.services import check_claude_api
        from factory_assets.llm.router import Router

        settings = self._settings
        if self._replays:
            return True
        if settings.llm_router_url:
            key = settings.anthropic_api_key or settings.anthropic_auth_token
            return Router(settings.llm_router_url, api_key=key).takes_the_key()
        tried = check_claude_api(self.doctor_inputs())
        if tried is None or (not tried.ok and tried.severity is Severity.WARNING):
            return None
        return tried.ok

    @_redacted
    def mirror(self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Notify) -> MirrorReport:
        """Publish one shipped repo; see mirror.stage."""
        from factory_assets.mirror.pacing import Pacing
        from factory_assets.mirror.stage import mirror

        self._require_git()
        settings = self._settings
        return mirror(
            repo,
            bare=settings.git_dir / f"{repo.name}.git",
            target=self._mirror_target(),
            paper_ids=paper_ids,
            store=self.registry,
            scanner=self.leak_scanner(),
            pacing=Pacing(settings.factory_data_dir / "mirror.lock", settings.factory_mirror_interval),
            now=self.now,
            notify=self.redactor().lines(notify),
        )

    def intake(self, now: datetime) -> Intake:
        """Where specs from outside go: the late ranks of the import date, which is the last partition at most."""
        from factory_assets.intake.folder import Intake
        from factory_assets.registry.redacted import RedactedImports

        settings = self._settings
        last = settings.factory_end_date
        return Intake(
            store=RedactedImports(self.registry, self.redactor()),
            day=now.date() if last is None else min(now.date(), last),
            late_ranks=settings.late_ranks,
            now=now,
        )

    @_redacted
    def import_folder(self, now: datetime) -> list[FileReport]:
        """Import every file that waits in FACTORY_SPECS_DIR; see intake.folder."""
        intake = self.intake(now)
        self._settings.specs_dir.mkdir(parents=True, exist_ok=True)
        self.registry.place_waiting(intake.day, intake.late_ranks)
        return intake.take_folder(self._settings.specs_dir)

    def redactor(self) -> Redactor:
        """What takes this instance's secrets out of texts."""
        return Redactor(self._secrets())

    def leak_scanner(self) -> LeakScanner:
        """What finds secrets, this instance's and others', in a repository's history."""
        from factory_assets.leaks.rules import Kingfisher, rule_cache
        from factory_assets.leaks.scanner import LeakScanner

        return LeakScanner(self._secrets(), Kingfisher(cache=rule_cache()))

    def alert_places(self) -> Places:
        """Where alerts go."""
        from factory_assets.alerts.send import Places

        return Places(self._settings.factory_alert_webhook, self._settings.factory_slack_webhook)

    def ui_url(self) -> str:
        """Where the operator opens the UI."""
        return self._settings.ui_url

    def sweep(self, *, before: datetime, remove: bool) -> list[str]:
        """Remove failed states, transcripts and workspaces that nobody needs, and shorten the programs' logs."""
        from factory_assets.build.housekeeping import Housekeeping
        from factory_assets.files import files_older_than, shorten_logs
        from factory_assets.llm.claude_code_home import home_of

        settings = self._settings
        left = Housekeeping(
            git_dir=settings.git_dir,
            workspaces_dir=settings.workspaces_dir,
            locks_dir=self._locks_dir,
            author=settings.factory_git_author,
            sessions_of=lambda name: home_of(self._agents_dir, settings.workspaces_dir / name / "work"),
        ).sweep(before=before, remove=remove)
        old = files_older_than(settings.transcripts_dir, before, remove=remove)
        long = shorten_logs(settings.factory_data_dir / "logs", remove=remove)
        return [
            f"failed states: {len(left.failed_states)}",
            f"workspaces of runs that died: {len(left.workspaces)}",
            f"sessions of runs that died: {len(left.sessions)}",
            f"transcripts: {len(old)}",
            f"logs cut to their end: {len(long)}",
        ]

    def check_credentials(self) -> None:
        """Refuse a live instance that has no way to a model.

        Raises:
            CredentialError: naming what would serve.
        """
        settings = self._settings
        if self._replays or settings.llm_router_url or self._credentials() or self._has_login():
            return
        raise CredentialError(
            "No credential for Claude.",
            mend="Set ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN or LLM_ROUTER_URL in .env,"
            " or log in once with Claude Code's own program. Without any, `make demo` shows the factory.",
        )

    def most_a_day_can_cost(self) -> tuple[float, float]:
        """Dollars of the day's budget for builds, and of one date's analysis in its worst case.

        A day that analyses several dates, after a weekend or a pause, costs so much more.
        """
        from factory_assets.analyze.plan import plan_analysis

        settings = self._settings
        analysis = plan_analysis(
            _BUSY_DAY_PAPERS,
            model_name=settings.factory_analyze_model,
            specs_wanted=settings.factory_specs_per_day,
        )
        return settings.factory_day_budget_usd, analysis.worst_usd

    def doctor_inputs(self) -> DoctorInputs:
        """What the doctor looks at."""
        from factory_assets.doctor.result import DoctorInputs

        settings = self._settings
        return DoctorInputs(
            live=not self._replays,
            data_dir=settings.factory_data_dir,
            claude_config=_claude_config(),
            anthropic_url=settings.anthropic_base_url,
            github_url=settings.factory_github_url,
            api_key=settings.anthropic_api_key,
            auth_token=settings.anthropic_auth_token,
            oauth_token=settings.claude_code_oauth_token,
            router_url=settings.llm_router_url,
            claude_binary=settings.claude_binary,
            github_token=settings.github_token,
            github_owner=settings.github_user,
            mirror_dir=settings.factory_mirror_dir,
            unsandboxed=settings.factory_unsandboxed,
            sandbox_limits=self._sandbox_limits(),
            weak_secrets=tuple(settings.weak_secrets()),
            redact=self.redactor(),
        )

    @property
    def _replays(self) -> bool:
        return self._settings.factory_mode is Mode.REPLAY

    @cached_property
    def _replay(self) -> ReplayServer:
        from factory_assets.replay.arxiv_api import ArxivApi
        from factory_assets.replay.recordings import Recordings
        from factory_assets.replay.server import ReplayServer

        recorded = self._settings.factory_recordings_dir
        return self._held.enter_context(
            ReplayServer(
                recordings=Recordings.load(recorded) if recorded else Recordings.demo(),
                arxiv=ArxivApi.sample(),
                accepted_keys=frozenset({_REPLAY_KEY.get_secret_value()}),
            )
        )

    @property
    def _locks_dir(self) -> Path:
        return self._settings.factory_data_dir / "locks"

    @property
    def _agents_dir(self) -> Path:
        return self._settings.factory_data_dir / "claude-code"

    def _credentials(self) -> dict[str, SecretStr]:
        if self._replays:
            return {"ANTHROPIC_API_KEY": _REPLAY_KEY}
        settings = self._settings
        named = {
            "ANTHROPIC_API_KEY": settings.anthropic_api_key,
            "ANTHROPIC_AUTH_TOKEN": settings.anthropic_auth_token,
            "CLAUDE_CODE_OAUTH_TOKEN": settings.claude_code_oauth_token,
        }
        return {name: value for name, value in named.items() if value is not None}

    def _secrets(self) -> tuple[str, ...]:
        from factory_assets.llm.claude_code_home import Login

        values = [value for values in self._settings.secrets().values() for value in values]
        if self._replays:
            values.append(_REPLAY_KEY.get_secret_value())
        if self._has_login():
            # A login that cannot be read is no credential either; who needs it says so.
            with suppress(CredentialError):
                values += Login(_claude_config()).secrets()
        return tuple(values)

    def _has_login(self) -> bool:
        return (_claude_config() / ".credentials.json").exists()

    def _agents_url(self) -> str:
        if self._replays:
            return self._replay.url
        return self._settings.llm_router_url or self._settings.anthropic_base_url

    def _routes(self) -> list[tuple[Route, StructuredModel]]:
        from factory_assets.llm.claude_api import ClaudeApi
        from factory_assets.llm.router import Router

        settings = self._settings
        key, token = settings.anthropic_api_key, settings.anthropic_auth_token
        routes: list[tuple[Route, StructuredModel]] = []
        if self._replays:
            return [(Route.API, ClaudeApi(self._replay.url, api_key=_REPLAY_KEY))]
        if settings.llm_router_url:
            routes.append((Route.ROUTER, Router(settings.llm_router_url, api_key=key or token).model()))
        if key or token:
            routes.append((Route.API, ClaudeApi(settings.anthropic_base_url, api_key=key, auth_token=token)))
        if (self._credentials() or self._has_login()) and self._may_run_agents():
            routes.append((Route.CLAUDE_CODE, self._claude_code(settings.anthropic_base_url)))
        return routes

    def _claude_code(self, base_url: str) -> ClaudeCode:
        from factory_assets.llm.claude_code import ClaudeCode

        settings = self._settings
        credentials = self._credentials()
        return ClaudeCode(
            self._require_sandbox(),
            base_url=base_url,
            credentials=credentials,
            binary=settings.claude_binary,
            state_dir=self._agents_dir,
            login_home=None if credentials or not self._has_login() else _claude_config(),
        )

    @cached_property
    def _sandbox(self) -> Sandbox:
        from factory_assets.sandbox import find_sandbox

        settings = self._settings
        return find_sandbox(
            hidden=(PROJECT_ROOT, settings.factory_data_dir, settings.git_dir), limits=self._sandbox_limits()
        )

    def _sandbox_limits(self) -> ResourceLimits:
        from factory_assets.sandbox import ResourceLimits

        settings = self._settings
        return ResourceLimits(
            memory_bytes=int(settings.factory_sandbox_memory_gb * 1024**3),
            processes=settings.factory_sandbox_processes,
            disk_bytes=int(settings.factory_sandbox_disk_gb * 1024**3),
        )

    def _may_run_agents(self) -> bool:
        from factory_assets.sandbox import PlainSandbox

        contained = not isinstance(self._sandbox, PlainSandbox)
        return contained or self._replays or self._settings.factory_unsandboxed

    def _require_sandbox(self) -> Sandbox:
        if not self._may_run_agents():
            raise MissingToolError(
                "Agents and the tests of what they build run only in a sandbox, and bubblewrap does not work here.",
                mend="Install the package bubblewrap (`factory doctor` tells why it does not work), or set"
                " FACTORY_UNSANDBOXED=1 at your own risk.",
            )
        return self._sandbox

    def _require_git(self) -> None:
        if shutil.which("git") is None:
            raise MissingToolError("git is not installed.", mend="Install git; `factory doctor` checks it.")

    def _build_config(self) -> BuildConfig:
        from factory_assets.build.config import BuildConfig
        from factory_assets.llm.claude_code_binary import claude_code_version, find_claude_binary

        settings = self._settings
        return BuildConfig(
            git_dir=settings.git_dir,
            workspaces_dir=settings.workspaces_dir,
            transcripts_dir=settings.transcripts_dir,
            locks_dir=self._locks_dir,
            prompts_dir=settings.factory_prompts_dir,
            author=settings.factory_git_author,
            owner=settings.github_user or settings.factory_git_author.split("<")[0].strip(),
            models={
                Phase.BUILD: settings.factory_build_model,
                Phase.SEO: settings.factory_seo_model,
                Phase.REVIEW: settings.factory_review_model,
            },
            build_turns=settings.factory_build_turns,
            seo_turns=settings.factory_seo_turns,
            review_turns=settings.factory_review_turns,
            limits=settings.budget_limits,
            repair_rounds=settings.factory_repair_rounds,
            phase_seconds=settings.factory_phase_minutes * 60.0,
            build_seconds=settings.factory_build_hours * 3600.0,
            gate_seconds=settings.factory_gate_minutes * 60.0,
            route=Route.ROUTER if settings.llm_router_url and not self._replays else Route.CLAUDE_CODE,
            claude_code_version=claude_code_version(find_claude_binary(settings.claude_binary)),
            factory_version=version("software-factory"),
            secrets=self._secrets(),
            indexes=Indexes(pypi_url=settings.factory_pypi_url, npm_url=settings.factory_npm_url),
        )

    def _mirror_target(self) -> MirrorTarget:
        settings = self._settings
        if settings.github_token is not None and not self._replays:
            from factory_assets.mirror.github import GitHubTarget

            return GitHubTarget(
                token=settings.github_token,
                owner=settings.github_user,
                api_url=settings.factory_github_url,
                visibility=settings.factory_github_visibility,
            )
        if settings.factory_mirror_dir is None:
            raise InputError(
                "There is nowhere to mirror to.",
                mend="Set GITHUB_TOKEN (and GITHUB_USER) in .env, or name a local folder with FACTORY_MIRROR_DIR.",
            )
        from factory_assets.mirror.local import LocalTarget

        return LocalTarget(settings.factory_mirror_dir)


# More papers of one date have not been seen with the topics that come with the project.
_BUSY_DAY_PAPERS = 200


def forget_sessions(agents: ClaudeCode, config: BuildConfig, name: str, notify: Notify) -> None:
    """Remove the sessions of a build, unless another run holds the spec by now: then they are that run's.

    What cannot be removed must not stand in the place of the build's own result.
    """
    from factory_assets.build.errors import BuildBusyError
    from factory_assets.build.locks import spec_lock

    try:
        with suppress(BuildBusyError), spec_lock(config.locks_dir, name):
            agents.forget(config.agent_workspace(name))
    except OSError as error:
        notify(f"The sessions of this build stay; the nightly housekeeping tries again: {error}")


def _claude_config() -> Path:
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
