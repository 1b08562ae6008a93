"""What Python, TypeScript, Go and Rust sources import from outside their repo, with file and line.

Which of it a registry has is not asked here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from factory_assets.dependencies.names import STANDARD_PYTHON
from factory_assets.domain.reserved import GO_STANDARD, NODE_STANDARD, RUST_STANDARD
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.lexer import lex
from factory_assets.languages import LANGUAGES
from factory_assets.languages.project_files import go_module

_NPM_NAME = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*")
_TYPESCRIPT_SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx")
# What stands before the string that names a module, in code whose strings are blanked.
_FROM = re.compile(r".*\b(?:import|export)\b(?P<what>[^;()=]*)\bfrom\s*\Z", re.DOTALL)
_BARE = re.compile(r"\bimport\s*\Z|\b(?:import|require)\s*\(\s*\Z")
_GO_BLOCK = re.compile(r"^import\s*\(", re.MULTILINE)
_GO_SINGLE = re.compile(r"^import(?:\s+[\w.]+)?\s*\Z")
_WINDOW = 2_000
_RUST_USE = re.compile(
    r"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:use\s+(?:::)?|extern\s+crate\s+)(\w+)\s*(?:::|;|\s+as\b)", re.MULTILINE
)
_RUST_NAMES = re.compile(
    r"\b(?:mod|enum|struct|trait|type|union)\s+(\w+)|\bas\s+(\w+)|\buse\s[^;]*?(\w+)\s*;"
)


@dataclass(frozen=True, order=True)
class Import:
    """One import of something outside the repo. `name` is the language's unit: a module, package, path or crate.

    `optional` marks one that the code can do without, `erased` one that only the type checker sees, and
    `test` one in a test.
    """

    name: str
    path: str
    line: int
    optional: bool = False
    erased: bool = False
    test: bool = False

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.path}:{self.line}"


def outside_imports(language: Language, tree: Tree) -> tuple[Import, ...]:
    """Every import of something that is neither the repo's own nor the language's, in order of name and place."""
    match language:
        case Language.PYTHON:
            found = _python(tree)
        case Language.TYPESCRIPT:
            found = _typescript(tree)
        case Language.GO:
            found = _go(tree)
        case Language.RUST:
            found = _rust(tree)
        case Language.BASH:
            found = iter(())
    return tuple(sorted(set(found)))


def _sources(tree: Tree, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for path, file in tree.items():
        if path.endswith(suffixes) and not {"node_modules", "vendor"}.intersection(PurePosixPath(path).parts):
            yield path, file.text


def _is_test(language: Language, path: str) -> bool:
    return bool(LANGUAGES[language].test_path.search(path)) or path.startswith("tests/")


def _python(tree: Tree) -> Iterator[Import]:
    files = dict(_sources(tree, (".py",)))
    modules = _python_modules(tree)
    for path, text in files.items():
        # setup.py is run by the build system, which pyproject.toml names itself.
        if path == "setup.py":
            continue
        try:
            parsed = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        own = modules[""] | modules.get(str(PurePosixPath(path).parent), set())
        optional = _guarded_lines(parsed)
        for name, line in _python_names(parsed):
            if name and name not in STANDARD_PYTHON and name not in own:
                yield Import(name, path, line, line in optional, test=_is_test(Language.PYTHON, path))


def _python_modules(tree: Tree) -> dict[str, set[str]]:
    """The modules in each folder; under "" those that an import from anywhere can reach.

    A folder with an `__init__.py` is a package: what is in it is no module of its own, but for scripts beside it.
    """
    packages = {str(PurePosixPath(path).parent) for path in tree if path.endswith("__init__.py")}
    modules: dict[str, set[str]] = {"": set()}
    for path in tree:
        if not path.endswith(".py"):
            continue
        parts = PurePosixPath(path)
        for module in (parts.with_suffix(""), *parts.parents[:-1]):
            folder = str(module.parent)
            modules.setdefault(folder, set()).add(module.name)
            if folder not in packages:
                modules[""].add(module.name)
    return modules


def _python_names(parsed: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(parsed):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield alias.name.partition(".")[0], node.lineno
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0], node.lineno
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="__import__" | "import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ) if not module.startswith("."):
                yield module.partition(".")[0], node.lineno


def _guarded_lines(parsed: ast.Module) -> set[int]:
    """Lines of imports that may fail, or that only a type checker reads."""
    lines: set[int] = set()
    for node in ast.walk(parsed):
        match node:
            case ast.Try(body=body, handlers=handlers) if any(map(_catches_import_error, handlers)):
                guarded = body
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), body=body):
                guarded = body
            case _:
                continue
        for statement in guarded:
            lines.update(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return lines


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {"ImportError", "ModuleNotFoundError", "Exception"}
    return any(isinstance(kind, ast.Name) and kind.id in names for kind in kinds)


def _typescript(tree: Tree) -> Iterator[Import]:
    for path, text in _sources(tree, _TYPESCRIPT_SUFFIXES):
        lexed = lex(Language.TYPESCRIPT, text)
        for piece in lexed.strings:
            if piece.text[0] not in "\"'":
                continue
            before = lexed.code[max(0, piece.start - _WINDOW) : piece.start]
            clause = _FROM.match(before)
            name = _npm_package(piece.text[1:-1]) if clause or _BARE.search(before) else None
            if name is not None:
                erased = clause is not None and clause["what"].lstrip().startswith("type ")
                test = _is_test(Language.TYPESCRIPT, path)
                yield Import(name, path, lexed.line(piece.start), erased=erased, test=test)


def _npm_package(target: str) -> str | None:
    """The package of an import; None for the repo's own files, node's modules and path aliases."""
    if target.startswith((".", "/", "#", "node:")):
        return None
    parts = target.split("/")
    name = "/".join(parts[: 2 if target.startswith("@") else 1])
    return name if name not in NODE_STANDARD and _NPM_NAME.fullmatch(name) else None


def _go(tree: Tree) -> Iterator[Import]:
    own = go_module(tree)
    for path, text in _sources(tree, (".go",)):
        lexed = lex(Language.GO, text)
        blocks = [
            range(match.start(), lexed.closing(match.end() - 1)) for match in _GO_BLOCK.finditer(lexed.code)
        ]
        for piece in lexed.strings:
            line_start = lexed.code.rfind("\n", 0, piece.start) + 1
            single = _GO_SINGLE.match(lexed.code[line_start : piece.start])
            if single is None and not any(piece.start in block for block in blocks):
                continue
            name = piece.text.strip('"`')
            ours = bool(own) and (name == own or name.startswith(f"{own}/"))
            if not ours and name.split("/")[0] not in GO_STANDARD:
                yield Import(name, path, lexed.line(piece.start), test=path.endswith("_test.go"))


def _rust(tree: Tree) -> Iterator[Import]:
    files = dict(_sources(tree, (".rs",)))
    code = {path: lex(Language.RUST, text) for path, text in files.items()}
    names = (name for lexed in code.values() for found in _RUST_NAMES.findall(lexed.code) for name in found)
    own = set(names) | {PurePosixPath(path).stem for path in files} | _rust_crates(tree)
    for path, lexed in code.items():
        for match in _RUST_USE.finditer(lexed.code):
            name = match[1]
            if name not in RUST_STANDARD and name not in own and name == name.lower():
                yield Import(name, path, lexed.line(match.start(1)), test=_is_test(Language.RUST, path))


def _rust_crates(tree: Tree) -> set[str]:
    """The repo's own crates: its packages', libraries' and binaries' names."""
    texts = [file.text for path, file in tree.items() if path.rpartition("/")[2] == "Cargo.toml"]
    names = (name for text in texts for name in re.findall(r'^name\s*=\s*"([^"]+)"', text, re.MULTILINE))
    return {name.replace("-", "_") for name in names}
