"""The review: its agent, the gates that decide, the repair rounds, and the factory's own last commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from factory_assets.build.endings import Endings
from factory_assets.build.gates import DOCUMENTS, EVERY_PHASE
from factory_assets.build.judge import Judge
from factory_assets.build.phases import Phases
from factory_assets.build.sealing import Seal, seal
from factory_assets.build.state import AttemptState
from factory_assets.domain.builds import Phase


@dataclass(frozen=True)
class Passed:
    """A sealed commit that passed the last gate, and how many tests it executed there."""

    seal: Seal
    tests_executed: int


class Review:
    """The last phase of one attempt."""

    def __init__(self, state: AttemptState, *, judge: Judge, phases: Phases, endings: Endings) -> None:
        self._state = state
        self._judge = judge
        self._phases = phases
        self._endings = endings

    def run(self, *, scaffold: str, built: str, documented: str) -> Passed:
        """Review what the seo phase left, until a commit passes every gate.

        Raises:
            BuildGateError: gates refused it, after the repair rounds too.
        """
        commit = self._phases.do(Phase.REVIEW, documented)
        # A run that died in a repair round left its commits: their number is the number of rounds.
        rounds = self._state.repo.distance(documented, commit) - 1
        while True:
            passed = self._pass_gates(
                scaffold, {Phase.BUILD: built, Phase.SEO: documented, Phase.REVIEW: commit}
            )
            if passed is not None:
                return passed
            refused = self._state.refused
            # What leaked is quarantined: its surroundings are never handed back.
            leaked = any(verdict.gate in EVERY_PHASE for verdict in refused)
            if leaked or rounds >= self._state.config.repair_rounds:
                self._endings.fail_gate(Phase.REVIEW, commit, refused)
            rounds += 1
            commit = self._phases.repair(commit, number=rounds, refused=refused)

    def _pass_gates(self, scaffold: str, phases: Mapping[Phase, str]) -> Passed | None:
        state, commit = self._state, phases[Phase.REVIEW]
        if state.seconds_left <= 0:
            self._endings.fail_clock(Phase.REVIEW, commit)
        state.judge_anew(Phase.REVIEW)
        verdicts = self._judge.judge(
            Phase.REVIEW, scaffold=scaffold, before=phases[Phase.BUILD], commit=commit
        )
        state.take_verdicts(Phase.REVIEW, verdicts)
        if state.refused:
            return None
        judge = replace(self._judge, gate_seconds=state.gate_seconds)
        resolution = judge.resolve(commit)
        state.take_verdicts(Phase.REVIEW, (resolution.verdict,))
        if state.refused:
            return None
        (documents,) = (verdict for verdict in verdicts if verdict.gate == DOCUMENTS)
        sealed = seal(state, scaffold=scaffold, phases=phases, locked=resolution.files)
        judge = replace(judge, gate_seconds=state.gate_seconds)
        proof = judge.prove(sealed, resolution, documents)
        state.take_verdicts(Phase.REVIEW, proof.verdicts)
        return None if state.refused else Passed(sealed, proof.tests_executed)
