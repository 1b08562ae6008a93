"""What a watched command is seen to do: to the planted files of its home, and on its network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from claude_code_sandboxes import bubblewrap, sandbox_named

from factory_assets.domain.agents import Command, Reach, Sighting, SightingKind
from factory_assets.sandbox.attempts import HELPER, Attempts
from factory_assets.sandbox.namespace_helper import NamespaceHelper

both = pytest.mark.parametrize("name", ["bubblewrap", "plain"])


def seen(name: str, workspace: Path, script: str) -> set[tuple[str, str]]:
    result = sandbox_named(name).run(Command(("bash", "-c", script), workspace, timeout_seconds=60))
    assert "ended" in result.output, result.output
    assert result.unwatched == (
        () if name == "bubblewrap" else ("the network of a command that nothing contains",)
    )
    return {(sighting.kind.value, sighting.what) for sighting in result.sightings}


def python(script: str) -> str:
    return f"python3 - <<'END'\n{script}\nEND\necho ended"


@both
def test_a_command_that_leaves_the_home_alone_is_seen_to_do_nothing(name: str, tmp_path: Path) -> None:
    looks = 'ls -laR "$HOME" >/dev/null; find "$HOME" -type f; du -s "$HOME"'
    keeps = "mkdir -p ~/.config/tool ~/.cache/tool; echo x > ~/.config/tool/x"
    assert seen(name, tmp_path, f"{looks}; {keeps}; echo ended") == set()


@both
@pytest.mark.parametrize(
    ("script", "kind", "what"),
    [
        ("rm -rf ~/.cache", "removed", "~/.cache/thumbnails/index"),
        ("mv ~/notes.md ~/elsewhere", "removed", "~/notes.md"),
        ("echo evil >> ~/.bashrc", "changed", "~/.bashrc"),
        ("rm ~/.profile; ln -s /dev/zero ~/.profile", "changed", "~/.profile"),
        ("rm ~/.profile; mkfifo ~/.profile", "changed", "~/.profile"),
        ("chmod 000 ~/.ssh; cat ~/.zsh_history >/dev/null", "opened", "~/.zsh_history"),
        ("cat ~/.ssh/id_ed25519 >/dev/null", "opened", "~/.ssh/id_ed25519"),
        ("ln ~/.ssh/id_ed25519 ~/x; head -c1 ~/x >/dev/null", "opened", "~/.ssh/id_ed25519"),
        ("grep -r planted ~ >/dev/null", "opened", "~/.aws/credentials"),
        ("cat ~/.ssh/id_rsa >/dev/null", "opened", "~/.ssh/id_rsa"),
        ("cat ~/.docker/config.json >/dev/null", "opened", "~/.docker/config.json"),
        ("cat ~/.kube/config ~/.pypirc >/dev/null", "opened", "~/.pypirc"),
        (
            "mkdir -p ~/.config/autostart; echo x > ~/.config/autostart/a.desktop",
            "added",
            "~/.config/autostart/a.desktop",
        ),
        (
            "mkdir -p ~/.config/systemd/user/x.d; echo x > ~/.config/systemd/user/x.d/a.conf",
            "added",
            "~/.config/systemd/user/x.d",
        ),
        ("echo evil > ~/.bash_profile", "added", "~/.bash_profile"),
        ("ln -s /dev/zero ~/.zshrc", "added", "~/.zshrc"),
        ("echo x > ~/.ssh/config", "added", "~/.ssh/config"),
    ],
)
def test_what_is_done_to_a_planted_file_is_seen(
    name: str, tmp_path: Path, script: str, kind: str, what: str
) -> None:
    assert (kind, what) in seen(name, tmp_path, f"{script}; echo ended")


def test_a_home_that_is_emptied_is_seen_as_a_whole_and_the_next_one_is_new(tmp_path: Path) -> None:
    gone = seen("bubblewrap", tmp_path, "rm -rf ~ && test ! -e ~ && echo ended")
    assert len([kind for kind, _ in gone if kind == "removed"]) > 10
    assert seen("bubblewrap", tmp_path, "ls ~/notes.md && echo ended") == set()


def test_loopback_is_nobodys_business(tmp_path: Path) -> None:
    script = """
import http.server, socket, threading, urllib.request
for host in ("127.0.0.1", "", "0.0.0.0", "localhost"):
    server = http.server.HTTPServer((host, 0), http.server.BaseHTTPRequestHandler)
    port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("127.0.0.1", "localhost", "127.0.0.7", socket.gethostname()):
        if host in ("", "0.0.0.0") or name != "127.0.0.7":
            socket.create_connection((name, port)).close()
    server.shutdown()
closed = socket.socket(); closed.bind(("127.0.0.1", 0))
try:
    socket.create_connection(closed.getsockname())
except ConnectionRefusedError:
    print("refused")
try:
    socket.create_connection(("::1", 9))
except OSError:
    print("refused")
socket.getfqdn(), socket.getfqdn("0.0.0.0"), socket.gethostbyaddr("127.0.0.1")
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab")
a.bind(("127.0.0.1", 0)); b.sendto(b"x", a.getsockname())
"""
    assert seen("bubblewrap", tmp_path, python(script)) == set()


def test_a_connection_elsewhere_is_refused_at_once_and_seen(tmp_path: Path) -> None:
    script = """
import socket, time
began = time.monotonic()
for address in (("203.0.113.9", 443), ("169.254.169.254", 80), ("2001:db8::7", 25)):
    try:
        socket.create_connection(address, timeout=20)
    except ConnectionRefusedError:
        print("refused")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
    tried.sendto(b"secret", ("198.51.100.4", 9999))
assert time.monotonic() - began < 15
"""
    assert seen("bubblewrap", tmp_path, python(script)) == {
        ("tried to reach", "203.0.113.9:443"),
        ("tried to reach", "169.254.169.254:80"),
        ("tried to reach", "[2001:db8::7]:25"),
        ("tried to reach", "198.51.100.4:9999"),
    }


def test_a_name_that_is_looked_up_is_seen_and_is_not_known(tmp_path: Path) -> None:
    script = """
import socket
for name in ("collect.example.net", "localhost"):
    try:
        print(socket.getaddrinfo(name, 80)[0][4])
    except socket.gaierror as error:
        print(error)
"""
    command = Command(("python3", "-c", script), tmp_path, timeout_seconds=60)
    result = bubblewrap().run(command)
    assert result.sightings == (Sighting(SightingKind.ASKED_FOR, "collect.example.net"),)
    assert "not known" in result.output
    assert "127.0.0.1" in result.output or "::1" in result.output


@pytest.mark.parametrize(
    "client",
    [
        "curl -m 9 -s https://update.example.net/x",
        "node -e 'fetch(\"http://update.example.net\").catch(()=>0)'",
    ],
)
def test_whatever_program_asks_is_seen(tmp_path: Path, client: str) -> None:
    program = client.partition(" ")[0]
    if bubblewrap().which(program) is None:
        pytest.skip(f"{program} is not installed")
    assert seen("bubblewrap", tmp_path, f"{client}; echo ended") == {("looked up", "update.example.net")}


def test_a_flood_of_packets_and_broken_questions_neither_hides_the_first_nor_hangs(tmp_path: Path) -> None:
    script = """
import socket
def try_(place):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        tried.sendto(b"x", place)
try_(("203.0.113.1", 1))
server = socket.create_server(("127.0.0.1", 0))
for _ in range(2000):
    try_(("127.0.0.1", 9))
    for end in (b"", b"\\xff" * 500, b"\\x03abc\\x00", b"\\x01\\x00\\x00\\x01", b"\\x09ab"):
        message = b"0" * 12 + end
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.sendto(message, ("127.0.0.1", 53))
for number in range(3000):
    try_((f"203.0.113.{number % 250 + 1}", number + 1))
"""
    assert ("tried to reach", "203.0.113.1:1") in seen("bubblewrap", tmp_path, python(script))


def test_a_command_with_reach_is_not_watched_and_neither_is_its_home(tmp_path: Path) -> None:
    command = Command(("sh", "-c", "ls -A ~"), tmp_path, timeout_seconds=60, reach=Reach(()))
    result = bubblewrap().run(command)
    assert (result.output.split(), result.sightings, result.unwatched) == ([], (), ())


def test_a_machine_that_lets_nobody_watch_the_network_says_so_and_runs_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('setns: Operation not permitted')")
    monkeypatch.setattr("factory_assets.sandbox.attempts.HELPER", NamespaceHelper(broken))
    result = bubblewrap().run(Command(("echo", "ran"), tmp_path, timeout_seconds=60))
    assert (result.exit_code, result.output) == (0, "ran\n")
    assert "Operation not permitted" in result.unwatched[0]


_LATE = """
import ctypes, fcntl, socket, struct, sys, time
assert not ctypes.CDLL(None).unshare(0x50000000)
print("in", flush=True)
time.sleep(0.4)
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 0x49))
sys.stdin.read()
"""


def test_a_network_whose_loopback_comes_up_late_is_watched_all_the_same() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _LATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as late:
        assert late.stdout is not None
        if late.stdout.readline() != "in\n":
            pytest.skip("this machine lets nobody make namespaces")
        assert Attempts(late.pid).close() == ()


def test_one_helper_watches_every_network_and_one_that_was_killed_is_replaced(tmp_path: Path) -> None:
    calls = python("import socket; socket.socket().connect_ex(('203.0.113.1', 1))")
    helpers = []
    for _ in range(2):
        assert ("tried to reach", "203.0.113.1:1") in seen("bubblewrap", tmp_path, calls)
        helpers.append(HELPER.pid)
    assert helpers[0] == helpers[1]
    psutil.Process(helpers[0]).kill()
    assert ("tried to reach", "203.0.113.1:1") in seen("bubblewrap", tmp_path, calls)
    assert HELPER.pid != helpers[0]


_ASKS = """
import sys
from contextlib import suppress
from factory_assets.domain.errors import MissingToolError
from factory_assets.sandbox.namespace_helper import NamespaceHelper
helper = NamespaceHelper()
with suppress(MissingToolError):
    helper.sockets_of(0)
print(helper.pid, flush=True)
sys.stdin.read()
"""


def test_the_helper_knows_nothing_of_who_started_it_and_ends_with_that_process(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _ASKS],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        helper = psutil.Process(int(owner.stdout.readline()))
        assert (helper.environ(), helper.cwd()) == ({}, "/")
        owner.kill()
    helper.wait(10)
