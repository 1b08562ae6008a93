#!/usr/bin/env python3
"""Try this repository in the scenarios that were decided before it was built.

    python3 tests/acceptance/run.py            all of them
    python3 tests/acceptance/run.py 3 7        the third and the seventh

Each scenario of scenarios.json calls the command, or is a snippet of code that calls the library, in a temporary folder
that holds nothing but the scenario's own files; the exit code and the outputs that it names are compared. How the
command and a snippet are compiled and started is data there as well, so that this program is the same for every
language. While a snippet is tried, its code lies in the repository, and what was compiled for it is removed again. It
needs Python 3.8 or newer and what `make build` needs.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 30
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def main(numbers: set[int]) -> int:
    """Run them, print a line for each, and tell by the exit code whether one has failed."""
    told = json.loads((HERE / "scenarios.json").read_text(encoding="utf-8"))
    env = {**os.environ, **{name: placed(text) for name, text in told["env"].items()}}
    failed = 0
    command: list[str] | None = None
    with contextlib.ExitStack() as until_the_end:
        for number, scenario in enumerate(told["scenarios"], start=1):
            if numbers and number not in numbers:
                continue
            if scenario["snippet"]:
                fault = try_snippet(told["snippet"], scenario, env)
            else:
                if command is None:
                    command = until_the_end.enter_context(compiled(told["command"], env))
                fault = try_it(command, scenario, env)
            print(f"{number:3} {scenario['title']}: {fault or 'passed'}", flush=True)
            failed += bool(fault)
    return 1 if failed else 0


def placed(text: str) -> str:
    """A word of a command, with the top of this clone in it."""
    return text.replace("{root}", str(ROOT))


@contextlib.contextmanager
def taken_back(path: pathlib.Path) -> Iterator[None]:
    """Leave no file where none was, nor the folders that were made for it."""
    if path.exists():
        yield
        return
    folders = [folder for folder in path.parents if not folder.exists()]
    try:
        yield
    finally:
        for remove in (path.unlink, *(folder.rmdir for folder in folders)):
            with contextlib.suppress(OSError):
                remove()


@contextlib.contextmanager
def compiled(start: dict[str, Any], env: dict[str, str]) -> Iterator[list[str]]:
    """What starts a program, for as long as it is there; nothing where it does not compile."""
    argv = [placed(word) for word in start["argv"]]
    if not start["build"]:
        yield argv
        return
    made = pathlib.Path(placed(start["made"]))
    with taken_back(made):
        made.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            made.unlink()
        with contextlib.suppress(FileNotFoundError):
            subprocess.run([placed(word) for word in start["build"]], cwd=ROOT, env=env, check=False)
        # What is made in spite of complaints can be started.
        yield argv if made.is_file() else []


def try_snippet(snippet: dict[str, Any], scenario: dict[str, Any], env: dict[str, str]) -> str:
    """The same of code that calls the library: it lies in the repository for as long as it takes."""
    path = ROOT / snippet["path"]
    if path.exists():
        return f"{snippet['path']} is where the snippet has to lie; move it away"
    with taken_back(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(scenario["snippet"].encode())
        with compiled(snippet["start"], env) as argv:
            return try_it(argv, scenario, env, linked=snippet["linked"])


def try_it(
    argv: list[str], scenario: dict[str, Any], env: dict[str, str], *, linked: Sequence[str] = ()
) -> str:
    """Why it fails; nothing where it does not. Folders of the repository are linked in where it needs them."""
    if not argv:
        return "it does not compile"
    with tempfile.TemporaryDirectory() as folder:
        for file in scenario["files"]:
            path = pathlib.Path(folder, file["path"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file["text"].encode())
        for name in linked:
            with contextlib.suppress(FileExistsError):
                pathlib.Path(folder, name).symlink_to(ROOT / name)
        try:
            done = subprocess.run(
                [*argv, *scenario["arguments"]],
                cwd=folder,
                env=env,
                input=scenario["stdin"].encode(),
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError:
            return f"{argv[0]} is not installed"
        except subprocess.TimeoutExpired:
            return f"it did not end in {SECONDS} seconds"
        if done.returncode != scenario["exit_code"]:
            return f"exit code {done.returncode}, not {scenario['exit_code']}"
        outputs = {"stdout": done.stdout, "stderr": done.stderr}
        for expected in scenario["expects"]:
            path = pathlib.Path(folder, expected["of"])
            data = outputs.get(expected["of"], path.read_bytes() if path.is_file() else b"")
            if not agrees(expected, data.decode("utf-8", "replace")):
                return f"{expected['of']} is not as asked for ({expected['form']}): {expected['value']!r}"
    return ""


def agrees(expected: dict[str, Any], text: str) -> bool:
    """Whether an output is what a scenario asks for."""
    value: str = expected["value"]
    form: str = expected["form"]
    if form == "exact":
        return text.rstrip() == value.rstrip()
    if form == "contains":
        return value.strip("\n") in text
    if form == "regex":
        return re.search(value, text, re.MULTILINE | re.ASCII) is not None
    if form == "number":
        return number_after(value, text, expected["tolerance"])
    try:
        return holds(json.loads(value), json.loads(text), expected["tolerance"])
    except ValueError:
        return False


def number_after(value: str, text: str, tolerance: float) -> bool:
    """Whether the number at the end of the value comes first after the words before it."""
    last = list(NUMBER.finditer(value))[-1]
    label = " ".join(value[: last.start()].split()).casefold().rstrip(" :=|")
    folded = " ".join(text.split()).casefold()
    at = folded.find(label)
    while at >= 0:
        found = NUMBER.search(folded, at + len(label))
        if found and near(float(last[0]), float(found[0]), tolerance):
            return True
        at = folded.find(label, at + 1) if label else -1
    return False


def holds(wanted: Any, got: Any, tolerance: float) -> bool:
    """Whether JSON holds what is wanted; it may have more keys."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(
            key in got and holds(value, got[key], tolerance) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(got, list)
            and len(wanted) == len(got)
            and all(holds(one, other, tolerance) for one, other in zip(wanted, got))
        )
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        return type(wanted) is type(got) and wanted == got
    return isinstance(got, (int, float)) and not isinstance(got, bool) and near(wanted, got, tolerance)


def near(wanted: float, got: float, tolerance: float) -> bool:
    """Whether two numbers are the same."""
    return math.isclose(wanted, got, rel_tol=1e-9, abs_tol=tolerance)


if __name__ == "__main__":
    sys.exit(main({int(word) for word in sys.argv[1:]}))
