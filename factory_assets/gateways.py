"""The gateways of one instance, made from its settings when a stage first needs them.

In replay mode the same gateways talk to a replay server inside this process, and nothing else is reached.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from factory_assets.domain.agents import Route, StructuredModel
from factory_assets.domain.builds import Phase, ShippedRepo
from factory_assets.domain.errors import CredentialError, InputError, MissingToolError
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

if TYPE_CHECKING:
    from factory_assets.analyze.report import AnalysisReport
    from factory_assets.build.config import BuildConfig
    from factory_assets.build.report import BuildReport
    from factory_assets.doctor.result import DoctorInputs
    from factory_assets.gather.report import GatherReport
    from factory_assets.llm.claude_code import ClaudeCode
    from factory_assets.mirror.target import MirrorReport, MirrorTarget
    from factory_assets.replay.server import ReplayServer
    from factory_assets.sandbox import Sandbox

Notify = Callable[[str], None]

USER_AGENT = "software-factory/0.1 (a Dagster project that reads new papers; one operator, one machine)"
# A made-up key: the replay server wants one, and a real one must not reach it.
_REPLAY_KEY = SecretStr("sk-ant-replay-no-real-key")


class Gateways:
    """What the four stages need, for one instance and one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = ExitStack()

    @cached_property
    def registry(self) -> Registry:
        """The registry of this instance."""
        return Registry(self._settings.registry_path)

    @property
    def arxiv_name(self) -> str:
        """Where papers come from, in words."""
        return "the replay server" if self._replays else self._settings.factory_arxiv_url

    @property
    def mirror_name(self) -> str:
        """Where shipped repos go, in words."""
        settings = self._settings
        if self._replays or settings.github_token is None:
            return f"the folder {settings.factory_mirror_dir}" if settings.factory_mirror_dir else "not set"
        return f"GitHub ({settings.github_user or 'the account of GITHUB_TOKEN'})"

    def gather(self, days: Sequence[date], notify: Notify) -> GatherReport:
        """Gather the papers of these dates; see gather.stage."""
        from factory_assets.gather.arxiv import ArxivSource
        from factory_assets.gather.stage import gather
        from factory_assets.gather.topics import load_topics

        settings = self._settings
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
            store=self.registry,
            now=_now(),
            notify=notify,
            max_per_topic=settings.factory_max_per_topic,
        )

    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        """Analyse the day's unread papers; see analyze.stage."""
        from factory_assets.analyze.stage import analyze
        from factory_assets.llm.routes import Routes

        settings = self._settings
        return analyze(
            day,
            papers=self.registry.unanalysed_papers(day),
            taken_names=self.registry.taken_names(),
            model=Routes(self._routes(), notify),
            model_name=settings.factory_analyze_model,
            prompts_dir=settings.factory_prompts_dir,
            specs_wanted=settings.factory_specs_per_day,
            store=self.registry,
            ledger=self.registry,
            ranks=settings.ranks,
            late_ranks=settings.late_ranks,
            now=_now,
            notify=notify,
        )

    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> BuildReport:
        """Build one spec; see build.stage."""
        from factory_assets.build.config import BuildJob
        from factory_assets.build.stage import Builder

        self._require_git()
        config = self._build_config()
        agents = self._claude_code(self._agents_url())
        builder = Builder(
            config,
            agents=agents,
            commands=self._require_sandbox(),
            journal=self.registry,
            ledger=self.registry,
        )
        job = BuildJob(
            queued=queued,
            papers=tuple(self.registry.papers_by_id(queued.spec.source_papers)),
            run_id=run_id,
            partition=f"{queued.day}|{rank_key(queued.rank)}" if queued.rank is not None else str(queued.day),
            spent_usd=self.registry.usage_of(repo=queued.spec.name).cost_usd,
        )
        try:
            return builder.build(job, notify)
        finally:
            agents.forget(config.agent_workspace(queued.spec.name))

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
            pacing=Pacing(settings.factory_data_dir / "mirror.lock", settings.factory_mirror_interval),
            now=_now,
            notify=notify,
        )

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
            state_dir=settings.factory_data_dir / "claude-code",
            login_home=None if credentials or not self._has_login() else _claude_config(),
        )

    @cached_property
    def _sandbox(self) -> Sandbox:
        from factory_assets.sandbox import find_sandbox

        settings = self._settings
        return find_sandbox(hidden=(PROJECT_ROOT, settings.factory_data_dir, settings.git_dir))

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

        settings = self._settings
        secrets = [*self._credentials().values(), *([settings.github_token] if settings.github_token else [])]
        return BuildConfig(
            git_dir=settings.git_dir,
            workspaces_dir=settings.workspaces_dir,
            locks_dir=settings.factory_data_dir / "locks",
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
            repo_budget_usd=settings.factory_repo_budget_usd,
            phase_seconds=settings.factory_phase_minutes * 60.0,
            gate_seconds=settings.factory_gate_minutes * 60.0,
            route=Route.ROUTER if settings.llm_router_url and not self._replays else Route.CLAUDE_CODE,
            secrets=tuple(secret.get_secret_value() for secret in secrets),
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


def _now() -> datetime:
    return datetime.now(UTC)


def _claude_config() -> Path:
    return Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
