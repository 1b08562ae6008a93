"""The table of gates: everything else that lists gates derives from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from build_material import tree_of

from factory_assets.building.judge import judge
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.specs import Language
from factory_assets.gates import (
    ALL_GATES,
    DESCRIPTIONS,
    GATES,
    Context,
    Gate,
    Needs,
    gates_after,
    names_after,
)
from factory_assets.gates.runs import Runs
from factory_assets.settings import PROJECT_ROOT


def _row(name: str) -> str:
    phases = [phase for phase in Phase if name in names_after(phase)]
    after = "every phase" if phases == list(Phase) else ", ".join(phases)
    return f"| {after} | `{name}` | {DESCRIPTIONS[name]} |"


def test_the_readme_lists_each_gate_as_the_table_has_it() -> None:
    readme = (PROJECT_ROOT / "README.md").read_text()
    head = "| after | gate | what holds of a repo that passes |\n|---|---|---|\n"
    assert head + "\n".join(_row(name) for name in ALL_GATES) + "\n\n" in readme


def test_each_phase_asks_for_cheap_evidence_before_dear_one() -> None:
    for phase in Phase:
        steps = [gate.needs.step for gate in gates_after(phase)]
        assert steps == sorted(steps), phase


def test_a_gate_says_one_thing_of_itself_however_many_rows_it_has() -> None:
    assert len({(gate.name, gate.says) for gate in GATES}) == len(ALL_GATES)


def _context(phase: Phase, tmp_path: Path) -> Context:
    def unasked(*_: object) -> object:
        raise AssertionError("nothing is to be run here")

    tree = tree_of({"README.md": "# x\n"})
    runs = Runs(
        language=Language.BASH,
        commands=None,  # type: ignore[arg-type]
        scratch=tmp_path,
        seconds=lambda: 1.0,
        resolve=unasked,  # type: ignore[arg-type]
        finish=unasked,  # type: ignore[arg-type]
    )
    return Context(
        phase=phase,
        language=Language.BASH,
        scaffold=tree,
        before=tree,
        tree=tree,
        git_dir=tmp_path,
        commit="c" * 40,
        scanner=None,  # type: ignore[arg-type]
        runs=runs,
    )


def _gate(name: str, needs: Needs, *, passes: bool, is_final: bool = False) -> Gate:
    verdict = GateVerdict(gate="?", phase=Phase.SEO, passed=passes, saw="seen")
    return Gate(
        name=name, after=tuple(Phase), needs=needs, judge=lambda _: verdict, says="…", is_final=is_final
    )


def _asked(tmp_path: Path, *gates: Gate) -> list[str]:
    verdicts = list(judge(_context(Phase.BUILD, tmp_path), gates))
    assert {verdict.phase for verdict in verdicts} == {Phase.BUILD}
    return [verdict.gate for verdict in verdicts]


def test_where_a_gate_refuses_none_is_asked_whose_evidence_is_dearer(tmp_path: Path) -> None:
    gates = (
        _gate("a", Needs.TREE, passes=False),
        _gate("b", Needs.COMPARE, passes=True),
        _gate("c", Needs.RUN, passes=True),
    )
    assert _asked(tmp_path, *gates) == ["a", "b"]
    assert _asked(tmp_path, replace(gates[0], judge=gates[1].judge), *gates[1:]) == [
        "a",
        "b",
        "c",
    ]


def test_after_a_final_refusal_only_the_final_gates_are_asked(tmp_path: Path) -> None:
    gates = (
        _gate("unsafe", Needs.TREE, passes=False, is_final=True),
        _gate("secret", Needs.TREE, passes=False, is_final=True),
        _gate("sources", Needs.TREE, passes=True),
    )
    assert _asked(tmp_path, *gates) == ["unsafe", "secret"]


def test_a_gate_that_stumbles_over_a_tree_refuses_it(tmp_path: Path) -> None:
    def stumble(_: Context) -> GateVerdict:
        raise RecursionError("too deep")

    gate = replace(_gate("a", Needs.TREE, passes=True), judge=stumble)
    (verdict,) = judge(_context(Phase.BUILD, tmp_path), (gate,))
    assert not verdict.passed
    assert verdict.saw == "the gate cannot read this tree: RecursionError: too deep"


class _Beside:
    """A gate whose verdict comes only when a later one has been asked."""

    def __init__(self, *, passes: bool) -> None:
        self.later_is_asked = Event()
        self._says = _gate("secret", Needs.RUN, passes=passes, is_final=True)

    @property
    def gate(self) -> Gate:
        return replace(self._says, judge=lambda context: lambda: self._found(context))

    def later(self, gate: Gate) -> Gate:
        def judge_later(context: Context) -> GateVerdict | Callable[[], GateVerdict]:
            self.later_is_asked.set()
            return gate.judge(context)

        return replace(gate, judge=judge_later)

    def _found(self, context: Context) -> GateVerdict:
        assert self.later_is_asked.wait(60)
        verdict = self._says.judge(context)
        assert isinstance(verdict, GateVerdict)
        return verdict


def _unaskable(_: Context) -> GateVerdict:
    raise InfrastructureError("no sandbox")


def test_a_gate_that_finds_its_verdict_beside_the_others_is_told_in_its_place(tmp_path: Path) -> None:
    beside = _Beside(passes=True)
    others = (
        beside.later(_gate("tests", Needs.RUN, passes=False)),
        replace(_gate("mutants", Needs.RUN, passes=True), unless_refused=("tests",)),
        _gate("harm", Needs.RUN, passes=True),
    )
    assert _asked(tmp_path, beside.gate, *others) == ["secret", "tests", "harm"]


def test_what_was_asked_beside_a_gate_that_refuses_in_the_end_is_not_told(tmp_path: Path) -> None:
    for later in (
        _gate("tests", Needs.RUN, passes=False),
        replace(_gate("tests", Needs.RUN, passes=True), judge=_unaskable),
    ):
        beside = _Beside(passes=False)
        assert _asked(tmp_path, beside.gate, beside.later(later)) == ["secret"]


def test_dearer_evidence_waits_for_a_verdict_that_is_found_beside(tmp_path: Path) -> None:
    beside = _Beside(passes=False)
    read = replace(_gate("read", Needs.READ, passes=True), judge=_unaskable)
    gates = (beside.gate, beside.later(_gate("tests", Needs.RUN, passes=True)), read)
    context = replace(_context(Phase.BUILD, tmp_path), read=lambda: _unaskable(context))
    assert [verdict.gate for verdict in judge(context, gates)] == ["secret"]


def test_a_gate_that_cannot_be_asked_stops_the_judging_after_what_is_known(tmp_path: Path) -> None:
    beside = _Beside(passes=True)
    later = beside.later(replace(_gate("tests", Needs.RUN, passes=True), judge=_unaskable))
    verdicts = judge(_context(Phase.BUILD, tmp_path), (beside.gate, later))
    assert next(verdicts).gate == "secret"
    with pytest.raises(InfrastructureError, match="no sandbox"):
        next(verdicts)


def test_a_verdict_that_cannot_be_found_beside_stumbles_as_in_a_gate_of_its_own(tmp_path: Path) -> None:
    def stumble() -> GateVerdict:
        raise RecursionError("too deep")

    gate = replace(_gate("secret", Needs.RUN, passes=True, is_final=True), judge=lambda _: stumble)
    assert _asked(tmp_path, gate, _gate("tests", Needs.RUN, passes=True)) == ["secret"]
    broken = replace(gate, judge=lambda context: lambda: _unaskable(context))
    with pytest.raises(InfrastructureError, match="no sandbox"):
        list(judge(_context(Phase.BUILD, tmp_path), (broken, _gate("tests", Needs.RUN, passes=True))))
