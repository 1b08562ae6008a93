"""Whether a scenario can count: checked by program before a build begins, so that no build fails for a bad question.

It has to be small, laid out below one folder, and to give the same answer everywhere and always.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath

from factory_assets.domain.acceptance import Contract, Expectation, Form, Scenario
from factory_assets.domain.specs import Language
from factory_assets.domain.text import strip_hidden
from factory_assets.gates.expectations import label_and_number, mismatch
from factory_assets.gates.hosts import hosts_named, is_nobodys
from factory_assets.gates.patterns import pattern_fault
from factory_assets.gates.scenario_folder import is_inside
from factory_assets.gates.scenario_snippets import snippet_fault, uncommented

MOST_FILES, MOST_EXPECTED, MOST_ARGUMENTS = 20, 20, 40
MOST_BYTES, LONGEST_ARGUMENT, LONGEST_SENTENCE = 20_000, 2_000, 600
# What a shell gives for a program that cannot be started or was killed: https://tldp.org/LDP/abs/html/exitcodes.html
_HIGHEST_CODE = 125
_SAME = "the same is asked by another scenario"
_OUTPUTS = frozenset({"stdout", "stderr"})


def check_scenario(
    scenario: Scenario,
    contract: Contract,
    language: Language,
    *,
    others: Sequence[Scenario] = (),
    today: date | None = None,
) -> str | None:
    """Why a scenario cannot count, or None. `others` are those that count already; `today` is the day in UTC."""
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: _size_faults(scenario),
        lambda: _text_faults(scenario),
        lambda: _path_faults(scenario),
        lambda: _call_faults(scenario, contract, language),
        lambda: (fault for one in scenario.expects for fault in _expectation_faults(one)),
        lambda: _network_faults(scenario, language),
        lambda: _date_faults(scenario, today or datetime.now(UTC).date()),
        lambda: (_SAME for other in others if _asked(other) == _asked(scenario)),
    )
    return next((fault for check in checks for fault in check()), None)


def solved_agrees(
    scenario: Scenario, exit_code: int, stdout: str, stderr: str | None, files: Mapping[str, str]
) -> bool:
    """Whether an answer that was worked out from the contract alone is what the scenario asks for.

    `stderr` is None where the answer says nothing of it.
    """
    said: dict[str, str | None] = {**files, "stdout": stdout, "stderr": stderr}
    for expectation in scenario.expects:
        got = said.get(expectation.of)
        if got is None and expectation.of == "stderr":
            continue
        if got is None or mismatch(expectation, got) is not None:
            return False
    return exit_code == scenario.exit_code


def _size_faults(scenario: Scenario) -> Iterator[str]:
    if len(scenario.files) > MOST_FILES:
        yield f"more than {MOST_FILES} files"
    if len(scenario.expects) > MOST_EXPECTED:
        yield f"more than {MOST_EXPECTED} expectations"
    if len(scenario.arguments) > MOST_ARGUMENTS:
        yield f"more than {MOST_ARGUMENTS} arguments"
    if any(len(one) > LONGEST_ARGUMENT for one in scenario.arguments):
        yield f"an argument of more than {LONGEST_ARGUMENT:,} characters"
    if any(not text.strip() or len(text) > LONGEST_SENTENCE for text in (scenario.title, scenario.behaviour)):
        yield f"the title and the behaviour need 1 to {LONGEST_SENTENCE} characters"
    texts = {
        "stdin": scenario.stdin,
        "the snippet": scenario.snippet,
        **{file.path: file.text for file in scenario.files},
        **{f"what {one.of} has to be": one.value for one in scenario.expects},
    }
    for what, text in texts.items():
        if len(text.encode("utf-8", "replace")) > MOST_BYTES:
            yield f"{what} has more than {MOST_BYTES:,} bytes"


def _text_faults(scenario: Scenario) -> Iterator[str]:
    texts = (
        *(scenario.title, scenario.behaviour, scenario.stdin, scenario.snippet, *scenario.arguments),
        *(text for file in scenario.files for text in (file.path, file.text)),
        *(text for one in scenario.expects for text in (one.of, one.value)),
    )
    if any(strip_hidden(text) != text for text in texts):
        yield "it holds control or hidden characters"
    if "\n" in scenario.behaviour.strip():
        yield "the behaviour is more than one line"


def _path_faults(scenario: Scenario) -> Iterator[str]:
    given = [file.path for file in scenario.files]
    written = [one.of for one in scenario.expects if one.of not in _OUTPUTS]
    for path in (*given, *written):
        if not is_inside(path) or len(path) > LONGEST_ARGUMENT:
            yield f"{path!r} is no path of a file below its folder, or a hidden one"
    if len(set(given)) < len(given):
        yield "two files have the same path"
    folders = {str(parent) for path in given for parent in PurePosixPath(path).parents}
    if folders.intersection(given):
        yield "a file has the path of a folder"


def _call_faults(scenario: Scenario, contract: Contract, language: Language) -> Iterator[str]:
    if not 0 <= scenario.exit_code <= _HIGHEST_CODE:
        yield f"the exit code is not one from 0 to {_HIGHEST_CODE}"
    if scenario.snippet and scenario.arguments:
        yield "it has arguments and a snippet"
    elif scenario.snippet and not contract.functions:
        yield "it has a snippet, and the contract names no function"
    elif not scenario.snippet and not contract.commands:
        yield "it calls a command, and the contract names no command"
    if scenario.exit_code == 0 and not any(one.value.strip() for one in scenario.expects):
        yield "it asks for nothing that a program that does nothing lacks"
    if scenario.snippet and (fault := snippet_fault(language, scenario.snippet)):
        yield fault


def _expectation_faults(one: Expectation) -> Iterator[str]:
    if not math.isfinite(one.tolerance) or one.tolerance < 0:
        yield "a tolerance is no number from 0 on"
    # That nothing is printed can be asked for by its exact text.
    if not one.value.strip() and (one.form is not Form.EXACT or one.of not in _OUTPUTS):
        yield f"what {one.of} has to be is empty"
    elif one.form is Form.REGEX and (fault := pattern_fault(one.value)):
        yield fault
    elif one.form is Form.NUMBER and label_and_number(one.value) is None:
        yield f"what {one.of} has to be ends with no number"
    elif one.form is Form.JSON:
        try:
            said = json.loads(one.value)
        except (ValueError, RecursionError) as error:
            yield f"what {one.of} has to be is no JSON: {error}"
        else:
            if said == {}:
                yield f"what {one.of} has to be holds no key"


def _network_faults(scenario: Scenario, language: Language) -> Iterator[str]:
    """A published scenario runs where there is a network; a file that holds an address is no call of it."""
    texts = [*scenario.arguments, scenario.stdin, uncommented(language, scenario.snippet)]
    for host in (host for text in texts for host in hosts_named(text)):
        if not is_nobodys(host):
            yield f"it names the host {host}, which may be somebody's; take example.com"


def _date_faults(scenario: Scenario, today: date) -> Iterator[str]:
    days = [today + timedelta(days=days) for days in (-1, 0, 1)]
    forms = {day.strftime(form) for day in days for form in ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d")}
    if any(form in one.value for one in scenario.expects for form in forms):
        yield "it asks for the date of today"


def _asked(scenario: Scenario) -> Scenario:
    return scenario.model_copy(update={"title": "", "behaviour": ""})
