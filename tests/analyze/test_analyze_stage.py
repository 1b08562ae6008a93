"""The analyze stage from papers to queue, with a scripted model."""

from __future__ import annotations

import pytest
from analyze_fakes import (
    DAY,
    FakeModel,
    FakeStore,
    answer,
    names,
    paper,
    proposal,
    run_analysis,
    specs_json,
)

from factory_assets.domain.agents import Question, Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import CredentialError, InputError, RateLimitedError

GOOD = proposal("cache-replay")
BAD = proposal("Bad Name", estimated_lines=900)


def test_specs_are_queued_in_the_order_of_the_answer_and_papers_marked() -> None:
    store = FakeStore()
    model = FakeModel([specs_json(proposal("first-tool"), proposal("second-tool", "2606.00002"))])
    report = run_analysis([paper(1), paper(2)], model, store)
    assert names(report) == ["first-tool", "second-tool"]
    ((specs, analysed),) = store.queued
    assert [spec.name for spec in specs] == ["first-tool", "second-tool"]
    assert analysed == {"2606.00001", "2606.00002"}
    assert (report.day, report.papers, report.batches) == (DAY, 2, 1)
    assert report.routes == ("api",)
    assert report.dropped == ()


def test_a_day_without_papers_asks_nobody_and_still_counts_as_analysed() -> None:
    store, model = FakeStore(), FakeModel([])
    report = run_analysis([], model, store)
    assert model.questions == []
    assert store.queued == [((), frozenset())]
    assert (report.papers, report.queued, report.usage.calls) == (0, (), 0)


def test_papers_that_give_no_tool_end_with_zero_specs() -> None:
    store = FakeStore()
    report = run_analysis([paper()], FakeModel([specs_json()]), store)
    assert report.queued == ()
    assert store.queued == [((), frozenset({"2606.00001"}))]


def test_an_invalid_spec_is_asked_for_again_once_with_the_reasons_and_keeps_its_rank() -> None:
    store = FakeStore()
    model = FakeModel(
        [specs_json(proposal("one-tool"), BAD, proposal("three-tool")), specs_json(proposal("two-tool"))]
    )
    report = run_analysis([paper()], model, store)
    assert names(report) == ["one-tool", "two-tool", "three-tool"]
    repair = model.questions[1].prompt
    assert "Task: repair" in repair.splitlines()
    assert f"Date: {DAY}" in repair.splitlines()
    assert "Bad Name" in repair
    assert "estimated_lines: Input should be less than or equal to 300" in repair
    assert "[2606.00001] Paper 1" in repair
    assert model.questions[1].instructions == model.questions[0].instructions


def test_a_language_in_capitals_costs_no_second_request() -> None:
    model = FakeModel([specs_json(proposal("one-tool", language="Python"))])
    report = run_analysis([paper()], model, FakeStore())
    assert (names(report), len(model.questions)) == (["one-tool"], 1)


def test_a_name_that_no_repo_can_have_is_asked_for_again_with_the_reason() -> None:
    model = FakeModel([specs_json(proposal("con")), specs_json(proposal("con-tool"))])
    report = run_analysis([paper()], model, FakeStore())
    assert names(report) == ["con-tool"]
    assert "name: con is a device's name on Windows" in model.questions[1].prompt


def test_a_spec_that_stays_invalid_is_dropped_and_counted_with_its_reasons() -> None:
    store = FakeStore()
    report = run_analysis([paper()], FakeModel([specs_json(GOOD, BAD), specs_json(BAD)]), store)
    assert names(report) == ["cache-replay"]
    assert store.dropped == [1]
    (dropped,) = report.dropped
    assert dropped.name == "Bad Name"
    assert any(reason.startswith("name:") for reason in dropped.reasons)
    assert any(reason.startswith("estimated_lines:") for reason in dropped.reasons)


def test_corrections_find_their_place_by_name_even_when_one_is_missing() -> None:
    broken = [proposal("alpha-tool", files=[]), proposal("beta-tool", files=[]), proposal("last-tool")]
    model = FakeModel([specs_json(*broken), specs_json(proposal("beta-tool"))])
    report = run_analysis([paper()], model, FakeStore())
    assert names(report) == ["beta-tool", "last-tool"]
    assert [dropped.name for dropped in report.dropped] == ["alpha-tool"]


def test_a_paper_that_was_not_sent_makes_a_spec_invalid() -> None:
    astray = proposal("astray-tool", "2501.99999")
    model = FakeModel([specs_json(astray), specs_json(proposal("astray-tool", "2606.00002"))])
    report = run_analysis([paper(1), paper(2)], model, FakeStore())
    assert names(report) == ["astray-tool"]
    repair = model.questions[1].prompt
    assert "2501.99999 is none of the papers that were sent" in repair
    assert "[2606.00002] Paper 2" in repair


def test_ids_with_brackets_or_a_version_are_the_same_papers() -> None:
    model = FakeModel([specs_json(proposal("some-tool", "[2606.00001]", "2606.00001v2", "arXiv:2606.00002"))])
    report = run_analysis([paper(1), paper(2)], model, FakeStore())
    assert report.queued[0].spec.source_papers == ("2606.00001", "2606.00002")


def test_a_name_that_is_taken_or_comes_twice_goes_to_repair() -> None:
    model = FakeModel(
        [
            specs_json(proposal("old-tool"), proposal("same-tool"), proposal("same-tool")),
            specs_json(proposal("new-tool"), proposal("other-tool")),
        ]
    )
    report = run_analysis([paper()], model, FakeStore(), taken={"old-tool"})
    assert names(report) == ["new-tool", "same-tool", "other-tool"]
    assert model.questions[1].prompt.count("is taken already") == 2


def test_the_raw_answer_is_stored_before_anything_in_it_is_validated() -> None:
    store = FakeStore()
    raw = specs_json(BAD)
    run_analysis([paper()], FakeModel([raw, specs_json()]), store)
    assert store.answers[0] == ("batch 1/1", raw)
    assert [purpose for purpose, _ in store.answers] == ["batch 1/1", "repair"]


def test_an_answer_that_is_no_json_is_asked_again_once_and_then_fails_the_stage() -> None:
    store, notices = FakeStore(), list[str]()
    model = FakeModel(["I would rather not.", "Sorry."])
    with pytest.raises(InputError, match="could not be read twice") as caught:
        run_analysis([paper()], model, store, notices=notices)
    assert "answers 1 and 2" in str(caught.value)
    assert store.answers == [("batch 1/1", "I would rather not."), ("batch 1/1 again", "Sorry.")]
    assert store.queued == []
    assert [call.outcome for call in store.calls] == ["no answer in it", "no answer in it"]
    assert model.questions[0].prompt != model.questions[1].prompt
    assert "could not be read" in model.questions[1].prompt
    assert any("asked again" in notice for notice in notices)


def test_a_second_answer_that_is_json_saves_the_day() -> None:
    report = run_analysis([paper()], FakeModel(["hm", specs_json(GOOD)]), FakeStore())
    assert names(report) == ["cache-replay"]
    assert any("asked again" in note for note in report.notes)


def test_a_failed_repair_costs_the_invalid_specs_only() -> None:
    store = FakeStore()
    model = FakeModel([specs_json(GOOD, BAD), RateLimitedError("slow down")])
    report = run_analysis([paper()], model, store)
    assert names(report) == ["cache-replay"]
    assert [dropped.name for dropped in report.dropped] == ["Bad Name"]
    assert any("slow down" in note for note in report.notes)


def test_a_failed_repair_with_nothing_to_save_fails_the_stage() -> None:
    store = FakeStore()
    with pytest.raises(RateLimitedError):
        run_analysis([paper()], FakeModel([specs_json(BAD), RateLimitedError("slow down")]), store)
    assert store.queued == []


def test_a_refused_credential_leaves_the_papers_unanalysed() -> None:
    store = FakeStore()
    with pytest.raises(CredentialError):
        run_analysis([paper()], FakeModel([CredentialError("invalid key")]), store)
    assert store.queued == []


def test_more_specs_than_asked_for_are_dropped_and_counted() -> None:
    model = FakeModel([specs_json(proposal("one-tool"), proposal("two-tool"), proposal("three-tool"))])
    report = run_analysis([paper()], model, FakeStore(), wanted=2)
    assert names(report) == ["one-tool", "two-tool"]
    assert [dropped.name for dropped in report.dropped] == ["three-tool"]


def test_a_name_that_the_registry_held_already_is_reported_as_dropped() -> None:
    store = FakeStore(gone=frozenset({"cache-replay"}))
    report = run_analysis([paper()], FakeModel([specs_json(GOOD)]), store)
    assert report.queued == ()
    assert [dropped.name for dropped in report.dropped] == ["cache-replay"]


def test_an_attempt_that_was_broken_off_is_in_the_ledger_and_in_the_sum() -> None:
    store = FakeStore()

    def at_the_second_try(question: Question) -> str:
        question.lost(answer("", usage=Usage(calls=1, output_tokens=900, cost_usd=0.5)))
        return specs_json(GOOD)

    report = run_analysis([paper()], FakeModel([at_the_second_try]), store)
    assert [call.outcome for call in store.calls] == ["broken off", "answered"]
    assert report.usage.cost_usd == pytest.approx(0.51)


def test_every_call_is_one_line_of_the_ledger_with_its_price() -> None:
    store = FakeStore()
    first = answer(
        specs_json(GOOD, BAD),
        route=Route.ROUTER,
        cache_hit=True,
        usage=Usage(calls=1, input_tokens=5, cost_usd=0.25),
        notes=("route api failed: x",),
    )
    report = run_analysis([paper()], FakeModel([first, specs_json(proposal("fixed-tool"))]), store)
    one, two = store.calls
    assert (one.stage, one.partition, one.route, one.cache_hit) == ("analyze", "2026-06-03", "router", True)
    assert (one.outcome, one.usage.cost_usd, one.repo, one.phase) == ("answered", 0.25, None, None)
    assert two.route == "api"
    assert report.usage == one.usage + two.usage
    assert report.usage.calls == 2
    assert report.routes == ("router", "api")
    assert report.cache_hits == 1
    assert report.answer_ids == (1, 2)
    assert "route api failed: x" in report.notes
