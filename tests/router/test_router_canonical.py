"""When two requests count as one question, and when they never do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import llm_server
import pytest
from messages_api import Reply, messages_api
from pydantic import SecretStr

from factory_assets.analyze.answers import SPECS_SCHEMA
from factory_assets.analyze.batches import paper_text
from factory_assets.domain import agents
from factory_assets.llm.asking import REMINDER
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.model_access import UNORDERED_HEADER, VARIABLE_HEADER
from factory_assets.llm.prompts import Prompts
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.router.asked import Asked
from factory_assets.router.canonical import CanonicalQuestion, owner_of
from factory_assets.settings import PROJECT_ROOT

PAPERS = [paper_text(record.paper) for record in load_papers()[:4]]
HOUSE = owner_of("anthropic", "https://api.example", "x-api-key", "k")
MARKED = {UNORDERED_HEADER: "paper", VARIABLE_HEADER: "papers"}


def question(
    content: bytes | dict[str, Any],
    headers: dict[str, str] | None = None,
    *,
    owner: str = HOUSE,
    target: str = "/v1/messages",
    session: str | None = None,
) -> CanonicalQuestion | None:
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return CanonicalQuestion.read(
        sent, Asked.read(sent, session=session), owner=owner, target=target, headers=raw
    )


def body(prompt: Any = "hello", **rest: Any) -> dict[str, Any]:
    asked = {"model": "claude-haiku-5-5", "max_tokens": 100, "system": "rules"}
    return {**asked, "messages": [{"role": "user", "content": prompt}], **rest}


def analysis(papers: Iterable[str], reminder: str = "", day: str = "2026-06-17") -> dict[str, Any]:
    prompts = Prompts(PROJECT_ROOT / "prompts")
    asked = prompts.request("analyze", day=day, papers=list(papers), specs_wanted=30, reminder=reminder)
    return body(asked)


def key(content: bytes | dict[str, Any], headers: dict[str, str] | None = None, **rest: Any) -> str:
    read = question(content, headers, **rest)
    assert read is not None
    return read.key


def test_the_order_of_keys_spaces_and_escapes_do_not_make_another_question() -> None:
    one = b'{"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "\\u00fc"}]}'
    other = '{"messages":[{"content":"ü","role":"user"}],\n"max_tokens":5,"model":"m"}'.encode()
    assert key(one) == key(other)


def test_whoever_asks_for_a_stream_asks_the_same_but_shares_no_call_under_way() -> None:
    whole, streamed = question(body()), question(body(stream=True))
    assert whole is not None
    assert streamed is not None
    assert whole.key == streamed.key
    assert whole.in_flight_key != streamed.in_flight_key


def test_marks_of_the_models_prompt_cache_do_not_make_another_question() -> None:
    def asked(**mark: Any) -> dict[str, Any]:
        blocks = [{"type": "text", "text": "files", **mark}, {"type": "text", "text": "finding"}]
        return body(blocks, system=[{"type": "text", "text": "rules", **mark}])

    mark = {"cache_control": {"type": "ephemeral"}}
    assert key(asked(**mark)) == key(asked()) == key({**asked(), **mark})


@pytest.mark.parametrize(
    "other",
    [
        body("hello "),
        body(system="other rules"),
        body(model="claude-haiku-4-5"),
        body(max_tokens=101),
        body(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}}),
        body(thinking={"type": "enabled", "budget_tokens": 2000}),
        body(temperature=0),
        body(metadata={"user_id": "somebody"}),
        {**body(), "messages": [*body()["messages"], {"role": "assistant", "content": "{"}]},
    ],
)
def test_whatever_can_change_the_answer_makes_another_question(other: dict[str, Any]) -> None:
    assert key(other) != key(body())


def test_tags_that_cannot_change_the_answer_are_left_out() -> None:
    assert key(body(metadata={"job": "nightly"})) == key(body())


def test_betas_and_the_path_are_part_of_the_question_and_the_way_there_is_not() -> None:
    assert key(body(), {"anthropic-beta": "a"}) != key(body())
    assert key(body(), target="/v1/messages?beta=true") != key(body())
    assert key(body(), {"user-agent": "x", "Anthropic-Beta": "a"}) == key(body(), {"anthropic-beta": "a"})


def test_callers_of_other_credentials_share_nothing() -> None:
    owners = {
        owner_of("anthropic", "https://api.example", "x-api-key", "k2"),
        owner_of("anthropic", "https://api.example", "authorization", "k"),
        owner_of("anthropic", "https://api.example", "x-api-keyk", ""),
        owner_of("other", "https://api.example", "x-api-key", "k"),
        HOUSE,
    }
    assert len({key(body(), owner=owner) for owner in owners}) == len(owners) == 5
    assert not any("k2" in owner or "x-api-key" in owner for owner in owners)


def test_the_order_of_papers_does_not_matter_where_the_caller_says_so() -> None:
    turned = [PAPERS[2], PAPERS[0], PAPERS[3], PAPERS[1]]
    assert key(analysis(turned), MARKED) == key(analysis(PAPERS), MARKED)
    assert key(analysis(turned)) != key(analysis(PAPERS))
    assert key(analysis(PAPERS), MARKED) != key(analysis(PAPERS))


def test_the_same_ids_with_another_text_a_missing_or_a_second_paper_are_another_question() -> None:
    first = key(analysis(PAPERS), MARKED)
    newer = [PAPERS[0].replace("Abstract:", "Abstract: We withdraw this."), *PAPERS[1:]]
    swapped = [
        PAPERS[0].replace("[2605.30490]", "[2605.31010]"),
        PAPERS[1].replace("[2605.31010]", "[2605.30490]"),
    ]
    assert swapped != PAPERS[:2]
    for papers in (newer, PAPERS[:3], [*PAPERS, PAPERS[0]], [*swapped, *PAPERS[2:]]):
        assert key(analysis(papers), MARKED) != first


def test_a_text_that_looks_like_a_sorted_one_is_not_taken_for_it() -> None:
    def asked(*parts: str) -> str:
        return key(body("\n".join(parts)), MARKED)

    a, b = "<paper>\na\n</paper>", "<paper>\nb\n</paper>"
    assert asked(a, b) == asked(b, a)
    assert len({asked(a, b), asked(a, "between", b), asked("between", a, b), asked(a, b, "between")}) == 4
    assert asked(a, b) != asked("<paper>\na\nb\n</paper>", "<paper>\n\n</paper>")


def test_a_reminder_never_meets_the_answer_to_the_first_try() -> None:
    first = question(analysis(PAPERS), MARKED)
    again = question(analysis(PAPERS, REMINDER.format(problem="it is no JSON")), MARKED)
    assert first is not None
    assert again is not None
    assert first.key != again.key
    assert first.frame != again.frame
    assert first.variable == again.variable != ""


def test_questions_that_differ_in_the_named_part_alone_have_one_frame() -> None:
    one, other = question(analysis(PAPERS), MARKED), question(analysis(reversed(PAPERS)), MARKED)
    later = question(analysis(PAPERS, day="2026-06-18"), MARKED)
    assert one is not None
    assert other is not None
    assert later is not None
    assert one.frame == other.frame != later.frame
    assert PAPERS[0] in one.variable
    assert "Specs wanted" not in one.variable


def test_the_frame_holds_the_model_without_its_date_and_everything_else() -> None:
    def frame(**rest: Any) -> str:
        read = question(body("<papers>\nx\n</papers>", **rest), MARKED)
        assert read is not None
        return read.frame

    assert frame(model="claude-haiku-5-5-20261001") == frame()
    others = [{"model": "claude-haiku-4-5"}, {"system": "x"}, {"max_tokens": 7}, {"output_config": {}}]
    assert len({frame(), *(frame(**other) for other in others)}) == 5


@pytest.mark.parametrize(
    "prompt", ["hello", "<papers>\na\n</papers>\n<papers>\nb\n</papers>", "</papers>\n<papers>"]
)
def test_without_exactly_one_named_part_nothing_is_compared(prompt: str) -> None:
    read = question(body(prompt), MARKED)
    assert read is not None
    assert (read.frame, read.variable) == ("", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"model": "m", "model": "n", "max_tokens": 5, "messages": []}',
        body(tools=[{"name": "x"}]),
        body(temperature=0.7),
        body(mcp_servers=[{"url": "https://example.org"}]),
        body(web_search_options={}),
        body([{"type": "image", "source": {"type": "url", "url": "https://example.org/x.png"}}]),
        body([{"type": "tool_result", "tool_use_id": "x", "content": "y"}]),
        {"model": "m", "messages": "hello"},
        {"model": "m", "messages": [{"role": "assistant", "content": "x", "tool_calls": []}]},
    ],
)
def test_what_may_be_answered_anew_each_time_is_never_shared(content: bytes | dict[str, Any]) -> None:
    assert question(content) is None


def test_an_agents_turn_and_a_caller_that_wants_a_new_answer_share_nothing() -> None:
    assert question(body(), session="s") is None
    for wish in ("no-cache", "no-store", "max-age=0, No-Cache"):
        assert question(body(), {"cache-control": wish}) is None


def test_what_is_nested_beyond_reason_is_never_an_error() -> None:
    for depth in (*range(900, 1000), 5_000):
        schema = b"[" * depth + b"]" * depth
        content = b'{"model": "m", "messages": [], "output_config": %s}' % schema
        read = question(content)
        assert read is None or read.key


def test_an_endless_row_of_unclosed_blocks_is_read_in_time() -> None:
    prompt = "<paper>\n<papers>\n" * 200_000
    assert key(body(prompt), MARKED) != key(body(prompt + "x"), MARKED)
    assert key(body("\ud800"), MARKED)


@pytest.mark.parametrize("most_tokens", [1_000, 32_000])
def test_the_factorys_own_questions_have_keys_as_they_come_over_the_wire(most_tokens: int) -> None:
    def reply(asked: dict[str, Any]) -> Reply:
        if asked.get("stream"):
            told = "".join(
                f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in llm_server.stream("{}")
            )
            return Reply(told.encode(), content_type="text/event-stream")
        return Reply(json.dumps(llm_server.message("{}")).encode())

    with messages_api(reply) as api:
        url = f"http://127.0.0.1:{api.port}"
        for prompt in ("papers", "papers", "other papers"):
            asked = agents.Question(
                "rules", prompt, SPECS_SCHEMA, "claude-haiku-5-5", max_output_tokens=most_tokens
            )
            ClaudeApi(base_url=url, api_key=SecretStr("k")).ask(asked)
    keys = [key(sent, headers, target=path) for _, path, headers, sent in api.seen]
    assert keys[0] == keys[1] != keys[2]
