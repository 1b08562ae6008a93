"""A build is read before it ships: what is confirmed goes back to an agent, and nothing is lost or paid for twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from build_fakes import Act, ScriptedAgent
from build_material import BASH_FILES, DOCUMENTS, Factory, good_acts, make_spec, write_files, writes
from reader_fakes import PlayedModel, reader_of

from factory_assets.building.outcome import Deferred, Stops
from factory_assets.domain.agents import Answer, Question, Route
from factory_assets.domain.builds import BudgetLimits, BuildStatus, Phase, Usage, WaitCause
from factory_assets.domain.errors import CredentialError, InfrastructureError, RateLimitedError
from factory_assets.domain.readings import Finding, FindingKind, ReaderMode, Severity
from factory_assets.domain.specs import Language
from factory_assets.gates.names import READING
from factory_assets.llm.claude_api_errors import AnswerRefusedError

FAULT = Finding(
    kind=FindingKind.WRONG,
    severity=Severity.CRITICAL,
    file="lib/count.sh",
    line=9,
    quote="total=$((total + ${#words[@]}))",
    why="It counts words, and SPEC.md asks for lines.",
    fix="Count lines.",
)
PROMISE = Finding(
    kind=FindingKind.NOT_THERE,
    severity=Severity.MAJOR,
    file="README.md",
    line=4,
    quote="It reads stdin, so that it fits into any pipe, and prints one number.",
    why="It prints nothing.",
    fix="Say so.",
)
FIXED = BASH_FILES["lib/count.sh"].replace(
    "total=$((total + ${#words[@]}))", "local number=${#words[@]}\n    total=$((number + total))"
)
DISPUTE = """# Disputes

## 1
> echo "$total"
The last line prints what the spec asks for.
"""


class Acts:
    """Does one thing after the other, and in the end nothing more."""

    def __init__(self, *acts: Act) -> None:
        self._acts = [*acts]

    def __call__(self, workspace: Path) -> None:
        if self._acts:
            self._acts.pop(0)(workspace)


def factory_with(
    root: Path, model: PlayedModel, *review: Act, mode: ReaderMode = ReaderMode.DECIDE, **limits: object
) -> Factory:
    acts = good_acts(Language.BASH) | {Phase.REVIEW: Acts(lambda workspace: None, *review)}
    values = {"repair_rounds": 1} | limits
    factory = Factory(root, make_spec(Language.BASH), ScriptedAgent(acts), **values)
    factory.reader = reader_of(model, mode=mode)
    return factory


def verdict(factory: Factory):
    return factory.verdicts[1, READING]


def read_lines(factory: Factory):
    return [call for call in factory.calls if call.stage == "read"]


def test_a_confirmed_finding_is_handed_back_and_what_fixes_it_ships(tmp_path: Path) -> None:
    model = PlayedModel(FAULT)
    factory = factory_with(tmp_path, model, writes({"lib/count.sh": FIXED}))
    report = factory.build()
    assert report.commit is not None
    repair = factory.agent.tasks[-1].prompt
    assert "1. lib/count.sh:9: wrong against the spec, critical: It counts words" in repair
    assert "DISPUTES.md" in repair
    assert model.tasks == ["read", "confirm", "read"]
    assert verdict(factory).passed
    assert "(fixed) lib/count.sh:9" in verdict(factory).saw


def test_what_is_still_so_after_the_last_round_has_failed(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, PlayedModel(FAULT))
    factory.refused("It counts words", by="gate")
    assert factory.queued.status is BuildStatus.FAILED


def test_a_finding_that_is_not_confirmed_is_shown_and_the_repo_ships(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, PlayedModel(FAULT, rules=lambda prompt: False))
    assert factory.build().commit is not None
    assert "(not confirmed) lib/count.sh:9" in verdict(factory).saw
    assert len(factory.agent.tasks) == 3


def test_what_programs_refuse_is_not_read(tmp_path: Path) -> None:
    model = PlayedModel()
    broken = BASH_FILES["lib/count.sh"].replace("words[@]}))", "words[@]} + 1))")
    acts = good_acts(Language.BASH) | {Phase.BUILD: writes(BASH_FILES | {"lib/count.sh": broken})}
    factory = Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent(acts))
    factory.reader = reader_of(model)
    factory.refused(by="gate")
    assert model.asked == []


def test_its_calls_are_lines_of_their_own_in_the_ledger_and_reserved_before_they_are_made(
    tmp_path: Path,
) -> None:
    reserved: list[float] = []

    class Watching(PlayedModel):
        def ask(self, question: Question) -> Answer:
            reserved.extend(line["reserved_usd"] for line in factory.reserved)
            return super().ask(question)

    factory = factory_with(tmp_path, Watching(FAULT, rules=lambda prompt: False))
    factory.build()
    lines = read_lines(factory)
    assert [(line.phase, line.outcome, line.usage.cost_usd) for line in lines] == [
        (None, "answered", 0.02)
    ] * 2
    assert len(reserved) == 2
    assert min(reserved) > 0.0
    assert factory.reserved == []
    tag = json.loads(factory.git("for-each-ref", "--format=%(contents:body)", "refs/tags/v0.1.0"))
    assert tag["cost_usd"] == pytest.approx(0.07)


@pytest.mark.parametrize(
    ("error", "cause", "stops"),
    [
        (RateLimitedError("slow down"), WaitCause.RATE_LIMIT, None),
        (InfrastructureError("the router is down"), WaitCause.INFRASTRUCTURE, None),
        (CredentialError("refused"), WaitCause.CREDENTIAL, Stops.MODEL),
    ],
)
def test_a_reader_that_cannot_be_asked_puts_the_build_off_and_nothing_is_lost(
    tmp_path: Path, error: Exception, cause: WaitCause, stops: Stops | None
) -> None:
    model = PlayedModel()
    model.error = error
    factory = factory_with(tmp_path, model)
    outcome = factory.run()
    assert isinstance(outcome, Deferred)
    assert outcome.stops is stops
    assert (factory.queued.status, factory.queued.wait_cause) == (BuildStatus.QUEUED, cause)
    assert factory.queued.attempts == 0
    model.error = None
    assert factory.build().commit is not None
    assert len(factory.agent.tasks) == 3


def test_what_was_answered_before_a_run_died_is_not_asked_again(tmp_path: Path) -> None:
    class Dying(PlayedModel):
        def ask(self, question: Question) -> Answer:
            if self.tasks == ["read"]:
                self.asked.append(question)
                raise KeyboardInterrupt
            return super().ask(question)

    model = Dying(FAULT, rules=lambda prompt: False)
    factory = factory_with(tmp_path, model)
    with pytest.raises(KeyboardInterrupt):
        factory.build()
    assert factory.build().commit is not None
    assert model.tasks == ["read", "confirm", "confirm"]


def test_a_commit_that_was_read_is_not_read_again(tmp_path: Path) -> None:
    model = PlayedModel(FAULT)
    agents = []

    def dies(workspace: Path) -> None:
        agents.append(workspace)
        raise KeyboardInterrupt

    factory = factory_with(tmp_path, model, dies, writes({"lib/count.sh": FIXED}))
    with pytest.raises(KeyboardInterrupt):
        factory.build()
    asked = len(model.asked)
    assert factory.build().commit is not None
    assert model.tasks[asked:] == ["read"]


def test_a_repo_budget_without_room_for_a_reading_puts_the_build_off(tmp_path: Path) -> None:
    limits = BudgetLimits(repo_usd=0.0301, day_usd=50.0, phase_usd=dict.fromkeys(Phase, 1.0))
    model = PlayedModel()
    factory = factory_with(tmp_path, model, limits=limits)
    factory.deferred("FACTORY_REPO_BUDGET_USD")
    assert factory.queued.wait_cause is WaitCause.REPO_BUDGET
    assert model.asked == []


def test_a_dispute_is_heard_once_and_never_committed(tmp_path: Path) -> None:
    model = PlayedModel(FAULT, rules=lambda prompt: "<dispute>" not in prompt)
    factory = factory_with(tmp_path, model, writes({"DISPUTES.md": DISPUTE}))
    assert factory.build().commit is not None
    assert "(struck) lib/count.sh:9" in verdict(factory).saw
    assert 'Quote: echo "$total"' in model.asked[-1].prompt
    assert "DISPUTES.md" not in factory.git("log", "--all", "--name-only", "--format=")


def test_a_dispute_that_does_not_convince_leaves_the_refusal(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, PlayedModel(FAULT), writes({"DISPUTES.md": DISPUTE}))
    factory.refused(by="gate")
    assert not verdict(factory).passed


def test_what_a_hostile_agent_leaves_as_its_disputes_neither_stops_the_build_nor_is_committed(
    tmp_path: Path,
) -> None:
    def leaves_a_link(workspace: Path) -> None:
        (workspace / "DISPUTES.md").symlink_to("/etc/passwd")
        write_files(workspace, {"lib/count.sh": FIXED})

    factory = factory_with(tmp_path, PlayedModel(FAULT), leaves_a_link)
    assert factory.build().commit is not None
    assert "DISPUTES.md" not in factory.git("log", "--all", "--name-only", "--format=")


def test_where_documents_alone_are_wrong_their_own_agent_fixes_them(tmp_path: Path) -> None:
    fixed = DOCUMENTS["README.md"].replace("and prints one number", "and prints a number")
    acts = good_acts(Language.BASH) | {Phase.SEO: Acts(writes(DOCUMENTS), writes({"README.md": fixed}))}
    factory = Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent(acts), repair_rounds=1)
    factory.reader = reader_of(PlayedModel(PROMISE))
    assert factory.build().commit is not None
    assert factory.agent.tasks[-1].model == "haiku"


def test_a_reader_that_advises_refuses_nothing_and_never_holds_a_build_up(tmp_path: Path) -> None:
    factory = factory_with(tmp_path / "found", PlayedModel(FAULT), mode=ReaderMode.ADVISE)
    assert factory.build().commit is not None
    assert "(shown) lib/count.sh:9" in verdict(factory).saw
    model = PlayedModel()
    model.error = InfrastructureError("the router is down")
    factory = factory_with(tmp_path / "away", model, mode=ReaderMode.ADVISE)
    assert factory.build().commit is not None
    assert "not read: the router is down" in verdict(factory).saw


def test_without_a_reader_the_gate_does_not_judge(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, PlayedModel())
    factory.reader = None
    report = factory.build()
    assert READING not in {verdict.gate for verdict in report.verdicts}
    assert report.provenance is not None
    assert "reader" not in report.provenance.prompt_sha256


def test_a_repo_that_makes_the_reader_decline_does_not_pass_by_that(tmp_path: Path) -> None:
    model = PlayedModel()
    answer = Answer("", Route.API, "claude-haiku-5-5", Usage(calls=1, cost_usd=0.01), 0.1)
    model.error = AnswerRefusedError("The model declined to answer: no reason given.", answer=answer)
    factory = factory_with(tmp_path, model, repair_rounds=0)
    factory.refused("declined to answer", by="gate")
    assert [line.outcome for line in read_lines(factory)] == ["refused"]


def test_the_repo_says_by_whom_it_was_read_and_what_was_found(tmp_path: Path) -> None:
    factory = factory_with(tmp_path, PlayedModel(FAULT, rules=lambda prompt: False))
    report = factory.build()
    assert report.provenance is not None
    assert {"reader", "reader_confirm"} <= report.provenance.prompt_sha256.keys()
    tag = json.loads(factory.git("for-each-ref", "--format=%(contents:body)", "refs/tags/v0.1.0"))
    assert tag["reading"] == {
        "model": "claude-haiku-5-5",
        "found": {"wrong against the spec": 1},
        "confirmed": {},
        "disputed": {},
        "struck": {},
        "dropped": 0,
    }
