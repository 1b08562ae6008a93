"""What the factory knows about each language: which files are sources and tests, and what a build needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import SYMLINK, Tree, TreeFile

_VENDORED = frozenset({"vendor", "third_party"})
_NEVER_SOURCES = frozenset({"tests", "dist", "build", "target"})


@dataclass(frozen=True)
class Conventions:
    """The conventions that scaffold, prompts and gates of one language share.

    `test_path` matches a test file's path and `test_case` one test in it. `inline_tests` is where tests begin
    in a source file. `needs` are shell tests by the name of the tool that they look for.
    """

    source_suffixes: tuple[str, ...]
    test_path: re.Pattern[str]
    test_case: re.Pattern[str]
    tests_live_in: str
    needs: tuple[tuple[str, str], ...]
    inline_tests: re.Pattern[str] | None = None
    source_folders: tuple[str, ...] = ()


_MAKE = ("make", "command -v make")
_HAS_PYTEST = (
    """python3 -c 'import sys; from importlib.util import find_spec; sys.exit(not find_spec("pytest"))'"""
)

CONVENTIONS: dict[Language, Conventions] = {
    Language.GO: Conventions(
        source_suffixes=(".go",),
        test_path=re.compile(r"_test\.go$"),
        test_case=re.compile(r"^func (?:Test|Fuzz|Example)\w*\(", re.MULTILINE),
        tests_live_in="*_test.go files with func TestXxx(t *testing.T)",
        needs=(_MAKE, ("go", "command -v go")),
    ),
    Language.PYTHON: Conventions(
        source_suffixes=(".py",),
        test_path=re.compile(r"^tests/(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py$"),
        test_case=re.compile(r"^\s*(?:async )?def test\w*\(", re.MULTILINE),
        tests_live_in="tests/test_*.py files with test functions",
        needs=(_MAKE, ("python3", "command -v python3"), ("pytest", _HAS_PYTEST)),
    ),
    Language.TYPESCRIPT: Conventions(
        source_suffixes=(".ts", ".mts", ".cts", ".tsx"),
        test_path=re.compile(r"^tests/.*\.test\.ts$"),
        test_case=re.compile(r"^\s*(?:await )?(?:t\.)?(?:test|it)(?:\.\w+)?\(", re.MULTILINE),
        tests_live_in="tests/*.test.ts files that use node:test",
        needs=(_MAKE, ("node", "command -v node"), ("npm", "command -v npm")),
    ),
    Language.BASH: Conventions(
        source_suffixes=(".sh", ".bash"),
        test_path=re.compile(r"^tests/(?:test_[^/]*\.sh|[^/]+\.bats)$"),
        test_case=re.compile(r"\bok\b|^[ \t]*@test\b", re.MULTILINE),
        tests_live_in="tests/test_*.sh scripts that print TAP, or tests/*.bats",
        needs=(_MAKE, ("bash", "command -v bash")),
        source_folders=("bin",),
    ),
    Language.RUST: Conventions(
        source_suffixes=(".rs",),
        test_path=re.compile(r"^tests/.*\.rs$"),
        test_case=re.compile(r"^\s*#\[(?:\w+::)?test\]", re.MULTILINE),
        tests_live_in="#[test] functions in src/ or tests/",
        needs=(_MAKE, ("cargo", "command -v cargo")),
        inline_tests=re.compile(r"^\s*#\[cfg\(test\)\]", re.MULTILINE),
    ),
}


def is_source(language: Language, path: str, file: TreeFile) -> bool:
    """Whether this is source code of the language and neither a test, nor vendored, nor generated."""
    known = CONVENTIONS[language]
    parts = PurePosixPath(path).parts
    if file.mode == SYMLINK or _VENDORED.intersection(parts[:-1]) or parts[0] in _NEVER_SOURCES:
        return False
    if known.test_path.search(path):
        return False
    return path.endswith(known.source_suffixes) or parts[0] in known.source_folders


def source_lines(language: Language, file: TreeFile) -> int:
    """Non-blank lines of a source file, without the tests that some languages keep in it."""
    inline = CONVENTIONS[language].inline_tests
    text = inline.split(file.text, maxsplit=1)[0] if inline else file.text
    return sum(1 for line in text.splitlines() if line.strip())


def lines_of_code(language: Language, tree: Tree) -> int:
    """Non-blank source lines of a repo, tests left out."""
    return sum(source_lines(language, file) for path, file in tree.items() if is_source(language, path, file))


def written_tests(language: Language, tree: Tree) -> dict[str, int]:
    """How many tests each file holds, by path; files without one are left out."""
    known = CONVENTIONS[language]
    counts = {
        path: len(known.test_case.findall(file.text))
        for path, file in tree.items()
        if known.test_path.search(path) or (known.inline_tests and is_source(language, path, file))
    }
    return {path: count for path, count in counts.items() if count}
