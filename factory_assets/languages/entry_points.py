"""How a repo's own programs are started: what each record says of its language, and what is the same in all."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from factory_assets.domain.trees import Tree, folders

Words = tuple[str, ...]
_SHELLS = frozenset({"bash", "sh"})


@dataclass(frozen=True)
class StartCommand:
    """A call cut in two: what starts a program of the repo in a clone, and what that program is given."""

    argv: Words
    arguments: Words


@dataclass(frozen=True)
class Start:
    """How a program of the repo is started from any folder.

    `argv` starts it. What is compiled is compiled by `build`, a command that is run in the clone and makes the file
    `made`; whether that is there, and not how the command ends, says that it can be started.
    """

    argv: Words
    build: Words = ()
    made: str = ""


@dataclass(frozen=True)
class Snippet:
    """How code that calls the repo's library is run: where it is laid in a clone, and how it is started then.

    `linked` are folders of the clone that are linked into the folder where it runs, because its language finds the
    repo's code by nothing but a path from there. `adapted` puts into the code what only the tree tells.
    """

    path: str
    start: Start
    linked: Words = ()
    adapted: Callable[[str], str] = str


@dataclass(frozen=True, kw_only=True)
class EntryPoints:
    """What a record says of programs.

    `declared` yields the name of each command that an installed repo has, with the words that start it in a clone;
    or in words what a project file declares and the tree lacks. `launched` reads a call by the language's own launcher,
    such as `go run`; it gives in words what such a call names and the tree lacks, and None for a call that is not the
    repo's. `name` is what the project file calls the project, and `search` the variable by which the repo's own modules
    are found, with a function that gives the folders it must name. `anywhere` makes of a declared command, its name and
    the words that start it in a clone, how it is started from any folder; `snippet` says the same of code that calls
    the library, and `a_free_name` gives it a name. `undeclared` yields in the same form what lies
    where commands lie by convention.
    """

    declared: Callable[[Tree], Iterator[tuple[str, Words] | str]]
    anywhere: Callable[[str, Words, Path], Start]
    snippet: Callable[[Tree, Path], Snippet]
    undeclared: Callable[[Tree], Iterator[tuple[str, Words]]] = lambda _: iter(())
    launched: Callable[[Words, Tree], StartCommand | str | None] | None = None
    name: Callable[[Tree], str] | None = None
    search: tuple[str, Callable[[Tree], Words]] | None = None


@dataclass(frozen=True)
class EntryPrograms:
    """A repo's own programs. `broken` says what a project file declares and the tree lacks."""

    entries: EntryPoints
    tree: Tree
    commands: Mapping[str, Words]
    names: frozenset[str]
    broken: tuple[str, ...] = field(default=())

    def own_command(self, name: str) -> tuple[str, Words] | None:
        """The command that is meant by a repo's name, with the words that start it in a clone; or the only one."""
        commands = self.commands or dict(self.entries.undeclared(self.tree))
        if name not in commands and len(commands) == 1:
            return next(iter(commands.items()))
        return (name, commands[name]) if name in commands else None

    def launch(self, words: Words) -> StartCommand | str | None:
        """The program that a call starts; in words what it names and the repo lacks; None for somebody else's."""
        if words[0] == "npx" and len(words) > 1 and words[1] in self.commands:
            words = words[1:]
        found = self.entries.launched(words, self.tree) if self.entries.launched else None
        if found is not None:
            return found
        if words[0] in _SHELLS and len(words) > 1 and not words[1].startswith("-"):
            return self._script(words[1], words[:2], words[2:])
        name = posixpath.basename(words[0])
        if name in self.commands and (name == words[0] or words[0].removeprefix("./") not in self.tree):
            return StartCommand((name,), words[1:])
        if name == words[0]:
            missing = name in self.names and words[1:] and name not in folders(self.tree)
            return f"the command {name}, which nothing in the repo installs" if missing else None
        return self._script(words[0], words[:1], words[1:])

    def _script(self, word: str, argv: Words, arguments: Words) -> StartCommand | str | None:
        path = posixpath.normpath(word)
        if path in self.tree:
            # What another script of the repo does, or needs, nobody knows.
            return StartCommand(argv, arguments) if posixpath.basename(path) in self.commands else None
        top = path.partition("/")[0]
        if word.startswith(("/", "~", "..", "$")) or "/" not in path or top not in folders(self.tree):
            return None
        return f"{path}, which does not exist"


def a_free_name(tree: Tree) -> str:
    """A name for a file or a folder of code, without its ending, that nothing in the tree has."""
    taken = {part.partition(".")[0] for path in tree for part in path.split("/")}
    return next(name for number in count(1) if (name := f"usage{number}") not in taken)


def find_programs(entries: EntryPoints, tree: Tree) -> EntryPrograms:
    """Read what a repo's project file and the conventional places of its language declare."""
    commands: dict[str, Words] = {}
    broken: list[str] = []
    for found in entries.declared(tree):
        if isinstance(found, str):
            broken.append(found)
        else:
            commands.setdefault(*found)
    names = {entries.name(tree) if entries.name else "", *commands} - {""}
    names |= {name.replace("-", "_") for name in names} | {name.replace("_", "-") for name in names}
    return EntryPrograms(entries, tree, commands, frozenset(names), tuple(broken))
