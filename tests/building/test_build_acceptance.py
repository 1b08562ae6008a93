"""What a repo has to do is agreed before it is built, held out from its builder, and tried at each end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance_fakes import CONTRACT, SCENARIOS, AgreeingModel, acceptor_of, counts
from build_fakes import Act, ScriptedAgent
from build_material import BASH_FILES, Factory, good_acts, make_spec, writes
from memory_registry import results
from reader_fakes import PlayedModel, reader_of

from factory_assets.building.provenance import read_tag_message
from factory_assets.building.verify import Bench, verify_clone
from factory_assets.domain.acceptance import Acceptance
from factory_assets.domain.agents import Answer, Command, CommandResult, Route
from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.specs import Language
from factory_assets.gates.names import ACCEPTANCE
from factory_assets.llm.claude_api_errors import AnswerRefusedError

# Right for what its own tests ask, and for nothing longer.
WRONG = BASH_FILES["lib/count.sh"].replace('  echo "$total"', '  echo "$((total > 4 ? 4 : total))"')
DISPUTE = """## {number}
> A word is what stands between white space.
The contract counts other things as words.
"""


def factory_with(root: Path, model: AgreeingModel, *, build: Act | None = None, **limits: object) -> Factory:
    acts = good_acts(Language.BASH)
    factory = Factory(root, make_spec(Language.BASH), ScriptedAgent(acts), **limits)
    if build is not None:
        factory.agent.acts[Phase.BUILD] = build
    factory.acceptor = acceptor_of(model)
    return factory


def agreed(factory: Factory) -> Acceptance:
    agreed = factory.journal.acceptance_of(factory.spec_id)
    assert agreed is not None
    return agreed


class Builds:
    """Writes these files when it is first asked, and those of the next act at each repair."""

    def __init__(self, *acts: Act) -> None:
        self._acts = [*acts]

    def __call__(self, workspace: Path) -> None:
        self._acts.pop(0)(workspace)


def test_what_the_repo_has_to_do_is_agreed_before_anything_is_built_and_a_good_repo_ships(
    tmp_path: Path,
) -> None:
    model = AgreeingModel()
    asked: list[int] = []
    factory = factory_with(
        tmp_path,
        model,
        build=lambda workspace: (asked.append(len(model.asked)), writes(BASH_FILES)(workspace))[1],
    )
    report = factory.build()
    assert report.commit is not None
    assert model.tasks == ["accept", "solve"]
    assert asked == [2]
    assert [held.is_example for held in agreed(factory).scenarios] == [True] * 3 + [False] * 3
    assert factory.verdicts[1, ACCEPTANCE].passed
    assert [result.passed for result in report.scenarios] == [True] * 6
    assert {phase for _, phase in results(factory.registry)} == {Phase.BUILD, Phase.REVIEW}


def test_the_builder_gets_the_contract_and_three_examples_and_nothing_of_what_is_held_out(
    tmp_path: Path,
) -> None:
    held = tuple(
        counts(
            f"zebra{number} " * 5,
            5,
            title=f"Held number {number}",
            behaviour=f"It asks for the count, variant {number}.",
        )
        for number in range(3)
    )
    seen: list[str] = []

    def look(workspace: Path) -> None:
        seen.extend(path.read_text() for path in workspace.rglob("*") if path.is_file())
        writes(BASH_FILES | {"lib/count.sh": WRONG})(workspace)

    model = AgreeingModel((*SCENARIOS[:3], *held))
    factory = factory_with(tmp_path, model, build=Builds(look, look), repair_rounds=1)
    factory.refused("acceptance", by="gate")
    told = "\n".join([*seen, *(task.prompt for task in factory.agent.tasks), *factory.lines])
    assert "A word is what stands between white space." in told
    assert "A file of 3 words" in told
    assert "It asks for the count, variant …: what it printed" in told
    for secret in ("zebra", "Held number"):
        assert secret not in told
        assert all(secret not in str(verdict) for verdict in factory.verdicts.values())


def test_a_repo_that_is_right_for_its_own_tests_alone_is_refused_and_fixed_it_ships(tmp_path: Path) -> None:
    wrong, right = writes(BASH_FILES | {"lib/count.sh": WRONG}), writes(BASH_FILES)
    factory = factory_with(tmp_path, AgreeingModel(), build=Builds(wrong, right), repair_rounds=1)
    assert factory.build().commit is not None
    repair = factory.agent.tasks[1].prompt
    assert "5. The contract asks for how many there are: what it printed" in repair
    assert "alpha alpha" not in repair


def test_it_fails_where_no_round_is_left(tmp_path: Path) -> None:
    wrong = writes(BASH_FILES | {"lib/count.sh": WRONG})
    factory = factory_with(tmp_path, AgreeingModel(), build=wrong)
    factory.refused("Gate acceptance refused", by="gate")
    (told,) = results(factory.registry).values()
    assert [result.number for result in told if not result.passed] == [5, 6]
    assert "+4" in told[4].happened


def test_a_scenario_that_somebody_else_solves_otherwise_does_not_count(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, AgreeingModel(solves={SCENARIOS[1].title: "7"}))
    factory.build()
    titles = [held.scenario.title for held in agreed(factory).scenarios]
    assert titles == [scenario.title for scenario in SCENARIOS if scenario is not SCENARIOS[1]]
    assert agreed(factory).dropped == 1


def test_too_few_that_hold_are_written_anew_once_with_the_reasons(tmp_path: Path) -> None:
    model = AgreeingModel(SCENARIOS[:3], SCENARIOS[:5])
    factory = factory_with(tmp_path, model)
    factory.build()
    assert model.tasks == ["accept", "solve", "accept", "solve"]
    assert "An earlier answer of yours did not hold" in model.asked[2].prompt
    assert len(agreed(factory).scenarios) == 5


def test_whatever_was_written_and_never_counted_is_counted_against_its_writer(tmp_path: Path) -> None:
    anew = factory_with(tmp_path / "anew", AgreeingModel(SCENARIOS[:3], SCENARIOS[:5]))
    anew.build()
    assert agreed(anew).dropped == 3
    neither = factory_with(tmp_path / "neither", AgreeingModel(SCENARIOS[:3], SCENARIOS[:2]))
    neither.build()
    assert agreed(neither).dropped == 5
    many = factory_with(tmp_path / "many", AgreeingModel(tuple(counts("a " * n, n) for n in range(1, 15))))
    many.build()
    assert (len(agreed(many).active), agreed(many).dropped) == (12, 2)


@pytest.mark.parametrize("number", [6, 12])
def test_six_to_twelve_scenarios_all_count(tmp_path: Path, number: int) -> None:
    factory = factory_with(tmp_path, AgreeingModel(tuple(counts("a " * n, n) for n in range(1, number + 1))))
    factory.build()
    assert (len(agreed(factory).active), len(agreed(factory).held_out)) == (number, number - 3)
    assert agreed(factory).dropped == 0


def test_a_spec_without_enough_goes_on_without_and_says_so(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, AgreeingModel(SCENARIOS[:3]))
    report = factory.build()
    assert report.commit is not None
    assert report.acceptance == agreed(factory)
    assert agreed(factory).active == ()
    assert "only 3 of 3 scenarios were left" in agreed(factory).note
    assert any("nothing is held out" in line for line in factory.lines)
    assert (1, ACCEPTANCE) not in factory.verdicts


def test_a_model_that_writes_no_scenario_is_said_to_have_written_none(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, AgreeingModel(()))
    assert factory.build().commit is not None
    assert agreed(factory).words == "nothing is held out, because the model wrote no scenario"


def test_a_model_that_declines_holds_nothing_up(tmp_path: Path) -> None:
    model = AgreeingModel()
    model.error = AnswerRefusedError(
        "it declines", answer=Answer("", Route.API, "claude-sonnet-5-5", Usage(cost_usd=0.01), 0.1)
    )
    factory = factory_with(tmp_path, model)
    assert factory.build().commit is not None
    assert "it declines" in agreed(factory).note


@pytest.mark.parametrize("upheld", [True, False])
def test_a_scenario_that_the_builder_disputes_is_looked_at_once_and_struck_where_it_is_wrong(
    tmp_path: Path, upheld: bool
) -> None:
    wrong = writes(BASH_FILES | {"lib/count.sh": WRONG})
    dispute = writes({"DISPUTES.md": DISPUTE.format(number=5) + DISPUTE.format(number=6)})
    reader = PlayedModel(rules=lambda prompt: upheld)
    factory = factory_with(tmp_path, AgreeingModel(), build=Builds(wrong, dispute), repair_rounds=1)
    factory.reader = reader_of(reader)
    if upheld:
        factory.refused("Gate acceptance refused", by="gate")
    else:
        report = factory.build()
        assert report.tag_record is not None
        assert report.tag_record.acceptance is not None
        assert report.tag_record.acceptance.words == "4, 1 of them held out; 2 struck"
        assert [bool(held.struck) for held in agreed(factory).scenarios] == [False] * 4 + [True] * 2
    assert reader.tasks.count("dispute") == 2


def test_a_scenario_that_was_upheld_is_not_looked_at_again_in_a_later_round(tmp_path: Path) -> None:
    wrong = writes(BASH_FILES | {"lib/count.sh": WRONG})
    dispute = writes({"DISPUTES.md": DISPUTE.format(number=5) + DISPUTE.format(number=6)})
    reader = PlayedModel(rules=lambda prompt: True)
    builds = Builds(wrong, dispute, dispute)
    factory = factory_with(tmp_path, AgreeingModel(), build=builds, repair_rounds=2)
    factory.reader = reader_of(reader)
    factory.refused("Gate acceptance refused", by="gate")
    assert reader.tasks.count("dispute") == 2
    assert [held.is_disputed for held in agreed(factory).scenarios] == [False] * 4 + [True] * 2
    told = reader.asked[0].text
    for shown in (CONTRACT.rules[0], "alpha alpha alpha alpha alpha", "The contract counts other things"):
        assert shown in told


def test_a_dispute_that_quotes_nothing_of_the_contract_is_not_looked_at(tmp_path: Path) -> None:
    wrong = writes(BASH_FILES | {"lib/count.sh": WRONG})
    dispute = writes({"DISPUTES.md": "## 5\n> The contract asks for at most four words.\nIt does.\n"})
    reader = PlayedModel(rules=lambda prompt: False)
    factory = factory_with(tmp_path, AgreeingModel(), build=Builds(wrong, dispute), repair_rounds=1)
    factory.reader = reader_of(reader)
    factory.refused("Gate acceptance refused", by="gate")
    assert reader.tasks == []


def test_what_is_agreed_is_kept_and_asked_for_once_over_all_attempts(tmp_path: Path) -> None:
    model = AgreeingModel()
    wrong, right = writes(BASH_FILES | {"lib/count.sh": WRONG}), writes(BASH_FILES)
    factory = factory_with(tmp_path, model, build=Builds(wrong, right))
    factory.refused("Gate acceptance refused", by="gate")
    factory.build()
    assert model.tasks == ["accept", "solve"]


def test_its_calls_are_lines_of_their_own_in_the_ledger(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, AgreeingModel())
    factory.build()
    lines = [call for call in factory.calls if call.stage == "accept"]
    assert [(line.phase, line.outcome, line.usage.cost_usd) for line in lines] == [
        (None, "answered", 0.05),
        (None, "answered", 0.05),
    ]


def test_a_budget_without_room_for_it_puts_the_build_off(tmp_path: Path) -> None:
    limits = {
        "limits": Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent({})).config.limits.model_copy(
            update={"repo_usd": 0.05}
        )
    }
    factory = factory_with(tmp_path, AgreeingModel(), **limits)
    factory.deferred("a question can cost")
    assert factory.agent.tasks == []


def test_the_shipped_repo_says_what_it_was_held_to(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, AgreeingModel())
    report = factory.build()
    assert report.provenance is not None
    assert report.provenance.acceptance is not None
    assert report.provenance.acceptance.model_dump() == {
        "model": "claude-sonnet-5-5",
        "digest": agreed(factory).digest,
        "scenarios": 6,
        "examples": 3,
    }
    assert {"acceptance", "acceptance_solve"} <= report.provenance.prompt_sha256.keys()
    assert report.tag_record is not None
    assert (
        report.tag_record.acceptance
        == read_tag_message(f"x\n\n{report.tag_record.model_dump_json()}").acceptance
    )
    assert json.loads(report.tag_record.model_dump_json())["acceptance"]["passed"] == 6


def test_what_it_passed_is_published_with_it_and_was_not_there_while_it_was_judged(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, AgreeingModel())
    seen: list[bool] = []
    run_command = factory.commands.run

    def look(command: Command) -> CommandResult:
        seen.append(any(command.workspace.rglob("acceptance/scenarios.json")))
        return run_command(command)

    factory.commands.run = look
    assert factory.build().commit is not None
    assert seen
    assert not any(seen)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", factory.bare, clone], check=True)
    told = json.loads((clone / "tests/acceptance/scenarios.json").read_text())
    assert [each["title"] for each in told["scenarios"]] == [scenario.title for scenario in SCENARIOS]
    run = [sys.executable, "tests/acceptance/run.py"]
    passed = subprocess.run(run, cwd=clone, capture_output=True, text=True, check=False)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert passed.stdout.count(": passed") == 6
    (clone / "lib/count.sh").write_text(WRONG)
    failed = subprocess.run(run, cwd=clone, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "A file of 5 words: stdout is not as asked for (exact): '5'" in failed.stdout


def test_a_clone_is_verified_by_the_scenarios_that_it_publishes(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, AgreeingModel())
    factory.build()
    bench = Bench(commands=factory.commands, indexes=factory.config.indexes)
    checks = {check.name: check for check in verify_clone(str(factory.bare), bench=bench).checks}
    assert [check for check in checks.values() if not check.passed] == []
    assert checks["acceptance"].saw == "6 scenarios passed"
