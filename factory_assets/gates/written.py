"""Which tests stand in a tree, by the names that the language's runner reports them by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import SYMLINK, Tree
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import read_facts
from factory_assets.languages.sources import is_source
from factory_assets.languages.test_runs import TestReport

_USUAL_SHARE = 0.34


@dataclass(frozen=True)
class WrittenTest:
    """A test in the source: its file, and its name as far as a report tells it."""

    path: str
    name: str


def test_files(language: Language, tree: Tree) -> tuple[str, ...]:
    """The paths of the test files that run by default, sorted; in Rust those of sources with tests in them, too."""
    return tuple(sorted(_test_files(language, tree)))


def _test_files(language: Language, tree: Tree) -> Iterator[str]:
    known = LANGUAGES[language]
    asked_for = set(known.tests_asked_for(tree))
    for path, file in tree.items():
        if file.mode != SYMLINK and path not in asked_for:
            inline = known.inline_tests and is_source(language, path, file)
            if known.test_path.search(path) or (inline and known.test_case.search(file.text)):
                yield path


def takes_tests(language: Language, path: str, text: str) -> bool:
    """Whether a test put into this file is one that the runner finds on this machine."""
    return LANGUAGES[language].takes_tests(path, read_facts(language, text))


def named_tests(language: Language, tree: Tree) -> tuple[WrittenTest, ...]:
    """The tests whose names can be told from the source and that run by default. TAP scripts have none."""
    known = LANGUAGES[language]
    return tuple(
        WrittenTest(path, name)
        for path in test_files(language, tree)
        if takes_tests(language, path, tree[path].text)
        for name in dict.fromkeys(known.read_tests(read_facts(language, tree[path].text)))
    )


def unreported(language: Language, tree: Tree, report: TestReport) -> tuple[WrittenTest, ...]:
    """Written tests that a report does not know, neither as run nor as skipped.

    Where names can only be guessed from the source (TypeScript, Rust, bats), a third of them may be missing;
    then nothing is returned.
    """
    known = LANGUAGES[language]
    written = named_tests(language, tree)
    told = {known.test_key(name) for name in report.names}
    missing = tuple(
        test
        for test in written
        if not told.intersection({test.name, f"{test.path}::{test.name}", test.path})
        and f"{test.path} {test.name}" not in told
    )
    share = 0.0 if known.names_are_certain else _USUAL_SHARE
    return missing if len(missing) > share * len(written) else ()


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
    return any(call.callee in {"source", ".", "load"} for call in read_facts(Language.BASH, text).calls)
