"""Builds for one instance: what a builder is made of, and what becomes of a build's end outside of it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.domain.agents import Route
from factory_assets.domain.builds import Phase
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.instance.agents import Agents
from factory_assets.instance.keeping import Keeping
from factory_assets.instance.models import Models
from factory_assets.instance.router import InstanceRouter
from factory_assets.instance.secrets import Secrets
from factory_assets.instance.tools import Tools
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.building.config import BuildConfig
    from factory_assets.building.laid import JudgeTools
    from factory_assets.building.outcome import Outcome
    from factory_assets.building.rejudge import RefusedState
    from factory_assets.building.report import BuildReport
    from factory_assets.building.stage import Builder

Notify = Callable[[str], None]


class Builds:
    """Builds specs, and lends what judges them."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        secrets: Secrets,
        tools: Tools,
        agents: Agents,
        models: Models,
        router: InstanceRouter,
        keeping: Keeping,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._secrets = secrets
        self._tools = tools
        self._agents = agents
        self._models = models
        self._router = router
        self._keeping = keeping

    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> Outcome:
        """Build one spec, and send what it leaves behind; see building.stage and Keeping."""
        try:
            return self._build(queued, run_id, notify)
        finally:
            self._keeping.send(notify)

    def _build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> Outcome:
        from factory_assets.building.config import BuildJob
        from factory_assets.building.outcome import Refused, Shipped
        from factory_assets.building.stage import build
        from factory_assets.building.state import Books

        redact = self._secrets.redactor()
        with redact.stage(notify) as told:
            day = str(queued.day)
            job = BuildJob(
                queued=queued,
                papers=tuple(self._registry.evidence.papers_of(queued)),
                evidence=self._registry.evidence.of(queued.id),
                run_id=run_id,
                partition=day if queued.rank is None else f"{day}|{rank_key(queued.rank)}",
            )
            outcome = build(
                job,
                lambda: self._builder(redact, told),
                told,
                books=Books(journal=self._registry.builds, clock=self._clock.now, clean=redact),
                locks_dir=self._settings.locks_dir,
            )
            if isinstance(outcome, Shipped | Refused):
                self.tell_router(outcome.report, told)
            return outcome

    def tell_router(self, report: BuildReport, notify: Notify) -> None:
        """Tell the routers how a build ended; never fatal. See llm.feedback."""
        from factory_assets.gates import ALL_GATES
        from factory_assets.llm.feedback import feedback_on_build, quality_of_build, tell_router

        quality = quality_of_build(
            shipped=report.commit is not None,
            passed=sum(verdict.passed for verdict in report.verdicts),
            gates=len(ALL_GATES),
            findings=sum(report.reading.confirmed.values()) if report.reading else 0,
        )
        if report.phases:
            try:
                self._router.access.tell_build(report.name, quality)
            except InfrastructureError as error:
                notify(str(error))
        if (gateway := self._router.gateway()) is not None:
            feedback = feedback_on_build(model=self._settings.factory_build_model, quality=quality)
            tell_router(gateway, feedback, notify)

    def bench(self) -> JudgeTools:
        """What the gates work with, for judging without a model.

        Raises:
            MissingToolError: without git or a sandbox.
        """
        from factory_assets.building.laid import JudgeTools

        self._tools.check_git()
        return JudgeTools(
            commands=self._tools.sandbox(),
            scanner=self._secrets.secret_scanner(),
            indexes=self._tools.indexes(),
            secrets=self._secrets.values(),
        )

    def copy_refused(self, queued: QueuedSpec, folder: Path) -> RefusedState:
        """Copy the state in which the last attempt of a spec failed into `folder`; see building.rejudge."""
        from factory_assets.building.rejudge import copy_refused

        settings = self._settings
        return copy_refused(
            queued,
            folder,
            git_dir=settings.git_dir,
            locks_dir=settings.locks_dir,
            records=self._registry.builds.phases_of(queued.id, queued.attempts),
            author=settings.factory_git_author,
        )

    def config(self) -> BuildConfig:
        """What builds are told.

        Raises:
            MissingToolError: there is no Claude Code.
        """
        from factory_assets.building.config import BuildConfig

        settings = self._settings
        return BuildConfig(
            git_dir=settings.git_dir,
            workspaces_dir=settings.workspaces_dir,
            transcripts_dir=settings.transcripts_dir,
            locks_dir=settings.locks_dir,
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
            route=Route.ROUTER if self._router.agents_backend == "router" else Route.CLAUDE_CODE,
            claude_code_version=self._agents.version(),
            factory_version=version("software-factory"),
            indexes=self._tools.indexes(),
        )

    def _builder(self, redact: Redactor, notify: Notify) -> Builder:
        from factory_assets.building.stage import Builder

        self._tools.check_git()
        return Builder(
            commands=self._tools.sandbox(),
            config=self.config(),
            agents=self._agents.for_builds(),
            scanner=self._secrets.secret_scanner(),
            journal=self._registry.builds,
            ledger=self._registry.ledger,
            redact=redact,
            clock=self._clock.now,
            reader=self._models.own_reader(self._registry.answers, notify),
            acceptor=self._models.own_acceptor(self._registry.answers, notify),
        )
