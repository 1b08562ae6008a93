"""Honest trees pass every gate, and of the dishonest ones each is stopped by what its row says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tree_cases import (
    TREES,
    By,
    Held,
    Lie,
    Wrong,
    dishonest,
    held_out,
    honest,
    judge,
    judge_held,
    language_of,
    need,
    refusals,
)

from factory_assets.cli.judge import read_acceptance
from factory_assets.domain.acceptance import Scenario
from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language
from factory_assets.gates import ALL_GATES
from factory_assets.gates.names import ACCEPTANCE, READING, TESTS_NOTICE
from factory_assets.languages import LANGUAGES

LIES = dict(dishonest())
WRONG, OTHERWISE = held_out("wrong"), held_out("otherwise")


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


@pytest.mark.corpus
@pytest.mark.parametrize("held", WRONG.values(), ids=WRONG)
def test_a_build_with_green_tests_of_its_own_and_wrong_behaviour_is_refused_right_after_it(
    held: Held,
) -> None:
    need(held.folder)
    said = judge_held(held)
    assert set(refusals(said)) == {ACCEPTANCE}, said
    assert {verdict["phase"] for verdict in said["verdicts"]} == {Phase.BUILD}
    told = json.dumps([verdict for verdict in said["verdicts"] if verdict["gate"] == ACCEPTANCE])
    for one in _scenarios(held):
        secret = [*one.arguments, *one.stdin.split("\n"), *(expected.value for expected in one.expects)]
        assert not [value for value in secret if len(value) > 3 and value in told and value != "--trim"]


@pytest.mark.corpus
@pytest.mark.parametrize("held", OTHERWISE.values(), ids=OTHERWISE)
def test_an_honest_build_passes_every_gate_whatever_its_scenarios_writer_would_have_printed(
    held: Held,
) -> None:
    need(held.folder)
    said = judge_held(held, "--docs", held.folder / "docs")
    assert refusals(said) == {}, said["scenarios"]
    assert {verdict["gate"] for verdict in said["verdicts"]} == set(ALL_GATES) - {READING}


def test_what_is_held_out_for_trees_can_count_and_covers_the_five_languages() -> None:
    for rows, fewest in ((WRONG, 20), (OTHERWISE, 10)):
        assert len(rows) >= fewest
        assert {language_of(held.folder) for held in rows.values()} == set(LANGUAGES)
    kinds = Counter(language_of(held.folder) for held in WRONG.values())
    assert min(kinds.values()) >= 3
    for held in (*WRONG.values(), *OTHERWISE.values()):
        found = read_acceptance(held.file, language_of(held.folder))
        assert 4 <= len(found.active) <= 8
    own = {held.tree.as_posix() for held in (*WRONG.values(), *OTHERWISE.values())}
    for kind in ("wrong", "otherwise"):
        assert {f"{kind}/{tree.name}" for tree in (TREES / kind).iterdir()} <= own


def test_the_page_on_trees_counts_what_is_wrong_by_kind_and_language() -> None:
    assert all(held.kind for held in WRONG.values())
    assert not any(held.kind for held in OTHERWISE.values())
    counts = Counter((held.kind, language_of(held.folder)) for held in WRONG.values())
    honest_ones = Counter(language_of(held.folder) for held in OTHERWISE.values())
    rows = [(kind, [counts[kind, language] for language in Language]) for kind in Wrong]
    rows += [
        ("all of them refused", [sum(counts[kind, language] for kind in Wrong) for language in Language]),
        ("honest, of another taste: ship", [honest_ones[language] for language in Language]),
    ]
    page = (TREES / "README.md").read_text(encoding="utf-8")
    assert all(sum(counts[kind, language] for language in Language) for kind in Wrong)
    for name, numbers in rows:
        assert f"| {name} | {' | '.join(map(str, numbers))} | {sum(numbers)} |" in page.splitlines()


def _scenarios(held: Held) -> Iterator[Scenario]:
    found = read_acceptance(held.file, language_of(held.folder))
    yield from (one.scenario for one in found.active)


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
