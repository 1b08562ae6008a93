"""Which files of a tree are sources and tests of a language."""

from __future__ import annotations

from pathlib import PurePosixPath

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import SYMLINK, Tree, TreeFile
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import read_facts

_VENDORED = frozenset({"vendor", "third_party", "testdata", "fixtures"})
_NEVER_SOURCES = frozenset({"tests", "dist", "build", "target"})


def is_source(language: Language, path: str, file: TreeFile) -> bool:
    """Whether this is source code of the language and neither a test or its data, nor vendored, nor generated."""
    known = LANGUAGES[language]
    parts = PurePosixPath(path).parts
    if file.mode == SYMLINK or _VENDORED.intersection(parts[:-1]) or parts[0] in _NEVER_SOURCES:
        return False
    if known.tests.path.search(path):
        return False
    return path.endswith(known.source_suffixes) or parts[0] in known.source_folders


def is_test_code(language: Language, path: str) -> bool:
    """Whether a file belongs to the tests: a test file, or anything that lies beside them."""
    known = LANGUAGES[language].tests
    return bool(
        known.path.search(path) or path.startswith("tests/") or path.rpartition("/")[2] in known.steering
    )


def source_lines(language: Language, file: TreeFile) -> int:
    """Non-blank lines of a source file, without the tests that some languages keep in it."""
    return sum(1 for line in source_text(language, file).splitlines() if line.strip())


def source_text(language: Language, file: TreeFile) -> str:
    """A source file with the tests blanked that some languages keep in it."""
    facts = read_facts(language, file.text)
    return facts.blanked(facts.tests)


def lines_of_code(language: Language, tree: Tree) -> int:
    """Non-blank source lines of a repo, tests left out."""
    return sum(source_lines(language, file) for path, file in tree.items() if is_source(language, path, file))
