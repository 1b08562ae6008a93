"""One attempt at one spec: its phases in order, each made to last, judged and recorded."""

from __future__ import annotations

from factory_assets.build.endings import Endings
from factory_assets.build.judge import Judge
from factory_assets.build.phases import Phases
from factory_assets.build.report import BuildReport
from factory_assets.build.review import Review
from factory_assets.build.scaffold.scaffold import write_scaffold
from factory_assets.build.shipping import finish_shipping, ship
from factory_assets.build.state import AttemptState
from factory_assets.domain.builds import Phase
from factory_assets.folders import fresh_folder


class Attempt:
    """Works through the phases of one claimed spec."""

    def __init__(self, state: AttemptState, judge: Judge, endings: Endings) -> None:
        self._state = state
        self._judge = judge
        self._endings = endings

    def run(self) -> BuildReport:
        """Go on from the last phase that is done, to the shipped repo.

        Raises:
            BuildGateError: a gate refused a phase; the spec has failed.
            BuildAgentError: an agent did not do its phase; the spec has failed.
            BuildDeferredError: the spec is queued again, and no attempt was used up.
            BuildStoppedError: the same, and nothing goes on before what the API refuses is mended.
        """
        repo = self._state.repo
        shipped = repo.main()
        if shipped is not None:
            return finish_shipping(self._state, shipped)
        self._endings.finish_failing()
        scaffold = repo.scaffold() or self._write_scaffold()
        phases = Phases(self._state, self._endings)
        built = phases.do(Phase.BUILD, scaffold)
        self._judge_phase(Phase.BUILD, scaffold=scaffold, before=scaffold, commit=built)
        documented = phases.do(Phase.SEO, built)
        self._judge_phase(Phase.SEO, scaffold=scaffold, before=built, commit=documented)
        review = Review(self._state, judge=self._judge, phases=phases, endings=self._endings)
        passed = review.run(scaffold=scaffold, built=built, documented=documented)
        return ship(self._state, passed.seal, passed.tests_executed)

    def _write_scaffold(self) -> str:
        state = self._state
        workspace = fresh_folder(state.workspace)
        write_scaffold(
            state.spec,
            state.job.papers,
            workspace=workspace,
            year=state.queued.queued_at.year,
            owner=state.config.owner,
        )
        commit = state.commit(workspace, parent=None, title=f"Scaffold {state.spec.name}")
        state.repo.set_scaffold(commit)
        return commit

    def _judge_phase(self, phase: Phase, *, scaffold: str, before: str, commit: str) -> None:
        state = self._state
        state.take_verdicts(phase, self._judge.judge(phase, scaffold=scaffold, before=before, commit=commit))
        if state.refused:
            self._endings.fail_gate(phase, commit, state.refused)
