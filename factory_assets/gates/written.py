"""The tests that stand in a tree: by the names that the runner reports, what each asserts, and which are off.

One inventory for all gates. What a test looks like in a language its record says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import SYMLINK, Tree
from factory_assets.languages import LANGUAGES
from factory_assets.languages.base import Tests
from factory_assets.languages.facts import Facts, Function, read_facts
from factory_assets.languages.parts import Test, inside
from factory_assets.languages.sources import is_source, is_test_code
from factory_assets.languages.test_runs import TestReport

_USUAL_SHARE = 0.34


@dataclass(frozen=True)
class WrittenTest:
    """One test, or one helper of tests, in its file.

    `is_told` is true where a report has to know its name. `body` is its text with single spaces, to know it again
    under another name.
    """

    path: str
    name: str
    asserts: int
    skipped: bool
    body: str
    is_helper: bool
    is_told: bool


def written_tests(language: Language, tree: Tree) -> tuple[WrittenTest, ...]:
    """Every test and every helper in test code, in the order of the files."""
    facts = dict(_test_code(language, tree))
    helpers = frozenset(function.name for one in facts.values() for function in one.functions)
    known = LANGUAGES[language].tests
    return tuple(
        WrittenTest(
            path=path,
            name=test.name,
            asserts=test.proofs + len(inside(one.asserts, test.part)),
            skipped=_is_off(known, one, test),
            body=" ".join((test.part.body if isinstance(test.part, Function) else test.part.text).split()),
            is_helper=test.is_helper,
            is_told=test.is_told and not test.is_helper,
        )
        for path, one in facts.items()
        for test in _tests_of(known, one, helpers, inline=not is_test_code(language, path))
    )


def _test_code(language: Language, tree: Tree) -> Iterator[tuple[str, Facts]]:
    known = LANGUAGES[language]
    for path, file in sorted(tree.items()):
        is_code = known.tests.path.search(path) or path.endswith(known.source_suffixes)
        inline = known.tests.inline and is_source(language, path, file)
        if file.mode != SYMLINK and is_code and (inline or is_test_code(language, path)):
            yield path, read_facts(language, file.text)


def _tests_of(known: Tests, facts: Facts, helpers: frozenset[str], *, inline: bool) -> Iterator[Test]:
    """The file's tests, and of the functions beside them each as a helper; in a source only within its tests."""
    seen = set()
    for test in known.read(facts, helpers):
        seen.add(test.part.start)
        yield test
    for function in facts.functions:
        if function.start not in seen and not function.is_nested and (function.is_test_code or not inline):
            yield Test(function, function.name, is_helper=True)


def _is_off(known: Tests, facts: Facts, test: Test) -> bool:
    """Whether a test is marked so, or ends before its last statement, whatever the conditions are."""
    if test.is_off or test.is_helper:
        return test.is_off
    if not isinstance(test.part, Function):
        return bool(inside(facts.skips, test.part))
    marks = (*test.part.marks, *(test.part.owner.marks if test.part.owner else ()))
    return any(_called(text) in known.skips for text in (*marks, *test.part.statements)) or any(
        _called(text) == "return" for text in test.part.statements[:-1]
    )


def _called(text: str) -> str:
    """The last name of what a mark or a statement calls."""
    words = text.lstrip("@#![ ").replace("(", " ").replace("=", " ").split()
    return words[0].rstrip("];").replace("::", ".").rpartition(".")[2] if words else ""


def test_files(language: Language, tree: Tree) -> tuple[str, ...]:
    """The paths of the test files that run by default, sorted; in Rust those of sources with tests in them, too."""
    return tuple(sorted(_test_files(language, tree)))


def _test_files(language: Language, tree: Tree) -> Iterator[str]:
    known = LANGUAGES[language].tests
    asked_for = set(known.asked_for(tree))
    for path, file in tree.items():
        if file.mode != SYMLINK and path not in asked_for:
            inline = known.inline and is_source(language, path, file)
            if known.path.search(path) or (inline and any(known.read(read_facts(language, file.text), ()))):
                yield path


def takes_tests(language: Language, path: str, text: str) -> bool:
    """Whether a test put into this file is one that the runner finds on this machine."""
    return LANGUAGES[language].tests.takes(path, read_facts(language, text))


def named_tests(language: Language, tree: Tree) -> tuple[WrittenTest, ...]:
    """The tests whose names can be told from the source and that run by default. TAP scripts have none."""
    files = {path for path in test_files(language, tree) if takes_tests(language, path, tree[path].text)}
    told = {
        (test.path, test.name): test
        for test in written_tests(language, tree)
        if test.is_told and test.path in files
    }
    return tuple(told.values())


def inverted_tests(language: Language, tree: Tree) -> frozenset[str]:
    """The names of tests that pass when an assertion of their own fails: nearly any value makes them pass."""
    read = LANGUAGES[language].tests.read
    return frozenset(
        test.name for _, facts in _test_code(language, tree) for test in read(facts, ()) if test.is_inverted
    )


def test_counts(language: Language, tree: Tree) -> Mapping[str, int]:
    """How many tests each test file holds, by path; files without one are left out."""
    counts: dict[str, int] = {}
    for test in written_tests(language, tree):
        if not test.is_helper and (
            LANGUAGES[language].tests.path.search(test.path) or LANGUAGES[language].tests.inline
        ):
            counts[test.path] = counts.get(test.path, 0) + 1
    return counts


def unreported(language: Language, tree: Tree, report: TestReport) -> tuple[WrittenTest, ...]:
    """Written tests that a report does not know, neither as run nor as skipped.

    Where names can only be guessed from the source (TypeScript, Rust, bats), a third of them may be missing;
    then nothing is returned.
    """
    known = LANGUAGES[language].tests
    written = named_tests(language, tree)
    told = {known.key(name) for name in report.names}
    missing = tuple(
        test
        for test in written
        if not told.intersection({test.name, f"{test.path}::{test.name}", test.path})
        and f"{test.path} {test.name}" not in told
    )
    share = 0.0 if known.names_are_certain else _USUAL_SHARE
    return missing if len(missing) > share * len(written) else ()


def runs_nothing(language: Language, tree: Tree) -> tuple[str, ...]:
    """Where nothing is imported, tests that name no source of the repo, neither by file nor by folder."""
    known = LANGUAGES[language].tests
    if not known.loaders:
        return ()
    sources = [path for path, file in tree.items() if is_source(language, path, file)]
    words = {part for path in sources for part in (path.rsplit("/", 1)[-1], path.split("/")[0])}
    counts = test_counts(language, tree)
    return tuple(
        path
        for path in test_files(language, tree)
        if path in counts
        and not any(word in tree[path].text for word in words)
        and not any(call.callee in known.loaders for call in read_facts(language, tree[path].text).calls)
    )
