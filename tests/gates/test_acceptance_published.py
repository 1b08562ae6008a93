"""What a repo has passed is published with it, and tried in any clone: calls of the command, and of the library."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from acceptance_material import SNIPPETS, agreed, expects, scenario, sources
from gate_material import clone, environment, marked, need, provide, tree

from factory_assets.building.publishing import PUBLISHED, published_files, read_published
from factory_assets.domain.acceptance import Scenario
from factory_assets.domain.errors import InputError
from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES

# The library's part of each tool, and a change by which its command and its snippet answer otherwise.
BREAKS = {
    Language.PYTHON: ("clamp/core.py", "min(max(value, low), high)", "max(value, low)"),
    Language.BASH: ("lib/clamp.sh", "((v > $3))", "((v < $3))"),
    Language.GO: ("bounds/bounds.go", "min(max(value, low), high)", "max(value, low)"),
    Language.RUST: ("src/lib.rs", ".min(high)", ""),
    Language.TYPESCRIPT: ("src/index.ts", "Math.min(Math.max(value, low), high)", "Math.max(value, low)"),
}
CALL = scenario("12", "3", "9", wants=[expects("9")])


def calls_the_library(language: Language, **more: Mapping[str, str]) -> Scenario:
    return scenario(snippet=SNIPPETS[language], wants=[expects("9")], **more)


def published_clone(language: Language, *scenarios: Scenario, folder: Path) -> Path:
    """A clone of a small repo that is published with what it has passed; git sees what is left in it."""
    files = {**sources(language), ".gitignore": "node_modules/\n/target/\n/dist/\n__pycache__/\nCargo.lock\n"}
    written = tree(files)
    laid = clone(folder, written)
    added = published_files(agreed(*scenarios), name="clamp", language=language, tree=written)
    for path, data in added.items():
        (laid / path).parent.mkdir(parents=True, exist_ok=True)
        (laid / path).write_bytes(data)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=laid, check=True)
    provide(language, laid)
    return laid


def run(laid: Path, language: Language, *numbers: int) -> tuple[int, list[str]]:
    """The exit code, and what is said of each scenario."""
    done = subprocess.run(
        [sys.executable, laid / PUBLISHED / "run.py", *map(str, numbers)],
        cwd=laid.parent,
        env={**os.environ, **environment(language)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert said, done.stderr
    return done.returncode, said


def left_in(laid: Path) -> str:
    return subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files"],
        cwd=laid,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.replace("A  ", "")


@pytest.mark.parametrize("language", marked(Language))
def test_the_command_and_the_library_are_tried_in_a_clone_in_each_language(
    language: Language, tmp_path: Path
) -> None:
    need(language)
    laid = published_clone(language, CALL, calls_the_library(language), folder=tmp_path / "some where")
    before = left_in(laid)
    assert run(laid, language) == (0, ["passed", "passed"])
    assert left_in(laid) == before
    path, right, wrong = BREAKS[language]
    (laid / path).write_text((laid / path).read_text().replace(right, wrong))
    code, said = run(laid, language)
    assert code == 1
    assert said == ["stdout is not as asked for (exact): '9'"] * 2
    assert run(laid, language, 2) == (1, said[1:])


@pytest.mark.parametrize("language", marked([Language.GO, Language.RUST]))
def test_what_does_not_compile_fails_and_is_not_tried_as_it_was_before(
    language: Language, tmp_path: Path
) -> None:
    need(language)
    laid = published_clone(language, CALL, calls_the_library(language), folder=tmp_path / "clone")
    assert run(laid, language)[0] == 0
    (laid / BREAKS[language][0]).unlink()
    code, said = run(laid, language)
    assert code == 1
    assert "passed" not in said


def test_a_snippet_overwrites_no_file_that_has_its_name(tmp_path: Path) -> None:
    laid = published_clone(
        Language.PYTHON, CALL, calls_the_library(Language.PYTHON), folder=tmp_path / "clone"
    )
    (laid / "usage1.py").write_text("mine\n")
    assert run(laid, Language.PYTHON) == (
        1,
        ["passed", "usage1.py is where the snippet has to lie; move it away"],
    )
    assert (laid / "usage1.py").read_text() == "mine\n"


@pytest.mark.parametrize("language", Language)
def test_what_is_published_can_be_read_and_started_again_as_it_was_agreed(language: Language) -> None:
    written = tree(sources(language))
    added = published_files(
        agreed(CALL, calls_the_library(language)), name="clamp", language=language, tree=written
    )
    read = read_published({**written, **tree({path: data.decode() for path, data in added.items()})})
    assert [held.number for held in read] == [1, 2]
    assert read[0].scenario == CALL
    adapted = LANGUAGES[language].entry_points.snippet(written, Path("/clone")).adapted
    assert adapted(read[1].scenario.snippet) == adapted(SNIPPETS[language]) == read[1].scenario.snippet
    assert "/{root}" not in added[f"{PUBLISHED}scenarios.json"].decode()


def test_a_file_of_scenarios_that_the_factory_did_not_write_is_told_of() -> None:
    with pytest.raises(InputError, match="not as the factory wrote it"):
        read_published(tree({f"{PUBLISHED}scenarios.json": '{"scenarios": [1]}'}))
