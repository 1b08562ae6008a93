"""Many papers: batches, halving and the merge ranking."""

from __future__ import annotations

import json
import re

import pytest
from analyze_fakes import (
    PROMPTS,
    FakeModel,
    FakeStore,
    answer,
    names,
    paper,
    proposal,
    run_analysis,
    specs_json,
)

from factory_assets.analyze.batches import candidates_wanted, make_batches, paper_text
from factory_assets.analyze.plan import plan_analysis
from factory_assets.analyze.reading import MAX_SPLITS, static_tokens
from factory_assets.domain.agents import Answer, Question
from factory_assets.domain.errors import InputError, RateLimitedError
from factory_assets.domain.papers import Paper
from factory_assets.domain.tokens import tokens_of
from factory_assets.llm.claude_api_errors import AnswerCutError, AnswerRefusedError, PromptTooLongError
from factory_assets.llm.prompts import Prompts

IDS = re.compile(r"^\[(\d{4}\.\d{5})\]", re.MULTILINE)


def many(count: int) -> list[Paper]:
    return [paper(number, abstract="word " * 300) for number in range(1, count + 1)]


def budget(papers: int) -> int:
    static = static_tokens(Prompts(PROMPTS).instructions("analyze"))
    return static + papers * tokens_of(paper_text(many(1)[0]))


def tool_per_paper(question: Question) -> str:
    """Names one tool for each paper that it is shown; ranks candidates backwards."""
    lines = question.prompt.splitlines()
    if "Task: merge" in lines:
        found = re.findall(r"^Name: (.+)$", question.prompt, re.MULTILINE)
        return json.dumps({"names": found[::-1]})
    return specs_json(*(proposal(f"tool-{shown[-5:]}", shown) for shown in IDS.findall(question.prompt)))


def test_all_papers_of_an_ordinary_day_fit_one_request() -> None:
    papers = many(120)
    assert make_batches(papers, budget=85_000) == [papers]


def test_batches_keep_the_order_fit_the_budget_and_are_evenly_filled() -> None:
    papers = many(101)
    size = tokens_of(paper_text(papers[0]))
    batches = make_batches(papers, budget=size * 50)
    assert [one for batch in batches for one in batch] == papers
    assert [len(batch) for batch in batches] == [34, 34, 33]
    assert make_batches(papers, budget=size * 50) == batches


def test_a_paper_larger_than_the_budget_gets_a_batch_of_its_own() -> None:
    assert [len(batch) for batch in make_batches(many(3), budget=1)] == [1, 1, 1]
    assert make_batches([], budget=1) == []


def test_several_batches_are_asked_for_more_than_are_needed_in_the_end() -> None:
    assert candidates_wanted(30, 1) == 30
    assert candidates_wanted(30, 2) == 23
    assert candidates_wanted(30, 10) == 5


def test_several_batches_are_merged_into_one_ranking_by_name() -> None:
    store = FakeStore()
    model = FakeModel([tool_per_paper])
    report = run_analysis(many(4), model, store, wanted=3, batch_tokens=budget(2))
    assert report.batches == 2
    assert [purpose for purpose, _ in store.answers] == ["batch 1/2", "batch 2/2", "merge"]
    assert names(report) == ["tool-00004", "tool-00002", "tool-00003"]
    assert [dropped.name for dropped in report.dropped] == ["tool-00001"]
    merge = model.questions[-1]
    assert "Task: merge" in merge.prompt.splitlines()
    assert "Date: 2026-06-03" in merge.prompt.splitlines()
    assert "at most 3" in merge.prompt
    assert store.queued[0][1] == {f"2606.0000{n}" for n in (1, 2, 3, 4)}


def test_a_merge_ignores_names_that_are_no_candidates() -> None:
    def ranked(question: Question) -> str:
        if "Task: merge" in question.prompt:
            return json.dumps({"names": ["stranger", "tool-00003", "tool-00003", "tool-00001"]})
        return tool_per_paper(question)

    report = run_analysis(many(4), FakeModel([ranked]), FakeStore(), wanted=4, batch_tokens=budget(2))
    assert names(report)[:2] == ["tool-00003", "tool-00001"]


def test_a_merge_that_names_too_few_costs_no_spec_while_there_is_room() -> None:
    def ranked(question: Question) -> str:
        if "Task: merge" in question.prompt:
            return json.dumps({"names": ["tool-00003"]})
        return tool_per_paper(question)

    report = run_analysis(many(4), FakeModel([ranked]), FakeStore(), wanted=3, batch_tokens=budget(2))
    assert names(report)[0] == "tool-00003"
    assert len(names(report)) == 3
    assert len(report.dropped) == 1


def test_a_merge_answered_with_whole_specs_is_read_by_their_names() -> None:
    def ranked(question: Question) -> str:
        if "Task: merge" in question.prompt:
            return specs_json(proposal("tool-00002"), proposal("tool-00001"))
        return tool_per_paper(question)

    report = run_analysis(many(2), FakeModel([ranked]), FakeStore(), wanted=2, batch_tokens=budget(1))
    assert names(report) == ["tool-00002", "tool-00001"]


@pytest.mark.parametrize("failure", ["no json", RateLimitedError("slow down")])
def test_where_the_merge_fails_the_batches_rankings_are_interleaved_and_a_note_says_so(
    failure: str | Exception,
) -> None:
    def ranked(question: Question) -> str:
        if "Task: merge" not in question.prompt:
            return tool_per_paper(question)
        if isinstance(failure, Exception):
            raise failure
        return failure

    report = run_analysis(many(4), FakeModel([ranked]), FakeStore(), wanted=4, batch_tokens=budget(2))
    assert names(report) == ["tool-00001", "tool-00003", "tool-00002", "tool-00004"]
    assert any("merge failed" in note for note in report.notes)


def test_the_same_name_in_two_batches_belongs_to_the_first() -> None:
    def same(question: Question) -> str:
        if "Task: repair" in question.prompt:
            return specs_json(proposal("renamed-tool", "2606.00002"))
        if "Task: merge" in question.prompt:
            return json.dumps({"names": ["renamed-tool", "same-tool"]})
        return specs_json(proposal("same-tool", *IDS.findall(question.prompt)))

    report = run_analysis(many(2), FakeModel([same]), FakeStore(), batch_tokens=budget(1))
    assert {item.spec.name: item.spec.source_papers for item in report.queued} == {
        "renamed-tool": ("2606.00002",),
        "same-tool": ("2606.00001",),
    }


def test_a_cut_answer_is_kept_paid_for_and_asked_again_in_halves() -> None:
    def cut_when_long(question: Question) -> str | Answer:
        if "Task: analyze" in question.prompt and len(IDS.findall(question.prompt)) > 2:
            raise AnswerCutError("too long", answer=answer('{"specs": ['))
        return tool_per_paper(question)

    store, model = FakeStore(), FakeModel([cut_when_long])
    report = run_analysis(many(4), model, store, wanted=10)
    assert [purpose for purpose, _ in store.answers] == ["batch 1/1", "batch 1/1.a", "batch 1/1.b", "merge"]
    assert store.answers[0][1] == '{"specs": ['
    assert [call.outcome for call in store.calls] == ["cut", "answered", "answered", "answered"]
    assert report.usage.calls == 4
    assert len(report.queued) == 4
    assert "Specs wanted: at most 5" in model.questions[1].prompt
    assert report.unread == ()


def test_a_request_that_is_too_long_is_asked_again_in_halves_as_often_as_it_takes() -> None:
    def fits_one(question: Question) -> str:
        if "Task: analyze" in question.prompt and len(IDS.findall(question.prompt)) > 1:
            raise PromptTooLongError("prompt is too long: 210000 tokens > 200000 maximum (HTTP 400)")
        return tool_per_paper(question)

    store = FakeStore()
    report = run_analysis(many(16), FakeModel([fits_one]), store, wanted=16)
    assert len(report.queued) == 16
    assert report.unread == report.refused == ()
    assert {call.outcome for call in store.calls} == {"answered"}


def test_where_not_even_one_paper_fits_the_analysis_says_so_after_few_requests() -> None:
    def never(question: Question) -> str:
        raise PromptTooLongError("prompt is too long")

    model = FakeModel([never])
    with pytest.raises(PromptTooLongError):
        run_analysis(many(250), model, FakeStore())
    assert len(model.questions) < 12


def test_the_answers_of_an_analysis_that_failed_are_used_and_not_paid_for_again() -> None:
    fails = [True]

    def second_batch_fails(question: Question) -> str:
        if fails[0] and "[2606.00003]" in question.prompt:
            raise RateLimitedError("slow down")
        return tool_per_paper(question)

    store, model = FakeStore(), FakeModel([second_batch_fails])
    with pytest.raises(RateLimitedError):
        run_analysis(many(4), model, store, wanted=4, batch_tokens=budget(2))
    assert len(store.calls) == 1
    fails[0] = False
    model.questions.clear()
    report = run_analysis(many(4), model, store, wanted=4, batch_tokens=budget(2))
    assert len(report.queued) == 4
    assert all(
        "[2606.00001]" not in question.prompt
        for question in model.questions
        if "Task: analyze" in question.prompt
    )
    assert report.usage.calls == len(model.questions) == 2
    assert any("earlier run" in note for note in report.notes)


def test_a_stored_answer_that_cannot_be_read_is_asked_for_again() -> None:
    store = FakeStore()
    with pytest.raises(InputError):
        run_analysis(many(1), FakeModel(["no json", "none again"]), store)
    report = run_analysis(many(1), FakeModel([tool_per_paper]), store)
    assert len(report.queued) == 1


def test_one_paper_that_the_model_refuses_costs_that_paper_only() -> None:
    def refuses_five(question: Question) -> str:
        if "[2606.00005]" in question.prompt and "Task: analyze" in question.prompt:
            raise AnswerRefusedError("no", answer=answer(""))
        return tool_per_paper(question)

    store = FakeStore()
    report = run_analysis(many(8), FakeModel([refuses_five]), store)
    assert report.refused == ("2606.00005",)
    assert report.unread == ()
    assert len(report.queued) == 7
    assert "2606.00005" in store.queued[0][1]
    assert any("2606.00005" in note for note in report.notes)


def test_a_model_that_always_cuts_is_given_up_after_a_bounded_number_of_calls() -> None:
    def cuts(question: Question) -> str:
        raise AnswerCutError("too long", answer=answer(""))

    store, model = FakeStore(), FakeModel([cuts])
    with pytest.raises(AnswerCutError):
        run_analysis(many(64), model, store)
    assert len(model.questions) == 1 + 2 * MAX_SPLITS
    assert store.queued == []
    assert len(store.calls) == len(model.questions)


def test_papers_whose_answer_was_never_whole_stay_for_the_next_analysis() -> None:
    def cuts_one(question: Question) -> str:
        if "[2606.00001]" in question.prompt and "Task: analyze" in question.prompt:
            raise AnswerCutError("too long", answer=answer(""))
        return tool_per_paper(question)

    store = FakeStore()
    report = run_analysis(many(2), FakeModel([cuts_one]), store)
    assert report.unread == ("2606.00001",)
    assert store.queued[0][1] == {"2606.00002"}


def test_the_plan_bounds_what_an_analysis_can_cost() -> None:
    plan = plan_analysis(120, model_name="claude-haiku-5-5", specs_wanted=30)
    assert plan.batches == 1
    assert 0.01 < plan.expected_usd < 0.05
    assert plan.expected_usd < plan.worst_usd < 2
    assert plan_analysis(600, model_name="claude-haiku-5-5", specs_wanted=30).batches > 3
    assert plan_analysis(0, model_name="claude-haiku-5-5", specs_wanted=30).worst_usd == 0
    with pytest.raises(InputError, match="imaginary"):
        plan_analysis(1, model_name="imaginary", specs_wanted=30)
