"""The lies that no run can show: told in recorded form, what the reader finds stands there and refuses the tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from build_material import tree_of
from pydantic import SecretStr
from reader_fakes import model_reader
from tree_cases import By, Lie, dishonest, honest

from factory_assets.domain.readings import Finding, Severity
from factory_assets.domain.trees import Tree
from factory_assets.gates.reader import read_tree, verdict_of
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import (
    Conversation,
    RecordedFinding,
    RecordedReading,
    RecordedTurn,
)
from factory_assets.replay.server import ReplayServer

LIES = {folder: lie for folder, lie in dishonest() if lie.by is By.READER}


def tree_in(folder: Path) -> Tree:
    """What the reader sees of a tree on disk; none of it is run."""
    files = {
        str(path.relative_to(root)): path.read_text(encoding="utf-8", errors="replace")
        for root in (folder / "tree", folder / "docs")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    solution = json.loads((folder / "case.json").read_text(encoding="utf-8"))["solution"]
    return tree_of(files | {"SPEC.md": f"# {folder.name}\n\n{solution}\n"})


def told(folder: Path, lie: Lie, *, confirmed: bool = True) -> Conversation:
    assert lie.kind is not None
    finding = Finding(
        kind=lie.kind,
        severity=Severity.CRITICAL,
        file=lie.file,
        line=1,
        quote=lie.quote,
        why="It is not what it says it is.",
        fix="Make it so.",
    )
    recorded = RecordedFinding(finding=finding, confirmed=confirmed)
    return Conversation(
        repo=folder.name, build=(RecordedTurn(say="Done."),), reader=RecordedReading(findings=(recorded,))
    )


@pytest.mark.parametrize(("folder", "lie"), LIES.items(), ids=[folder.name for folder in LIES])
def test_a_lie_that_no_run_shows_is_refused_by_what_the_reader_finds(folder: Path, lie: Lie) -> None:
    with ReplayServer(recordings=Recordings.of(told(folder, lie))) as server:
        reader = model_reader(ClaudeApi(server.url, api_key=SecretStr("sk-test")), name=folder.name)
        verdict = verdict_of(read_tree(tree_in(folder), (), reader, before=None, decides=True))
    assert not verdict.passed
    assert f"1. {lie.file}:1: {lie.kind}, critical" in verdict.saw


def test_the_same_said_of_honest_trees_counts_for_nothing() -> None:
    lies = list(LIES.values())
    for folder in honest():
        said = [told(folder, lie).reader.findings[0].finding for lie in lies]

        class Mistaken:
            """Says of every tree what is true of others."""

            model_name = "mistaken"

            def findings(self, material: object, found: list[Finding] = said) -> list[Finding]:
                return found

            def rule(self, doubts: object) -> None:
                raise AssertionError("nothing is to be asked again")

        reading = read_tree(tree_in(folder), (), Mistaken(), before=None, decides=True)  # type: ignore[arg-type]
        assert (reading.judged, reading.dropped) == ((), len(lies))
