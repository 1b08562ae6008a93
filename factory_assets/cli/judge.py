"""The command judge: the gates over any tree on disk, with no instance, and with no model unless it is to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from factory_assets.building.laid import JudgeTools, works_of
from factory_assets.building.reader import Reader
from factory_assets.building.report import BuildReport
from factory_assets.cli.judging import judge_laid
from factory_assets.domain.acceptance import Acceptance
from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.errors import InputError, MissingToolError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.domain.ports import AnswerStore
from factory_assets.domain.readings import ReaderMode
from factory_assets.domain.specs import Language, Spec
from factory_assets.gates import gates_after
from factory_assets.gates.scenario_checks import check_scenario
from factory_assets.instance import Instance
from factory_assets.sandbox import PlainSandbox, find_sandbox
from factory_assets.scratch import scratch_folder
from factory_assets.secret_scan.rules import Kingfisher, rule_cache
from factory_assets.secret_scan.scanner import SecretScanner
from factory_assets.settings import PROJECT_ROOT, load_settings

_ANY_NAME = "judged-tree"
_USUAL = {
    "problem": "A developer lacks what this repository does.",
    "solution": "Do what the documents of this repository say.",
    "files": ["README.md"],
    "estimated_lines": 200,
    "complexity": "low",
    "who_pays": "Whoever needs it.",
    "integration_point": "Wherever it is used.",
    "moat": "It is judged.",
}


def read_spec(file: Path | None, tree: Path, language: Language | None) -> Spec:
    """The spec in a JSON file, whose further fields are left aside; what it does not say is what any tree has.

    Raises:
        InputError: the file is no spec, or neither it nor `language` names a language.
    """
    said = _object_in(file, "spec") if file is not None else {}
    named = language or said.get("language")
    if named is None:
        raise InputError("No language is named.", where=str(tree), fix="Give --language, as --language go.")
    usual = {**_USUAL, "name": _name_of(tree), "source_papers": (), "source_url": tree.as_uri()}
    own = {key: value for key, value in said.items() if key in Spec.model_fields}
    try:
        return Spec.model_validate({**usual, **own, "language": named})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the spec"
        raise InputError(
            f"{field}: {first['msg']}.", where=str(file or tree), fix="Correct the spec."
        ) from error


def read_acceptance(file: Path, language: Language) -> Acceptance:
    """The acceptance in a JSON file, as an instance keeps it.

    Raises:
        InputError: the file is none, or a scenario of it cannot count.
    """
    try:
        acceptance = Acceptance.model_validate(_object_in(file, "acceptance"))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the acceptance"
        raise InputError(f"{field}: {first['msg']}.", where=str(file)) from error
    for held in acceptance.active:
        others = [other.scenario for other in acceptance.active if other.number < held.number]
        why = check_scenario(held.scenario, acceptance.contract, language, others=others)
        if why is not None:
            raise InputError(f"Scenario {held.number} cannot count: {why}.", where=str(file))
    return acceptance


def judge_tree(
    tree: Path,
    spec: Spec,
    documents: Path | None,
    indexes: PackageIndexes,
    *,
    is_read: bool = False,
    acceptance: Acceptance | None = None,
) -> BuildReport:
    """Judge a copy of the tree. With `is_read` the reader is asked as well, by the settings in force.

    Of an `acceptance`, the scenarios that count are tried as in a build.

    Raises:
        MissingToolError: without a sandbox, for the tree is anybody's code; or without a tool of the language.
        FactoryError: it could not be judged.
    """
    sandbox = find_sandbox(hidden=(PROJECT_ROOT,))
    if isinstance(sandbox, PlainSandbox):
        raise MissingToolError(
            "A tree is judged only in a sandbox, and bubblewrap does not work here.",
            fix="Install the package bubblewrap; `factory doctor` tells why it does not work.",
        )
    bench = JudgeTools(
        commands=sandbox, scanner=SecretScanner((), Kingfisher(cache=rule_cache())), indexes=indexes
    )
    with scratch_folder("judge") as folder:
        return judge_laid(
            spec,
            (),
            works_of(tree, documents),
            folder=folder,
            bench=bench,
            reader=_reader if is_read else None,
            acceptance=acceptance,
        )


def _reader(answers: AnswerStore) -> Reader:
    instance = Instance(load_settings())
    instance.credential.check()
    return instance.models.reader(ReaderMode.DECIDE, answers, _unheard)


def _unheard(line: str) -> None:
    del line


def show_verdicts(report: BuildReport, console: Console) -> None:
    """A line for each gate, and under what it refused all that it saw and how to fix it."""
    for verdict in report.verdicts:
        lines = verdict.saw.splitlines() or [""]
        word, style = ("passed", "green") if verdict.passed else ("refused", "red")
        console.print(
            f"{word:<8} {verdict.gate}, after {verdict.phase}: {lines[0]}",
            style=style,
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        if not verdict.passed:
            for line in [*lines[1:], f"Fix: {verdict.fix}"]:
                console.print(f"         {line}", markup=False, highlight=False, soft_wrap=True)
    for result in report.scenarios:
        for line in f"{result.number}. {result.fault or 'passed'}\n{result.happened}".splitlines():
            console.print(f"         {line}", markup=False, highlight=False, soft_wrap=True)


def as_json(report: BuildReport) -> str:
    """The verdicts, and what came of each scenario where there were any, as one JSON object."""
    said: dict[str, object] = {
        "passed": passes(report),
        "verdicts": [_fields(verdict) for verdict in report.verdicts],
    }
    if report.scenarios:
        said["scenarios"] = [result.model_dump(mode="json") for result in report.scenarios]
    return json.dumps(said, indent=2)


def passes(report: BuildReport) -> bool:
    """Whether every gate has passed it."""
    return report.commit is not None


def _fields(verdict: GateVerdict) -> dict[str, object]:
    rows = (gate for gate in gates_after(verdict.phase) if gate.name == verdict.gate)
    return {
        "gate": verdict.gate,
        "phase": verdict.phase,
        "passed": verdict.passed,
        "kind": " and ".join(dict.fromkeys(gate.needs for gate in rows)),
        "saw": verdict.saw,
        "fix": verdict.fix,
    }


def _object_in(file: Path, what: str) -> Mapping[str, object]:
    try:
        said = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(f"The {what} cannot be read: {error.strerror}.", where=str(file)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"The {what} is no JSON: {error}.", where=str(file)) from error
    if not isinstance(said, dict):
        raise InputError(f"The {what} is no JSON object.", where=str(file))
    return said


def _name_of(tree: Path) -> str:
    """A repo's name after the folder, which may be called anything."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in tree.name.lower())
    name = "-".join(words.split())
    usable = name[:1].isalpha() and 3 <= len(name) <= 50
    return name if usable else _ANY_NAME
