"""The long proofs are collected by their folders, so each of their tests has to lie where its make target looks."""

from __future__ import annotations

import re

import pytest

from factory_assets.settings import PROJECT_ROOT

TESTS = PROJECT_ROOT / "tests"
MAKEFILE = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
# `marked()` of gate_material gives the mark to the cases of compiled languages.
MARKS = {
    "corpus": r"mark\.corpus|gate_material import[^)]*\bmarked\b",
    "chaos": r"mark\.chaos",
    "browser": r"mark\.browser",
    "soak": r"mark\.soak",
    "cluster": r"mark\.cluster",
}


@pytest.mark.parametrize("mark", MARKS)
def test_every_test_of_a_proof_lies_in_a_folder_of_its_target(mark: str) -> None:
    commands = [line for line in MAKEFILE.splitlines() if f"-m {mark}" in line]
    folders = {TESTS.parent / word for line in commands for word in re.findall(r"\btests/\S+", line)}
    folders = {folder.parent if folder.suffix else folder for folder in folders}
    assert folders
    files = [path for path in TESTS.rglob("test_*.py") if re.search(MARKS[mark], path.read_text("utf-8"))]
    assert [
        path for path in files if not folders & {*path.parents} and path.name != "test_proof_targets.py"
    ] == []
