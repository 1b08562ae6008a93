"""What a build's report becomes on its partition: the verdict in a line, then each scenario with what came of it."""

from __future__ import annotations

import pytest
from acceptance_fakes import CONTRACT, counts
from defs_fakes import TESTS_FAILED, every_verdict

from factory_assets.building.report import BuildReport
from factory_assets.defs.build_metadata import in_short, report_metadata
from factory_assets.defs.gate_checks import checks_of
from factory_assets.domain.acceptance import (
    Acceptance,
    Expectation,
    Form,
    HeldScenario,
    ScenarioFault,
    ScenarioResult,
)
from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.readings import ReadingCounts
from factory_assets.gates import ALL_GATES

HELD = (
    HeldScenario(number=1, scenario=counts("a", 1, title="One word"), is_example=True),
    HeldScenario(number=2, scenario=counts("a b", 2, title="Two words")),
    HeldScenario(number=3, scenario=counts("a c", 3, title="Three words")),
)
AGREED = Acceptance(model="the writer", contract=CONTRACT, scenarios=HELD)
PASSED = tuple(
    ScenarioResult(number=number, fault=None, happened="$ word-count text.txt\nall as asked for")
    for number in (1, 2, 3)
)
WRONG = ScenarioResult(
    number=2, fault=ScenarioFault.OUTPUT, happened="$ word-count text.txt\nstdout: -2\n+1\n```\n# no heading"
)
NOTHING_FOUND = ReadingCounts(model="the reader")


def shown(**known: object) -> dict[str, object]:
    """The plain values that the partition shows of a report."""
    report = BuildReport(name="word-count", attempts=1).model_copy(update=known)
    about = {**in_short(report), **report_metadata(report)}
    return {name: value.value for name, value in about.items()}


def last_verdicts(refused: GateVerdict | None = None) -> tuple[GateVerdict, ...]:
    return tuple({verdict.gate: verdict for verdict in every_verdict(refused)}.values())


def test_a_shipped_repo_says_in_one_line_what_all_its_judges_said() -> None:
    about = shown(
        verdicts=last_verdicts(), acceptance=AGREED, scenarios=PASSED, reading=NOTHING_FOUND, tests_executed=6
    )
    assert about["in short"] == (
        f"{len(ALL_GATES)} gates passed; 6 tests executed; all 3 scenarios passed, 2 of them held out;"
        " the reader found nothing"
    )


def test_a_refused_repo_says_in_one_line_who_refused_it() -> None:
    counted = ReadingCounts(model="the reader", found={"canned text": 3}, confirmed={"canned text": 1})
    about = shown(
        verdicts=last_verdicts(TESTS_FAILED),
        acceptance=AGREED,
        scenarios=(PASSED[0], WRONG, PASSED[2]),
        reading=counted,
    )
    assert about["in short"] == (
        f"refused by tests-pass; {len(ALL_GATES) - 1} gates passed; 2 of 3 scenarios passed; the reader found 3,"
        " of which 1 was confirmed"
    )


def test_a_build_that_nothing_has_judged_claims_nothing_in_short() -> None:
    assert "in short" not in shown()


def test_each_scenario_says_what_it_asked_for_how_it_was_called_and_what_came_of_it() -> None:
    about = shown(acceptance=AGREED, scenarios=PASSED)
    assert about["acceptance"] == "all 3 scenarios passed, 2 of them held out; written by the writer"
    assert about["scenario 1, example"] == (
        "passed: One word. The contract asks for how many there are. Called: word-count text.txt. Asked for: exit"
        " code 0; stdout, exact: 1"
    )
    assert "scenario 3, held out" in about


def test_what_a_scenario_asked_for_is_told_in_one_line_however_long_it_is() -> None:
    number = Expectation(of="out.txt", form=Form.NUMBER, value="mean: 2", tolerance=0.01)
    long = Expectation(of="stdout", form=Form.CONTAINS, value="first\nsecond " + "x" * 500, tolerance=0)
    scenario = HELD[0].scenario.model_copy(update={"exit_code": 3, "expects": (number, long)})
    asked = AGREED.model_copy(update={"scenarios": (HELD[0].model_copy(update={"scenario": scenario}),)})
    told = str(shown(acceptance=asked)["scenario 1, example"])
    assert (
        "Asked for: exit code 3; out.txt, number within 0.01: mean: 2; stdout, contains: first second x"
        in told
    )
    assert told.endswith("x…")
    assert "\n" not in told
    assert len(told) < 400


def test_of_a_scenario_that_failed_the_evidence_is_shown_as_it_is() -> None:
    about = shown(acceptance=AGREED, scenarios=(PASSED[0], WRONG, PASSED[2]))
    assert about["acceptance"] == "2 of 3 scenarios passed; written by the writer"
    assert str(about["scenario 2, held out"]).startswith(f"failed: {ScenarioFault.OUTPUT}: Two words. ")
    assert about["what happened in scenario 2"] == (
        "    $ word-count text.txt\n    stdout: -2\n    +1\n    ```\n    # no heading"
    )
    assert "what happened in scenario 1" not in about


@pytest.mark.parametrize("scenarios", [PASSED[:2], PASSED])
def test_a_struck_scenario_counts_no_more_and_says_why(scenarios: tuple[ScenarioResult, ...]) -> None:
    agreed = AGREED.disputed(3, struck="The contract says otherwise.")
    about = shown(acceptance=agreed, scenarios=scenarios)
    assert (
        about["acceptance"] == "all 2 scenarios passed, 1 of them held out; 1 struck; written by the writer"
    )
    assert str(about["scenario 3, held out"]).startswith(
        "struck: The contract says otherwise.: Three words. "
    )


def test_scenarios_that_were_not_run_are_no_pass() -> None:
    about = shown(acceptance=AGREED)
    assert (
        about["acceptance"] == "3 scenarios, 2 of them held out, not run in this run; written by the writer"
    )
    assert str(about["scenario 1, example"]).startswith("not run: One word. ")


def test_a_spec_that_nothing_is_held_out_of_says_why() -> None:
    note = "nothing is held out, because only 2 of 8 scenarios were left after the checks"
    agreed = AGREED.model_copy(update={"scenarios": (), "note": note})
    assert shown(acceptance=agreed)["acceptance"] == f"{note}; written by the writer"


def test_a_check_begins_with_the_first_line_of_what_a_gate_saw_at_length() -> None:
    refused = TESTS_FAILED.model_copy(update={"saw": "2 tests failed\ntest_a\ntest_b"})
    (check,) = checks_of([refused])
    assert check.metadata["in short"].value == "2 tests failed"
    assert "test_b" in str(check.metadata["saw"].value)
