"""The trees of tests/proofs/corpus/trees as data, and judging one by the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml
from layout import TREES
from pydantic import BaseModel, ConfigDict
from toolchains import works
from typer.testing import CliRunner

from factory_assets.cli.app import app
from factory_assets.domain.readings import FindingKind
from factory_assets.domain.specs import Language

_PROGRAMS = {
    Language.GO: "go",
    Language.PYTHON: "python3",
    Language.TYPESCRIPT: "node",
    Language.BASH: "bats",
    Language.RUST: "cargo",
}


class By(StrEnum):
    """What stops a dishonest tree."""

    PROGRAM = "program"
    PUT_BACK = "put back"
    READER = "reader"


class Lie(BaseModel):
    """A row of dishonest.yaml: a program's gate, or what the reader finds, with a quote from the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: By
    gate: str = ""
    kind: FindingKind | None = None
    file: str = ""
    quote: str = ""


def honest() -> list[Path]:
    """The folders of the honest trees, by name."""
    return sorted((TREES / "honest").iterdir())


def dishonest() -> Iterator[tuple[Path, Lie]]:
    """The folders of the dishonest ones with their rows, by name."""
    rows = yaml.safe_load((TREES / "dishonest.yaml").read_text(encoding="utf-8"))
    for name, row in sorted(rows.items()):
        yield TREES / "dishonest" / name, Lie.model_validate(row)


class Wrong(StrEnum):
    """In what way the behaviour of a build with green tests of its own is wrong."""

    HARD_CODED = "hard-coded answers"
    SELF_COMPARING = "self-comparing tests"
    MOCKED = "mocked core"
    CANNED = "canned text"
    IGNORED = "ignored option"
    FORMULA = "wrong formula"
    SWALLOWED = "swallowed errors"
    DEFEAT = "defeat device"


class Held(BaseModel):
    """A row of held.yaml: the folder of a tree, and what is held out for it, by the name of its file in held/.

    `kind` is in what way it is wrong; None where it is honest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tree: Path
    held: str
    kind: Wrong | None = None

    @property
    def folder(self) -> Path:
        """The tree's folder."""
        return TREES / self.tree

    @property
    def file(self) -> Path:
        """The contract and the scenarios."""
        return TREES / "held" / f"{self.held}.json"


def held_out(kind: str) -> dict[str, Held]:
    """The rows of a kind, `wrong` or `otherwise`, by name."""
    rows = yaml.safe_load((TREES / "held.yaml").read_text(encoding="utf-8"))
    return {name: Held.model_validate(row) for name, row in sorted(rows[kind].items())}


def language_of(tree: Path) -> Language:
    """The language that its case names."""
    return Language(json.loads((tree / "case.json").read_text(encoding="utf-8"))["language"])


def need(tree: Path) -> None:
    """Skip the test where a tool is missing: nothing of a tree is run but in the sandbox."""
    wanted = ("bwrap", "git", "make", _PROGRAMS[language_of(tree)])
    if missing := [tool for tool in wanted if not works(tool)]:
        pytest.skip(f"{', '.join(missing)} not installed: {tree.name}")


def judge(tree: Path) -> dict[str, Any]:
    """What `factory judge --json` says of a tree with its documents."""
    return _judged(tree, "--docs", tree / "docs")


def judge_held(held: Held, *more: object) -> dict[str, Any]:
    """What it says of a tree that is tried in scenarios. Without documents it ends after the build."""
    return _judged(held.folder, "--acceptance", held.file, *more)


def _judged(tree: Path, *more: object) -> dict[str, Any]:
    args = [tree / "tree", "--spec", tree / "case.json", *more, "--json"]
    done = CliRunner().invoke(app, ["judge", *map(str, args)])
    assert done.exit_code in {0, 1}, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["passed"] is (done.exit_code == 0)
    return said


def refusals(said: dict[str, Any]) -> dict[str, str]:
    """What each gate saw that refused."""
    return {verdict["gate"]: verdict["saw"] for verdict in said["verdicts"] if not verdict["passed"]}
