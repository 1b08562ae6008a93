"""The router as a process, and the real Claude Code through it compared with the same calls made directly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from claude_code_sandboxes import bubblewrap
from claude_code_server import Say, Script, Use, claude_server
from pydantic import SecretStr
from router_world import claude_code

from factory_assets.cli.processes import free_port
from factory_assets.domain.agents import AgentTask, OutcomeKind, Purpose
from factory_assets.llm.claude_code import ClaudeCode
from factory_assets.llm.model_access import SeenCalls
from factory_assets.router.client import RouterAccess
from factory_assets.router.whereabouts import Whereabouts

pytestmark = pytest.mark.end_to_end

REAL = "sk-ant-the-real-one-1234567890"
KEY = {"ANTHROPIC_API_KEY": SecretStr(REAL)}
MODEL = "claude-sonnet-5"


def task(workspace: Path) -> AgentTask:
    workspace.mkdir(exist_ok=True)
    purpose = Purpose("build", "word-count", "build")
    return AgentTask("Do it.", workspace, MODEL, 10, 5.0, 120.0, purpose=purpose)


def bash(command: str, signed: str = "") -> Use:
    return Use("Bash", {"command": command, "description": "a command"}, signed)


@contextmanager
def router_process(script: Script, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`factory router` of a live instance whose model API is the script."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": "live",
        "FACTORY_DATA_DIR": str(folder / "data"),
        "ANTHROPIC_BASE_URL": script.url,
        "ANTHROPIC_API_KEY": REAL,
    }
    command = [sys.executable, "-m", "factory_assets.cli", "router", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while Whereabouts(folder / "data" / "router").find() is None:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()


def agent_by(access: RouterAccess, folder: Path) -> ClaudeCode:
    return ClaudeCode(
        bubblewrap(), access, asked="the script", credentials=KEY, binary=None, state_dir=folder / "state"
    )


def test_a_phase_outlives_the_kill_of_its_router_and_knows_what_it_spent(tmp_path: Path) -> None:
    port = free_port()
    wait = bash("touch begun; while [ ! -e goon ]; do sleep 0.1; done")
    workspace = tmp_path / "workspace"
    ended: list[Any] = []
    with claude_server(wait, bash("echo two"), Say("all done")) as script:
        access = Whereabouts(tmp_path / "data" / "router").access_to(f"http://127.0.0.1:{port}")
        with router_process(script, tmp_path, port) as first:
            work = threading.Thread(
                target=lambda: ended.append(
                    agent_by(access, tmp_path).run_agent(
                        task(workspace), lambda line: None, lambda used: None
                    )
                )
            )
            work.start()
            while not (workspace / "begun").exists():
                time.sleep(0.05)
            first.send_signal(signal.SIGKILL)
            first.wait()
        (workspace / "goon").touch()
        time.sleep(1)
        with router_process(script, tmp_path, port):
            work.join(100)
    (outcome,) = ended
    assert (outcome.kind, outcome.detail) == (OutcomeKind.DONE, "all done")
    assert outcome.usage.calls == 3
    assert outcome.usage.input_tokens == 3000
    folder = tmp_path / "data" / "router"
    assert [path.stat().st_mode & 0o077 for path in (folder, folder / "key")] == [0, 0]


def test_what_a_phase_had_spent_is_known_though_its_router_never_comes_back(tmp_path: Path) -> None:
    port = free_port()
    workspace = tmp_path / "workspace"
    with claude_server(bash("touch begun; sleep 2"), Say("all done")) as script:
        access = Whereabouts(tmp_path / "data" / "router").access_to(f"http://127.0.0.1:{port}")
        with router_process(script, tmp_path, port) as first:

            def kill() -> None:
                while not (workspace / "begun").exists():
                    time.sleep(0.05)
                first.send_signal(signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            agent = agent_by(access, tmp_path)
            agent._retries = 1
            outcome = agent.run_agent(task(workspace), lambda line: None, lambda used: None)
            killer.join()
    assert outcome.kind is OutcomeKind.INFRASTRUCTURE
    assert (outcome.usage.calls, outcome.usage.input_tokens) == (1, 1000)
    assert outcome.usage.cost_usd > 0


@dataclass(frozen=True)
class _Direct:
    """A way that leads to the API itself, with the real key; implements llm.model_access.ModelAccess."""

    url: str
    limit_usd: float = 5.0
    seen: SeenCalls = field(default_factory=SeenCalls)

    def token(self, beginning: str) -> str:
        return REAL

    @contextmanager
    def open(
        self, purpose: Purpose, *, limit_usd: float, seconds: float, login: bool = False
    ) -> Iterator[Any]:
        yield self


_BETWEEN_HOPS = {"host", "connection", "accept-encoding", "content-length"}
_OF_ONE_RUN = {"x-claude-code-session-id", "x-stainless-retry-count", "x-client-request-id"}


def _headers(script: Script) -> list[dict[str, str]]:
    return [
        {
            name.lower(): value
            for name, value in headers.items()
            if name.lower() not in _BETWEEN_HOPS | _OF_ONE_RUN
        }
        for headers in script.headers
    ]


def _shape(value: Any) -> Any:
    """A request without the words that differ between two runs."""
    if isinstance(value, dict):
        return {name: _shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_shape(part) for part in value]
    return type(value).__name__


def test_claude_code_asks_the_same_through_the_router_as_directly(tmp_path: Path) -> None:
    """Headers and fields, betas among them, and thinking goes back with the signature that it came with."""
    seen: list[Script] = []
    for name in ("direct", "routed"):
        folder = tmp_path / name
        folder.mkdir()
        signed = "EqQBCkgIARABGAIiQ" + "s1gn+/=" * 20
        with claude_server(bash("echo one > one.txt", signed), bash("cat one.txt"), Say("done")) as script:
            agent = (
                ClaudeCode(
                    bubblewrap(),
                    _Direct(script.url),
                    asked="the script",
                    credentials=KEY,
                    binary=None,
                    state_dir=folder / "state",
                )
                if name == "direct"
                else claude_code(
                    bubblewrap(), base_url=script.url, credentials=KEY, state_dir=folder / "state"
                )
            )
            outcome = agent.run_agent(task(folder / "workspace"), lambda line: None, lambda used: None)
        assert outcome.kind is OutcomeKind.DONE
        assert (folder / "workspace" / "one.txt").read_text() == "one\n"
        again = script.requests[1]["messages"]
        thoughts = [
            block
            for message in again
            if message["role"] == "assistant"
            for block in message["content"]
            if block["type"] == "thinking"
        ]
        assert [thought["signature"] for thought in thoughts] == [signed]
        seen.append(script)
    direct, routed = seen
    assert _headers(routed) == _headers(direct)
    assert [_shape(request) for request in routed.requests] == [
        _shape(request) for request in direct.requests
    ]
    assert all("beta" in str(headers) for headers in routed.headers)
