"""The blind comparison of researched specs with plain ones."""

from __future__ import annotations

import json
from datetime import date

import pytest
from analyze_fakes import NOW, PROMPTS, FakeModel, FakeStore, paper
from registry_samples import spec

from factory_assets.domain.agents import Question
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.comparing import Comparison, Judgement, Offered, Pair, Side, pairs_of
from factory_assets.domain.readings import Severity
from factory_assets.domain.specs import QueuedSpec
from factory_assets.ideas.comparing import compare, laid_out
from factory_assets.ideas.synthesis import Synthesizer

DAY = date(2026, 6, 3)


def offered(name: str, *papers: int, day: date = DAY) -> Offered:
    sources = [paper(number) for number in papers or (1,)]
    queued = QueuedSpec(
        id=abs(hash(name)) % 10_000,
        spec=spec(name, source_papers=tuple(each.arxiv_id for each in sources)),
        day=day,
        rank=1,
        status=BuildStatus.QUEUED,
        attempts=0,
        queued_at=NOW,
    )
    return Offered(queued=queued, papers=tuple(sources))


def pair(number: int = 1) -> Pair:
    return Pair(
        researched=offered(f"deep-tool-{number}", 1, 2, 3),
        plain=offered(f"thin-tool-{number}", 1),
        alike="a paper",
    )


def run(pairs: list[Pair], model: FakeModel, store: FakeStore, seed: int = 1) -> Comparison:
    synthesizer = Synthesizer(
        day=DAY,
        model=model,
        model_name="claude-haiku-5-5",
        prompts_dir=PROMPTS,
        answers=store,
        queue=store,
        ledger=store,
        papers=lambda _ids: [],
        most_specs=1,
        ranks=range(1, 2),
        late_ranks=range(2, 3),
        now=lambda: NOW,
        notify=lambda _line: None,
    )
    return compare(pairs, synthesizer, seed=seed)


def prefers_deep(question: Question) -> str:
    """An answer that holds the researched one to be better, wherever it stands."""
    first = (
        question.prompt.index('<spec name="A">')
        < question.prompt.index("Name: deep-tool")
        < (question.prompt.index('<spec name="B">'))
    )
    weak = [{"kind": "missing behaviour", "severity": "major", "why": "No formula."}]
    a, b = ([], weak) if first else (weak, [])
    return json.dumps({"a": a, "b": b, "better": "A" if first else "B", "why": "It says how."})


def test_what_is_found_and_preferred_goes_to_the_right_side_wherever_it_stood() -> None:
    pairs = [pair(number) for number in range(1, 21)]
    result = run(pairs, FakeModel([prefers_deep]), FakeStore())
    assert {laid_out(each, 1).a for each in pairs} == set(Side)
    assert result.wins == {"researched": 20, "plain": 0, "neither": 0}
    assert result.findings(Side.PLAIN)[Severity.MAJOR] == 20
    assert sum(result.findings(Side.RESEARCHED).values()) == 0
    assert result.chance < 0.001


def test_the_order_is_drawn_by_the_seed_and_is_the_same_for_the_same_seed() -> None:
    drawn = {seed: [laid_out(pair(number), seed).a for number in range(1, 21)] for seed in (1, 2)}
    assert drawn[1] == [laid_out(pair(number), 1).a for number in range(1, 21)]
    assert drawn[1] != drawn[2]


def test_nothing_in_the_question_tells_which_is_which() -> None:
    model = FakeModel([prefers_deep])
    run([pair()], model, FakeStore())
    (question,) = model.questions
    text = question.text.lower()
    assert "researched" not in text
    assert "research" not in text
    assert "plain" not in text.replace("a plainly wrong", "")
    assert question.prompt.count("\n| Paper 1. ") == 1, (
        "a paper of both is shown once, and not by whose it is"
    )
    assert "source_papers" not in text


def test_an_answer_that_was_paid_for_is_not_asked_again() -> None:
    store = FakeStore()
    run([pair()], FakeModel([prefers_deep]), store)
    again = FakeModel([])
    assert run([pair()], again, store).wins["researched"] == 1
    assert [call.stage for call in store.calls] == ["compare"]


def test_a_pair_without_a_readable_answer_is_told_and_costs_the_others_nothing() -> None:
    model = FakeModel(["no", "no", prefers_deep])
    result = run([pair(1), pair(2)], model, FakeStore())
    assert len(result.judgements) == 1
    assert result.unjudged[0].startswith("deep-tool-1 and thin-tool-1: ")


def test_pairs_share_a_paper_first_then_a_date_and_no_spec_is_in_two() -> None:
    later = date(2026, 6, 4)
    deep = [offered("deep-a", 1), offered("deep-b", 2), offered("deep-c", 3), offered("deep-d", 4)]
    thin = [offered("thin-x", 7, day=later), offered("thin-y", 8), offered("thin-z", 1)]
    pairs = pairs_of(deep, thin, most=20)
    assert [(each.researched.name, each.plain.name, each.alike) for each in pairs] == [
        ("deep-a", "thin-z", "a paper"),
        ("deep-b", "thin-y", "a date"),
        ("deep-c", "thin-x", "neither"),
    ]
    assert len(pairs_of(deep, thin, most=2)) == 2


@pytest.mark.parametrize(
    ("won", "lost", "chance"), [(0, 0, 1.0), (1, 1, 1.0), (5, 0, 0.0625), (9, 1, 22 / 1024)]
)
def test_the_sign_test_says_how_probable_chance_is(won: int, lost: int, chance: float) -> None:
    def judged(side: Side) -> Judgement:
        return Judgement(
            researched="a", plain="b", alike="a date", better=side, findings=dict.fromkeys(Side, ()), why=""
        )

    result = Comparison(
        seed=1,
        model="m",
        judgements=(*[judged(Side.RESEARCHED)] * won, *[judged(Side.PLAIN)] * lost),
        unjudged=(),
        dollars=0,
    )
    assert result.chance == pytest.approx(chance)
