"""One attempt at one spec: its phases in order, each made to last, judged, handed back where refused, and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from factory_assets.building.accepting import judge_acceptance
from factory_assets.building.agreeing import agree
from factory_assets.building.disputes import is_disputable
from factory_assets.building.endings import Endings
from factory_assets.building.judge import Judge, judge
from factory_assets.building.phases import Phases
from factory_assets.building.reading import is_about_documents, judge_reading, kept_reading
from factory_assets.building.release_commit import make_release_commit
from factory_assets.building.report import BuildReport
from factory_assets.building.scaffold.scaffold import write_scaffold
from factory_assets.building.shipping import finish_shipping, ship
from factory_assets.building.state import AttemptState
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.trees import changed_paths
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
        state, repo = self._state, self._state.repo
        shipped = repo.main()
        if shipped is not None:
            return finish_shipping(state, shipped)
        self._endings.finish_failing()
        self._endings.take_up_what_passed()
        self._take_up_what_would_pass()
        scaffold = repo.scaffold() or self._write_scaffold()
        phases, before = Phases(state, self._endings), scaffold
        made: dict[Phase, str] = {}
        for phase in Phase:
            made[phase] = phases.do(phase, before)
            # A run that died in a repair round left its commits: their number is the number of rounds.
            rounds = repo.distance(before, made[phase]) - 1
            judged = self._judged(phase, before, scaffold=scaffold, made=made)
            while refused := state.refused:
                by = self._who_fixes(phase, made[phase], refused, rounds=rounds)
                rounds += 1
                repaired = phases.repair(phase, made[phase], by=by, number=rounds, refused=refused)
                may_pass = self._may_pass(made[phase], repaired, refused)
                made[phase] = repaired
                if may_pass:
                    judged = self._judged(phase, before, scaffold=scaffold, made=made)
            before = made[phase]
        reading = kept_reading(state, judged.commit)
        return ship(state, judged, judged.runs.tests.own.report.executed, reading)

    def _judged(self, phase: Phase, before: str, *, scaffold: str, made: Mapping[Phase, str]) -> Context:
        """Put the phase's commit before its gates; `made` are the commits so far, its own among them."""
        state = self._state
        if state.seconds_left <= 0:
            self._endings.fail_clock(phase, made[phase])
        state.judge_anew(phase)
        context = self._context(phase, before, scaffold=scaffold, made=made)
        for verdict in judge(context):
            state.take_verdicts(phase, (verdict,))
        return context

    def _may_pass(self, commit: str, repaired: str, refused: tuple[GateVerdict, ...]) -> bool:
        """Whether a repair round may have fixed anything: programs say the same of the same files.

        To a model's word an agent may object, and leave the files as they are.
        """
        repo = self._state.repo
        return is_disputable(refused) or bool(changed_paths(repo.tree(commit), repo.tree(repaired)))

    def _who_fixes(
        self, phase: Phase, commit: str, refused: tuple[GateVerdict, ...], *, rounds: int
    ) -> Phase:
        """The phase whose agent gets what was refused handed back, as often as the setting says."""
        state = self._state
        # What leaked is quarantined: its surroundings are never handed back.
        leaked = any(verdict.gate in FINAL_GATES for verdict in refused)
        if leaked or rounds >= state.config.repair_rounds:
            self._endings.fail_gate(phase, commit, refused)
        # Documents are the business of the agent that wrote them, whose model costs least.
        return Phase.SEO if is_about_documents(state, commit, refused) else phase

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

    def _context(self, phase: Phase, before: str, *, scaffold: str, made: Mapping[Phase, str]) -> Context:
        state, commit = self._state, made[phase]
        reader, acceptance = state.tools.reader, state.acceptance

        def finish(resolved: Resolved) -> Final:
            if phase is Phase.REVIEW:
                return make_release_commit(state, scaffold=scaffold, phases=made, locked=resolved.files)
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
            accept=partial(judge_acceptance, state, commit) if acceptance and acceptance.active else None,
        )

    def _write_scaffold(self) -> str:
        state = self._state
        acceptance = agree(state)
        workspace = fresh_folder(state.workspace)
        write_scaffold(
            state.spec,
            state.job.papers,
            workspace=workspace,
            year=state.queued.queued_at.year,
            owner=state.config.owner,
            acceptance=acceptance,
            evidence=state.job.evidence,
        )
        commit = state.commit(workspace, parent=None, title=f"Scaffold {state.spec.name}")
        state.repo.set_scaffold(commit)
        return commit
