"""What a record of a language holds. Everything that differs between languages stands in such a record."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
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
    from factory_assets.languages.parts import Facts, Test
from factory_assets.languages.entry_points import EntryPoints
from factory_assets.languages.test_runs import OwnTests
from factory_assets.languages.unsteady import Unsteady

MAKE = ("make", "command -v make")
OPTION = "an option"
"""The signature of an option of the command line, whose name is `option --name`."""


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
class Tests:
    """What tests look like in a language, and which of them its runner runs.

    `path` matches a test file's path. `steering` are names of files that decide which tests run, wherever they lie;
    any test file may where there are none. With `inline`, sources hold tests too, which begin with one of `marks`.
    `read` gives what a file holds, functions that are no tests left out; it is told the names of all functions in
    test code. `takes` says whether the runner on this machine reads a file at all, and `asked_for` names the files
    that the project file runs only where somebody asks for them. `key` makes a written test's name of a reported
    one, and with `names_are_certain` each written name is reported.

    Calls of `failing` fail a test, and so do those that are named like `asserting` words, unless what they are given
    is constant: without any of the nodes `alive`. A test that calls one of `skips`, or is marked by one, is switched
    off. Where nothing is imported, one of `loaders` has to be called for a test to reach the sources.
    """

    __test__ = False

    path: re.Pattern[str]
    live_in: str
    read: Callable[[Facts, Collection[str]], Iterator[Test]]
    inline: bool = False
    marks: tuple[str, ...] = ()
    steering: frozenset[str] = frozenset()
    takes: Callable[[str, Facts], bool] = lambda _path, _facts: True
    asked_for: Callable[[Tree], Iterator[str]] = lambda _: iter(())
    key: Callable[[str], str] = str
    names_are_certain: bool = False
    failing: frozenset[str] = frozenset()
    asserting: tuple[str, ...] = ("assert", "check", "expect", "verify")
    alive: tuple[str, ...] = ("identifier",)
    skips: frozenset[str] = frozenset()
    loaders: frozenset[str] = frozenset()

    def fails(self, callee: str) -> bool:
        """Whether a call of this name fails a test."""
        return callee in self.failing or _parts(callee)[-1] in self.failing

    def asserts(self, callee: str) -> bool:
        """Whether a call is named like an assertion: `check_all`, `assert.equal`."""
        parts = _parts(callee)
        return parts[-1].startswith(self.asserting) or not set(parts).isdisjoint(self.asserting)

    def is_of_another(self, callee: str) -> bool:
        """Whether an assertion is called of a thing that is under test, such as a mock."""
        first, *rest = _parts(callee)
        return bool(rest) and first not in {"self", *self.asserting}


def _parts(callee: str) -> list[str]:
    return callee.replace("::", ".").split(".")


@dataclass(frozen=True, kw_only=True)
class Stubs:
    """What stands for work that is not done.

    `statements` do nothing, and `returns` neither in a function that is no method. `calls` and `refusals`, beginnings
    of statements, say that work is left. `plain_marks` give a function no purpose of its own. `scaffold` is the
    scaffold's source that has to be replaced.
    """

    statements: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    refusals: tuple[str, ...] = ()
    plain_marks: tuple[str, ...] = ()
    scaffold: str = ""


@dataclass(frozen=True, kw_only=True)
class LanguageRecord:
    """One language: its files, its grammar, and what a build of it needs.

    `facts` is a query of tree-sitter whose captures languages/facts.py names. Files that end like `source_suffixes`, or
    lie in `source_folders`, are sources, and are read for imports as those are that end like `import_suffixes`. `needs`
    are shell tests by the name of the tool that they look for. `scaffold` are the templates of the files that a repo
    starts from, by path, beside those of every language. `own_tests` is how the factory runs its tests, `packages` how
    its dependencies are resolved and installed. `faults` says where a source can be made wrong, and `check_syntax` is
    the command that says of a file, its last argument, whether it is one of the language, where no compiler does.

    `read_imports` gives what a tree's sources import that is neither the repo's own nor the language's.
    `read_interface` gives of a path and its source what others can call, by name with its signature, and options of
    the command as OPTION does. `parse_faults` gives line and reason where the language's own parser, if it is at hand,
    cannot read a source. `configuration` are patterns of the names of files that configure
    tools. `replaces_tools` are names of files and folders that take the place of what the tools of the
    language run: the factory keeps them out of a repo. With `compiles_library` the standard library is compiled with
    each program, unless it is in a cache. `install_code` tells what code of the repo runs when somebody installs it,
    `clock` how its programs are told another time, and `unsteady` by which names its code asks for what is never
    the same.
    """

    naming: Naming
    grammar: Grammar
    facts: str
    source_suffixes: tuple[str, ...]
    tests: Tests
    own_tests: OwnTests
    needs: tuple[tuple[str, str], ...]
    scaffold: Mapping[str, str]
    faults: Faults
    read_interface: Callable[[str, Source], Iterator[tuple[str, str]]]
    entry_points: EntryPoints
    unsteady: Unsteady
    source_folders: tuple[str, ...] = ()
    import_suffixes: tuple[str, ...] = ()
    read_imports: Callable[[Tree, Mapping[str, Source]], Iterator[Import]] = lambda _tree, _sources: iter(())
    packages: Packages = NO_PACKAGES
    stubs: Stubs = Stubs()
    parse_faults: Callable[[str], Iterator[tuple[int, str]]] = lambda _: iter(())
    check_syntax: tuple[str, ...] = ()
    configuration: frozenset[str] = frozenset()
    replaces_tools: frozenset[str] = frozenset()
    compiles_library: bool = False
    install_code: Callable[[Tree], Iterator[str]] = lambda _: iter(())
    clock: Clock = library_clock
