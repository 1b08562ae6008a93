"""One attempt at one spec: its phases in order, each made to last, judged, handed back where refused, and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from factory_assets.build.endings import Endings
from factory_assets.build.judge import Judge, judge
from factory_assets.build.phases import Phases
from factory_assets.build.reading import is_about_documents, judge_reading, kept_reading
from factory_assets.build.report import BuildReport
from factory_assets.build.scaffold.scaffold import write_scaffold
from factory_assets.build.sealing import seal
from factory_assets.build.shipping import finish_shipping, ship
from factory_assets.build.state import AttemptState
from factory_assets.domain.builds import Phase
from factory_assets.folders import fresh_folder
from factory_assets.gates import FINAL_GATES, Context
from factory_assets.gates.runs import Final, Resolved


class Attempt:
    """Works through the phases of one claimed spec."""

    def __init__(self, state: AttemptState, judge: Judge, endings: Endings) -> None:
        self._state = state
        self._judge = judge
        self._endings = endings

    def run(self) -> BuildReport:
        """Go on from the last phase that is done, to the shipped repo.

        Raises:
            EndedError: with the outcome of a build that does not ship.
            FactoryError: what the build has to wait for.
        """
        repo = self._state.repo
        shipped = repo.main()
        if shipped is not None:
            return finish_shipping(self._state, shipped)
        self._endings.finish_failing()
        self._endings.take_up_what_passed()
        self._take_up_what_would_pass()
        scaffold = repo.scaffold() or self._write_scaffold()
        phases, before = Phases(self._state, self._endings), scaffold
        made: dict[Phase, str] = {}
        for phase in Phase:
            judged = self._until_passed(phases, phase, before, scaffold=scaffold, made=made)
            before = made[phase] = judged.commit
        reading = kept_reading(self._state, judged.commit)
        return ship(self._state, judged.runs.final, judged.runs.tests.own.report.executed, reading)

    def _take_up_what_would_pass(self) -> None:
        """Take a phase for done that gates refused in the attempt before and those of today do not refuse."""
        repo, made = self._state.repo, self._state.repo.phases_done()
        phase = next((phase for phase in Phase if phase not in made), Phase.REVIEW)
        commit = repo.refused(phase)
        if commit is None:
            return
        scaffold = repo.scaffold() or repo.root(commit)
        before = [scaffold, *made.values()][-1]
        context = self._context(phase, before, scaffold=scaffold, made={**made, phase: commit})
        if all(verdict.passed for verdict in judge(context)):
            repo.set_scaffold(scaffold)
            repo.finish_phase(phase, commit)

    def _until_passed(
        self, phases: Phases, phase: Phase, before: str, *, scaffold: str, made: Mapping[Phase, str]
    ) -> Context:
        """Do a phase, and hand back what its gates refuse for as many rounds as the setting says.

        `made` are the commits of the phases before it. What is returned is what passed the gates.
        """
        state = self._state
        commit = phases.do(phase, before)
        # A run that died in a repair round left its commits: their number is the number of rounds.
        rounds = state.repo.distance(before, commit) - 1
        while True:
            if state.seconds_left <= 0:
                self._endings.fail_clock(phase, commit)
            state.judge_anew(phase)
            context = self._context(phase, before, scaffold=scaffold, made={**made, phase: commit})
            for verdict in judge(context):
                state.take_verdicts(phase, (verdict,))
            refused = state.refused
            if not refused:
                return context
            # What leaked is quarantined: its surroundings are never handed back.
            leaked = any(verdict.gate in FINAL_GATES for verdict in refused)
            if leaked or rounds >= state.config.repair_rounds:
                self._endings.fail_gate(phase, commit, refused)
            rounds += 1
            # Documents are the business of the agent that wrote them, whose model costs least.
            by = Phase.SEO if is_about_documents(state, commit, refused) else phase
            commit = phases.repair(phase, commit, by=by, number=rounds, refused=refused)

    def _context(self, phase: Phase, before: str, *, scaffold: str, made: Mapping[Phase, str]) -> Context:
        state, commit = self._state, made[phase]
        reader = state.tools.reader

        def finish(resolved: Resolved) -> Final:
            if phase is Phase.REVIEW:
                return seal(state, scaffold=scaffold, phases=made, locked=resolved.files)
            locked = state.repo.commit_files(
                commit, resolved.files, message=state.message("Lock"), when=state.commit_time
            )
            return Final(
                commit=locked, tree=state.repo.tree(locked), lay_out=partial(state.repo.clone, locked)
            )

        return self._judge.context(
            phase,
            scaffold=scaffold,
            before=made[Phase.BUILD] if phase is Phase.REVIEW else before,
            commit=commit,
            finish=finish,
            seconds=lambda: state.gate_seconds,
            read=partial(judge_reading, state, reader, commit) if reader is not None else None,
        )

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
