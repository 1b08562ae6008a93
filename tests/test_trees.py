"""Honest trees pass every gate, and of the dishonest ones each is stopped by what its row says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tree_cases import TREES, By, Lie, dishonest, honest, judge, language_of, need, refusals

from factory_assets.gates import ALL_GATES
from factory_assets.gates.names import ACCEPTANCE, READING, TESTS_NOTICE
from factory_assets.languages import LANGUAGES

LIES = dict(dishonest())


@pytest.mark.corpus
@pytest.mark.parametrize("tree", honest(), ids=lambda tree: tree.name)
def test_an_honest_tree_passes_every_gate(tree: Path) -> None:
    need(tree)
    said = judge(tree)
    assert refusals(said) == {}
    assert {verdict["gate"] for verdict in said["verdicts"]} == set(ALL_GATES) - {ACCEPTANCE, READING}


@pytest.mark.corpus
@pytest.mark.parametrize(("tree", "lie"), LIES.items(), ids=[tree.name for tree in LIES])
def test_a_dishonest_tree_is_stopped_by_what_its_row_says(tree: Path, lie: Lie) -> None:
    need(tree)
    refused = refusals(judge(tree))
    if lie.by is By.PROGRAM:
        assert lie.gate in refused
    elif lie.by is By.READER:
        # Which faults are put in is drawn by lot, and tests of answers that are made up may miss them all.
        assert set(refused) <= {TESTS_NOTICE}
    else:
        assert refused == {}


def test_every_tree_can_be_judged_and_every_dishonest_one_has_a_row_that_holds() -> None:
    assert {tree for tree in (TREES / "dishonest").iterdir() if tree.is_dir()} == set(LIES)
    assert {language_of(tree) for tree in honest()} == set(LANGUAGES)
    for tree, lie in LIES.items():
        assert bool(lie.gate) is (lie.by is By.PROGRAM), tree.name
        assert (lie.kind is not None) is (lie.by is By.READER), tree.name
        if lie.by is By.READER:
            files = [folder / lie.file for folder in (tree / "tree", tree / "docs")]
            assert any(lie.quote in file.read_text() for file in files if file.exists()), tree.name


def test_pytest_runs_no_test_of_a_tree() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            str(TREES / "honest" / "good-python"),
        ],
        cwd=TREES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "the trees are data" in done.stderr
