"""The gateways of one instance: the four stages, and what the assets and commands ask of it beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from factory_assets.batching import BatchAccess
from factory_assets.domain.agents import Route
from factory_assets.domain.builds import Phase, ShippedRepo
from factory_assets.domain.errors import InfrastructureError, InputError, MissingToolError
from factory_assets.domain.readings import ReaderMode
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.scouting import USER_AGENT, Scouting

if TYPE_CHECKING:
    from factory_assets.alerts.send import AlertPlaces
    from factory_assets.analyze.report import AnalysisReport
    from factory_assets.building.acceptance import Acceptor
    from factory_assets.building.config import BuildConfig
    from factory_assets.building.housekeeping import Housekeeping
    from factory_assets.building.laid import JudgeTools
    from factory_assets.building.outcome import Outcome
    from factory_assets.building.reader import Reader
    from factory_assets.building.rejudge import RefusedState
    from factory_assets.building.report import BuildReport
    from factory_assets.domain.ports import AnswerStore
    from factory_assets.gather.report import GatherReport
    from factory_assets.intake.folder import FileReport, Intake
    from factory_assets.llm.claude_code import ClaudeCode
    from factory_assets.mirror.target import MirrorReport, MirrorTarget

Notify = Callable[[str], None]
P = ParamSpec("P")
Result = TypeVar("Result")

# More papers of one date have not been seen with the topics that come with the project.
_BUSY_DAY_PAPERS = 200


def _redacted(
    stage: Callable[Concatenate[Gateways, P], Result],
) -> Callable[Concatenate[Gateways, P], Result]:
    """A stage whose errors, too, hold no secret."""

    @wraps(stage)
    def redacted(self: Gateways, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        with self.redactor().errors():
            return stage(self, *args, **kwargs)

    return redacted


class Gateways(Scouting, BatchAccess):
    """What the four stages need, for one instance and one process."""

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
    def gather(
        self, days: Sequence[date], notify: Notify, brought: Callable[[GatherReport], None]
    ) -> GatherReport:
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
            brought=brought,
        )

    @_redacted
    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        """Analyse the day's unread papers; see analyze.stage. What a message batch has brought is not asked again."""
        from factory_assets.analyze.stage import analyze
        from factory_assets.llm.claude_batches import FromBatch
        from factory_assets.llm.redacted import RedactedModel
        from factory_assets.llm.routes import Routes

        settings, redact = self._settings, self.redactor()
        notify = redact.lines(notify)
        batch = self.registry.open_batch(day)
        brought = self._brought(batch, notify)
        routes = Routes(self._routes(), notify)
        papers = self.registry.unanalysed_papers(day)
        if batch is not None and brought is not None:
            # What came later would cut the papers into other requests than those that are answered.
            papers = [paper for paper in papers if paper.arxiv_id in batch.papers]
        report = analyze(
            day,
            papers=papers,
            taken_names=self.registry.taken_names(),
            model=RedactedModel(FromBatch(brought, routes, notify) if brought else routes, redact),
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
        if batch is not None:
            self.registry.close_batch(batch.name, now=self.now())
        return report

    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> Outcome:
        """Build one spec; see build.stage."""
        from factory_assets.building.config import BuildJob
        from factory_assets.building.outcome import Refused, Shipped
        from factory_assets.building.stage import Builder, put_off_for_machine
        from factory_assets.building.state import Books

        redact = self.redactor()
        notify = redact.lines(notify)
        with redact.errors():
            try:
                self._require_git()
                commands = self._require_sandbox()
                config = self._build_config()
                agents = self._claude_code(self._agents_backend)
            except MissingToolError as error:
                books = Books(journal=self.registry, clock=self.now, clean=redact)
                return put_off_for_machine(queued, error, books, locks_dir=self._locks_dir)
            builder = Builder(
                config,
                agents=agents,
                commands=commands,
                scanner=self.secret_scanner(),
                journal=self.registry,
                ledger=self.registry,
                clock=self.now,
                reader=self._own_reader(notify),
                acceptor=self._own_acceptor(notify),
            )
            day = str(queued.day)
            job = BuildJob(
                queued=queued,
                papers=tuple(self.registry.papers_by_id(queued.spec.source_papers)),
                run_id=run_id,
                partition=day if queued.rank is None else f"{day}|{rank_key(queued.rank)}",
            )
            try:
                outcome = builder.build(job, notify)
                if isinstance(outcome, Shipped | Refused):
                    self.tell_router(outcome.report, notify)
                return outcome
            finally:
                forget_sessions(agents, config, queued.spec.name, notify)

    def tell_router(self, report: BuildReport, notify: Notify) -> None:
        """Tell the routers how a build ended; never fatal. See llm.feedback."""
        from factory_assets.gates import ALL_GATES
        from factory_assets.llm.feedback import feedback_on_build, quality_of_build, tell_router
        from factory_assets.llm.router import RouterClient

        settings = self._settings
        quality = quality_of_build(
            shipped=report.commit is not None,
            passed=sum(verdict.passed for verdict in report.verdicts),
            gates=len(ALL_GATES),
            findings=sum(report.reading.confirmed.values()) if report.reading else 0,
        )
        if report.phases:
            try:
                self._access.tell_build(report.name, quality)
            except InfrastructureError as error:
                notify(str(error))
        if self._replays or not settings.llm_router_url:
            return
        feedback = feedback_on_build(model=settings.factory_build_model, quality=quality)
        key = settings.anthropic_api_key or settings.anthropic_auth_token
        tell_router(RouterClient(settings.llm_router_url, api_key=key), feedback, notify)

    @_redacted
    def mirror(self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Notify) -> MirrorReport:
        """Publish one shipped repo; see mirror.stage."""
        from factory_assets.mirror.pacing import Pacing
        from factory_assets.mirror.stage import mirror

        self._require_git()
        settings, told = self._settings, self.redactor().lines(notify)
        pacing = Pacing(settings.factory_data_dir / "mirror.lock", settings.factory_mirror_interval)
        return mirror(
            repo,
            bare=settings.git_dir / f"{repo.name}.git",
            target=self._mirror_target(told, pacing.put_off),
            paper_ids=paper_ids,
            store=self.registry,
            scanner=self.secret_scanner(),
            pacing=pacing,
            now=self.now,
            notify=told,
        )

    def intake(self, now: datetime) -> Intake:
        """Where specs from outside go: the late ranks of the import date, which is the last partition at most."""
        from factory_assets.intake.folder import Intake
        from factory_assets.registry.redacted import RedactedImports

        settings = self._settings
        return Intake(
            store=RedactedImports(self.registry, self.redactor()),
            day=settings.newest_date(now.date()),
            late_ranks=settings.late_ranks,
            now=now,
            limits=settings.budget_limits,
        )

    @_redacted
    def import_folder(self, now: datetime) -> list[FileReport]:
        """Import every file that waits in FACTORY_SPECS_DIR; see intake.folder."""
        intake = self.intake(now)
        self._settings.specs_dir.mkdir(parents=True, exist_ok=True)
        self.registry.place_waiting(intake.day, intake.late_ranks)
        return intake.take_folder(self._settings.specs_dir)

    def preview_folder(self, now: datetime) -> list[str]:
        """Say what `import_folder` would do with each file; nothing is touched."""
        return self.intake(now).preview_folder(self._settings.specs_dir)

    def alert_places(self) -> AlertPlaces:
        """Where alerts go."""
        from factory_assets.alerts.send import AlertPlaces

        return AlertPlaces(
            self._settings.factory_alert_webhook,
            self._settings.factory_slack_webhook,
            self._settings.alert_urls,
        )

    def ui_url(self) -> str:
        """Where the operator opens the UI."""
        return self._settings.ui_url

    def sweep(self, *, before: datetime, remove: bool) -> list[str]:
        """Remove failed states, transcripts and workspaces that nobody needs, and shorten the programs' logs."""
        from factory_assets.files import files_older_than, shorten_logs

        settings = self._settings
        left = self._housekeeping().sweep(before=before, remove=remove)
        old = files_older_than(settings.transcripts_dir, before, remove=remove)
        if remove:
            self.registry.forget_answers(before)
        long = shorten_logs(settings.factory_data_dir / "logs", remove=remove)
        return [
            f"failed states: {len(left.failed_states)}",
            f"workspaces of runs that died: {len(left.workspaces)}",
            f"sessions of runs that died: {len(left.sessions)}",
            f"transcripts: {len(old)}",
            f"logs cut to their end: {len(long)}",
        ]

    def undo_phases(self, name: str, again_from: Phase) -> None:
        """Let the next run of that repo do its phases from this one on anew.

        Raises:
            SpecBusyError: a build is at work on it.
        """
        self._housekeeping().undo(name, again_from)

    def bench(self) -> JudgeTools:
        """What the gates work with, for judging without a model.

        Raises:
            MissingToolError: without git or a sandbox.
        """
        from factory_assets.building.laid import JudgeTools

        self._require_git()
        return JudgeTools(
            commands=self._require_sandbox(),
            scanner=self.secret_scanner(),
            indexes=self._indexes(),
            secrets=self._secrets(),
        )

    def copy_refused(self, queued: QueuedSpec, folder: Path) -> RefusedState:
        """Copy the state in which the last attempt of a spec failed into `folder`; see build.rejudge."""
        from factory_assets.building.locks import spec_lock
        from factory_assets.building.rejudge import copy_refused

        bare = f"{queued.spec.name}.git"
        with spec_lock(self._locks_dir, queued.spec.name):
            return copy_refused(
                self._settings.git_dir / bare,
                folder / bare,
                attempt=queued.attempts,
                queued_at=queued.queued_at,
                records=self.registry.phases_of(queued.id, queued.attempts),
                author=self._settings.factory_git_author,
            )

    def _housekeeping(self) -> Housekeeping:
        from factory_assets.building.housekeeping import Housekeeping
        from factory_assets.llm.claude_code_home import home_of

        settings = self._settings
        return Housekeeping(
            git_dir=settings.git_dir,
            workspaces_dir=settings.workspaces_dir,
            locks_dir=self._locks_dir,
            author=settings.factory_git_author,
            sessions_of=lambda name: home_of(self._agents_dir, settings.workspaces_dir / name / "work"),
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

    def _build_config(self) -> BuildConfig:
        from factory_assets.building.config import BuildConfig
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
            indexes=self._indexes(),
        )

    def reader(self, mode: ReaderMode, answers: AnswerStore, notify: Notify) -> Reader:
        """What reads repos; its answers are kept in `answers`."""
        from factory_assets.building.reader import Reader
        from factory_assets.llm.redacted import RedactedModel
        from factory_assets.llm.routes import Routes

        return Reader(
            model=RedactedModel(Routes(self._routes(), notify), self.redactor()),
            model_name=self._settings.factory_reader_model,
            mode=mode,
            prompts_dir=self._settings.factory_prompts_dir,
            answers=answers,
        )

    def _own_reader(self, notify: Notify) -> Reader | None:
        mode = self._settings.factory_reader
        return None if mode is ReaderMode.OFF else self.reader(mode, self.registry, notify)

    def _own_acceptor(self, notify: Notify) -> Acceptor | None:
        from factory_assets.building.acceptance import Acceptor
        from factory_assets.llm.redacted import RedactedModel
        from factory_assets.llm.routes import Routes

        if not self._settings.factory_acceptance:
            return None
        return Acceptor(
            model=RedactedModel(Routes(self._routes(), notify), self.redactor()),
            model_name=self._settings.factory_acceptance_model,
            prompts_dir=self._settings.factory_prompts_dir,
            answers=self.registry,
        )

    def _mirror_target(self, notify: Notify, asked_to_wait: Callable[[datetime], None]) -> MirrorTarget:
        settings = self._settings
        if settings.github_token is not None and not self._replays:
            from factory_assets.mirror.github import GitHubTarget

            return GitHubTarget(
                token=settings.github_token,
                owner=settings.github_user,
                api_url=settings.factory_github_url,
                visibility=settings.factory_github_visibility,
                notify=notify,
                asked_to_wait=asked_to_wait,
            )
        if settings.factory_mirror_dir is None:
            raise InputError(
                "There is nowhere to mirror to.",
                fix="Set GITHUB_TOKEN (and GITHUB_USER) in .env, or name a local folder with FACTORY_MIRROR_DIR.",
            )
        from factory_assets.mirror.local import LocalTarget

        return LocalTarget(settings.factory_mirror_dir)


def forget_sessions(agents: ClaudeCode, config: BuildConfig, name: str, notify: Notify) -> None:
    """Remove the sessions of a build, unless another run holds the spec by now: then they are that run's.

    What cannot be removed must not stand in the place of the build's own result.
    """
    from factory_assets.building.locks import SpecBusyError, spec_lock

    try:
        with suppress(SpecBusyError), spec_lock(config.locks_dir, name):
            agents.forget(config.agent_workspace(name))
    except OSError as error:
        notify(f"The sessions of this build stay; the nightly housekeeping tries again: {error}")
