"""Every client of the factory in an environment that names a proxy, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from forked import run_forked
from gather_server import little_arxiv
from github_standin import GitHubStandIn
from llm_server import KEY, Reply, message, serving, stream
from recording_proxy import recording_proxy

NOWHERE = "http://127.0.0.1:9"
DEAD_PROXIES = [
    {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE},
    {"http_proxy": NOWHERE, "no_proxy": "::1,[::1],127.0.0.0/8"},
    {"ALL_PROXY": "socks5://127.0.0.1:9"},
    {"all_proxy": "socks://127.0.0.1:9/", "NO_PROXY": "[::1"},
    {"HTTP_PROXY": "nonsense://:x"},
    {"HTTP_PROXY": NOWHERE, "SSL_CERT_FILE": "/nowhere/gone.pem", "REQUESTS_CA_BUNDLE": "/nowhere/gone.pem"},
]

GATHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from factory_assets.gather.client import ArxivClient, ArxivPatience
from factory_assets.network.patience import Backoff
from factory_assets.network.politeness import Politeness
once = Backoff(0, 0, 1)
client = ArxivClient(
    url=sys.argv[1], politeness=Politeness(Path(sys.argv[2]), interval=0), user_agent="test",
    patience=ArxivPatience(busy=once, fault=once, failed_query=once),
    notify=print, sleep=lambda _: None, now=lambda: datetime.now(UTC),
)
client.page('submittedDate:[202606170000 TO 202606172359] AND (abs:agent)', start=0)
"""
CLAUDE = """
import sys
from pydantic import SecretStr
from factory_assets.domain.agents import Question
from factory_assets.llm.claude_api import ClaudeApi
api = ClaudeApi(sys.argv[1], api_key=SecretStr(sys.argv[2]), retries=0)
for tokens in (100, 30_000):
    print(api.ask(Question("r", "p", {"type": "object", "properties": {}}, "claude-haiku-5-5", tokens)).text)
"""
MODELS = """
import asyncio, sys
from factory_assets.network.async_client import Asking, AsyncClient
async def ask():
    async with AsyncClient(10, 10) as client:
        for body in (b"small", b"large" * 100_000):
            answer = await client.ask(Asking("POST", sys.argv[1] + "/v1/messages?a=%20", [(b"x-key", b"k")], body))
            print(answer.status, b"".join([part async for part in answer.content()]).decode())
asyncio.run(ask())
"""
ROUTER = """
import sys
from factory_assets.llm.router import RouterClient
print(RouterClient(sys.argv[1]).health())
"""
ALERT = """
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from pydantic import SecretStr
from factory_assets.alerts.send import AlertPlaces, send_due
from factory_assets.domain.alerts import KnownAlert
now = datetime.now(UTC)
alert = KnownAlert(cause="c", title="t", text="x", link="http://l", times=1, first_at=now, last_at=now)
store = SimpleNamespace(due=lambda now: [alert], mark_told=lambda *a, **k: None, note=lambda *a, **k: None)
told = send_due(store, AlertPlaces(SecretStr(sys.argv[1]), None), now=now)
print(told.failures)
sys.exit(len(told.causes) != 1)
"""
DOCTOR = """
import sys
from pathlib import Path
from pydantic import SecretStr
from factory_assets.doctor.network import check_network
from factory_assets.doctor.result import DoctorInputs
from factory_assets.doctor.services import check_claude_api, check_mirror, check_router
inputs = DoctorInputs(
    live=True, data_dir=Path("."), claude_config=Path("."), anthropic_url=sys.argv[1], github_url=sys.argv[1],
    router_url=sys.argv[1], api_key=SecretStr("k"), github_token=SecretStr("t"),
)
for check in (check_network, check_claude_api, check_router, check_mirror):
    result = check(inputs)
    print(check.__name__, result.ok, result.severity, result.found, result.fix)
"""
GITHUB = """
import sys
from pydantic import SecretStr
from factory_assets.mirror.github import GitHubTarget
target = GitHubTarget(token=SecretStr(sys.argv[2]), api_url=sys.argv[1], seconds_between_requests=0)
print(target._login)
"""
GIT = """
import sys
from factory_assets.mirror.git import Git
from factory_assets.network.clients import git_config
print(Git(config=git_config(sys.argv[1])).run("ls-remote", sys.argv[1]))
"""


def run(script: str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("SSL_", "REQUESTS_", "CURL_", "NODE_"))
    }  # fmt: skip
    return run_forked(script, *arguments, env=clean | env)


@dataclass
class Answers:
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def answering(body: str = "{}", status: int = 200) -> Iterator[Answers]:
    """Answers everything alike, and writes down what it is asked for."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    answers.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield answers
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("env", DEAD_PROXIES, ids=",".join)
def test_loopback_is_reached_whatever_proxies_and_certificates_are_named(
    env: dict[str, str], tmp_path: Path
) -> None:
    with little_arxiv() as arxiv:
        gathered = run(GATHER, arxiv.url, str(tmp_path / "turns"), env=env)
        assert gathered.returncode == 0, gathered.stderr
        assert len(arxiv.asked) == 1
    with serving(Reply(body=message("one")), Reply(events=stream("two"))) as claude:
        answered = run(CLAUDE, claude.url, KEY, env=env)
        assert answered.stdout.split() == ["one", "two"], answered.stderr
    with answering('{"status": "ok"}') as anything:
        for script in (ROUTER, ALERT, MODELS):
            done = run(script, anything.url, env=env)
            assert done.returncode == 0, done.stderr
        assert anything.asked == ["/health", "/", *["/v1/messages?a=%20"] * 2]
    with GitHubStandIn(tmp_path, tokens={"secret": "me"}) as github:
        login = run(GITHUB, github.url, "secret", env=env)
        assert login.stdout.strip() == "me", login.stderr
        listed = run(GIT, f"{github.git_url}/me/absent.git", env=env)
        assert "proxy" not in listed.stdout.lower()
        assert any("absent.git" in request.path for request in github.requests), listed


def test_what_is_outside_is_asked_through_the_proxy_with_its_login(tmp_path: Path) -> None:
    with little_arxiv() as arxiv, recording_proxy(arxiv.url, login="who:p@ss") as proxy:
        env = {"HTTP_PROXY": f"http://who:p%40ss@127.0.0.1:{proxy.port}"}
        gathered = run(GATHER, "http://arxiv.example/api/query", str(tmp_path / "turns"), env=env)
        assert gathered.returncode == 0, gathered.stderr
        assert proxy.asked[0].startswith("http://arxiv.example/api/query?")
    with serving(Reply(body=message("one")), Reply(events=stream("two"))) as claude:
        with recording_proxy(claude.url) as proxy:
            answered = run(CLAUDE, "http://claude.example", KEY, env={"http_proxy": proxy.url})
        assert answered.stdout.split() == ["one", "two"], answered.stderr
        assert proxy.asked == ["http://claude.example/v1/messages"] * 2
    with answering('{"status": "ok"}') as anything, recording_proxy(anything.url) as proxy:
        for script in (ROUTER, ALERT):
            assert run(script, "http://out.example", env={"ALL_PROXY": proxy.url}).returncode == 0
        assert proxy.asked == ["http://out.example/health", "http://out.example/"]
    with answering("{}") as anything, recording_proxy(anything.url, login="who:p@ss") as proxy:
        env = {"HTTP_PROXY": f"http://who:p%40ss@127.0.0.1:{proxy.port}"}
        assert run(MODELS, "http://models.example:8080", env=env).stdout.split() == ["200", "{}"] * 2
        assert proxy.asked == ["http://models.example:8080/v1/messages?a=%20"] * 2
    with GitHubStandIn(tmp_path, tokens={"secret": "me"}) as github, recording_proxy(github.git_url) as proxy:
        login = run(GITHUB, "http://github.example/api/v3", "secret", env={"HTTP_PROXY": proxy.url})
        assert login.stdout.strip() == "me", login.stderr
        run(GIT, "http://github.example/me/absent.git", env={"HTTP_PROXY": proxy.url})
    assert proxy.asked[0] == "http://github.example:80/api/v3/user"
    assert proxy.asked[1].startswith("http://github.example/me/absent.git/info/refs")


def test_tls_goes_through_a_tunnel_of_the_proxy() -> None:
    with answering() as plain, recording_proxy(plain.url) as proxy:
        env = {"HTTPS_PROXY": proxy.url}
        run(ROUTER, "https://out.example", env=env)
        run(MODELS, "https://out.example", env=env)
        run(CLAUDE, "https://out.example", KEY, env=env)
        run(GITHUB, "https://out.example", "secret", env=env)
        run(GIT, "https://out.example/x.git", env=env)
    assert proxy.asked[:3] == ["out.example:443"] * 3
    assert set(proxy.asked) == {"out.example:443"}
    # PyGithub's own retries come beside.
    assert len(proxy.asked) >= 5


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"ALL_PROXY": "socks5://who:s3cret@127.0.0.1:9"}, "ALL_PROXY"),
        ({"https_proxy": "socks://127.0.0.1:9"}, "https_proxy"),
        ({"HTTPS_PROXY": "http://:x"}, "HTTPS_PROXY"),
        ({"SSL_CERT_FILE": "/nowhere/gone.pem"}, "SSL_CERT_FILE"),
        ({"SSL_CERT_DIR": "/nowhere/gone"}, "SSL_CERT_DIR"),
        ({"REQUESTS_CA_BUNDLE": "/nowhere/gone.pem"}, "REQUESTS_CA_BUNDLE"),
        ({"CURL_CA_BUNDLE": "/nowhere/gone.pem"}, "CURL_CA_BUNDLE"),
        ({"NODE_EXTRA_CA_CERTS": "/nowhere/gone.pem"}, "NODE_EXTRA_CA_CERTS"),
        ({"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE"),
    ],
    ids=str,
)
def test_what_cannot_serve_is_refused_by_name_by_every_client(
    env: dict[str, str], name: str, tmp_path: Path
) -> None:
    scripts = [
        (GATHER, "https://out.example", str(tmp_path / "turns")),
        (CLAUDE, "https://out.example", KEY),
        (ROUTER, "https://out.example"),
        (MODELS, "https://out.example"),
        (ALERT, "https://out.example"),
    ]
    # The whole of GitHub's client and git's go by the same two calls, which do not open a bundle themselves.
    if env.get("SSL_CERT_FILE") != __file__:
        scripts += [(GITHUB, "https://out.example", "secret"), (GIT, "https://out.example/x.git")]
    for script, *arguments in scripts:
        done = run(script, *arguments, env=env)
        last = (done.stdout + done.stderr).strip().splitlines()[-1]
        assert name in last, last
        assert "Fix: " in last
        assert "s3cret" not in done.stdout + done.stderr
    looked = run(DOCTOR, "https://out.example", env=env)
    assert looked.returncode == 0, looked.stderr
    first, *others = looked.stdout.splitlines()
    assert first.startswith("check_network False error")
    assert name in first
    assert len(others) == 3
    assert all(name in line for line in others)
    assert "s3cret" not in looked.stdout


def test_the_command_doctor_tells_of_the_environment_and_ends_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    env = {
        "DAGSTER_HOME": str(tmp_path / "home"),
        "FACTORY_DATA_DIR": str(tmp_path / "data"),
        "GITHUB_TOKEN": "ghp_0123456789abcdefghij",
        "ANTHROPIC_API_KEY": "sk-ant-0123456789abcdefghij",
        "ALL_PROXY": "socks5://who:s3cret@127.0.0.1:9",
        "SSL_CERT_FILE": "/nowhere/gone.pem",
        "COLUMNS": "400",
    }
    done = run(
        "import sys; from factory_assets.cli import main; sys.argv = ['factory', 'doctor']; main()", env=env
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in said
    assert "ALL_PROXY" in said
    assert "SSL_CERT_FILE" in said
    assert "s3cret" not in said


def test_the_doctor_passes_proxies_that_serve_and_warns_of_exceptions_that_are_none() -> None:
    env = {"HTTP_PROXY": "http://who:s3cret@127.0.0.1:9", "HTTPS_PROXY": NOWHERE}
    fine = run(DOCTOR, NOWHERE, env={**env, "ALL_PROXY": "socks://127.0.0.1:9", "NO_PROXY": "::1,10.0.0.0/8"})
    line = fine.stdout.splitlines()[0]
    assert line.startswith("check_network True")
    assert "HTTPS_PROXY='http://127.0.0.1:9'" in line
    assert "s3cret" not in line
    odd = run(DOCTOR, NOWHERE, env={**env, "no_proxy": "10.0.0.0/99"}).stdout.splitlines()[0]
    assert odd.startswith("check_network False warning")
    assert "no_proxy" in odd
    assert "10.0.0.0/99" in odd


@pytest.mark.parametrize("status", [404, 405, 501, 200])
def test_a_gateway_with_nothing_but_messages_is_alive(status: int) -> None:
    with answering(status=status) as gateway:
        line = run(DOCTOR, gateway.url, env={}).stdout.splitlines()[2]
    assert line.startswith("check_router True"), line


@pytest.mark.parametrize("status", [401, 403])
def test_a_gateway_that_refuses_the_key_is_a_warning_in_words(status: int) -> None:
    with answering(status=status) as gateway:
        line = run(DOCTOR, gateway.url, env={}).stdout.splitlines()[2]
    assert line.startswith("check_router False warning"), line
    assert "refuses the key that is set" in line
