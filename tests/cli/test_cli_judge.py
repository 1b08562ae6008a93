"""`factory judge`: a tree on disk is judged by the gates of a build, and nothing but the verdict comes of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acceptance_material import expects, held, scenario
from build_material import BASH_FILES, DOCUMENTS, PYTHON_FILES, write_files
from toolchains import works
from typer.testing import CliRunner

from factory_assets.building.laid import works_of
from factory_assets.cli.app import app
from factory_assets.domain.acceptance import Acceptance, CommandForm, Contract, Scenario, ScenarioFault
from factory_assets.domain.readings import Finding, FindingKind, Severity
from factory_assets.gates import ALL_GATES
from factory_assets.gates.names import ACCEPTANCE, READING
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import (
    Conversation,
    RecordedFinding,
    RecordedReading,
    RecordedTurn,
)
from factory_assets.replay.server import ReplayServer

sandboxed = pytest.mark.skipif(not works("bwrap"), reason="bubblewrap is not installed")
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    code: int
    out: str
    err: str

    @property
    def refused(self) -> dict[str, str]:
        """What each gate saw that refused, from the JSON."""
        return {v["gate"]: v["saw"] for v in self.said["verdicts"] if not v["passed"]}

    @property
    def said(self) -> dict[str, Any]:
        """The JSON object that was printed."""
        said: dict[str, Any] = json.loads(self.out)
        return said


def judge(*args: object) -> Ended:
    done = CliRunner().invoke(app, ["judge", *map(str, args)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Ended(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good bash repo without documents, judged from a folder that is no project, with an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    # Its own home, but not a cold cache: rules and interpreters that were made before serve every test.
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    write_files(tmp_path / "word-count", BASH_FILES)
    return tmp_path / "word-count"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    write_files(tmp_path / "docs", DOCUMENTS)
    return tmp_path / "docs"


def contents(folder: Path) -> Mapping[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mode, path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    }


@sandboxed
def test_a_good_tree_passes_every_gate_and_is_left_as_it_was(tree: Path, docs: Path) -> None:
    before = contents(tree), contents(docs)
    ended = judge(tree, "--language", "bash", "--docs", docs, "--json")
    assert (ended.code, ended.refused) == (0, {})
    assert ended.said["passed"] is True
    assert {verdict["gate"] for verdict in ended.said["verdicts"]} == set(ALL_GATES) - {ACCEPTANCE, READING}
    assert set(ended.said["verdicts"][0]) == {"gate", "phase", "passed", "kind", "saw", "fix"}
    assert (contents(tree), contents(docs)) == before


@sandboxed
def test_a_tree_is_read_where_that_is_asked_for(
    tree: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = Finding(
        kind=FindingKind.WRONG,
        severity=Severity.CRITICAL,
        file="lib/count.sh",
        line=9,
        quote="total=$((total + ${#words[@]}))",
        why="It counts words, and not lines.",
        fix="Count lines.",
    )
    found = RecordedReading(findings=(RecordedFinding(finding=finding),))
    recorded = Conversation(repo="word-count", build=(RecordedTurn(say="Done."),), reader=found)
    with ReplayServer(recordings=Recordings.of(recorded)) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-not-a-real-key")
        ended = judge(tree, "--language", "bash", "--docs", docs, "--json", "--read")
    assert ended.code == 1
    assert set(ended.refused) == {READING}
    assert "It counts words, and not lines." in ended.refused[READING]


@sandboxed
def test_what_a_gate_refuses_is_told_with_how_to_fix_it(tree: Path, docs: Path) -> None:
    (tree / "tests" / "test_count.sh").unlink()
    ended = judge(tree, "--language", "bash", "--docs", docs)
    assert ended.code == 1
    (line,) = (line for line in ended.out.splitlines() if line.startswith("refused  tests-present"))
    assert "after build" in line
    assert "Fix: " in ended.out
    told = judge(tree, "--language", "bash", "--docs", docs, "--json")
    assert told.code == 1
    assert told.said["passed"] is False
    assert set(told.refused) == {"tests-present"}


@sandboxed
def test_a_tree_keeps_its_documents_gets_the_factorys_licence_and_needs_no_whole_spec(tree: Path) -> None:
    write_files(tree, DOCUMENTS)
    (tree / "LICENSE").write_text("Nobody may use this.\n")
    (tree / "SPEC.md").write_text("# Something else\n")
    spec = tree.with_name("case.json")
    spec.write_text(json.dumps({"language": "bash", "solution": "Count words.", "by": "program"}))
    ended = judge(tree, "--spec", spec, "--json")
    assert (ended.code, ended.refused) == (0, {})


def acceptance_of(*scenarios: Scenario) -> str:
    command = CommandForm(usage="word-count < TEXT", does="Prints the number.", options=(), exit_codes=())
    contract = Contract(commands=(command,), functions=(), files=(), rules=())
    return Acceptance(model="by hand", contract=contract, scenarios=held(*scenarios)).model_dump_json()


@sandboxed
def test_a_tree_is_tried_in_the_scenarios_of_a_file_and_each_is_told_with_what_happened(tree: Path) -> None:
    right = scenario(stdin="one two\n", wants=[expects("2")])
    wrong = scenario(stdin="one two\n\nthree", wants=[expects("4")])
    file = tree.with_name("acceptance.json")
    file.write_text(acceptance_of(right, wrong))
    ended = judge(tree, "--language", "bash", "--acceptance", file)
    assert ended.code == 1
    assert (
        "refused  acceptance, after build: 2. With such input the contract asks for such output" in ended.out
    )
    assert "1. passed" in ended.out
    assert "+3" in ended.out
    told = judge(tree, "--language", "bash", "--acceptance", file, "--json")
    assert set(told.refused) == {ACCEPTANCE}
    assert [result["fault"] for result in told.said["scenarios"]] == [None, ScenarioFault.OUTPUT]
    assert "+3" in told.said["scenarios"][1]["happened"]
    assert "+3" not in told.refused[ACCEPTANCE]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "The acceptance is no JSON"),
        ('{"model": "by hand"}', "contract: Field required"),
        (acceptance_of(scenario("1")), "Scenario 1 cannot count: it asks for nothing"),
        (acceptance_of(*[scenario("1", exit_code=1)] * 2), "Scenario 2 cannot count: the same is asked"),
    ],
)
def test_an_acceptance_that_cannot_be_tried_is_one_clear_error(tree: Path, text: str, says: str) -> None:
    file = tree.with_name("acceptance.json")
    file.write_text(text)
    ended = judge(tree, "--language", "bash", "--acceptance", file)
    assert ended.code == 2
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1


@sandboxed
def test_a_registry_that_is_out_of_reach_is_no_verdict(tmp_path: Path, docs: Path) -> None:
    tree = tmp_path / "word-count"
    write_files(tree, PYTHON_FILES)
    (tree / "word_count" / "__init__.py").write_text('"""Counts."""\n\nimport six\n')
    write_files(
        tree,
        {
            "pyproject.toml": '[project]\nname = "word-count"\nversion = "0.1.0"\ndependencies = ["six"]\n'
            '\n[tool.pytest.ini_options]\npythonpath = ["."]\ntestpaths = ["tests"]\n'
        },
    )
    ended = judge(tree, "--language", "python", "--docs", docs, "--pypi-url", NOWHERE)
    assert ended.code == 2, ended.out
    assert "registry" in ended.err
    assert "launched again" not in ended.err


def test_without_a_sandbox_nothing_is_judged(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    git = shutil.which("git")
    assert git is not None
    (programs / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(programs))
    ended = judge(tree, "--language", "bash")
    assert ended.code == 2
    assert "bubblewrap" in ended.err


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("{", "The spec is no JSON"),
        ("[]", "The spec is no JSON object."),
        ('{"language": "cobol"}', "language: "),
        ('{"language": "bash", "name": "No Name"}', "name: "),
        ('{"name": "word-count"}', "No language is named."),
    ],
)
def test_a_spec_that_is_none_is_one_clear_error(tree: Path, spec: str, says: str) -> None:
    file = tree.with_name("case.json")
    file.write_text(spec)
    ended = judge(tree, "--spec", file)
    assert ended.code == 2
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1


def test_what_is_no_folder_or_no_language_is_one_clear_error(tree: Path, tmp_path: Path) -> None:
    for args, says in (
        ([tmp_path / "nowhere", "--language", "bash"], "There is nothing of this name."),
        ([tree / "bin" / "word-count", "--language", "bash"], "This is no folder."),
        ([tree, "--language", "bash", "--docs", tmp_path / "nowhere"], "There is nothing of this name."),
        ([tree, "--spec", tmp_path / "nowhere"], "The spec cannot be read: No such file or directory."),
        ([tree], "No language is named."),
        ([tree, "--language", "cobol"], "'cobol' is not one of"),
    ):
        ended = judge(*args)
        assert ended.code == 2
        assert says in " ".join(ended.err.split())


@sandboxed
def test_a_tree_that_is_too_large_to_be_copied_is_no_verdict(tree: Path) -> None:
    with (tree / "model.bin").open("wb") as file:
        file.truncate(2_000_000_000)
    ended = judge(tree, "--language", "bash")
    assert ended.code == 2
    assert ended.err.startswith(f"error: {tree}: It is too large to be copied.")


def test_a_tree_is_laid_over_a_scaffold_link_for_link_and_without_what_git_and_builds_leave(
    tmp_path: Path,
) -> None:
    tree, workspace, outside = tmp_path / "tree", tmp_path / "work", tmp_path / "outside"
    outside.mkdir()
    (outside / "README.md").write_text("outside\n")
    write_files(tree, {"a/b.sh": "true\n", ".git/config": "[core]\n", "node_modules/x/y.js": "1\n"})
    (tree / "docs").symlink_to(outside)
    (tree / "Makefile").symlink_to("a/b.sh")
    os.mkfifo(tree / "pipe")
    write_files(
        workspace, {"Makefile": "test:\n", "LICENSE": "MIT\n", "src/stub.py": "pass\n", "a": "a file\n"}
    )
    write_files(tmp_path / "documents", {"docs/README.md": "inside\n", "README.md": "# It\n"})
    build, document, review = works_of(tree, tmp_path / "documents")
    build(workspace)
    assert sorted(path.name for path in workspace.iterdir()) == ["LICENSE", "Makefile", "a", "docs"]
    assert (workspace / "docs").readlink() == outside
    assert (workspace / "Makefile").readlink() == Path("a/b.sh")
    document(workspace)
    review(workspace)
    assert (outside / "README.md").read_text() == "outside\n"
    assert (workspace / "docs" / "README.md").read_text() == "inside\n"
    assert (workspace / "README.md").read_text() == "# It\n"
