"""The gates that decide after the review, and the factory's own last commit, which they judge by running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from factory_assets.build.judge import Judge
from factory_assets.build.sealing import Seal, seal
from factory_assets.build.state import AttemptState
from factory_assets.domain.builds import Phase
from factory_assets.gates import DOCUMENTS


@dataclass(frozen=True)
class Passed:
    """A sealed commit that passed the last gate, and how many tests it executed there."""

    seal: Seal
    tests_executed: int


def judge_review_and_seal(
    state: AttemptState, judge: Judge, *, scaffold: str, phases: Mapping[Phase, str]
) -> Passed | None:
    """Judge the review's commit, seal it and run what is sealed; None where a gate refused it."""
    commit = phases[Phase.REVIEW]
    verdicts = judge.judge(Phase.REVIEW, scaffold=scaffold, before=phases[Phase.BUILD], commit=commit)
    state.take_verdicts(Phase.REVIEW, verdicts)
    if state.refused:
        return None
    judge = replace(judge, gate_seconds=state.gate_seconds)
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
