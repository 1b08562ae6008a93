"""Files of a repo that take the place of a test runner, or that tell it to leave tests out."""

from __future__ import annotations

import ast
import configparser
import fnmatch
import posixpath
import re
import shlex
from collections.abc import Iterator

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.canary import CANARY_NAME
from factory_assets.gates.recipes import pytest_filter
from factory_assets.gates.written import named_tests
from factory_assets.languages import LANGUAGES
from factory_assets.languages.project_files import read_toml, table

_PYTHON_NAMES = frozenset({"pytest", "_pytest", "pluggy", "unittest", "sitecustomize", "usercustomize"})
_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "pytest.toml", ".pytest.toml")
_DECIDING_HOOKS = frozenset(
    {
        "pytest_cmdline_main",
        "pytest_collection_modifyitems",
        "pytest_collection",
        "pytest_exception_interact",
        "pytest_ignore_collect",
        "pytest_itemcollected",
        "pytest_load_initial_conftests",
        "pytest_pycollect_makeitem",
        "pytest_pyfunc_call",
        "pytest_report_teststatus",
        "pytest_runtest_call",
        "pytest_runtest_makereport",
        "pytest_runtest_protocol",
        "pytest_runtestloop",
        "pytest_sessionfinish",
        "pytest_unconfigure",
    }
)
_KEPT_SETTINGS = frozenset(
    {"anyio_mode", "asyncio_default_fixture_loop_scope", "asyncio_default_test_loop_scope", "asyncio_mode"}
)
_GLOB = re.compile(r"[*?\[]")
_CARGO_HARNESS = re.compile(r"^\s*(harness|autotests)\s*=\s*false", re.MULTILINE)
_CARGO_LIB = re.compile(r"^\[lib\]\s*$(?:\n(?!\s*\[)[^\n]*)*?\n\s*(test)\s*=\s*false", re.MULTILINE)
_RUST_PATH = re.compile(r"^\s*path\s*=", re.MULTILINE)


def shadow_faults(language: Language, tree: Tree) -> tuple[str, ...]:
    """Name each such file. What a program does while it runs is not seen here; that is gates/canary.py's part."""
    match language:
        case Language.PYTHON:
            return (*_shadowed_modules(tree), *_pytest_settings(tree), *_hooks(tree))
        case Language.TYPESCRIPT:
            inside = next((path for path in tree if path.startswith("node_modules/")), None)
            return (
                (f"{inside} is in the commit: node_modules comes from the registry alone",) if inside else ()
            )
        case Language.GO:
            return tuple(
                f"{path} puts other modules in the place of this one's" for path in tree if path == "go.work"
            )
        case Language.RUST:
            return tuple(_cargo(tree))
        case Language.BASH:
            return ()


def kept_options(tree: Tree) -> list[str]:
    """The options of pytest by which the factory's own run keeps a repo's settings on how async tests are run."""
    found = {
        name: str(value)
        for _, options in _declared_options(tree)
        for name, value in options.items()
        if name in _KEPT_SETTINGS
    }
    modes = [
        word
        for _, options in _declared_options(tree)
        for word in _words(options.get("addopts", ()))
        if word.startswith("--import-mode=")
    ]
    return [*modes, *(part for name, value in sorted(found.items()) for part in ("-o", f"{name}={value}"))]


def _shadowed_modules(tree: Tree) -> Iterator[str]:
    for path in tree:
        parts = path.removeprefix("src/").split("/")
        name = parts[0].removesuffix(".py")
        if name in _PYTHON_NAMES and (len(parts) > 1 or parts[0].endswith(".py")):
            yield f"{path} takes the place of Python's own {name}"


def _pytest_settings(tree: Tree) -> Iterator[str]:
    for path, options in _declared_options(tree):
        left_out = pytest_filter(_words(options.get("addopts", ())))
        if left_out:
            yield f"{path} leaves tests out: {left_out}"
        for name, written in _found_by(tree).items():
            forms = _words(options[name]) if name in options else None
            missed = [test for test in written if forms is not None and not _finds(forms, test)]
            if missed:
                yield f"{path} leaves tests out: {name} is `{' '.join(forms or ())}`, which does not find {missed[0]}"


def _declared_options(tree: Tree) -> Iterator[tuple[str, dict[str, object]]]:
    for path in _PYTEST_FILES:
        if path not in tree or path.endswith(".toml"):
            continue
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(tree[path].text)
        except configparser.Error:
            continue
        for section in ("pytest", "tool:pytest"):
            if parser.has_section(section):
                yield path, dict(parser[section])
    for path, keys in (
        ("pyproject.toml", ("tool", "pytest", "ini_options")),
        ("pyproject.toml", ("tool", "pytest")),
        ("pytest.toml", ("pytest",)),
        (".pytest.toml", ("pytest",)),
    ):
        yield path, table(read_toml(tree, path), *keys)


def _found_by(tree: Tree) -> dict[str, list[str]]:
    """What each of pytest's settings has to find: the files, classes and functions that hold tests."""
    files, classes, functions = [], [], [CANARY_NAME]
    for test in named_tests(Language.PYTHON, tree):
        files.append(posixpath.basename(test.path))
        owner, _, name = test.name.rpartition("::")
        # unittest's classes are found by what they are.
        classes += [owner] if owner.startswith("Test") else []
        functions += [name] if owner.startswith("Test") or not owner else []
    return {"python_files": files, "python_classes": classes, "python_functions": functions}


def _finds(forms: list[str], name: str) -> bool:
    return any(
        fnmatch.fnmatchcase(name, form)
        if _GLOB.search(form) or form.endswith(".py")
        else name.startswith(form)
        for form in forms
    )


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list | tuple) else _split(str(value))


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _hooks(tree: Tree) -> Iterator[str]:
    known = LANGUAGES[Language.PYTHON]
    for path, file in tree.items():
        if not path.endswith(".py") or not (
            path.startswith("tests/") or path.endswith("conftest.py") or known.test_path.search(path)
        ):
            continue
        try:
            body = ast.parse(file.text).body
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in _DECIDING_HOOKS:
                yield f"{path}:{node.lineno} defines {node.name}, which decides what pytest runs or reports"
            elif isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id in {"collect_ignore", "collect_ignore_glob"}
                for target in node.targets
            ):
                yield f"{path}:{node.lineno} leaves test files out (collect_ignore)"


def _cargo(tree: Tree) -> Iterator[str]:
    for path, file in tree.items():
        if path.startswith(".cargo/") or "/.cargo/" in path:
            yield f"{path} changes what cargo runs"
        elif path.endswith("Cargo.toml"):
            found = _CARGO_HARNESS.search(file.text) or _CARGO_LIB.search(file.text)
            if found:
                line = file.text.count("\n", 0, found.start(1)) + 1
                yield f"{path}:{line} turns Rust's own test harness off ({found[1]} = false)"
        elif path in {"rust-toolchain", "rust-toolchain.toml"} and _RUST_PATH.search(file.text):
            yield f"{path} names another toolchain by its path"
