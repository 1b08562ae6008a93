"""A failing test, put into a test file on purpose: a run that does not notice it does not run the tests."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.written import takes_tests, test_files

# TestMain is no test: it is called with another type.
_GO_SIGNATURE = re.compile(r"^func Test(?!Main\()\w*\((\w+) (\*[\w.]+)\)", re.MULTILINE)
_SHEBANG = re.compile(r"\A#![^\n]*\n")


@dataclass(frozen=True)
class Probe:
    """A test file with a failing test in it.

    `name` is the end of that test's name in a report; `mark` is part of the name, and stands nowhere else.
    """

    path: str
    text: str
    name: str
    mark: str


def probes(language: Language, tree: Tree, *, seed: str) -> tuple[Probe, ...]:
    """One for each test file that can take one. The names look like any other and cannot be told beforehand."""
    found = (
        _probe(language, path, tree[path].text, hashlib.sha256(f"{seed}\n{path}".encode()).hexdigest()[:8])
        for path in test_files(language, tree)
        if takes_tests(language, path, tree[path].text)
    )
    return tuple(probe for probe in found if probe)


def _probe(language: Language, path: str, text: str, mark: str) -> Probe | None:
    word = f"case_{mark}"
    whole = text if text.endswith("\n") else f"{text}\n"
    match language:
        case Language.PYTHON:
            name = f"test_{word}"
            test = f"\n\ndef {name}():\n    assert [] == [0]\n"
            # Where unittest runs the tests, it finds nothing but its own classes.
            owner = f"Test{word.title().replace('_', '')}"
            case = (
                f"\n\nimport unittest as {word}\n\n\nclass {owner}({word}.TestCase):\n"
                f"    def {name}(self):\n        self.fail()\n"
            )
            return Probe(path, f"{whole}{test}{case if 'unittest' in text else ''}", f"{path}::{name}", mark)
        case Language.GO:
            return _go(path, whole, f"Test{word.capitalize()}", mark)
        case Language.TYPESCRIPT:
            more = (
                f'import {{ test as {word} }} from "node:test";\n'
                f'{word}("{word}", () => {{ throw new Error("0"); }});\n'
            )
            return Probe(path, f"{whole}{more}", word, mark)
        case Language.RUST:
            module = f"\n#[cfg(test)]\nmod {word} {{\n    #[test]\n    fn {word}() {{ panic!() }}\n}}\n"
            return Probe(path, f"{whole}{module}", f"{word}::{word}", mark)
        case Language.BASH:
            return _bash(path, whole, word, mark)


def _go(path: str, text: str, name: str, mark: str) -> Probe | None:
    """Named and called as the file's own tests are; None where it has no test to learn that from."""
    found = _GO_SIGNATURE.search(text)
    if found is None:
        return None
    return Probe(path, f"{text}\nfunc {name}({found[1]} {found[2]}) {{ {found[1]}.Fatal() }}\n", name, mark)


def _bash(path: str, text: str, word: str, mark: str) -> Probe:
    """At the end of a bats file; at the beginning of a script, which may exit before its end."""
    if path.endswith(".bats"):
        return Probe(path, f'{text}\n@test "{word}" {{\n  false\n}}\n', word, mark)
    shebang = _SHEBANG.match(text)
    at = shebang.end() if shebang else 0
    return Probe(path, f'{text[:at]}echo "not ok 1 - {word}"; exit 1\n{text[at:]}', word, mark)
