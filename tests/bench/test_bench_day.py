"""The bench of a day on a day made up small: what it plays is what the router books."""

from __future__ import annotations

import json

import pytest

from bench.bench_day import of_one_repo
from bench.played_day import AGAIN, WAYS, Played, play, play_apart, play_twice
from bench.recorded_day import Sent
from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Usage
from factory_assets.llm.prices import Extras, cost_usd
from factory_assets.router.asked import SESSION_HEADER
from factory_assets.settings import Settings

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
HEADERS = {"anthropic-version": "2026-10-21", "content-type": "application/json"}
MARK = {"cache_control": {"type": "ephemeral"}}
PAPERS = "".join(f"<paper>\n[2606.0000{number}] A paper.\n</paper>\n" for number in range(1, 4))


def sent(purpose: Purpose, model: str, session: str, *said: str) -> Sent:
    turns = [{"type": "text", "text": text} for text in said]
    marked = [*turns[:-1], {**turns[-1], **MARK}] if session else said[0]
    body = {"model": model, "max_tokens": 1_000, "messages": [{"role": "user", "content": marked}]}
    headers = {**HEADERS, SESSION_HEADER: session} if session else HEADERS
    return Sent(purpose, headers, json.dumps(body).encode(), 100)


ANALYSIS = [sent(Purpose("analyze"), HAIKU, "", f"Task: analyze\n<papers>\n{PAPERS}</papers>\nReturn.")]
# Five calls in twenty minutes are within five minutes of each other.
LONG = ["word " * 600, *("more " * 300 for _ in range(4))]
BUILD = [
    sent(Purpose("build", "a-tool", "build"), SONNET, "a session", *LONG[:turns]) for turns in range(1, 6)
]
WRITTEN, READ = (1_000, 500, 500, 500, 500), (0, 1_000, 1_500, 2_000, 2_500)


@pytest.fixture(scope="module")
def played() -> dict[str, Played]:
    return {way.name: play(way, ANALYSIS, [BUILD]) for way in WAYS}


def test_a_session_reads_of_each_turn_what_the_turns_before_it_have_written(
    played: dict[str, Played],
) -> None:
    used = played["as it is"].used["build"]
    assert (used.calls, used.input_tokens, used.output_tokens) == (5, 0, 500)
    assert (used.cache_write_tokens, used.cache_read_tokens) == (sum(WRITTEN), sum(READ))
    assert used.cost_usd < played["without the model's prompt cache"].used["build"].cost_usd


def test_a_batch_halves_the_analysis_and_nothing_else(played: dict[str, Played]) -> None:
    direct, batched = (played[name].used for name in ("as it is", "analysis in a batch"))
    assert batched["build"] == direct["build"]
    assert batched["analyze"].cost_usd == pytest.approx(direct["analyze"].cost_usd / 2)
    usage = Usage(input_tokens=direct["analyze"].input_tokens, output_tokens=100)
    assert batched["analyze"].cost_usd == pytest.approx(cost_usd(HAIKU, usage, Extras(batch=True)))


def test_sessions_that_may_start_lower_do_and_are_booked_at_that_price(played: dict[str, Played]) -> None:
    lower = played["new sessions from Haiku up (`FACTORY_LOWEST_MODELS`)"].used["build"]
    usages = [
        Usage(cache_write_tokens=written, cache_read_tokens=read, output_tokens=100)
        for written, read in zip(WRITTEN, READ, strict=True)
    ]
    assert lower.cost_usd == pytest.approx(sum(cost_usd(HAIKU, usage) for usage in usages))


def test_the_answer_cache_answers_the_same_papers_in_another_order() -> None:
    without, with_it = (play_twice(way, ANALYSIS).total for way in AGAIN)
    assert (without.calls, with_it.calls) == (2, 1)
    assert with_it.cost_usd == pytest.approx(without.cost_usd / 2)


def test_what_judging_one_repo_takes_is_told_by_question_beside_its_agents() -> None:
    accept = sent(Purpose("acceptance", "a-tool", "accept"), SONNET, "", "Decide.")
    solve = sent(Purpose("acceptance", "a-tool", "solve"), SONNET, "", "Work it out.")
    confirm = sent(Purpose("reader", "a-tool", "confirm"), HAIKU, "", "Is it so?")
    dispute = sent(Purpose("reader", "a-tool", "dispute"), HAIKU, "", "Is the scenario right?")
    played = play(WAYS[0], ANALYSIS, [[accept, solve, *BUILD, confirm]])
    disputed = play_apart(WAYS[0], [dispute])
    cells = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in of_one_repo(played, disputed, Settings())
    ]
    told = {cells_of_row[0]: cells_of_row for cells_of_row in cells[2:]}
    judging = sum(
        cost
        for purpose, used in played.by_purpose.items()
        for cost in [used.cost_usd]
        if purpose.stage in {"acceptance", "reader"}
    )
    assert told["contract and scenarios"][1:5] == [SONNET, "1.0", "3", "100"]
    assert told["reader"][2] == "0.0"
    assert told["confirmation of findings"][2] == "1.0"
    assert told["a dispute, where there is one"][1:3] == [HAIKU, "1.0"]
    agents = played.used["build"].cost_usd
    assert told[f"**all judging: {judging / agents:.0%} of the agents**"][5] == f"{judging:.4f}"
    assert told["**all**"][5] == f"{judging + agents:.4f}"
