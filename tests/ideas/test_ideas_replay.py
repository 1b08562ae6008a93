"""Research of the demo's papers becomes specs by the real anthropic SDK against the replay server."""

from __future__ import annotations

import json
from datetime import date

import pytest
from analyze_fakes import NOW, FakeStore, names
from ideas_fakes import piece, run_synthesis
from pydantic import SecretStr

from factory_assets.domain.agents import Question, Route
from factory_assets.domain.evidence import ClaimKind
from factory_assets.domain.ideas import DayResearch
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Candidate, PieceKind, ResearchContext
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.routes import Routes
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.arxiv_texts import TEXTS_FILE
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Analysis, RecordedTurn
from factory_assets.replay.server import ReplayServer

DAY = date(2026, 6, 18)
WANTED = ("2606.19667", "2606.20072", "2606.19881")
OTHER = "2606.20164"


@pytest.fixture(scope="module")
def sample() -> dict[str, Paper]:
    return {record.id: record.paper for record in load_papers() if record.id in {*WANTED, OTHER}}


def api(server: ReplayServer) -> Routes:
    client = ClaudeApi(base_url=server.url, api_key=SecretStr("made-up"), timeout_seconds=20, retries=0)
    return Routes([(Route.API, client)], lambda _notice: None)


def context(paper: Paper) -> ResearchContext:
    texts = json.loads(TEXTS_FILE.read_text())["texts"]
    pieces = [
        piece(
            "C1",
            PieceKind.CANDIDATE,
            paper.abstract,
            title=paper.title,
            url=paper.url,
            arxiv_id=paper.arxiv_id,
        )
    ]
    repositories = ("example-owner/prompt-beginnings", "example-owner/json-schema-tools")
    pieces += [
        piece(f"R{number}", PieceKind.REPOSITORY, "Code.", title=name, licence="MIT", stars=20)
        for number, name in enumerate(repositories, start=1)
    ]
    if paper.arxiv_id in texts:
        method = dict(texts[paper.arxiv_id]["sections"])["Method"]
        pieces.append(piece("M1", PieceKind.METHOD, method, arxiv_id=paper.arxiv_id))
    return ResearchContext(arxiv_id=paper.arxiv_id, day=DAY, pieces=tuple(pieces), gaps=(), made_at=NOW)


def found(sample: dict[str, Paper], *ids: str) -> DayResearch:
    return DayResearch(
        candidates=tuple(
            Candidate(arxiv_id=each, day=DAY, score=50, reasons=(), place=place, chosen=True)
            for place, each in enumerate(ids, start=1)
        ),
        contexts=tuple(context(sample[each]) for each in ids),
        unread=frozenset(ids),
    )


def test_the_recorded_claims_of_the_demo_hold_at_the_first_asking(sample: dict[str, Paper]) -> None:
    store = FakeStore()
    with ReplayServer(recordings=Recordings.demo()) as server:
        report = run_synthesis(found(sample, *WANTED), api(server), store, day=DAY)
    assert names(report) == ["evidence-order", "json-grounding", "pairwise-cases"]
    assert report.usage.calls == len(WANTED), "none was asked for again"
    order = store.evidence["evidence-order"]
    assert len(order.of_kind(ClaimKind.METHOD)) == 3
    assert [each.title for each in order.repositories] == ["example-owner/prompt-beginnings"]
    assert 0 < report.usage.cost_usd < 0.2


def test_a_candidate_that_was_not_recorded_gives_no_spec(sample: dict[str, Paper]) -> None:
    with ReplayServer(recordings=Recordings.demo()) as server:
        report = run_synthesis(found(sample, OTHER), api(server), FakeStore(), day=DAY)
    assert report.queued == ()
    assert any("no spec: The recording sees nothing worth building" in note for note in report.notes)


def test_a_claim_that_rests_on_what_was_not_shown_is_not_made(sample: dict[str, Paper]) -> None:
    store = FakeStore()
    research = found(sample, "2606.20072")
    (whole,) = research.contexts
    alone = whole.model_copy(update={"pieces": whole.pieces[:1]})
    with ReplayServer(recordings=Recordings.demo()) as server:
        run_synthesis(research.model_copy(update={"contexts": (alone,)}), api(server), store, day=DAY)
    assert [claim.kind for claim in store.evidence["json-grounding"].claims] == [
        ClaimKind.PROBLEM,
        ClaimKind.METHOD,
    ]


def test_a_recorded_answer_can_be_played_word_for_word(sample: dict[str, Paper]) -> None:
    turns = (RecordedTurn(say='{"spec": null, "why_none": "Too large.", "claims": []}'),)
    told = Analysis.model_validate(
        {"date": DAY, "research": [{"papers": [OTHER], "turns": [turn.model_dump() for turn in turns]}]}
    )
    with ReplayServer(recordings=Recordings.of(told)) as server:
        report = run_synthesis(found(sample, OTHER), api(server), FakeStore(), day=DAY)
    assert any("Too large." in note for note in report.notes)


def test_a_pair_is_judged_as_it_was_recorded() -> None:
    shown = '<spec name="A">\n| Name: thin-tool\n</spec>\n<spec name="B">\n| Name: evidence-order\n</spec>'
    with ReplayServer(recordings=Recordings.demo()) as server:
        answer = api(server).ask(
            Question(
                instructions="Judge.",
                prompt=f"Task: compare\nDate: {DAY}\n{shown}",
                answer_schema={"type": "object"},
                model="claude-haiku-5-5",
            )
        )
    assert json.loads(answer.text)["better"] == "B"
