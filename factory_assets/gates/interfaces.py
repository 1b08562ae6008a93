"""The public interface of a repo: what others can call, by name, with its signature."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.lexer import Lexed, lex
from factory_assets.languages import LANGUAGES
from factory_assets.languages.sources import is_source

Interface = Mapping[str, str]
_Entry = tuple[str, str]
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_interface(language: Language, tree: Tree) -> Interface:
    """Each public name of the sources with its signature; names of one module share its path as a prefix.

    Options of the command line count: `--name` as a name of its own.
    """
    read = _READERS[language]
    found: dict[str, str] = {}
    for path, file in sorted(tree.items()):
        if is_source(language, path, file):
            inline = LANGUAGES[language].inline_tests
            text = inline.split(file.text, maxsplit=1)[0] if inline else file.text
            found |= dict(read(path, text))
    return found


def interface_changes(before: Interface, after: Interface) -> list[str]:
    """What is gone, what has another signature and what is new, in words."""
    gone = sorted(before.keys() - after.keys())
    new = sorted(after.keys() - before.keys())
    changed = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    return [
        *(f"{name} is gone" for name in gone),
        *(f"{name} was {before[name]} and is {after[name]}" for name in changed),
        *(f"{name} is new: a review adds no features, and a helper that it needs is private" for name in new),
    ]


def _python(path: str, text: str) -> Iterator[_Entry]:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    # Nobody imports a __main__; its functions are the command's own.
    if not any(_is_private(part) for part in path.removesuffix(".py").split("/")) and "__main__" not in path:
        yield from _python_names(path, module.body)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in {"add_argument", "option", "Option"}:
                continue
            for word in node.args:
                if (
                    isinstance(word, ast.Constant)
                    and isinstance(word.value, str)
                    and word.value.startswith("--")
                ):
                    yield f"option {word.value}", "an option"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _python_names(prefix: str, body: list[ast.stmt]) -> Iterator[_Entry]:
    for node in body:
        if isinstance(node, _Function) and not node.name.startswith("_"):
            yield f"{prefix}: {node.name}", _python_signature(node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield f"{prefix}: {node.name}", f"class({', '.join(ast.unparse(base) for base in node.bases)})"
            yield from _python_names(f"{prefix}: {node.name}", node.body)
            yield from _python_fields(f"{prefix}: {node.name}", node.body)
        elif isinstance(node, ast.If | ast.Try):
            yield from _python_names(prefix, node.body)


def _python_fields(prefix: str, body: list[ast.stmt]) -> Iterator[_Entry]:
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id[0] != "_":
            yield f"{prefix}: {node.target.id}", "a field"
        elif isinstance(node, _Function) and node.name == "__init__":
            yield f"{prefix}: __init__", _python_signature(node)


def _python_signature(node: _Function) -> str:
    """Names and kinds of the parameters, and which have defaults: annotations may be mended."""
    bare = ast.arguments(
        posonlyargs=[ast.arg(a.arg) for a in node.args.posonlyargs],
        args=[ast.arg(a.arg) for a in node.args.args],
        vararg=ast.arg(node.args.vararg.arg) if node.args.vararg else None,
        kwonlyargs=[ast.arg(a.arg) for a in node.args.kwonlyargs],
        kw_defaults=[ast.Constant(...) if default else None for default in node.args.kw_defaults],
        kwarg=ast.arg(node.args.kwarg.arg) if node.args.kwarg else None,
        defaults=[ast.Constant(...) for _ in node.args.defaults],
    )
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{kind}({ast.unparse(bare)})"


_GO_FUNCTION = re.compile(
    r"^func\s+(?:\(\s*\w*\s*(?P<receiver>[*\w\[\], ]+?)\s*\)\s*)?(?P<name>[A-Z]\w*)", re.MULTILINE
)
_GO_TYPE = re.compile(r"^type\s+(?P<name>[A-Z]\w*)(?:\[[^\]]*\])?\s+(?P<kind>=?\s*[\w.*\[\]]+)", re.MULTILINE)
_GO_VALUE = re.compile(r"^(?:var|const)\s+(?P<name>[A-Z]\w*)", re.MULTILINE)
_GO_FLAG = re.compile(
    r"\.(?:Bool|String|Int|Int64|Uint|Uint64|Float64|Duration)(?:Var)?\(\s*(?:&[\w.]+\s*,\s*)?\"(?P<name>[\w-]+)\""
)


def _go(path: str, text: str) -> Iterator[_Entry]:
    source = lex(Language.GO, text)
    for match in _GO_FLAG.finditer(source.text):
        yield f"option {'-' if len(match['name']) == 1 else '--'}{match['name']}", "an option"
    folder = posixpath.dirname(path) or "."
    if re.search(r"^package main\b", source.code, re.MULTILINE) or "internal" in path.split("/"):
        return
    for match in _GO_FUNCTION.finditer(source.code):
        owner = f"{match['receiver'].lstrip('*')}." if match["receiver"] else ""
        if owner and not owner[0].isupper():
            continue
        yield f"{folder}: {owner}{match['name']}", _squashed(source, match.end(), "{")
    for match in _GO_TYPE.finditer(source.code):
        yield f"{folder}: {match['name']}", f"type {match['kind']}"
    for match in _GO_VALUE.finditer(source.code):
        yield f"{folder}: {match['name']}", "a value"


_TS_FUNCTION = re.compile(
    r"^export\s+(?:default\s+)?(?P<kind>async\s+function\*?|function\*?)\s*(?P<name>\w*)", re.MULTILINE
)
_TS_ARROW = re.compile(
    r"^export\s+const\s+(?P<name>\w+)\s*(?::[^=]+)?=\s*(?=(?:async\s*)?\([^{};]*?\)[^{};=]*=>)", re.MULTILINE
)
_TS_NAME = re.compile(
    r"^export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?P<kind>class|interface|type|enum|const|let)\s+(?P<name>\w+)",
    re.MULTILINE,
)
_TS_LIST = re.compile(r"^export\s+(?:type\s+)?\{(?P<names>[^}]*)\}", re.MULTILINE)
_TS_METHOD = re.compile(
    r"^\s*(?:public\s+|static\s+|async\s+|get\s+|set\s+)*(?P<name>[A-Za-z]\w*)\s*(?:<[^>]*>)?\(", re.MULTILINE
)
_COMPARED_OPTION = re.compile(
    r"(?:===?\s*|case\s+|\|\s*|^\s*)(?P<quote>[\"'])(?P<name>--[a-z][\w-]*)(?P=quote)", re.MULTILINE
)


def _typescript(path: str, text: str) -> Iterator[_Entry]:
    source = lex(Language.TYPESCRIPT, text)
    yield from _compared_options(source)
    for match in _TS_FUNCTION.finditer(source.code):
        kind = " ".join(match["kind"].split())
        yield f"{path}: {match['name'] or 'default'}", f"{kind} {_squashed(source, match.end(), '{')}"
    arrows = set()
    for match in _TS_ARROW.finditer(source.code):
        arrows.add(match["name"])
        yield f"{path}: {match['name']}", _squashed(source, match.end(), "=>")
    for match in _TS_NAME.finditer(source.code):
        if match["name"] not in arrows:
            yield f"{path}: {match['name']}", match["kind"].replace("let", "const")
        if match["kind"] == "class":
            yield from _typescript_methods(f"{path}: {match['name']}", source, match.end())
    for match in _TS_LIST.finditer(source.code):
        for name in match["names"].split(","):
            if words := name.split():
                yield f"{path}: {words[-1]}", "exported"


def _typescript_methods(prefix: str, source: Lexed, offset: int) -> Iterator[_Entry]:
    block = source.block(offset)
    if block is None:
        return
    at = block[0] + 1
    while (match := _TS_METHOD.search(source.code, at, block[1])) is not None:
        opening = match.end() - 1
        closing = source.closing(opening)
        # A call inside a body is no method: skip each body as a whole.
        body = source.block(closing)
        if match["name"] not in {"constructor", "if", "for", "while", "switch", "catch", "return"} and body:
            yield f"{prefix}.{match['name']}", " ".join(source.text[opening:closing].split())
        at = body[1] if body and body[1] <= block[1] else closing


_RUST_ITEM = re.compile(
    r"^(?P<indent>[ \t]*)pub\s+(?P<kind>(?:const\s+|async\s+|unsafe\s+)*fn|struct|enum|trait|const|static|"
    r"type|mod)\s+(?P<name>\w+)",
    re.MULTILINE,
)
_RUST_IMPL = re.compile(r"^[ \t]*impl\b(?:<[^{}]*?>)?\s*(?P<what>[^{}]*?)\s*(?:where[^{}]*)?\{", re.MULTILINE)


def _rust(path: str, text: str) -> Iterator[_Entry]:
    source = lex(Language.RUST, text)
    yield from _compared_options(source)
    blocks = [
        (match.end() - 1, source.closing(match.end() - 1), match["what"].strip())
        for match in _RUST_IMPL.finditer(source.code)
    ]
    for match in _RUST_ITEM.finditer(source.code):
        owner = next((f"{what}::" for start, end, what in blocks if start < match.start() < end), "")
        kind = " ".join(match["kind"].split())
        signature = f"{kind} {_squashed(source, match.end(), '{')}" if kind.endswith("fn") else kind
        yield f"{path}: {owner}{match['name']}", signature


def _compared_options(source: Lexed) -> Iterator[_Entry]:
    literals = {piece.start for piece in source.strings}
    for match in _COMPARED_OPTION.finditer(source.text):
        if match.start("quote") in literals:
            yield f"option {match['name']}", "an option"


_BASH_FUNCTION = re.compile(r"^(?:function\s+)?(?P<name>[A-Za-z][\w-]*)\s*\(\)", re.MULTILINE)
_BASH_CASE = re.compile(
    r"(?:^|;;|\bin\b|\|)[ \t]*(?:-\w\s*\|\s*)?(?P<name>--[a-z][\w-]*)(?:=\*)?(?=\s*(?:\||\)))", re.MULTILINE
)


def _bash(path: str, text: str) -> Iterator[_Entry]:
    source = lex(Language.BASH, text)
    for match in _BASH_CASE.finditer(source.code):
        yield f"option {match['name']}", "an option"
    if not path.startswith("bin/"):
        for match in _BASH_FUNCTION.finditer(source.code):
            yield f"{path}: {match['name']}", "a function"


def _squashed(source: Lexed, offset: int, until: str) -> str:
    """The source's text up to a mark outside brackets and strings, with single spaces."""
    at, depth = offset, 0
    while at < len(source.code):
        char = source.code[at]
        if depth == 0 and (source.code.startswith(until, at) or char == ";"):
            break
        depth += (char in "([") - (char in ")]")
        at += 1
    return " ".join(source.text[offset:at].split())


_READERS: Mapping[Language, Callable[[str, str], Iterator[_Entry]]] = {
    Language.PYTHON: _python,
    Language.GO: _go,
    Language.TYPESCRIPT: _typescript,
    Language.RUST: _rust,
    Language.BASH: _bash,
}
