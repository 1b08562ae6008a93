"""What a record of a language holds. Everything that differs between languages stands in such a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tree_sitter import Language as Grammar

from factory_assets.dependencies.packages import NO_PACKAGES, Packages
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree
from factory_assets.languages.clocks import Clock, library_clock
from factory_assets.languages.faults import Faults

if TYPE_CHECKING:
    from factory_assets.languages.parsing import Source
    from factory_assets.languages.parts import Facts
from factory_assets.languages.entry_points import EntryPoints
from factory_assets.languages.test_runs import OwnTests

MAKE = ("make", "command -v make")
OPTION = "an option"
"""The signature of an option of the command line, whose name is `option --name`."""


def nothing(tree: Tree) -> Iterator[str]:
    """For a language in which no tree has such a thing."""
    del tree
    return iter(())


def no_imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    """What a language imports that has no imports."""
    del tree, sources
    return iter(())


def takes_any(path: str, facts: Facts) -> bool:
    """What a test file takes where every file is read."""
    del path, facts
    return True


def whole_name(name: str) -> str:
    """A reported test's name where it is the written one."""
    return name


def no_faults(text: str) -> Iterator[tuple[int, str]]:
    """What the parser of a language says that is not at hand."""
    del text
    return iter(())


@dataclass(frozen=True, kw_only=True)
class Naming:
    """What people call a language, and what it makes of a repo's name.

    `spellings` are other names of the language, in small letters. A name that is one of `taken` or ends in a word of
    `taken_endings` is no name of a package, and one of `impossible` none of a repo, each for a reason. `joint` joins
    the words of a name in code, and `by_module` is set where the code's folder has the name in that form.
    """

    spellings: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    taken_endings: frozenset[str] = frozenset()
    impossible: Mapping[str, str] = field(default_factory=dict)
    joint: str = "-"
    by_module: bool = False


@dataclass(frozen=True, kw_only=True)
class LanguageRecord:
    """One language: its files, its grammar, and what a build of it needs.

    `test_path` matches a test file's path and `test_case` one test in it. `inline_tests` is where tests begin
    in a source file. `needs` are shell tests by the name of the tool that they look for. `own_tests` is how the factory
    runs its tests. `scaffold` are the templates of the files that a repo starts
    from, by path, beside those of every language. `replaces_tools` are names of
    files and folders that take the place of what the tools of the language run: the factory keeps them out of a repo.
    With `compiles_library` the
    standard library is compiled with each program, unless it is in a cache.
    `read_imports` gives what a tree's sources import that is neither the repo's own nor the language's; sources in
    files that end like `import_suffixes` are read. `read_interface` gives of a path and its source what others
    can call, by name with its signature, and options of the command as OPTION does. `faults` says where a source can
    be made wrong.
    `check_syntax` is the command that says of a file, its last argument, whether it is one of the language, where no
    compiler does.
    `read_tests` gives the names of a test file's tests that run by default, `takes_tests` says whether the runner on
    this machine reads a file at all, `tests_asked_for` names the test files that the project file runs only where
    somebody asks for them, `test_key` makes a written test's name of a reported one, and
    `names_are_certain` where each written name is reported.
    `packages` says how its dependencies are resolved and installed.
    `facts` is a query of tree-sitter whose captures languages/facts.py names.
    `test_marks` are beginnings of marks on tests within a source.
    `parse_faults` gives line and reason where the language's own parser, if it is at hand, cannot read a source.
    `empty_statements` do nothing, `empty_returns` neither in a function that is no method, `stand_ins` are calls and
    `refusals` beginnings of statements that stand for work not done, `plain_marks` give a function no purpose of
    its own, and `scaffold_stub` is the scaffold's source that has to be replaced.
    `install_code` tells what code of the repo runs when somebody installs it, `clock` how its programs are told another
    time.
    """

    naming: Naming
    grammar: Grammar
    facts: str
    source_suffixes: tuple[str, ...]
    test_path: re.Pattern[str]
    test_case: re.Pattern[str]
    tests_live_in: str
    needs: tuple[tuple[str, str], ...]
    read_tests: Callable[[Facts], Iterator[str]]
    faults: Faults
    own_tests: OwnTests
    scaffold: Mapping[str, str]
    read_interface: Callable[[str, Source], Iterator[tuple[str, str]]]
    entry_points: EntryPoints
    tests_asked_for: Callable[[Tree], Iterator[str]] = nothing
    inline_tests: re.Pattern[str] | None = None
    source_folders: tuple[str, ...] = ()
    check_syntax: tuple[str, ...] = ()
    replaces_tools: frozenset[str] = frozenset()
    compiles_library: bool = False
    import_suffixes: tuple[str, ...] = ()
    packages: Packages = NO_PACKAGES
    read_imports: Callable[[Tree, Mapping[str, Source]], Iterator[Import]] = no_imports
    parse_faults: Callable[[str], Iterator[tuple[int, str]]] = no_faults
    empty_statements: frozenset[str] = frozenset()
    empty_returns: frozenset[str] = frozenset()
    stand_ins: frozenset[str] = frozenset()
    refusals: tuple[str, ...] = ()
    plain_marks: tuple[str, ...] = ()
    scaffold_stub: str = ""
    install_code: Callable[[Tree], Iterator[str]] = nothing
    clock: Clock = library_clock
    takes_tests: Callable[[str, Facts], bool] = takes_any
    test_key: Callable[[str], str] = whole_name
    names_are_certain: bool = False
    test_marks: tuple[str, ...] = ()
