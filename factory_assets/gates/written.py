"""Which tests stand in a tree, by the names that the language's runner reports them by."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import SYMLINK, Tree
from factory_assets.gates.lexer import lex
from factory_assets.languages import LANGUAGES
from factory_assets.languages.sources import is_source
from factory_assets.languages.test_runs import TestReport

_GO_TEST = re.compile(r"^func ((?:Test|Fuzz)(?:[^a-z\W]\w*)?)\(", re.MULTILINE)
_GO_CONSTRAINT = re.compile(r"^//go:build ", re.MULTILINE)
_GO_SUFFIX = re.compile(r"_(?:windows|darwin|freebsd|js|wasm|arm64|arm|386)(?:_\w+)?_test\.go$")
_TS_NAME = re.compile(r"\s*(?:\"([^\"\\\n]+)\"|'([^'\\\n]+)')\s*,")
_RUST_TEST = re.compile(r"#\[(?:\w+::)?test\]\s*(?:#\[[^\]]*\]\s*)*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)")
_BATS_TEST = re.compile(r"^[ \t]*@test[ \t]+(?:\"([^\"\n]+)\"|'([^'\n]+)')", re.MULTILINE)
_SHARE_MISSING = {Language.PYTHON: 0.0, Language.GO: 0.0}
_USUAL_SHARE = 0.34


@dataclass(frozen=True)
class WrittenTest:
    """A test in the source: its file, and its name as far as a report tells it."""

    path: str
    name: str


def test_files(language: Language, tree: Tree) -> tuple[str, ...]:
    """The paths of the test files, sorted; in Rust those of sources with tests in them, too."""
    known = LANGUAGES[language]
    return tuple(
        sorted(
            path
            for path, file in tree.items()
            if file.mode != SYMLINK
            and (
                known.test_path.search(path)
                or (
                    known.inline_tests
                    and is_source(language, path, file)
                    and known.test_case.search(file.text)
                )
            )
        )
    )


def takes_tests(language: Language, path: str, text: str) -> bool:
    """Whether a test put into this file is one that the runner finds on this machine."""
    if language is Language.GO:
        return not _GO_CONSTRAINT.search(text) and not _GO_SUFFIX.search(path)
    if language is Language.RUST:
        return LANGUAGES[language].test_case.search(text) is not None
    return True


def named_tests(language: Language, tree: Tree) -> tuple[WrittenTest, ...]:
    """The tests whose names can be told from the source. TAP scripts have none."""
    return tuple(
        WrittenTest(path, name)
        for path in test_files(language, tree)
        for name in dict.fromkeys(_names(language, path, tree[path].text))
    )


def unreported(language: Language, tree: Tree, report: TestReport) -> tuple[WrittenTest, ...]:
    """Written tests that a report does not know, neither as run nor as skipped.

    Where names can only be guessed from the source (TypeScript, Rust, bats), a third of them may be missing;
    then nothing is returned.
    """
    written = named_tests(language, tree)
    known = {_reported(language, name) for name in report.names}
    missing = tuple(
        test
        for test in written
        if _key(language, test) not in known and not (language is Language.PYTHON and test.path in known)
    )
    if len(missing) <= _SHARE_MISSING.get(language, _USUAL_SHARE) * len(written):
        return ()
    return missing


def runs_nothing(tree: Tree) -> tuple[str, ...]:
    """Shell tests that name no source of the repo, neither by file nor by folder: they test nothing of it."""
    sources = [path for path, file in tree.items() if is_source(Language.BASH, path, file)]
    words = {part for path in sources for part in (path.rsplit("/", 1)[-1], path.split("/")[0])}
    return tuple(
        path
        for path in test_files(Language.BASH, tree)
        if LANGUAGES[Language.BASH].test_case.search(tree[path].text)
        and not any(word in tree[path].text for word in words)
        and not _sources_a_helper(tree[path].text)
    )


def _sources_a_helper(text: str) -> bool:
    return re.search(r"^\s*(?:source|\.|load)\s+\S", text, re.MULTILINE) is not None


def _names(language: Language, path: str, text: str) -> Iterator[str]:
    match language:
        case Language.PYTHON:
            yield from _python_names(text)
        case Language.GO:
            code = lex(language, text).code
            if takes_tests(language, path, text):
                yield from (name for name in _GO_TEST.findall(code) if name != "TestMain")
        case Language.TYPESCRIPT:
            code = lex(language, text).code
            for call in re.finditer(r"(?<![\w.$])(?:test|it)\(", code):
                name = _TS_NAME.match(text, call.end())
                if name:
                    yield name[1] or name[2]
        case Language.RUST:
            yield from _RUST_TEST.findall(lex(language, text).code)
        case Language.BASH:
            if path.endswith(".bats"):
                yield from (double or single for double, single in _BATS_TEST.findall(text))


def _python_names(text: str) -> Iterator[str]:
    try:
        body: Sequence[ast.stmt] = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_test(node):
            yield node.name
        elif isinstance(node, ast.ClassDef) and _is_test_class(node):
            yield from (
                f"{node.name}::{part.name}"
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and _is_test(part)
            )


def _is_test(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    fixture = any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
    return node.name.startswith("test") and not fixture


def _is_test_class(node: ast.ClassDef) -> bool:
    if any("TestCase" in ast.unparse(base) for base in node.bases):
        return True
    has_constructor = any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in node.body)
    return node.name.startswith("Test") and not has_constructor


def _key(language: Language, test: WrittenTest) -> str:
    if language is Language.PYTHON:
        return f"{test.path}::{test.name}"
    return f"{test.path} {test.name}" if language is Language.BASH else test.name


def _reported(language: Language, name: str) -> str:
    match language:
        case Language.PYTHON:
            return name.split("[", 1)[0]
        case Language.GO:
            return name.rsplit(" ", 1)[-1].split("/", 1)[0]
        case Language.RUST:
            return name.rsplit("::", 1)[-1]
        case _:
            return name
