"""The scenarios that a repo has passed, as files that are published with it: data, and a program that runs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from factory_assets.domain.acceptance import Acceptance, HeldScenario, Scenario
from factory_assets.domain.errors import InputError
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages import LANGUAGES
from factory_assets.languages.entry_points import find_programs

PUBLISHED = "tests/acceptance/"
"""The folder of what the factory adds when a repo has passed: it is not there while the repo is judged."""

_DATA, _RUNNER = f"{PUBLISHED}scenarios.json", f"{PUBLISHED}run.py"
# Stands for the top of whatever clone the runner is in.
_ROOT = Path("/{root}")


class _Start(BaseModel):
    """How the command is started from anywhere: `{root}` stands for the top of the clone."""

    model_config = ConfigDict(frozen=True)

    argv: tuple[str, ...]
    build: tuple[str, ...]
    made: str
    env: Mapping[str, str]


class _Published(BaseModel):
    """The content of scenarios.json."""

    model_config = ConfigDict(frozen=True)

    start: _Start
    scenarios: tuple[Scenario, ...]


def published_files(
    acceptance: Acceptance | None, *, name: str, language: Language, tree: Tree
) -> dict[str, bytes]:
    """What is published of the scenarios that count, by path; nothing where the repo has no command for them.

    `name` is the command that they call.
    """
    if acceptance is None or not acceptance.active:
        return {}
    start = _start(name, language, tree)
    scenarios = tuple(held.scenario for held in acceptance.active)
    told = _Published(start=start, scenarios=scenarios).model_dump(mode="json")
    runner = files("factory_assets.build.published") / "run.py"
    return {
        _DATA: (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode(),
        _RUNNER: runner.read_bytes(),
    }


def read_published(tree: Tree) -> tuple[HeldScenario, ...]:
    """The scenarios that a published tree holds; none where it has no such file.

    Raises:
        InputError: the file is not as the factory wrote it.
    """
    if _DATA not in tree:
        return ()
    try:
        told = _Published.model_validate_json(tree[_DATA].text)
    except ValidationError as error:
        raise InputError(
            f"It is not as the factory wrote it: {error.errors()[0]['msg']}.", where=_DATA
        ) from error
    return tuple(
        HeldScenario(number=number, scenario=scenario)
        for number, scenario in enumerate(told.scenarios, start=1)
    )


def without_published(tree: Tree) -> Tree:
    """The tree as it was judged: a program must not find there what it is asked."""
    return {path: file for path, file in tree.items() if not path.startswith(PUBLISHED)}


def _start(name: str, language: Language, tree: Tree) -> _Start:
    entries = LANGUAGES[language].entry_points
    found = find_programs(entries, tree).own_command(name)
    if found is None:
        return _Start(argv=(name,), build=(), made="", env={})
    start = entries.anywhere(*found, _ROOT)
    env: dict[str, str] = {}
    if entries.search:
        variable, folders = entries.search
        env[variable] = ":".join(str(_ROOT / folder) for folder in folders(tree))
    return _Start(
        argv=tuple(map(_placed, start.argv)),
        build=tuple(map(_placed, start.build)),
        made=start.made,
        env={variable: _placed(text) for variable, text in env.items()},
    )


def _placed(word: str) -> str:
    return word.replace(str(_ROOT), "{root}")
