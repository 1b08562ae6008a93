"""The real Claude Code program in the sandbox, against a scripted model on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from claude_code_sandboxes import bubblewrap, new_marker, plain, processes_with, wait_until_running
from claude_code_server import Cut, Fail, Say, Script, Use, claude_server
from layout import python_path
from messages_api import Reply, messages_api
from pydantic import SecretStr
from router_world import claude_code

from factory_assets.domain.agents import AgentTask, Answer, OutcomeKind, Question, Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import CredentialError, InfrastructureError, RateLimitedError
from factory_assets.domain.indexes import Indexes
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES
from factory_assets.llm.claude_api_errors import PromptTooLongError
from factory_assets.llm.claude_code import ClaudeCode
from factory_assets.llm.claude_code_binary import claude_code_version, find_claude_binary
from factory_assets.llm.prices import cost_usd
from factory_assets.network.trust import trust
from factory_assets.sandbox import ResourceLimits, Sandbox

pytestmark = pytest.mark.end_to_end

KEY = "sk-ant-made-up-key-1234567890"
REAL = "sk-ant-the-real-one-1234567890"
MODEL = "claude-haiku-5-5"
SCHEMA = {"type": "object", "properties": {"names": {"type": "array"}}, "required": ["names"]}
QUESTION = Question("Name things.", "Which ones?", SCHEMA, MODEL)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def claude(script: Script, tmp_path: Path, *, sandbox: Sandbox | None = None) -> ClaudeCode:
    return claude_code(
        sandbox or bubblewrap(),
        base_url=script.url,
        credentials={"ANTHROPIC_API_KEY": SecretStr(KEY)},
        binary=None,
        state_dir=tmp_path / "state",
        retries=1,
    )


def task(workspace: Path) -> AgentTask:
    return AgentTask("Do it.", workspace, MODEL, max_turns=10, max_budget_usd=5.0, timeout_seconds=60.0)


def bash(command: str) -> Use:
    return Use("Bash", {"command": command, "description": "a command"})


def ignore(line: str) -> None:
    pass


def unmetered(usage: Usage) -> None:
    pass


def test_a_phase_writes_files_runs_commands_and_tells_what_it_did(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_of_the_factory")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another-credential")
    lines: list[str] = []
    write = Use("Write", {"file_path": f"{workspace}/greet.py", "content": "print('hi')\n"})
    run = bash(f"python3 greet.py; env > env.txt; ls /work /root > seen.txt 2>&1; echo {KEY}")
    with claude_server(write, run, bash("false"), Say("all done")) as script:
        outcome = claude(script, tmp_path).run_agent(task(workspace), lines.append, unmetered)
    assert outcome.kind is OutcomeKind.DONE
    assert (outcome.detail, outcome.model, outcome.turns) == ("all done", MODEL, 4)
    assert (outcome.usage.calls, outcome.usage.input_tokens, outcome.usage.output_tokens) == (4, 4000, 400)
    assert outcome.usage.cache_read_tokens == 2000
    assert 0 < outcome.usage.cost_usd < 0.01
    assert outcome.session_id
    environment = (workspace / "env.txt").read_text()
    assert "ghp_of_the_factory" not in environment
    assert "another-credential" not in environment
    assert any(line.startswith("turn 1 · Write greet.py · about $") for line in lines)
    assert any("Bash python3 greet.py" in line for line in lines)
    assert any("failed:" in line for line in lines)
    assert any("says: all done" in line for line in lines)
    assert all(KEY not in line and "\n" not in line for line in lines)
    assert sorted(path.name for path in workspace.iterdir()) == ["env.txt", "greet.py", "seen.txt"]


def test_the_key_is_in_no_command_line_and_the_time_limit_ends_everything(
    workspace: Path, tmp_path: Path
) -> None:
    marker = new_marker()
    seen: list[str] = []

    def look() -> None:
        wait_until_running(marker)
        seen.extend(" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))

    looker = threading.Thread(target=look)
    with claude_server(bash(f"setsid sleep {marker} & sleep {marker}")) as script:
        looker.start()
        limited = replace(task(workspace), timeout_seconds=10.0)
        outcome = claude(script, tmp_path).run_agent(limited, ignore, unmetered)
        looker.join()
    assert outcome.kind is OutcomeKind.AGENT_FAILURE
    assert "10 s" in outcome.detail
    assert outcome.seconds < 60
    assert outcome.usage.input_tokens == 1000
    assert outcome.usage.cost_usd > 0
    assert processes_with(marker) == []
    assert any(marker in line for line in seen)
    assert all(KEY not in line for line in seen)


def test_a_phase_out_of_turns_goes_on_in_the_same_session(workspace: Path, tmp_path: Path) -> None:
    with claude_server(bash("echo one"), bash("echo two"), Say("finished")) as script:
        agent = claude(script, tmp_path)
        first = agent.run_agent(replace(task(workspace), max_turns=1), ignore, unmetered)
        second = agent.run_agent(
            replace(task(workspace), prompt="Go on.", resume=first.session_id), ignore, unmetered
        )
        agent.forget(workspace)
    assert first.kind is OutcomeKind.OUT_OF_TURNS
    assert second.kind is OutcomeKind.DONE
    assert second.session_id == first.session_id
    told = json.dumps(script.requests[-1]["messages"])
    assert "Do it." in told
    assert "Go on." in told
    assert (first.usage.input_tokens, second.usage.input_tokens) == (1000, 2000)
    assert second.usage.cost_usd == pytest.approx(2 * first.usage.cost_usd)
    assert list((tmp_path / "state").iterdir()) == []


def test_a_budget_that_is_spent_is_told(workspace: Path, tmp_path: Path) -> None:
    with claude_server(bash("echo one")) as script:
        outcome = claude(script, tmp_path).run_agent(
            replace(task(workspace), max_budget_usd=0.0001), ignore, unmetered
        )
    assert outcome.kind is OutcomeKind.OVER_BUDGET


def test_an_agents_own_commands_cannot_spend_more_than_the_phase_has(workspace: Path, tmp_path: Path) -> None:
    asks = (
        "export $(cat /proc/$PPID/environ | tr '\\0' '\\n' | grep ^ANTHROPIC_API_KEY=); "
        "for i in $(seq 20); do curl -s -m 5 --noproxy '*' -o /dev/null -w '%{http_code}\\n' "
        """-H "x-api-key: $ANTHROPIC_API_KEY" -d '{"model": "claude-haiku-5-5", "stream": true}' """
        "$ANTHROPIC_BASE_URL/v1/messages; done > statuses.txt"
    )
    lines: list[str] = []
    with claude_server(bash(asks), Say("done")) as script:
        limited = replace(task(workspace), max_budget_usd=0.001)
        outcome = claude(script, tmp_path).run_agent(limited, lines.append, unmetered)
    statuses = (workspace / "statuses.txt").read_text().split()
    assert statuses[0] == "200"
    assert statuses[-1] == "400"
    assert outcome.kind is OutcomeKind.OVER_BUDGET
    assert 0.001 < outcome.usage.cost_usd < 0.0015
    assert outcome.usage.calls == len(script.requests) == statuses.count("200") + 1
    assert any("the sandbox did not let through a further call of the model" in line for line in lines)


def test_a_phase_works_through_a_router_that_answers_with_a_model_of_its_own(
    workspace: Path, tmp_path: Path
) -> None:
    with claude_server(bash("echo one"), Say("done"), served_as="qwen3-coder") as script:
        agent = claude_code(
            bubblewrap(),
            base_url=f"{script.url}/team-a/",
            credentials={"ANTHROPIC_AUTH_TOKEN": SecretStr(KEY)},
            binary=None,
            state_dir=tmp_path / "state",
        )
        outcome = agent.run_agent(task(workspace), ignore, unmetered)
    assert (outcome.kind, outcome.usage.calls) == (OutcomeKind.DONE, 2)
    asked = cost_usd(MODEL, Usage(input_tokens=1000, cache_read_tokens=500, output_tokens=100))
    assert outcome.usage.cost_usd >= 2 * asked
    assert outcome.usage.input_tokens == 2000


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Fail(401, "authentication_error"), OutcomeKind.AUTHENTICATION),
        (Fail(429, "rate_limit_error", headers={"retry-after": "1"}), OutcomeKind.RATE_LIMITED),
        (Fail(529, "overloaded_error"), OutcomeKind.INFRASTRUCTURE),
        (Fail(400, "invalid_request_error", "This organization has been disabled."), OutcomeKind.STOPPED),
        (
            Fail(400, "invalid_request_error", "Your credit balance is too low to use it."),
            OutcomeKind.STOPPED,
        ),
        (Fail(404, "not_found_error", f"model: {MODEL}"), OutcomeKind.STOPPED),
        (Fail(400, "invalid_request_error", "Something else is the matter."), OutcomeKind.NOT_UNDERSTOOD),
        (Cut(), OutcomeKind.INFRASTRUCTURE),
    ],
)
def test_a_fault_of_the_api_is_told_by_its_kind(
    workspace: Path, tmp_path: Path, reply: Fail | Cut, kind: OutcomeKind
) -> None:
    with claude_server(reply) as script:
        outcome = claude(script, tmp_path).run_agent(task(workspace), ignore, unmetered)
    assert outcome.kind is kind
    if kind is OutcomeKind.AUTHENTICATION:
        assert len(script.requests) == 1


def test_an_agents_package_managers_ask_the_machines_own_index_and_believe_its_certificates(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "firm.pem"
    bundle.write_bytes(trust().content())
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    of_firm = Indexes(pypi_url="https://pip.firm.example/simple", npm_url="https://npm.firm.example/all")
    asked = {
        Language.PYTHON: "python3 -m pip config get :env:.index-url; cat $PIP_CERT >/dev/null && echo believed",
        Language.TYPESCRIPT: "npm config get registry; cat $NODE_EXTRA_CA_CERTS >/dev/null && echo believed",
    }
    for language, command in asked.items():
        with claude_server(bash(f"({command}) > {language}.txt 2>&1"), Say("done")) as script:
            given = replace(
                task(workspace),
                reach=LANGUAGES[language].packages.reach(of_firm),
                variables=LANGUAGES[language].packages.variables(of_firm),
            )
            claude(script, tmp_path).run_agent(given, ignore, unmetered)
    assert (workspace / "python.txt").read_text().split() == [of_firm.pypi_url, "believed"]
    assert (workspace / "typescript.txt").read_text().split() == [of_firm.npm_url, "believed"]


def test_a_phase_to_which_the_api_says_nothing_is_not_the_agents_failure(
    workspace: Path, tmp_path: Path
) -> None:
    with messages_api(Reply(b"{}", wait=60)) as api:
        agent = claude_code(
            bubblewrap(),
            base_url=f"http://{api.place}",
            credentials={"ANTHROPIC_API_KEY": SecretStr(KEY)},
            binary=None,
            state_dir=tmp_path / "state",
        )
        limited = replace(task(workspace), timeout_seconds=8.0)
        outcome = agent.run_agent(limited, ignore, unmetered)
    assert outcome.kind is OutcomeKind.INFRASTRUCTURE
    assert "of the time of 8 s" in outcome.detail


def test_a_subscribers_limit_names_the_time_it_resets(workspace: Path, tmp_path: Path) -> None:
    resets = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    headers = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": str(int(resets.timestamp())),
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
    }
    with claude_server(Fail(429, "rate_limit_error", headers=headers)) as script:
        agent = claude_code(
            bubblewrap(),
            base_url=script.url,
            credentials={"CLAUDE_CODE_OAUTH_TOKEN": SecretStr(KEY)},
            binary=None,
            state_dir=tmp_path / "state",
        )
        outcome = agent.run_agent(task(workspace), ignore, unmetered)
    assert (outcome.kind, outcome.until) == (OutcomeKind.RATE_LIMITED, resets)


def test_a_phase_without_bash_has_only_its_tools(workspace: Path, tmp_path: Path) -> None:
    with claude_server(Say("done")) as script:
        tools = ("Read", "Write", "Edit", "Glob", "Grep")
        outcome = claude(script, tmp_path).run_agent(replace(task(workspace), tools=tools), ignore, unmetered)
    assert outcome.kind is OutcomeKind.DONE
    offered = {tool["name"] for tool in script.requests[0]["tools"]} - {"DeferredToolPlaceholder"}
    assert offered == set(tools)


def test_a_program_that_dies_is_infrastructure_and_its_words_are_kept(
    workspace: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "claude"
    broken.write_text("#!/bin/sh\necho 'cannot load my library' >&2\nexit 3\n")
    broken.chmod(0o755)
    agent = claude_code(
        bubblewrap(),
        base_url="http://127.0.0.1:9",
        credentials={"ANTHROPIC_API_KEY": SecretStr(KEY)},
        binary=broken,
        state_dir=tmp_path / "state",
    )
    outcome = agent.run_agent(task(workspace), ignore, unmetered)
    assert outcome.kind is OutcomeKind.INFRASTRUCTURE
    assert "cannot load my library" in outcome.detail


def test_without_bubblewrap_a_phase_runs_and_leaves_nothing(workspace: Path, tmp_path: Path) -> None:
    marker = new_marker()
    leave = bash(f"setsid sleep {marker} >/dev/null 2>&1 & echo $HOME > home.txt")
    with claude_server(leave, Say("done")) as script:
        outcome = claude(script, tmp_path, sandbox=plain()).run_agent(task(workspace), ignore, unmetered)
    assert outcome.kind is OutcomeKind.DONE
    assert processes_with(marker) == []
    assert str(tmp_path / "state") in (workspace / "home.txt").read_text()


def test_a_question_is_answered_in_the_schemas_form_without_tools(tmp_path: Path) -> None:
    with claude_server(Use("StructuredOutput", {"names": ["a", "b"]})) as script:
        answer = claude(script, tmp_path).ask(QUESTION)
    assert json.loads(answer.text) == {"names": ["a", "b"]}
    assert (answer.route, answer.model, answer.usage.calls) == (Route.CLAUDE_CODE, MODEL, 1)
    request = script.requests[0]
    assert {tool["name"] for tool in request["tools"]} - {"DeferredToolPlaceholder"} == {"StructuredOutput"}
    assert "Name things." in json.dumps(request["system"])
    assert request["max_tokens"] == QUESTION.max_output_tokens
    assert list((tmp_path / "state").glob("*/*")) == []


_ASKING = """
import os, sys
sys.path[:0] = sys.argv[3].split(os.pathsep)
from pathlib import Path
from claude_code_sandboxes import plain
from pydantic import SecretStr
from router_world import claude_code
from test_claude_code_program import KEY, QUESTION
from router_world import claude_code
key = {"ANTHROPIC_API_KEY": SecretStr(KEY)}
state = Path(sys.argv[2])
claude_code(plain(), base_url=sys.argv[1], credentials=key, binary=None, state_dir=state).ask(QUESTION)
"""


def test_what_a_killed_question_left_goes_with_the_next_one(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with messages_api(Reply(b"{}", wait=60)) as api:
        tests = python_path(__file__)
        command = [sys.executable, "-c", _ASKING, f"http://{api.place}", str(state), tests]
        with subprocess.Popen(command) as worker:
            deadline = time.monotonic() + 60
            while not api.seen:
                assert worker.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            worker.kill()
    assert [path.name for path in state.rglob("home")] == ["home"]
    with claude_server(Use("StructuredOutput", {"names": []})) as script:
        claude(script, tmp_path, sandbox=plain()).ask(QUESTION)
    assert list(state.rglob("home")) == []


def test_an_answer_that_never_fits_the_schema_is_given_as_it_is(tmp_path: Path) -> None:
    with claude_server(Use("StructuredOutput", {"bad": 1})) as script:
        answer = claude(script, tmp_path).ask(QUESTION)
    assert json.loads(answer.text) == {"bad": 1}
    assert answer.usage.calls == len(script.requests)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Fail(403, "permission_error"), CredentialError),
        (Fail(429, "rate_limit_error", headers={"retry-after": "1800"}), RateLimitedError),
        (Fail(500, "api_error"), InfrastructureError),
        (Fail(400, "invalid_request_error", "Your credit balance is too low to use it."), ModelStoppedError),
        (Fail(404, "not_found_error", f"model: {MODEL}"), ModelStoppedError),
        (Fail(400, "invalid_request_error", "prompt is too long: 9 tokens > 5 maximum"), PromptTooLongError),
    ],
)
def test_a_question_that_fails_raises_the_typed_error(
    tmp_path: Path, reply: Fail, error: type[Exception]
) -> None:
    with claude_server(reply) as script, pytest.raises(error) as caught:
        claude(script, tmp_path).ask(QUESTION)
    assert KEY not in str(caught.value)


def test_a_question_that_failed_after_the_model_had_worked_is_counted(tmp_path: Path) -> None:
    lost: list[Answer] = []
    turns = (Use("StructuredOutput", {"wrong": 1}), Say("hm"), Fail(529, "overloaded_error"))
    with claude_server(*turns) as script, pytest.raises(InfrastructureError):
        claude(script, tmp_path).ask(replace(QUESTION, lost=lost.append))
    (answer,) = lost
    assert answer.usage.cost_usd > 0
    assert (answer.text, answer.route) == ("", Route.CLAUDE_CODE)


def test_without_any_credential_the_outcome_and_the_error_say_so(workspace: Path, tmp_path: Path) -> None:
    agent = claude_code(
        plain(), base_url="http://127.0.0.1:9", credentials={}, binary=None, state_dir=tmp_path / "state"
    )
    assert agent.run_agent(task(workspace), ignore, unmetered).kind is OutcomeKind.AUTHENTICATION
    with pytest.raises(CredentialError, match="ANTHROPIC_API_KEY"):
        agent.ask(QUESTION)


def test_the_programs_version_is_a_number() -> None:
    assert claude_code_version(find_claude_binary(None))[0].isdigit()
    assert shutil.which("sh")


def credential(kind: str, tmp_path: Path) -> dict[str, dict[str, SecretStr] | Path | None]:
    """One kind of credential, as ClaudeCode takes it: the real value is always REAL."""
    if kind != "login":
        return {"credentials": {kind: SecretStr(REAL)}, "login_home": None}
    login = tmp_path / "person" / ".claude"
    login.mkdir(parents=True)
    expires = int((datetime.now(UTC) + timedelta(hours=5)).timestamp() * 1000)
    tokens = {
        "accessToken": REAL,
        "refreshToken": "sk-ant-ort01-kept",
        "expiresAt": expires,
        "scopes": ["user:inference"],
    }
    (login / ".credentials.json").write_text(json.dumps({"claudeAiOauth": tokens}))
    return {"credentials": {}, "login_home": login}


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [
        ("ANTHROPIC_API_KEY", "x-api-key", "{}"),
        ("ANTHROPIC_AUTH_TOKEN", "authorization", "Bearer {}"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "authorization", "Bearer {}"),
        ("login", "authorization", "Bearer {}"),
    ],
)
def test_an_agent_holds_a_token_of_the_router_and_the_api_gets_the_real_credential(
    workspace: Path, tmp_path: Path, kind: str, header: str, value: str
) -> None:
    look = bash(
        "cat /proc/[0-9]*/environ | tr '\\0' '\\n' > env.txt; cat $HOME/.claude/.credentials.json > login.txt"
    )
    used: list[Usage] = []
    with claude_server(look, Say("done")) as script:
        agent = claude_code(
            bubblewrap(),
            base_url=f"{script.url}/",
            binary=None,
            state_dir=tmp_path / "state",
            **credential(kind, tmp_path),
        )
        outcome = agent.run_agent(task(workspace), ignore, used.append)
    assert outcome.kind is OutcomeKind.DONE
    for headers in script.headers:
        assert {name.lower(): text for name, text in headers.items()}[header] == value.format(REAL)
        assert "factory-" not in str(headers)
    inside = "".join((workspace / name).read_text() for name in ("env.txt", "login.txt"))
    assert "factory-" in inside
    assert REAL not in inside
    assert "sk-ant-ort01-kept" not in inside
    assert all(
        REAL.encode() not in path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()
    )
    assert [usage.calls for usage in used] == [1, 2]
    assert used[0].cost_usd < used[1].cost_usd


def test_an_agents_network_is_the_egress_proxy_alone(workspace: Path, tmp_path: Path) -> None:
    """Its commands reach neither the host nor the API with another key, and what was refused is told."""
    lines: list[str] = []
    with claude_server(Say("x")) as unseen:
        other = "-H 'x-api-key: sk-ant-of-an-attacker'"
        asks = (
            f"curl -s -m 5 --noproxy '*' -d '{{}}' {unseen.url}/v1/messages || echo no way",
            f"curl -s -m 5 {other} -d '{{}}' $ANTHROPIC_BASE_URL/v1/messages",
            "curl -s -m 5 http://evil.example/",
        )
        with claude_server(bash(f"({'; '.join(asks)}) > asked.txt"), Say("done")) as script:
            outcome = claude(script, tmp_path).run_agent(task(workspace), lines.append, unmetered)
    asked = (workspace / "asked.txt").read_text()
    assert outcome.kind is OutcomeKind.DONE
    assert "no way" in asked
    assert "This is no token of this factory" in asked
    assert unseen.requests == []
    assert all("attacker" not in str(headers) for headers in script.headers)
    assert any("the sandbox did not let through evil.example:80" in line for line in lines)


def test_an_agent_that_passes_a_limit_is_stopped_and_told_which(workspace: Path, tmp_path: Path) -> None:
    marker = new_marker()
    bomb = bash(f"for i in $(seq 200); do setsid sleep {marker} & done; wait")
    with claude_server(bomb, Say("done")) as script:
        agent = claude(script, tmp_path, sandbox=bubblewrap(limits=ResourceLimits(processes=60)))
        outcome = agent.run_agent(task(workspace), ignore, unmetered)
    assert outcome.kind is OutcomeKind.AGENT_FAILURE
    assert outcome.detail == "The agent was stopped: more than 60 processes."
    assert processes_with(marker) == []


def test_a_background_command_does_not_outlive_a_phase_that_is_done(workspace: Path, tmp_path: Path) -> None:
    marker = new_marker()
    with claude_server(
        bash(f"setsid sleep {marker} >/dev/null 2>&1 </dev/null & echo left"), Say("done")
    ) as script:
        outcome = claude(script, tmp_path).run_agent(task(workspace), ignore, unmetered)
    assert outcome.kind is OutcomeKind.DONE
    assert processes_with(marker) == []


@pytest.mark.parametrize("sandbox", [bubblewrap, plain])
def test_the_result_ends_a_phase_whatever_its_agent_left_running_in_the_background(
    workspace: Path, tmp_path: Path, sandbox: Callable[[], Sandbox]
) -> None:
    marker = new_marker()
    serve = Use(
        "Bash",
        {
            "command": f"python3 -m http.server 0 --bind 127.0.0.1 & sleep {marker}",
            "description": "a server",
            "run_in_background": True,
        },
    )
    limit = 180.0
    with claude_server(serve, bash("echo work"), Say("all done")) as script:
        outcome = claude(script, tmp_path, sandbox=sandbox()).run_agent(
            replace(task(workspace), timeout_seconds=limit), ignore, unmetered
        )
    assert (outcome.kind, outcome.detail) == (OutcomeKind.DONE, "all done")
    assert outcome.seconds < limit / 3
    assert processes_with(marker) == []
    assert outcome.turns == 3


def test_a_question_by_a_login_may_renew_it_and_reaches_nothing_else(tmp_path: Path) -> None:
    """The login's own token arrives: the program must be able to exchange it for a new one."""
    with claude_server(Use("StructuredOutput", {"names": ["a"]})) as script:
        model = claude_code(
            bubblewrap(),
            base_url=script.url,
            binary=None,
            state_dir=tmp_path / "state",
            **credential("login", tmp_path),
        )
        answer = model.ask(QUESTION)
    assert json.loads(answer.text) == {"names": ["a"]}
    assert {name.lower(): text for name, text in script.headers[0].items()}[
        "authorization"
    ] == f"Bearer {REAL}"
    assert all("factory-" not in str(headers) for headers in script.headers)
    assert list((tmp_path / "state").glob("*/*")) == []
