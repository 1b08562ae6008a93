"""The Messages API client, against a strict loopback server."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from llm_server import KEY, Reply, error, message, serving, stream, usage
from pydantic import SecretStr

from factory_assets.analyze.answers import SPECS_SCHEMA
from factory_assets.domain.agents import Answer, Question, Route
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import CredentialError, InfrastructureError, InputError, RateLimitedError
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.claude_api_errors import AnswerCutError, AnswerRefusedError, PromptTooLongError


def question(**fields: object) -> Question:
    values: dict[str, object] = {
        "instructions": "You are a product manager.",
        "prompt": "Task: analyze",
        "answer_schema": SPECS_SCHEMA,
        "model": "claude-haiku-5-5",
    }
    return Question(**{**values, **fields})  # type: ignore[arg-type]


def api(url: str, **fields: object) -> ClaudeApi:
    values: dict[str, object] = {"base_url": url, "api_key": SecretStr(KEY), "timeout_seconds": 10}
    return ClaudeApi(**{**values, **fields})  # type: ignore[arg-type]


class Pauses(list[float]):
    """Records pauses instead of making them."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def test_an_answer_comes_back_with_its_tokens_and_dollars() -> None:
    reply = message('{"specs": []}', usage=usage(1000, 200, read=3000, write=500))
    with serving(Reply(body=reply)) as server:
        answer = api(server.url).ask(question())
    assert server.complaints == []
    assert (answer.text, answer.route, answer.model) == ('{"specs": []}', Route.API, "claude-haiku-5-5")
    assert answer.usage.calls == 1
    assert (answer.usage.input_tokens, answer.usage.cache_read_tokens) == (1000, 3000)
    assert answer.usage.cost_usd == pytest.approx((1000 * 0.1 + 3000 * 0.01 + 500 * 0.125 + 200 * 0.5) / 1e6)
    assert not answer.cache_hit
    assert answer.notes == ()


MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(("caches", "mark"), [(False, {}), (True, MARK)])
def test_the_static_part_is_the_system_prompt_and_is_cached_where_that_pays(
    caches: bool, mark: dict[str, object]
) -> None:
    with serving(Reply(body=message("{}"))) as server:
        api(server.url).ask(question(instructions="the rules", prompt="the papers", caches=caches))
    (request,) = server.requests
    assert request["system"] == [{"type": "text", "text": "the rules", **mark}]
    assert request["messages"] == [{"role": "user", "content": "the papers"}]


def test_what_several_questions_are_about_comes_before_what_one_of_them_asks_and_ends_with_the_mark() -> None:
    with serving(Reply(body=message("{}"))) as server:
        asked = question(instructions="the rules", material="the files", prompt="the finding", caches=True)
        api(server.url).ask(asked)
    (request,) = server.requests
    assert request["system"] == [{"type": "text", "text": "the rules"}]
    (said,) = request["messages"]
    assert said["content"] == [
        {"type": "text", "text": "the files", **MARK},
        {"type": "text", "text": "the finding"},
    ]


def test_the_schema_is_sent_without_bounds_that_the_api_refuses() -> None:
    with serving(Reply(body=message("{}"))) as server:
        api(server.url).ask(question())
    schema = server.requests[0]["output_config"]["format"]["schema"]
    spec = schema["$defs"]["Spec"]
    assert spec["additionalProperties"] is False
    assert "maximum" not in spec["properties"]["estimated_lines"]
    assert "300" in spec["properties"]["estimated_lines"]["description"]


def test_a_long_answer_is_streamed() -> None:
    with serving(Reply(events=stream('{"specs": []}'))) as server:
        answer = api(server.url).ask(question(max_output_tokens=32_000))
    assert server.complaints == []
    assert server.requests[0]["stream"] is True
    assert answer.text == '{"specs": []}'
    assert answer.usage.cost_usd > 0


@pytest.mark.parametrize("last", [None, ("error", error("overloaded_error", "busy"))], ids=["end", "error"])
def test_each_stream_that_broke_off_is_counted_with_what_it_took(last: Any) -> None:
    events = [*stream("x" * 6000, stop=None), *([last] if last else [])]
    lost: list[Answer] = []
    asked = question(max_output_tokens=32_000, lost=lost.append)
    with serving(Reply(events=events)) as server, pytest.raises(InfrastructureError):
        api(server.url, retries=2, pause=lambda _: None).ask(asked)
    assert len(server.requests) == len(lost) == 3
    assert {answer.usage.output_tokens for answer in lost} == {2000}
    assert lost[0].usage.cost_usd == pytest.approx((100 * 0.1 + 2000 * 0.5) / 1e6)
    assert (lost[0].text, lost[0].route, lost[0].model) == ("", Route.API, "claude-haiku-5-5")


def test_an_attempt_on_which_the_model_did_not_work_is_not_counted() -> None:
    lost: list[Answer] = []
    replies = (Reply(529, error("overloaded_error", "busy")), Reply(body=message("{}")))
    with serving(*replies) as server:
        api(server.url, pause=lambda _: None).ask(question(lost=lost.append))
    assert lost == []


def test_a_stream_that_breaks_off_is_an_infrastructure_failure() -> None:
    with (
        serving(Reply(events=stream('{"specs"', stop=None))) as server,
        pytest.raises(InfrastructureError, match="complete message"),
    ):
        api(server.url, retries=0).ask(question(max_output_tokens=32_000))


def test_an_overload_inside_a_stream_is_tried_again() -> None:
    overloaded = [("error", error("overloaded_error", "Overloaded"))]
    pauses = Pauses()
    with serving(Reply(events=overloaded), Reply(events=stream("{}"))) as server:
        answer = api(server.url, pause=pauses).ask(question(max_output_tokens=32_000))
    assert answer.text == "{}"
    assert pauses == [1.0]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_so_at_once_and_is_not_tried_again(status: int) -> None:
    with (
        serving(Reply(status, error("authentication_error", "invalid x-api-key"))) as server,
        pytest.raises(CredentialError, match="invalid x-api-key") as caught,
    ):
        api(server.url).ask(question())
    assert len(server.requests) == 1
    assert "ANTHROPIC_API_KEY" in caught.value.fix
    assert KEY not in str(caught.value)


def test_an_auth_token_serves_instead_of_a_key() -> None:
    with serving(Reply(body=message("{}"))) as server:
        api(server.url, api_key=None, auth_token=SecretStr(KEY)).ask(question())
    assert server.complaints == []


def test_without_a_credential_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key that was not given to this client")
    with serving(Reply(body=message("{}"))) as server, pytest.raises(CredentialError, match="no key"):
        api(server.url, api_key=None).ask(question())
    assert server.requests == []


def test_a_long_rate_limit_is_left_to_the_scheduler_with_its_time() -> None:
    limited = Reply(429, error("rate_limit_error", "slow down"), headers={"retry-after": "3600"})
    with serving(limited) as server, pytest.raises(RateLimitedError, match="slow down") as caught:
        api(server.url, pause=Pauses()).ask(question())
    assert len(server.requests) == 1
    assert caught.value.until is not None
    assert timedelta(minutes=58) < caught.value.until - datetime.now(UTC) <= timedelta(hours=1)


def test_a_short_rate_limit_is_waited_for() -> None:
    limited = Reply(429, error("rate_limit_error", "slow down"), headers={"retry-after": "7"})
    pauses = Pauses()
    with serving(limited, Reply(body=message("{}"))) as server:
        api(server.url, pause=pauses).ask(question())
    assert pauses == [pytest.approx(7, abs=1)]


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_failing_server_is_tried_again_and_then_named(status: int) -> None:
    pauses = Pauses()
    with (
        serving(Reply(status, error("api_error", "broken"))) as server,
        pytest.raises(InfrastructureError, match="broken") as caught,
    ):
        api(server.url, retries=2, pause=pauses).ask(question())
    assert len(server.requests) == 3
    assert pauses == [1.0, 2.0]
    assert caught.value.where == server.url


def test_a_server_that_is_not_there_is_an_infrastructure_failure() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InfrastructureError, match="No answer") as caught:
        api(url, retries=0).ask(question())
    assert "ANTHROPIC_BASE_URL" in caught.value.fix


@pytest.mark.parametrize("status", [400, 404])
def test_an_unknown_model_is_named_with_its_setting_and_asked_once(status: int) -> None:
    with (
        serving(Reply(status, error("not_found_error", "model: claude-haiku-5-5"))) as server,
        pytest.raises(ModelStoppedError, match="claude-haiku-5-5") as caught,
    ):
        api(server.url).ask(question())
    assert len(server.requests) == 1
    assert caught.value.cause is WaitCause.MODEL
    assert "FACTORY_ANALYZE_MODEL" in caught.value.fix


def test_an_account_without_credit_is_told_so_and_not_sent_to_its_model_or_key() -> None:
    words = "Your credit balance is too low to access the Anthropic API."
    with (
        serving(Reply(400, error("invalid_request_error", words))) as server,
        pytest.raises(ModelStoppedError, match="credit balance is too low") as caught,
    ):
        api(server.url).ask(question())
    assert len(server.requests) == 1
    assert caught.value.cause is WaitCause.CREDIT
    assert "Add credit" in caught.value.fix
    assert "FACTORY_ANALYZE_MODEL" not in str(caught.value)


def test_a_request_that_nobody_understands_the_refusal_of_is_an_input_error() -> None:
    with (
        serving(Reply(400, error("invalid_request_error", "Something else."))) as server,
        pytest.raises(InputError, match="Something else"),
    ):
        api(server.url).ask(question())


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        (413, "request_too_large", "Request exceeds the maximum size"),
    ],
)
def test_a_question_that_is_too_long_is_told_so_at_once(status: int, kind: str, words: str) -> None:
    with serving(Reply(status, error(kind, words))) as server, pytest.raises(PromptTooLongError):
        api(server.url).ask(question())
    assert len(server.requests) == 1


def test_a_model_without_a_price_is_refused_before_any_money_is_spent() -> None:
    with serving(Reply(body=message("{}"))) as server, pytest.raises(InputError, match="No price"):
        api(server.url).ask(question(model="claude-imaginary-9"))
    assert server.requests == []


def test_a_cut_answer_is_an_error_that_still_tells_its_text_and_price() -> None:
    with (
        serving(Reply(body=message('{"specs": [', stop="max_tokens"))) as server,
        pytest.raises(AnswerCutError) as caught,
    ):
        api(server.url).ask(question())
    assert caught.value.answer.text == '{"specs": ['
    assert caught.value.answer.usage.cost_usd > 0


def test_a_refusal_is_an_error_with_the_reason() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "It could help an attacker"}
    with (
        serving(Reply(body=message("", stop="refusal", stop_details=details))) as server,
        pytest.raises(AnswerRefusedError, match="help an attacker"),
    ):
        api(server.url).ask(question())


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body="<html>welcome to the hotel's network</html>", content_type="text/html"),
        Reply(body={"hello": "world"}),
        Reply(body="{not json"),
    ],
)
def test_something_that_is_no_message_is_never_taken_for_an_answer(reply: Reply) -> None:
    with serving(reply) as server, pytest.raises(InfrastructureError):
        api(server.url, retries=0).ask(question())


def test_a_gateway_that_reports_no_usage_is_estimated_and_noted() -> None:
    body = message("x" * 3000)
    del body["usage"]
    with serving(Reply(body=body)) as server:
        answer = api(server.url).ask(question(prompt="y" * 30_000))
    assert answer.usage.output_tokens == 1000
    assert answer.usage.cost_usd > 0
    assert any("estimated" in note for note in answer.notes)


def test_the_answer_does_not_show_the_key() -> None:
    client = api("http://127.0.0.1:1")
    assert KEY not in repr(client)
    assert KEY not in json.dumps(repr(question()))
