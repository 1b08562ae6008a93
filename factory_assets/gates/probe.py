"""A failing test, put into a test file on purpose: a run that does not notice it does not run the tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.written import takes_tests, test_files
from factory_assets.languages import LANGUAGES


@dataclass(frozen=True)
class Probe:
    """A test file with a failing test in it.

    `name` is the end of that test's name in a report; `mark` is part of the name, and stands nowhere else.
    """

    path: str
    text: str
    name: str
    mark: str


def probes(language: Language, tree: Tree, *, seed: str) -> Iterator[Probe]:
    """One for each test file that can take one. The names look like any other and cannot be told beforehand."""
    for path in test_files(language, tree):
        text = tree[path].text
        if takes_tests(language, path, text):
            mark = hashlib.sha256(f"{seed}\n{path}".encode()).hexdigest()[:8]
            whole = text if text.endswith("\n") else f"{text}\n"
            probe = LANGUAGES[language].own_tests.probe(path, whole, f"case_{mark}")
            if probe is not None:
                yield Probe(path, *probe, mark)
