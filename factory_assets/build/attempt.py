"""One attempt at one spec: its phases in order, each made to last, judged, handed back where refused, and recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from factory_assets.build.endings import Endings
from factory_assets.build.judge import Judge
from factory_assets.build.phases import Phases
from factory_assets.build.report import BuildReport
from factory_assets.build.review import Passed, judge_review_and_seal
from factory_assets.build.scaffold.scaffold import write_scaffold
from factory_assets.build.shipping import finish_shipping, ship
from factory_assets.build.state import AttemptState
from factory_assets.domain.builds import Phase
from factory_assets.folders import fresh_folder
from factory_assets.gates import DOCUMENTS, EVERY_PHASE

_Judged = TypeVar("_Judged")


class Attempt:
    """Works through the phases of one claimed spec."""

    def __init__(self, state: AttemptState, judge: Judge, endings: Endings) -> None:
        self._state = state
        self._judge = judge
        self._endings = endings

    def run(self) -> BuildReport:
        """Go on from the last phase that is done, to the shipped repo.

        Raises:
            BuildGateError: a gate refused a phase, after its repair rounds too; the spec has failed.
            BuildAgentError: an agent did not do its phase; the spec has failed.
            BuildDeferredError: the spec is queued again, and no attempt was used up.
            BuildStoppedError: the same, and nothing goes on before what the API refuses is mended.
        """
        repo = self._state.repo
        shipped = repo.main()
        if shipped is not None:
            return finish_shipping(self._state, shipped)
        self._endings.finish_failing()
        self._endings.take_up_what_passed()
        scaffold = repo.scaffold() or self._write_scaffold()
        phases = Phases(self._state, self._endings)

        def by_text(phase: Phase, before: str) -> Callable[[str], str | None]:
            return lambda commit: self._judge_text(phase, scaffold=scaffold, before=before, commit=commit)

        built = self._until_passed(phases, Phase.BUILD, scaffold, by_text(Phase.BUILD, scaffold))
        documented = self._until_passed(phases, Phase.SEO, built, by_text(Phase.SEO, built))

        def by_running(commit: str) -> Passed | None:
            made = {Phase.BUILD: built, Phase.SEO: documented, Phase.REVIEW: commit}
            return judge_review_and_seal(self._state, self._judge, scaffold=scaffold, phases=made)

        passed = self._until_passed(phases, Phase.REVIEW, documented, by_running)
        return ship(self._state, passed.seal, passed.tests_executed)

    def _until_passed(
        self, phases: Phases, phase: Phase, before: str, judge: Callable[[str], _Judged | None]
    ) -> _Judged:
        """Do a phase, and hand back what its gates refuse for as many rounds as the setting says.

        `judge` gives None where a gate of the phase refused the commit.
        """
        state = self._state
        commit = phases.do(phase, before)
        # A run that died in a repair round left its commits: their number is the number of rounds.
        rounds = state.repo.distance(before, commit) - 1
        while True:
            if state.seconds_left <= 0:
                self._endings.fail_clock(phase, commit)
            state.judge_anew(phase)
            if (judged := judge(commit)) is not None:
                return judged
            refused = state.refused
            # What leaked is quarantined: its surroundings are never handed back.
            leaked = any(verdict.gate in EVERY_PHASE for verdict in refused)
            if leaked or rounds >= state.config.repair_rounds:
                self._endings.fail_gate(phase, commit, refused)
            rounds += 1
            # Documents are the business of the agent that wrote them, whose model costs least.
            by = Phase.SEO if {verdict.gate for verdict in refused} == {DOCUMENTS} else phase
            commit = phases.repair(phase, commit, by=by, number=rounds, refused=refused)

    def _judge_text(self, phase: Phase, *, scaffold: str, before: str, commit: str) -> str | None:
        state = self._state
        state.take_verdicts(phase, self._judge.judge(phase, scaffold=scaffold, before=before, commit=commit))
        return None if state.refused else commit

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
