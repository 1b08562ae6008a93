"""The commands that a repo itself has, by the ways in which a document can call them."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree, folders
from factory_assets.languages.project_files import go_module, python_folders, read_json, read_toml, table

_PYTHONS = re.compile(r"^(?:python3?(?:\.\d+)?|\$\(PYTHON\)|.*/bin/python3?)$")
_TOOLS = frozenset(
    {
        "pip",
        "pytest",
        "ruff",
        "mypy",
        "build",
        "twine",
        "pipx",
        "uv",
        "black",
        "coverage",
        "virtualenv",
        "setuptools",
        "flake8",
        "pylint",
        "pyright",
        "isort",
        "bandit",
        "tox",
        "nox",
        "hatch",
        "pre_commit",
        "uvicorn",
    }
)
_USERS_MODULE = re.compile(r"(?:my|your|some|example)|(?:app|service|server|train|serve)$", re.IGNORECASE)
_GO_MAIN = re.compile(r"^package main\b", re.MULTILINE)
_SLUG = re.compile(r"^[a-z][\w.-]+$")
_CALL_SCRIPT = "import sys; from {module} import {function} as run; sys.argv[0] = {name!r}; sys.exit(run())"


@dataclass(frozen=True)
class EntryPoint:
    """A command of the repo, and how it is started in a clone that is built."""

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Use:
    """A call of an entry point with its arguments."""

    entry: EntryPoint
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class EntryPoints:
    """Everything that documents may call: `commands` by name, and the repo's `own_names`.

    `broken` says what a project file declares and the tree does not have.
    """

    language: Language
    tree: Tree
    commands: Mapping[str, EntryPoint]
    own_names: frozenset[str]
    broken: tuple[str, ...] = field(default=())

    def resolve(self, words: tuple[str, ...]) -> Use | str | None:
        """The entry point that a call starts; a fault where it names one that is not there; None for others."""
        first, rest = words[0], words[1:]
        if _PYTHONS.match(first) and self.language is Language.PYTHON:
            return self._python(rest)
        if first == "go" and rest[:1] == ("run",) and self.language is Language.GO:
            return self._go(rest[1:])
        if first == "cargo" and rest[:1] == ("run",) and self.language is Language.RUST:
            return self._cargo(rest[1:])
        if first == "node" and rest and self.language is Language.TYPESCRIPT:
            return self._node(rest)
        if first in {"npx", "bash", "sh"} and rest and not rest[0].startswith("-"):
            own = self._by_path(rest[0])
            return Use(own, rest[1:]) if own else self._own_only(rest[0], rest[1:])
        own = self._by_path(first)
        return Use(own, rest) if own else self._own_only(first, rest)

    def _by_path(self, word: str) -> EntryPoint | None:
        name = posixpath.basename(word)
        is_bare = name == word or self.language is not Language.PYTHON
        return self.commands.get(name) if is_bare or ".venv" in word else None

    def _own_only(self, word: str, rest: tuple[str, ...]) -> str | None:
        if posixpath.basename(word) not in self.own_names or not rest or word in self.tree:
            return None
        if word.rstrip("/") in set(folders(self.tree)):
            return None
        return f"the command {word}, which nothing in the repo installs"

    def _python(self, rest: tuple[str, ...]) -> Use | str | None:
        if len(rest) >= 2 and rest[0] == "-m":
            module = rest[1]
            top = module.partition(".")[0]
            path = module.replace(".", "/")
            if any(
                posixpath.join(folder, f"{path}{end}") in self.tree
                for folder in python_folders(self.tree)
                for end in ("/__main__.py", ".py")
            ):
                return Use(EntryPoint(module, ("python3", "-m", module)), rest[2:])
            if top in _TOOLS or (top in sys.stdlib_module_names and top not in self.own_names):
                return None
            if _USERS_MODULE.match(top) and top not in self.own_names:
                return None
            return f"`python3 -m {module}`, and there is no {path}/__main__.py or {path}.py"
        if rest and rest[0].removeprefix("./") in self.tree and rest[0].endswith(".py"):
            path = rest[0].removeprefix("./")
            return Use(EntryPoint(path, ("python3", path)), rest[1:])
        return None

    def _go(self, rest: tuple[str, ...]) -> Use | str | None:
        words = [word for word in rest if not word.startswith("-") or word in {"-", "--"}]
        if not words:
            return None
        target = words[0]
        if "@" in target or target.startswith("example.com"):
            return None
        folder = posixpath.normpath(posixpath.dirname(target) if target.endswith(".go") else target)
        folder = self._strip_module(folder)
        if not any(True for _ in _go_mains(self.tree, folder)):
            return f"`go run {target}`, and there is no package main"
        argument = "." if folder == "." else f"./{folder}"
        return Use(
            EntryPoint(f"go run {argument}", ("go", "run", argument)), tuple(rest[rest.index(target) + 1 :])
        )

    def _strip_module(self, folder: str) -> str:
        module = go_module(self.tree)
        return (
            folder.removeprefix(module).strip("/") or "." if module and folder.startswith(module) else folder
        )

    def _cargo(self, rest: tuple[str, ...]) -> Use | str | None:
        at = rest.index("--") if "--" in rest else len(rest)
        options, arguments = rest[:at], rest[at + 1 :]
        if "--example" in options:
            return None
        named = options[options.index("--bin") + 1 :][:1] if "--bin" in options else ()
        if named:
            own = self.commands.get(named[0])
            return (
                Use(own, arguments) if own else f"`cargo run --bin {named[0]}`, and there is no such binary"
            )
        if not self.commands:
            return "`cargo run`, and there is no src/main.rs"
        return Use(next(iter(self.commands.values())), arguments)

    def _node(self, rest: tuple[str, ...]) -> Use | str | None:
        words = [word for word in rest if not word.startswith("-")]
        if not words or not words[0].removeprefix("./").startswith("dist/"):
            return None
        path = words[0].removeprefix("./")
        source = re.sub(r"\.(m|c)?js$", r".\1ts", path.removeprefix("dist/"))
        if source not in self.tree and "*" not in source and path.endswith("js"):
            return f"`node {path}`, and there is no {source} that it could be compiled from"
        return Use(EntryPoint(path, ("node", path)), tuple(rest[rest.index(words[0]) + 1 :]))


def find_entry_points(language: Language, tree: Tree) -> EntryPoints:
    """Read the project file and the conventional places of the language."""
    finder = {
        Language.PYTHON: _python,
        Language.BASH: _bash,
        Language.GO: _go,
        Language.RUST: _rust,
        Language.TYPESCRIPT: _typescript,
    }[language]
    commands: dict[str, EntryPoint] = {}
    broken: list[str] = []
    for found in finder(tree):
        if isinstance(found, str):
            broken.append(found)
        else:
            commands[found.name] = found
    names = {*_project_names(language, tree), *commands}
    names |= {name.replace("-", "_") for name in names} | {name.replace("_", "-") for name in names}
    return EntryPoints(language, tree, commands, frozenset(names), tuple(broken))


def _project_names(language: Language, tree: Tree) -> Iterator[str]:
    declared: object = None
    match language:
        case Language.PYTHON:
            declared = table(read_toml(tree, "pyproject.toml"), "project").get("name")
        case Language.RUST:
            declared = table(read_toml(tree, "Cargo.toml"), "package").get("name")
        case Language.TYPESCRIPT:
            declared = read_json(tree, "package.json").get("name")
        case Language.GO:
            declared = go_module(tree).rpartition("/")[2]
        case Language.BASH:
            pass
    if isinstance(declared, str) and declared:
        yield declared
    title = (
        re.match(r"\s*# +(\S+)\s*$", tree["README.md"].text, re.MULTILINE) if "README.md" in tree else None
    )
    if title and _SLUG.match(title[1]):
        yield title[1]


def _python(tree: Tree) -> Iterator[EntryPoint | str]:
    project = read_toml(tree, "pyproject.toml")
    scripts = table(project, "project", "scripts")
    scripts |= table(project, "project", "entry-points", "console_scripts")
    scripts |= table(project, "tool", "poetry", "scripts")
    for name, target in scripts.items():
        module, _, function = str(target).partition(":")
        path = module.replace(".", "/")
        if not any(
            posixpath.join(folder, f"{path}{end}") in tree
            for folder in python_folders(tree)
            for end in (".py", "/__init__.py")
        ):
            yield f"pyproject.toml declares the command {name} as {target}, and there is no module {module}"
            continue
        script = _CALL_SCRIPT.format(module=module, function=function.partition(".")[0] or "main", name=name)
        yield EntryPoint(name, ("python3", "-c", script))


def _bash(tree: Tree) -> Iterator[EntryPoint]:
    for path in tree:
        if path.startswith("bin/") and path.count("/") == 1:
            yield EntryPoint(posixpath.basename(path), ("bash", path))


def _go_mains(tree: Tree, folder: str) -> Iterator[str]:
    for path, file in tree.items():
        parent = posixpath.dirname(path) or "."
        if (
            parent == folder
            and path.endswith(".go")
            and not path.endswith("_test.go")
            and _GO_MAIN.search(file.text)
        ):
            yield path


def _go(tree: Tree) -> Iterator[EntryPoint]:
    for folder in [".", *folders(tree)]:
        if next(_go_mains(tree, folder), None):
            name = go_module(tree).rpartition("/")[2] if folder == "." else posixpath.basename(folder)
            yield EntryPoint(name or "main", ("go", "run", "." if folder == "." else f"./{folder}"))


def _rust(tree: Tree) -> Iterator[EntryPoint | str]:
    manifest = read_toml(tree, "Cargo.toml")
    run = ("cargo", "run", "-q", "--offline", "--bin")
    package = str(table(manifest, "package").get("name", ""))
    declared = [entry for entry in _list(manifest.get("bin")) if isinstance(entry, dict)]
    for entry in declared:
        name = str(entry.get("name", package))
        path = str(entry.get("path", f"src/bin/{name}.rs"))
        if path in tree:
            yield EntryPoint(name, (*run, name, "--"))
        else:
            yield f"Cargo.toml declares the binary {name}, and there is no {path}"
    if "src/main.rs" in tree and not any(entry.get("path") == "src/main.rs" for entry in declared):
        yield EntryPoint(package, (*run, package, "--"))
    for path in tree:
        if match := re.match(r"src/bin/([\w-]+)(?:\.rs|/main\.rs)$", path):
            yield EntryPoint(match[1], (*run, match[1], "--"))


def _typescript(tree: Tree) -> Iterator[EntryPoint | str]:
    package = read_json(tree, "package.json")
    declared = package.get("bin")
    bins = {str(package.get("name", "")): declared} if isinstance(declared, str) else declared
    for name, target in (bins if isinstance(bins, dict) else {}).items():
        path = posixpath.normpath(str(target))
        source = re.sub(r"\.(m|c)?js$", r".\1ts", path.removeprefix("dist/"))
        if path in tree or source in tree:
            yield EntryPoint(PurePosixPath(name).name, ("node", path))
        else:
            yield f"package.json declares the command {name} as {target}, and there is no {source}"


def npm_scripts(tree: Tree) -> dict[str, str]:
    """package.json's scripts by name."""
    return {name: str(text) for name, text in table(read_json(tree, "package.json"), "scripts").items()}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
