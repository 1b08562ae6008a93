"""One attempt at one spec: its phases in order, each judged, recorded and made to last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from factory_assets.build.config import TOOLS, BuildConfig, BuildJob
from factory_assets.build.errors import (
    BuildAgentError,
    BuildCredentialError,
    BuildDeferredError,
    BuildGateError,
)
from factory_assets.build.git import BareRepo
from factory_assets.build.judge import Judge
from factory_assets.build.languages import lines_of_code
from factory_assets.build.prompts import RESUME_PROMPT, render_prompt
from factory_assets.build.report import BuildReport
from factory_assets.build.scaffold.scaffold import FIRST_VERSION, write_scaffold
from factory_assets.build.workspaces import fresh_folder
from factory_assets.domain.agents import AgentOutcome, AgentRunner, AgentTask, CommandRunner, OutcomeKind
from factory_assets.domain.builds import GateVerdict, ModelCall, Phase, PhaseRecord, ShippedRepo, Usage
from factory_assets.domain.papers import paper_url
from factory_assets.domain.ports import BuildJournal, CallLedger
from factory_assets.domain.specs import QueuedSpec

_CREDENTIAL_PAUSE = timedelta(hours=1)
_MESSAGES = {Phase.BUILD: "Build", Phase.SEO: "Document", Phase.REVIEW: "Review"}
_MENDS = {
    OutcomeKind.OUT_OF_TURNS: "Raise FACTORY_{phase}_TURNS, then launch this partition again.",
    OutcomeKind.OVER_BUDGET: "Raise FACTORY_REPO_BUDGET_USD, then launch this partition again.",
}


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What an attempt works with."""

    agents: AgentRunner
    commands: CommandRunner
    journal: BuildJournal
    ledger: CallLedger
    clock: Callable[[], datetime]
    report: Callable[[str], None]


@dataclass(frozen=True)
class _Work:
    """What an agent did in one phase, its resumed session included."""

    outcome: AgentOutcome
    usage: Usage
    turns: int
    seconds: float


class Attempt:
    """Works through the phases of one claimed spec.

    Args:
        config: the instance's limits and places.
        job: the spec and its papers.
        queued: the spec as it was claimed, with this attempt's number.
        repo: its bare repository.
        scratch: an empty folder for the workspace and the clones.
        tools: agents, commands, journal, ledger.
    """

    def __init__(
        self,
        config: BuildConfig,
        job: BuildJob,
        *,
        queued: QueuedSpec,
        repo: BareRepo,
        scratch: Path,
        tools: Tools,
    ) -> None:
        self._config = config
        self._job = job
        self._queued = queued
        self._spec = queued.spec
        self._repo = repo
        self._scratch = scratch
        self._tools = tools
        self._started = time.monotonic()
        self._verdicts: dict[str, GateVerdict] = {}
        self._report = BuildReport(
            name=self._spec.name, attempts=queued.attempts, protections=tools.commands.protections
        )
        self._judge = Judge(
            repo=repo,
            language=self._spec.language,
            commands=tools.commands,
            scratch=scratch,
            gate_seconds=config.gate_seconds,
            secrets=config.secrets,
        )

    def run(self) -> BuildReport:
        """Go on from the last phase that is done, to the shipped repo.

        Raises:
            BuildGateError: a gate refused a phase; the spec has failed.
            BuildAgentError: an agent did not do its phase; the spec has failed.
            BuildDeferredError: the spec is queued again, and no attempt was used up.
            BuildCredentialError: the same, and nothing goes on before the credential is mended.
        """
        done = self._repo.phases_done()
        before = self._repo.scaffold() or self._write_scaffold()
        tests_executed = 0
        for phase in Phase:
            self._tools.journal.enter_phase(self._queued.id, phase)
            if phase in done:
                self._say(phase, "done by an earlier run; judged again")
                commit, work = done[phase], None
            else:
                commit, work = self._work(phase, before)
            tests_executed = self._judge_phase(phase, before=before, commit=commit)
            if work is not None:
                self._finish(phase, commit, work)
            before = commit
        return self._ship(before, tests_executed)

    def summary(self) -> BuildReport:
        """The report so far."""
        return self._report.model_copy(
            update={
                "verdicts": tuple(self._verdicts.values()),
                "seconds": time.monotonic() - self._started,
            }
        )

    def defer(
        self, reason: str, *, where: str = "", mend: str = "", until: datetime | None = None
    ) -> NoReturn:
        """Give the spec back to the queue without using up an attempt.

        Raises:
            BuildDeferredError: always.
        """
        later = until or self._tools.clock() + timedelta(seconds=self._config.defer_seconds)
        reason = self._clean(reason)
        self._tools.journal.defer_build(self._queued.id, until=later, reason=reason)
        raise BuildDeferredError(
            reason,
            where=where or self._spec.name,
            mend=mend or f"Nothing: it is launched again after {later:%Y-%m-%d %H:%M} UTC.",
            until=later,
            report=self.summary(),
        )

    def refuse_credential(self, reason: str, *, mend: str = "") -> NoReturn:
        """Give the spec back until somebody mends the credential.

        Raises:
            BuildCredentialError: always.
        """
        reason = self._clean(reason)
        # It is tried again by itself, seldom, so that a mended credential needs nobody to launch what waits.
        later = self._tools.clock() + _CREDENTIAL_PAUSE
        self._tools.journal.defer_build(self._queued.id, until=later, reason=reason)
        raise BuildCredentialError(
            reason,
            where=self._spec.name,
            mend=mend
            or "Renew the Claude credential (see `factory doctor`), then launch this partition again.",
            report=self.summary(),
        )

    def _write_scaffold(self) -> str:
        workspace = fresh_folder(self._config.agent_workspace(self._spec.name))
        write_scaffold(
            self._spec,
            self._job.papers,
            workspace=workspace,
            year=self._queued.queued_at.year,
            owner=self._config.owner,
        )
        commit = self._commit(workspace, parent=None, title=f"Scaffold {self._spec.name}")
        self._repo.set_scaffold(commit)
        return commit

    def _work(self, phase: Phase, before: str) -> tuple[str, _Work]:
        workspace = fresh_folder(self._config.agent_workspace(self._spec.name))
        self._repo.export(before, workspace)
        work = self._run_agent(phase, workspace, files=sorted(self._repo.tree(before)))
        self._report = self._report.model_copy(
            update={
                "usage": self._report.usage + work.usage,
                "agent_seconds": self._report.agent_seconds + work.seconds,
            }
        )
        outcome = work.outcome
        match outcome.kind:
            case OutcomeKind.DONE:
                pass
            case OutcomeKind.AUTHENTICATION:
                self.refuse_credential(f"The agent's credential was refused: {outcome.detail}")
            case OutcomeKind.RATE_LIMITED | OutcomeKind.INFRASTRUCTURE:
                self.defer(f"Phase {phase} met a {outcome.kind}: {outcome.detail}", until=outcome.until)
            case _:
                self._fail_agent(phase, workspace, before, outcome)
        title = f"{_MESSAGES[phase]} {self._spec.name}"
        return self._commit(workspace, parent=before, title=title), work

    def _run_agent(self, phase: Phase, workspace: Path, *, files: list[str]) -> _Work:
        turns = self._config.turns(phase, self._spec)
        task = AgentTask(
            prompt=render_prompt(
                phase,
                self._spec,
                workspace=workspace,
                turns=turns,
                files=files,
                prompts_dir=self._config.prompts_dir,
            ),
            workspace=workspace,
            model=self._config.models[phase],
            max_turns=turns,
            max_budget_usd=self._budget_left(Usage()),
            timeout_seconds=self._config.phase_seconds,
            tools=TOOLS[phase],
        )
        work = self._run_session(phase, task)
        outcome, left = work.outcome, self._budget_left(work.usage)
        if outcome.kind is not OutcomeKind.OUT_OF_TURNS or outcome.session_id is None or left <= 0:
            return work
        self._say(phase, "out of turns; resumed once")
        again = self._run_session(
            phase, replace(task, prompt=RESUME_PROMPT, resume=outcome.session_id, max_budget_usd=left)
        )
        return _Work(
            outcome=again.outcome,
            usage=work.usage + again.usage,
            turns=work.turns + again.turns,
            seconds=work.seconds + again.seconds,
        )

    def _run_session(self, phase: Phase, task: AgentTask) -> _Work:
        if task.max_budget_usd <= 0:
            detail = f"the repo's {self._config.repo_budget_usd:.2f} dollars are spent"
            outcome = AgentOutcome(OutcomeKind.OVER_BUDGET, detail, 0, Usage(), 0.0, None, task.model)
            return _Work(outcome, outcome.usage, 0, 0.0)
        self._say(
            phase, f"agent starts: {task.model}, {task.max_turns} turns, {task.max_budget_usd:.2f} dollars"
        )
        outcome = self._tools.agents.run_agent(task, lambda line: self._say(phase, line))
        self._tools.ledger.record_call(
            ModelCall(
                stage="build",
                partition=self._job.partition,
                repo=self._spec.name,
                phase=phase,
                route=self._config.route,
                model=outcome.model,
                usage=outcome.usage,
                seconds=outcome.seconds,
                cache_hit=False,
                outcome=outcome.kind,
                at=self._tools.clock(),
            )
        )
        self._say(
            phase, f"agent: {outcome.kind}, {outcome.turns} turns, {outcome.usage.cost_usd:.4f} dollars"
        )
        return _Work(outcome, outcome.usage, outcome.turns, outcome.seconds)

    def _budget_left(self, running: Usage) -> float:
        spent = self._job.spent_usd + self._report.usage.cost_usd + running.cost_usd
        return self._config.repo_budget_usd - spent

    def _judge_phase(self, phase: Phase, *, before: str, commit: str) -> int:
        judgement = self._judge.judge(phase, before=before, commit=commit)
        for verdict in judgement.verdicts:
            clean = verdict.model_copy(update={"saw": self._clean(verdict.saw)})
            self._verdicts[clean.gate] = clean
            self._tools.journal.record_verdict(
                self._queued.id, self._queued.attempts, clean, now=self._tools.clock()
            )
            word = "passed" if clean.passed else "refused"
            self._say(phase, f"gate {clean.gate}: {word}: {clean.saw.splitlines()[0]}")
        if judgement.refused:
            self._fail_gate(phase, commit, [self._verdicts[verdict.gate] for verdict in judgement.refused])
        return judgement.tests_executed

    def _finish(self, phase: Phase, commit: str, work: _Work) -> None:
        record = PhaseRecord(
            phase=phase,
            commit=commit,
            model=work.outcome.model,
            turns=work.turns,
            usage=work.usage,
            seconds=work.seconds,
            finished_at=self._tools.clock(),
        )
        # The journal first: a run that dies in between does the phase again and overwrites this record.
        self._tools.journal.finish_phase(self._queued.id, self._queued.attempts, record)
        self._repo.finish_phase(phase, commit)
        self._report = self._report.model_copy(update={"phases": (*self._report.phases, record)})

    def _ship(self, commit: str, tests_executed: int) -> BuildReport:
        spec, version = self._spec, f"v{FIRST_VERSION}"
        lines = lines_of_code(spec.language, self._repo.tree(commit))
        self._repo.ship(commit, version=version)
        shipped = ShippedRepo(
            name=spec.name,
            language=spec.language,
            problem=spec.problem,
            source_url=paper_url(spec.source_papers[0]),
            version=version,
            commit=commit,
            lines_of_code=lines,
            tests_executed=tests_executed,
            shipped_at=self._tools.clock(),
        )
        self._tools.journal.ship(self._queued.id, shipped)
        self._tools.report(f"{spec.name}: shipped {version}, {lines} lines, {tests_executed} tests")
        return self.summary().model_copy(
            update={"commit": commit, "tests_executed": tests_executed, "lines_of_code": lines}
        )

    def _fail_gate(self, phase: Phase, commit: str, refused: list[GateVerdict]) -> NoReturn:
        saw = "\n".join(f"Gate {verdict.gate} refused: {verdict.saw}" for verdict in refused)
        error = BuildGateError(
            saw,
            where=f"{self._spec.name}, phase {phase}",
            mend=refused[0].mend,
            report=self.summary(),
        )
        self._give_up(commit, str(error))
        raise error

    def _fail_agent(self, phase: Phase, workspace: Path, before: str, outcome: AgentOutcome) -> NoReturn:
        mend = _MENDS.get(outcome.kind, "Look at the run's log, then launch this partition again.")
        detail = f": {self._clean(outcome.detail)}" if outcome.detail else ""
        error = BuildAgentError(
            f"The agent ended {outcome.kind}{detail}",
            where=f"{self._spec.name}, phase {phase}",
            mend=mend.format(phase=phase.upper()),
            report=self.summary(),
        )
        title = f"Unfinished {phase} of {self._spec.name}: {outcome.kind}"
        self._give_up(self._commit(workspace, parent=before, title=title), str(error))
        raise error

    def _give_up(self, commit: str, error_log: str) -> None:
        self._repo.keep_failed(self._queued.attempts, commit)
        self._tools.journal.fail_build(self._queued.id, error_log)

    def _commit(self, workspace: Path, *, parent: str | None, title: str) -> str:
        papers = "\n".join(f"Paper: {paper_url(arxiv_id)}" for arxiv_id in self._spec.source_papers)
        return self._repo.commit(
            workspace,
            parent=parent,
            message=f"{title}\n\n{papers}\n",
            when=self._queued.started_at or self._queued.queued_at,
        )

    def _say(self, phase: Phase, line: str) -> None:
        self._tools.report(self._clean(f"{self._spec.name} {phase}: {line}"))

    def _clean(self, text: str) -> str:
        """Take the factory's own secrets out of what is logged and stored."""
        for secret in self._config.secrets:
            if secret:
                text = text.replace(secret, "[secret]")
        return text
