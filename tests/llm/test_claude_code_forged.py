"""Programs in the real sandbox that lie in the place of Claude Code, or spend beside it: what holds is the router's."""

from __future__ import annotations

import json
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from claude_code_sandboxes import sandbox_named
from messages_api import MODEL, MessagesApi, Reply, error, message, messages_api
from pydantic import SecretStr
from router_world import claude_code

from factory_assets.domain.agents import AgentOutcome, AgentTask, OutcomeKind
from factory_assets.domain.builds import Usage
from factory_assets.llm.prices import cost_usd

PRICE = cost_usd(MODEL, Usage(input_tokens=1000, output_tokens=100))
both = pytest.mark.parametrize("name", ["bubblewrap", "plain"])

# It speaks to the SDK as Claude Code does, asks the model `ASKED` times at once, and says what it likes.
_PROGRAM = """
    #!/usr/bin/env python3
    import json, os, sys, urllib.error, urllib.request

    def ask():
        request = urllib.request.Request(
            os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages",
            data=json.dumps({"model": "MODEL", "max_tokens": 100}).encode(),
            headers={"x-api-key": os.environ["ANTHROPIC_API_KEY"]},
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    if "-v" in sys.argv or "--version" in sys.argv:
        print("9.9.9 (Claude Code)")
        sys.exit()
    for line in sys.stdin:
        told = json.loads(line)
        if told["type"] == "control_request":
            answer = {"subtype": "success", "request_id": told["request_id"], "response": {}}
            print(json.dumps({"type": "control_response", "response": answer}), flush=True)
        elif told["type"] == "user":
            with open("answers.json", "w") as kept:
                json.dump([ask() for _ in range(ASKED)], kept)
            for message in json.loads(SAYS):
                print(json.dumps(message), flush=True)
            break
    sys.stdin.read()
"""
INIT = {"type": "system", "subtype": "init", "session_id": "s"}


def result(**fields: Any) -> dict[str, Any]:
    done = {"type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "session_id": "s"}
    return {**done, "duration_ms": 1, "duration_api_ms": 1, "result": "done", "total_cost_usd": 0.0, **fields}


def run(
    name: str, api: MessagesApi, tmp_path: Path, *says: dict[str, Any], asked: int = 0, budget: float = 5.0
) -> AgentOutcome:
    """What becomes of a phase in which this program runs."""
    program = tmp_path / "claude"
    text = textwrap.dedent(_PROGRAM).lstrip().replace("MODEL", MODEL).replace("ASKED", str(asked))
    program.write_text(text.replace("SAYS", repr(json.dumps([INIT, *says]))))
    program.chmod(0o755)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    agent = claude_code(
        sandbox_named(name),
        base_url=f"http://{api.place}",
        credentials={"ANTHROPIC_API_KEY": SecretStr("sk-ant-the-real-one")},
        binary=program,
        state_dir=tmp_path / "state",
    )
    task = AgentTask("Do it.", workspace, MODEL, max_turns=3, max_budget_usd=budget, timeout_seconds=30.0)
    return agent.run_agent(task, lambda line: None, lambda usage: None)


@both
def test_a_program_that_spends_by_itself_is_cut_off_at_its_phases_dollars(name: str, tmp_path: Path) -> None:
    with messages_api() as api:
        outcome = run(name, api, tmp_path, result(), asked=9, budget=3 * PRICE)
        answers = json.loads((tmp_path / "workspace" / "answers.json").read_text())
    assert [status for status, _ in answers] == [200] * 4 + [400] * 5
    assert "the budget of $0.00 is used up" in answers[-1][1]
    assert len(api.seen) == 4
    assert outcome.kind is OutcomeKind.OVER_BUDGET
    assert outcome.usage.cost_usd == pytest.approx(4 * PRICE)
    assert (outcome.usage.calls, outcome.usage.input_tokens) == (4, 4000)


def test_what_the_router_saw_is_recorded_where_the_program_says_less(tmp_path: Path) -> None:
    with messages_api() as api:
        outcome = run("bubblewrap", api, tmp_path, result(total_cost_usd=0.5 * PRICE), asked=2)
    assert outcome.kind is OutcomeKind.DONE
    assert outcome.usage.cost_usd == pytest.approx(2 * PRICE)


def test_a_program_cannot_claim_more_than_its_phases_dollars(tmp_path: Path) -> None:
    counts = {"model": {"inputTokens": 10**30}}
    claims = result(total_cost_usd=1e300, modelUsage=counts)
    with messages_api() as api:
        outcome = run("bubblewrap", api, tmp_path, claims, asked=1, budget=2.0)
    assert outcome.usage.cost_usd == pytest.approx(2.0)
    assert outcome.usage.input_tokens == 1000


@both
@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_forged_refusal_neither_stops_the_queue_nor_puts_the_build_off(
    name: str, status: int, tmp_path: Path
) -> None:
    with messages_api() as api:
        outcome = run(name, api, tmp_path, result(is_error=True, api_error_status=status), asked=1)
    assert outcome.kind is OutcomeKind.AGENT_FAILURE
    assert "that the model API never gave" in outcome.detail


def test_a_forged_retry_of_a_refused_call_does_not_stop_the_queue(tmp_path: Path) -> None:
    retry = {"type": "system", "subtype": "api_retry", "error_status": 401, "error": "authentication_failed"}
    with messages_api() as api:
        outcome = run("bubblewrap", api, tmp_path, {**retry, "attempt": 1}, result(), asked=1)
    assert outcome.kind in {OutcomeKind.AGENT_FAILURE, OutcomeKind.DONE}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(401, "authentication_error"), OutcomeKind.AUTHENTICATION),
        (error(403, "permission_error"), OutcomeKind.AUTHENTICATION),
        (error(429, "rate_limit_error"), OutcomeKind.RATE_LIMITED),
    ],
)
def test_a_refusal_that_the_api_gave_is_believed(reply: Reply, kind: OutcomeKind, tmp_path: Path) -> None:
    with messages_api(reply) as api:
        outcome = run(
            "bubblewrap", api, tmp_path, result(is_error=True, api_error_status=reply.status), asked=1
        )
    assert outcome.kind is kind


@pytest.mark.parametrize("resets_at", [10**12, 10**30, -(10**15)])
def test_a_time_to_come_back_is_within_a_day(resets_at: int, tmp_path: Path) -> None:
    limit = {"status": "rejected", "resetsAt": resets_at}
    event = {"type": "rate_limit_event", "rate_limit_info": limit, "uuid": "u", "session_id": "s"}
    with messages_api(error(429, "rate_limit_error")) as api:
        ended = result(is_error=True, api_error_status=429)
        outcome = run("bubblewrap", api, tmp_path, event, ended, asked=1)
    assert outcome.kind is OutcomeKind.RATE_LIMITED
    assert outcome.until is not None
    assert outcome.until <= datetime.now(UTC) + timedelta(hours=24)


@pytest.mark.parametrize(
    "says",
    [
        {"type": "assistant", "message": {"id": "m", "model": MODEL, "content": [], "usage": {"input_tokens": -5}}},
        {"type": "system", "subtype": "api_retry", "attempt": "many", "retry_delay_ms": []},
        result(modelUsage={"x": {"inputTokens": "many"}}),
        {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": "soon"}, "uuid": "u",
         "session_id": "s"},
    ],
    ids=["negative counts", "retry", "result", "limit"],
)  # fmt: skip
def test_lines_that_make_no_sense_do_not_break_the_worker(says: dict[str, Any], tmp_path: Path) -> None:
    with messages_api(message()) as api:
        outcome = run("bubblewrap", api, tmp_path, says, asked=1)
    assert outcome.usage.cost_usd == pytest.approx(PRICE)
