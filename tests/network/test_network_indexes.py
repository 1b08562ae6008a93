"""The package indexes of built repos are those of this machine's own pip and npm, unless a setting names others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from factory_assets.dependencies.indexes import file_hosts
from factory_assets.domain.errors import InfrastructureError
from factory_assets.network.indexes import OwnIndexes

ASK = """
import sys
from factory_assets.domain.errors import FactoryError
from factory_assets.network.indexes import OwnIndexes
try:
    print(getattr(OwnIndexes(None, None), sys.argv[1]))
except FactoryError as error:
    print(type(error).__name__, error)
"""
LOOK = """
from pathlib import Path
from factory_assets.doctor.network import check_indexes
from factory_assets.doctor.result import DoctorInputs
result = check_indexes(DoctorInputs(
    live=True, data_dir=Path("."), claude_config=Path("."), anthropic_url="http://a", github_url="http://a",
    npm_url="http://npm.example",
))
print(result.ok, result.found, result.fix)
"""
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing")


def ask(script: str, *arguments: str, env: dict[str, str]) -> str:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().startswith(("pip_", "npm_config_"))
    }
    config = {"PIP_CONFIG_FILE": os.devnull, "npm_config_userconfig": os.devnull}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=clean | config | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_pip_is_asked_for_the_index_of_its_configuration(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://pip.firm.example/root/simple/\n")
    file = {"PIP_CONFIG_FILE": str(config)}
    assert ask(ASK, "pypi_url", env=file) == "https://pip.firm.example/root/simple"
    named = {**file, "PIP_INDEX_URL": "http://other.example/simple"}
    assert ask(ASK, "pypi_url", env=named) == "http://other.example/simple"
    config.write_text("[install]\nindex-url = https://only.install.example/simple\n")
    assert ask(ASK, "pypi_url", env=file) == "https://only.install.example/simple"


def test_without_a_configuration_pip_is_asked_for_the_index_that_it_has_built_in() -> None:
    found = ask(ASK, "pypi_url", env={})
    help_text = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "install", "--help"],
        env={"PATH": os.environ["PATH"], "COLUMNS": "2000", "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert found.startswith("https://")
    assert f"(default {found})" in help_text


@needs_npm
def test_npm_is_asked_for_its_registry(tmp_path: Path) -> None:
    rc = tmp_path / "npmrc"
    rc.write_text("registry=https://npm.firm.example/all/\n")
    assert ask(ASK, "npm_url", env={"npm_config_userconfig": str(rc)}) == "https://npm.firm.example/all"
    assert re.fullmatch(r"https://\S+[^/]", ask(ASK, "npm_url", env={}))


@needs_npm
def test_asking_npm_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    ask(ASK, "npm_url", env={"HOME": str(tmp_path)})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("kind", "env", "words"),
    [
        (
            "pypi_url",
            {"PIP_INDEX_URL": "https://who:s3cret@pip.example/simple"},
            ["FACTORY_PYPI_URL", "login"],
        ),
        ("pypi_url", {"PIP_INDEX_URL": "file:///srv/index"}, ["FACTORY_PYPI_URL", "file:///srv/index"]),
        pytest.param(
            "npm_url",
            {"npm_config_registry": "https://who:s3cret@npm.example/"},
            ["FACTORY_NPM_URL", "npm"],
            marks=needs_npm,
        ),
    ],
)
def test_an_index_that_a_sandbox_must_not_or_cannot_ask_is_refused_in_words(
    kind: str, env: dict[str, str], words: list[str]
) -> None:
    said = ask(ASK, kind, env=env)
    assert said.startswith("InputError")
    assert all(word in said for word in words), said
    assert "s3cret" not in said


def test_a_setting_wins_and_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example/simple")
    named = OwnIndexes("http://own.example/simple", "http://npm.example")
    assert (named.pypi_url, named.npm_url) == ("http://own.example/simple", "http://npm.example")
    assert named.pypi_files == ()


def test_the_doctor_says_which_indexes_are_used_and_what_is_not() -> None:
    env = {"PIP_INDEX_URL": "https://pip.firm.example/simple", "PIP_EXTRA_INDEX_URL": "https://more.example"}
    said = ask(LOOK, env=env)
    assert said.startswith(
        "True Python from https://pip.firm.example/simple, TypeScript from http://npm.example"
    )
    assert "not used of pip's configuration: extra-index-url" in said
    refused = ask(LOOK, env={"PIP_INDEX_URL": "https://who:s3cret@pip.firm.example/simple"})
    assert refused.startswith("False pip's index-url")
    assert "FACTORY_PYPI_URL" in refused
    assert "s3cret" not in refused


def test_where_an_index_keeps_its_files_is_read_from_its_pages() -> None:
    pages = {
        "/simple/pip/": ("application/vnd.pypi.simple.v1+json",
                         json.dumps({"files": [{"filename": "a", "url": "https://files.example/a.whl"}]})),
        "/simple/lib-a/": ("text/html", '<a href="http://more.example:8081/x.whl#sha256=1">x</a><a href="../y">y</a>'),
    }  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = pages.get(self.path, ("text/plain", ""))
            self.send_response(200 if text else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/simple/"
    try:
        assert file_hosts(url, ["Lib_A", "absent"]) == ("files.example:443", "more.example:8081")
        assert OwnIndexes(url, None, files_of=file_hosts).pypi_files == ("files.example:443",)
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(InfrastructureError):
        file_hosts(url)
    assert OwnIndexes(url, None, files_of=file_hosts).pypi_files == ()
