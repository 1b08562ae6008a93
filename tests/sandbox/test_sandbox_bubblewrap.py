"""What only containment gives: invisible files, no network, no processes of the host."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from claude_code_sandboxes import CLONE, bubblewrap

from factory_assets.domain.agents import Command


def output(workspace: Path, script: str, **places: tuple[Path, ...]) -> str:
    command = Command(("python3", "-c", script), workspace, timeout_seconds=30)
    result = bubblewrap(**places).run(command)
    assert result.exit_code == 0, result.output
    return result.output.strip()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_the_clone_is_invisible_and_its_python_environment_too(workspace: Path) -> None:
    places = [str(CLONE / "pyproject.toml"), sys.prefix]
    assert output(workspace, f"import os; print([os.path.exists(p) for p in {places}])") == "[False, False]"
    assert output(workspace, "import pytest; print('found')") == "found"


def test_the_factory_itself_cannot_be_imported(workspace: Path) -> None:
    script = (
        "import importlib.util as u\ntry: print(u.find_spec('factory_assets'))\nexcept OSError: print(None)"
    )
    assert output(workspace, script) == "None"


def test_neighbours_of_the_workspace_are_invisible(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert output(workspace, f"import os; print(os.listdir({str(tmp_path)!r}))") == "['workspace']"


def test_homes_are_invisible_or_empty(workspace: Path) -> None:
    script = "import os; print([n for d in ('/root', '/home') if os.path.isdir(d) for n in os.listdir(d)])"
    names = set(eval(output(workspace, script)))
    toolchain_parents = {
        path.relative_to(home).parts[0]
        for home in (Path("/root"), Path("/home"))
        for path in (Path(sys.base_prefix), workspace)
        if home in path.parents
    }
    assert names <= {"someone"} | toolchain_parents


@pytest.mark.parametrize("place", ["/", "/usr", "/etc", "/usr/local/bin", "/opt/python"])
def test_only_the_workspace_can_be_written(workspace: Path, place: str) -> None:
    script = f"""
try:
    open({place + "/planted"!r}, "w")
except OSError as error:
    print("refused")
"""
    assert output(workspace, script) == "refused"


def test_a_hidden_folder_below_a_toolchain_is_empty_and_a_hidden_file_unreadable(
    workspace: Path, tmp_path: Path
) -> None:
    toolchain = tmp_path / "toolchain"
    for name in ("bin", "data", "data/bin"):
        (toolchain / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin/tool", "data/secret", "data/bin/inner", ".env"):
        (toolchain / name).write_text("secret")
    script = f"""
import os
root = {str(toolchain)!r}
print(os.listdir(root + "/bin"), os.listdir(root + "/data"))
try:
    print(open(root + "/.env").read())
except PermissionError:
    print("refused")
"""
    hidden = (toolchain / "data", toolchain / ".env")
    assert output(workspace, script, hidden=hidden, toolchains=(toolchain,)) == "['tool'] []\nrefused"


def test_a_toolchain_below_a_hidden_folder_is_shown(workspace: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "tools" / "bin").mkdir(parents=True)
    (clone / "registry.duckdb").write_text("secret")
    script = f"import os; print(os.listdir({str(clone)!r}))"
    assert output(workspace, script, hidden=(clone,), toolchains=(clone / "tools",)) == "['tools']"


def test_a_workspace_below_a_hidden_folder_is_shown_alone(tmp_path: Path) -> None:
    inner = tmp_path / "data" / "workspaces" / "one"
    inner.mkdir(parents=True)
    (tmp_path / "data" / "registry.duckdb").write_text("secret")
    script = f"import os; print(os.listdir({str(tmp_path / 'data')!r}))"
    assert output(inner, script, hidden=(tmp_path / "data",)) == "['workspaces']"


def test_processes_of_the_host_are_invisible(workspace: Path) -> None:
    script = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    assert int(output(workspace, script)) <= 3
    own = f"import os; print(open('/proc/1/environ').read()); print(os.path.exists('/proc/{os.getpid()}/environ'))"
    assert "True" not in output(workspace, own)


def test_the_first_process_holds_no_secret_of_the_worker(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    assert "ghp_secret" not in output(workspace, "print(open('/proc/1/environ').read())")


def test_there_is_no_network_but_loopback_inside(workspace: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    script = f"""
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
print("own loopback works")
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
except OSError:
    print("the host's is closed")
"""
    with listener:
        assert output(workspace, script) == "own loopback works\nthe host's is closed"


def test_no_capability_is_left(workspace: Path) -> None:
    script = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')])"
    assert output(workspace, script) == "['0000000000000000']"


def test_its_protections_and_what_is_missing_are_told() -> None:
    sandbox = bubblewrap()
    assert any("PID namespace" in line for line in sandbox.protections)
    assert any("4 GiB, 512 processes" in line for line in sandbox.protections)
    assert all("cgroup" in line for line in sandbox.missing)
