"""The egress as a program inside finds it: what it reaches, what it does not, and that nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from claude_code_sandboxes import bubblewrap, new_marker, sandbox_named, wait_until_gone, wait_until_running
from egress_world import outside_server
from layout import python_path

from factory_assets.domain.agents import Command, CommandResult, Reach
from factory_assets.domain.errors import MissingToolError
from factory_assets.domain.indexes import Indexes
from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES
from factory_assets.sandbox.socket_folder import socket_folder

both = pytest.mark.parametrize("name", ["bubblewrap", "plain"])

_FETCH = """
import os, sys, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


def run(name: str, workspace: Path, *argv: str, reach: Reach | None = None) -> CommandResult:
    return sandbox_named(name).run(Command(argv, workspace, timeout_seconds=30, reach=reach))


@both
def test_a_command_reaches_what_is_within_its_reach_and_nothing_else(name: str, tmp_path: Path) -> None:
    with outside_server() as outside:
        reach = Reach((outside.place,))
        fetched = run(name, tmp_path, "python3", "-c", _FETCH, f"http://{outside.place}/simple/", reach=reach)
        refused = run(name, tmp_path, "python3", "-c", _FETCH, "http://example.com/", reach=reach)
    assert fetched.output == "hello\n"
    assert fetched.refused == ()
    assert outside.seen[0][1] == "/simple/"
    assert refused.refused == ("example.com:80",)
    assert "the sandbox does not let through example.com:80" in refused.output
    assert refused.output.endswith("[not let through: example.com:80]\n")


def test_beside_the_proxy_there_is_no_network(tmp_path: Path) -> None:
    script = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
    print("connected")
except OSError:
    print("closed")
"""
    with outside_server() as outside:
        result = bubblewrap().run(
            Command(
                ("python3", "-c", script, str(outside.port)),
                tmp_path,
                timeout_seconds=30,
                reach=Reach((outside.place,)),
            )
        )
    assert result.output == "closed\n"


@both
def test_a_command_with_a_proxy_has_no_model_api(name: str, tmp_path: Path) -> None:
    script = _FETCH.replace("sys.argv[1]", "os.environ['http_proxy'] + '/v1/messages'")
    result = run(name, tmp_path, "python3", "-c", script, reach=Reach(("index.example",)))
    assert result.output.startswith("403 ")
    assert result.refused == ("the model API (this command has none)",)


@both
def test_exit_codes_and_outputs_pass_a_proxy_unchanged(name: str, tmp_path: Path) -> None:
    failed = run(name, tmp_path, "sh", "-c", "echo out; echo err >&2; exit 7", reach=Reach())
    assert (failed.exit_code, failed.output) == (7, "out\nerr\n")
    missing = run(name, tmp_path, "no-such-program", reach=Reach())
    assert missing.exit_code == 127
    assert "no-such-program" in missing.output
    assert run(name, tmp_path, "sh", "-c", "kill -9 $$", reach=Reach()).exit_code == 137
    # A writer whose reader is gone ends quietly: signals that Python ignores are as usual in the program.
    assert run(name, tmp_path, "sh", "-c", "yes | head -n 1", reach=Reach()).output == "y\n"


@both
def test_proxies_are_named_in_both_cases_and_only_with_a_proxy(name: str, tmp_path: Path) -> None:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    line = "; ".join(f'echo "${name} ${name.lower()}"' for name in names)
    proxy, also, none = run(name, tmp_path, "sh", "-c", line, reach=Reach()).output.splitlines()
    assert proxy == also
    first, second = proxy.split()
    assert first == second
    assert first.startswith("http://127.0.0.1:")
    assert none == "127.0.0.1,localhost 127.0.0.1,localhost"
    assert run(name, tmp_path, "sh", "-c", line).output.split() == []


def test_the_registries_are_those_of_the_language() -> None:
    named = Indexes(
        pypi_url="https://python.example/simple",
        pypi_files=("files.example:443",),
        npm_url="https://npm.example",
    )
    official = {language: LANGUAGES[language].packages.reach(named).hosts for language in Language}
    assert official[Language.PYTHON] == ("python.example:443", "files.example:443")
    assert official[Language.TYPESCRIPT] == ("npm.example:443",)
    assert official[Language.BASH] == ()
    assert all(hosts for language, hosts in official.items() if language is not Language.BASH)


def test_an_index_of_the_settings_takes_the_place_of_the_official_one() -> None:
    own = Indexes(pypi_url="http://pip.corp.example/simple", npm_url="https://npm.corp.example:8443/all")
    assert LANGUAGES[Language.PYTHON].packages.reach(own).hosts == ("pip.corp.example:80",)
    assert LANGUAGES[Language.TYPESCRIPT].packages.reach(own).hosts == ("npm.corp.example:8443",)
    rust = LANGUAGES[Language.RUST].packages
    assert rust.reach(own) == rust.reach(Indexes())


def test_a_socket_folder_is_this_users_alone_and_goes_with_its_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with socket_folder() as folder, socket_folder() as other:
        assert folder != other
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.parent.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    assert not other.exists()


def test_a_place_for_sockets_that_others_can_enter_is_refused(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_path))
    with socket_folder() as folder:
        base = folder.parent
    base.chmod(0o777)
    with pytest.raises(MissingToolError, match="not this user's alone"), socket_folder():
        pass


_WORKER = """
import os, sys, tempfile
sys.path[:0] = sys.argv[3].split(os.pathsep)
tempfile.tempdir = sys.argv[4]
from pathlib import Path
from claude_code_sandboxes import sandbox_named
from factory_assets.domain.agents import Command, Reach
line = f"setsid sleep {sys.argv[2]} >/dev/null 2>&1 & sleep 600"
sandbox_named(sys.argv[1]).run(Command(("sh", "-c", line), Path.cwd(), 600, reach=Reach()))
"""


@both
def test_a_killed_worker_leaves_no_process_and_the_next_start_removes_its_socket(
    name: str, tmp_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox_named(name)
    marker = new_marker()
    sockets, workspace = short_path, tmp_path / "workspace"
    workspace.mkdir()
    command = [sys.executable, "-c", _WORKER, name, marker, python_path(__file__), str(sockets)]
    with subprocess.Popen(command, cwd=workspace) as worker:
        wait_until_running(marker)
        worker.kill()
    wait_until_gone(marker)
    left = sorted(path.name for path in sockets.glob("factory-sockets-*/*/proxy"))
    assert left == (["proxy"] if name == "bubblewrap" else [])
    monkeypatch.setattr("tempfile.tempdir", str(sockets))
    with socket_folder() as folder:
        assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]
