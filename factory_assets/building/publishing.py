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
from factory_assets.languages.entry_points import EntryPoints, Snippet, Start, find_programs

PUBLISHED = "tests/acceptance/"
"""The folder of what the factory adds when a repo has passed: it is not there while the repo is judged."""

_DATA, _RUNNER = f"{PUBLISHED}scenarios.json", f"{PUBLISHED}run.py"
# Stands for the top of whatever clone the runner is in.
_ROOT = Path("/{root}")


class _Start(BaseModel):
    """How a program is compiled and started from anywhere: `{root}` stands for the top of the clone."""

    model_config = ConfigDict(frozen=True)

    argv: tuple[str, ...]
    build: tuple[str, ...]
    made: str


class _Snippet(BaseModel):
    """Where code that calls the library is laid, how it is started then, and which folders are linked for it."""

    model_config = ConfigDict(frozen=True)

    path: str
    linked: tuple[str, ...]
    start: _Start


class _Scenarios(BaseModel):
    """What of scenarios.json is read again: how programs are started, this factory knows by itself."""

    model_config = ConfigDict(frozen=True)

    scenarios: tuple[Scenario, ...]


class _Published(_Scenarios):
    """The content of scenarios.json."""

    env: Mapping[str, str]
    command: _Start
    snippet: _Snippet


def published_files(
    acceptance: Acceptance | None, *, name: str, language: Language, tree: Tree
) -> dict[str, bytes]:
    """What is published of the scenarios that count, by path; nothing where the repo has no command for them.

    `name` is the command that they call.
    """
    if acceptance is None or not acceptance.active:
        return {}
    entries = LANGUAGES[language].entry_points
    snippet = entries.snippet(tree, _ROOT)
    told = _Published(
        env=_environment(entries, tree),
        command=_command(name, entries, tree),
        snippet=_Snippet(path=snippet.path, linked=snippet.linked, start=_placed(snippet.start)),
        scenarios=tuple(_adapted(held.scenario, snippet) for held in acceptance.active),
    ).model_dump(mode="json")
    runner = files("factory_assets.building.published") / "run.py"
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
        told = _Scenarios.model_validate_json(tree[_DATA].text)
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


def _environment(entries: EntryPoints, tree: Tree) -> dict[str, str]:
    if entries.search is None:
        return {}
    variable, folders = entries.search
    return {variable: ":".join(_rooted(str(_ROOT / folder)) for folder in folders(tree))}


def _command(name: str, entries: EntryPoints, tree: Tree) -> _Start:
    found = find_programs(entries, tree).own_command(name)
    return _placed(Start((name,)) if found is None else entries.anywhere(*found, _ROOT))


def _adapted(scenario: Scenario, snippet: Snippet) -> Scenario:
    code = snippet.adapted(scenario.snippet) if scenario.snippet else ""
    return scenario.model_copy(update={"snippet": code})


def _placed(start: Start) -> _Start:
    return _Start(
        argv=tuple(map(_rooted, start.argv)),
        build=tuple(map(_rooted, start.build)),
        made=_rooted(start.made),
    )


def _rooted(word: str) -> str:
    return word.replace(str(_ROOT), "{root}")
