"""Synthesis from contexts to queue, with a scripted model."""

from __future__ import annotations

import json

import pytest
from analyze_fakes import FakeModel, FakeStore, answer, names, paper
from ideas_fakes import (
    OTHER,
    OWN,
    PROBLEM,
    STEP,
    answer_json,
    claim,
    context,
    nothing_json,
    research,
    run_synthesis,
)

from factory_assets.domain.errors import InfrastructureError, RateLimitedError
from factory_assets.domain.evidence import ClaimKind
from factory_assets.ideas.plan import worst_usd
from factory_assets.llm.claude_api_errors import AnswerRefusedError


def test_a_spec_is_queued_with_the_claims_that_it_rests_on_and_their_pieces() -> None:
    store = FakeStore()
    steps = [
        PROBLEM,
        STEP,
        claim("method step", "Entries are scored.", "P1"),
        claim("competitor", "It watches.", "R1"),
    ]
    report = run_synthesis(research(context()), FakeModel([answer_json("cache-order", *steps)]), store)
    assert names(report) == ["cache-order"]
    kept = store.evidence["cache-order"]
    assert [each.id for each in kept.pieces] == ["C1", "M1", "P1", "R1"]
    assert len(kept.of_kind(ClaimKind.METHOD)) == 2
    assert report.queued[0].spec.source_papers == (OWN, OTHER)
    assert [each.arxiv_id for each in kept.papers] == [OWN, OTHER]
    assert [call.stage for call in store.calls] == ["synthesize"]


def test_papers_that_the_factory_knows_are_kept_as_it_knows_them_and_others_as_their_pieces_say() -> None:
    store = FakeStore()
    claims = [PROBLEM, STEP, claim("problem", "Entries are scored.", "P1")]
    run_synthesis(
        research(context()), FakeModel([answer_json("cache-order", *claims)]), store, papers=[paper(1)]
    )
    own, other = store.evidence["cache-order"].papers
    assert own == paper(1)
    assert (other.title, other.abstract, other.authors) == (
        "Title of P1",
        "We score entries by their last use.",
        (),
    )


def test_a_section_of_a_full_text_is_never_taken_for_an_abstract() -> None:
    store = FakeStore()
    claims = [claim("problem", "Eviction is a choice.", "M1"), STEP]
    only_method = context(pieces=context().pieces[1:])
    run_synthesis(research(only_method), FakeModel([answer_json("cache-order", *claims)]), store)
    assert store.evidence["cache-order"].papers[0].abstract == ""


def test_what_rests_on_nothing_is_asked_for_again_once_with_what_was_wrong() -> None:
    store = FakeStore()
    wrong = claim("number", "It is 10 times faster.", "C1")
    model = FakeModel(
        [answer_json("cache-order", PROBLEM, STEP, wrong), answer_json("cache-order", PROBLEM, STEP)]
    )
    report = run_synthesis(research(context()), model, store)
    assert names(report) == ["cache-order"]
    first, again = (question.prompt for question in model.questions)
    assert "Round: first" in first.splitlines()
    assert "Round: again" in again.splitlines()
    assert "| claim 3 (number): the number 10 stands in none of the pieces C1" in again
    assert '|  "spec": {' in again
    assert model.questions[0].instructions == model.questions[1].instructions


def test_what_still_rests_on_nothing_is_dropped_from_the_evidence_and_told() -> None:
    store, notices = FakeStore(), list[str]()
    wrong = claim("number", "It is 10 times faster.", "C1")
    both = answer_json("cache-order", PROBLEM, STEP, wrong)
    report = run_synthesis(research(context()), FakeModel([both, both]), store, notices=notices)
    assert names(report) == ["cache-order"]
    assert not store.evidence["cache-order"].of_kind(ClaimKind.NUMBER)
    assert any("left out of its evidence: claim 3 (number)" in notice for notice in notices)


@pytest.mark.parametrize("claims", [[PROBLEM], [STEP], [STEP, claim("problem", "So it is.", "Z9")]])
def test_a_spec_without_a_supported_problem_and_method_is_dropped_and_told(
    claims: list[dict[str, object]],
) -> None:
    store = FakeStore()
    weak = answer_json("cache-order", *claims)
    report = run_synthesis(research(context()), FakeModel([weak, weak]), store)
    assert report.queued == ()
    (dropped,) = report.dropped
    assert dropped.name == "cache-order"
    assert dropped.reasons[0].startswith("no claim of the kind")
    assert store.queued == [((), frozenset({OWN}))]


def test_a_method_that_rests_on_other_papers_alone_is_no_spec_of_this_candidate() -> None:
    foreign = answer_json("cache-order", PROBLEM, claim("method step", "Entries are scored.", "P1"))
    report = run_synthesis(research(context()), FakeModel([foreign, foreign]), FakeStore())
    assert report.queued == ()
    assert "steps of the method rest on 0 of the candidates" in report.dropped[0].reasons[0]


def test_an_invalid_spec_is_mended_in_the_same_second_question() -> None:
    model = FakeModel([answer_json("Bad Name"), answer_json("good-name")])
    report = run_synthesis(research(context()), model, FakeStore())
    assert names(report) == ["good-name"]
    assert "| name: a repo name is 3 to 50" in model.questions[1].prompt


def test_a_name_that_an_earlier_candidate_has_taken_is_asked_for_again() -> None:
    second = context("2606.00002")
    model = FakeModel([answer_json("cache-order"), answer_json("cache-order"), answer_json("cache-other")])
    report = run_synthesis(research(context(), second), model, FakeStore())
    assert names(report) == ["cache-order", "cache-other"]


def test_the_papers_of_a_spec_are_those_of_its_claims_whatever_it_names_itself() -> None:
    text = json.loads(answer_json())
    text["spec"]["source_papers"] = ["1234.56789"]
    report = run_synthesis(research(context()), FakeModel([json.dumps(text)]), FakeStore())
    assert report.queued[0].spec.source_papers == (OWN,)


def test_no_spec_is_an_answer_and_told() -> None:
    store, notices = FakeStore(), list[str]()
    report = run_synthesis(research(context()), FakeModel([nothing_json()]), store, notices=notices)
    assert (report.queued, report.dropped) == ((), ())
    assert store.queued == [((), frozenset({OWN}))]
    assert any("no spec: It needs a trained model." in notice for notice in notices)


def test_a_paper_counts_as_analysed_when_the_choice_was_made_with_it_in_view() -> None:
    store = FakeStore()
    found = research(context(), context("2606.00002"), others=["2606.00003"], late=["2606.00004"])
    report = run_synthesis(found, FakeModel([answer_json()]), store, most=1)
    ((_, analysed),) = store.queued
    assert analysed == {OWN, "2606.00002", "2606.00003"}
    assert any("2606.00002" in note and "FACTORY_RESEARCH_SPECS" in note for note in report.notes)
    assert any("stay unread, which came later" in note for note in report.notes)


def test_a_candidate_without_research_stays_unread() -> None:
    store = FakeStore()
    found = research(context(), context("2606.00002"))
    found = found.model_copy(update={"contexts": (context(),)})
    report = run_synthesis(found, FakeModel([answer_json()]), store)
    assert store.queued[0][1] == {OWN}
    assert report.unread == ("2606.00002",)


def test_a_candidate_that_was_read_before_is_not_asked_about_again() -> None:
    found = research(context()).model_copy(update={"unread": frozenset()})
    assert run_synthesis(found, FakeModel([]), FakeStore()).queued == ()


def test_what_the_model_declines_counts_as_analysed_and_costs_the_others_nothing() -> None:
    store = FakeStore()
    declined = AnswerRefusedError("It declined.", answer=answer(""))
    report = run_synthesis(
        research(context(), context("2606.00002")), FakeModel([declined, answer_json()]), store
    )
    assert report.refused == (OWN,)
    assert names(report) == ["cache-order"]
    assert store.queued[0][1] == {OWN, "2606.00002"}


def test_an_answer_that_cannot_be_read_twice_leaves_its_candidate_for_the_next_run() -> None:
    store = FakeStore()
    model = FakeModel(["no", "no", answer_json()])
    report = run_synthesis(research(context(), context("2606.00002")), model, store)
    assert report.unread == (OWN,)
    assert store.queued[0][1] == {"2606.00002"}


def test_a_run_that_dies_between_two_candidates_pays_only_for_what_was_not_answered() -> None:
    store = FakeStore()
    found = research(context(), context("2606.00002"))
    with pytest.raises(InfrastructureError):
        run_synthesis(found, FakeModel([answer_json(), InfrastructureError("gone")]), store)
    assert store.queued == []
    again = FakeModel([answer_json("cache-other")])
    report = run_synthesis(found, again, store)
    assert names(report) == ["cache-order", "cache-other"]
    assert len(again.questions) == 1


def test_a_rate_limit_queues_nothing_and_marks_nothing() -> None:
    store = FakeStore()
    with pytest.raises(RateLimitedError):
        run_synthesis(research(context()), FakeModel([RateLimitedError("later")]), store)
    assert store.queued == []


def test_no_date_costs_more_than_the_worst_case() -> None:
    assert 0.1 < worst_usd(30, model_name="claude-haiku-5-5") < 10
    assert worst_usd(60, model_name="claude-haiku-5-5") == pytest.approx(
        2 * worst_usd(30, model_name="claude-haiku-5-5")
    )
