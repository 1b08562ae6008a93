"""POSIX shell, as a sixth language: its tests are functions `check_…` in files tests/*.check."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial

from factory_assets.dependencies.packages import NO_PACKAGES
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import MAKE, Naming, Stubs, Tests
from factory_assets.languages.bash import RECORD as BASH
from factory_assets.languages.entry_points import Words
from factory_assets.languages.parts import Facts, Test
from factory_assets.languages.test_runs import OwnTests, RunOutcome, TestCase, TestPlan, TestReport, TestStep

# Runs each function that is called like a check in a shell of its own.
_DRIVER = """
for name in $(sed -n 's/^\\(check_[a-z0-9_]*\\)().*/\\1/p' "$1"); do
  if (. "./$1" && "$name"); then echo "passed $name"; else echo "failed $name"; failed=1; fi
done
exit "${failed:-0}"
"""


def _tests(facts: Facts, helpers: Collection[str]) -> Iterator[Test]:
    for function in facts.functions:
        if function.name.startswith("check_"):
            yield Test(function, function.name)


def _read(output: str, *, path: str) -> TestReport:
    words = (
        line.split() for line in output.splitlines() if line.startswith(("passed check_", "failed check_"))
    )
    return TestReport(tuple(TestCase(f"{path} {name}", RunOutcome(outcome)) for outcome, name in words))


def _steps(plan: TestPlan) -> tuple[TestStep, ...]:
    return tuple(
        TestStep(argv=("sh", "-c", _DRIVER, "sh", path), read=partial(_read, path=path))
        for path in plan.files
    )


def _commands(tree: Tree) -> Iterator[tuple[str, Words]]:
    for path in tree:
        if path.startswith("bin/"):
            yield path.removeprefix("bin/"), ("sh", path)


RECORD = replace(
    BASH,
    naming=Naming(spellings=frozenset({"dash"})),
    tests=Tests(
        path=re.compile(r"^tests/[^/]+\.check$"),
        live_in="tests/*.check files with functions check_…",
        read=_tests,
        names_are_certain=True,
        failing=frozenset({"test"}),
        alive=BASH.tests.alive,
    ),
    own_tests=OwnTests(
        name="sh tests/*.check",
        steps=_steps,
        probe=lambda path, text, word: (f"{text}\ncheck_{word}() {{\n  false\n}}\n", f"check_{word}"),
    ),
    needs=(MAKE,),
    check_syntax=("sh", "-n"),
    entry_points=replace(BASH.entry_points, declared=_commands),
    scaffold={"lib/hello.sh": "hello.sh.j2"},
    stubs=Stubs(statements=frozenset({":"}), scaffold="lib/hello.sh"),
    packages=NO_PACKAGES,
)
