"""Placeholders in Python, found by Python's own parser: stub bodies, NotImplementedError and notes of work left."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory_assets.gates.notes import is_excuse, is_hook, is_meant, is_note, mentions_notes

Fault = tuple[int, str]
_Function = ast.FunctionDef | ast.AsyncFunctionDef

_ABSTRACT_BASES = frozenset({"ABC", "Protocol"})
_ABSTRACT_MARKS = frozenset({"abstractmethod", "overload", "abstractproperty"})
_PLAIN_MARKS = frozenset({"staticmethod", "classmethod", "property", "cache", "lru_cache", "override"})
_SAYING = frozenset({"print", "echo", "exit", "write"})
# What is handed to others as a file or a connection has these, also where there is nothing behind it.
_DUCKS = frozenset({"close", "aclose", "flush"})
_ON_PURPOSE = ("noop", "nop", "no_op", "nothing", "ignore", "discard", "silent", "null", "swallow")


@dataclass(frozen=True)
class Classes:
    """The classes of a whole repo by name: a method is only abstract where a subclass fills it in."""

    methods: Mapping[str, frozenset[str]]
    bases: Mapping[str, frozenset[str]]

    def is_filled_in(self, owner: str, method: str) -> bool:
        """Whether a subclass in the repo has the method."""
        return any(method in self.methods[heir] for heir in self._heirs(owner))

    def _heirs(self, owner: str) -> set[str]:
        heirs: set[str] = set()
        waiting = {owner}
        while waiting:
            found = {name for name, bases in self.bases.items() if bases & waiting} - heirs - {owner}
            heirs |= found
            waiting = found
        return heirs

    def may_override(self, owner: str, method: str) -> bool:
        """Whether a base class has the method, or is a class from elsewhere that may have it."""
        return any(
            base not in self.methods or method in self.methods[base]
            for base in self.bases[owner] - {"object", "Generic"}
        )


def read_classes(sources: Mapping[str, str]) -> Classes:
    """The classes of all sources; what does not parse has none."""
    methods: dict[str, frozenset[str]] = {}
    bases: dict[str, frozenset[str]] = {}
    for text in sources.values():
        try:
            module = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                methods[node.name] = frozenset(item.name for item in node.body if isinstance(item, _Function))
                bases[node.name] = frozenset(_last_name(base) for base in node.bases)
    return Classes(methods, bases)


def python_placeholders(text: str, classes: Classes) -> Iterator[Fault]:
    """Line and reason of each placeholder; a file that does not parse is one fault."""
    try:
        module = ast.parse(text)
        comments = [
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT
        ]
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        yield line or 1, f"does not parse as Python: {error}"
        return
    documentation = {id(node) for node in _docstrings(module)}
    strings = [
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    about_notes = mentions_notes(strings)
    for token in comments:
        if is_note(token.string, about_notes=about_notes):
            yield token.start[0], "a note of work left to do"
    yield from _function_faults(module, classes, text.splitlines())
    yield from _raise_faults(module, classes)


def _docstrings(module: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | _Function):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _functions(module: ast.Module) -> Iterator[tuple[_Function, ast.ClassDef | None]]:
    owners = {
        id(item): node for node in ast.walk(module) if isinstance(node, ast.ClassDef) for item in node.body
    }
    for node in ast.walk(module):
        if isinstance(node, _Function):
            yield node, owners.get(id(node))


def _function_faults(module: ast.Module, classes: Classes, lines: list[str]) -> Iterator[Fault]:
    for function, owner in _functions(module):
        body_of = function.body[:-1] if owner is None and _returns_nothing(function) else function.body
        if not all(_does_nothing(statement) for statement in body_of):
            continue
        if _is_abstract(function, owner) or _is_meant_empty(function, owner, classes):
            continue
        # From the end of the head on: a comment may stand behind the only statement.
        body = "\n".join(lines[function.lineno - 1 : function.end_lineno]) + _beside(lines, function)
        explained = "#" in body or (owner is not None and ast.get_docstring(function) is not None)
        if is_meant(body) or (explained and _may_be_empty(function, owner)):
            continue
        yield function.lineno, f"{function.name} has an empty body"


def _beside(lines: list[str], function: _Function) -> str:
    """The comments between a body that does nothing and the next statement at its depth or less."""
    found = []
    for line in lines[function.end_lineno or function.lineno :]:
        if not line.strip().startswith("#") or len(line) - len(line.lstrip()) <= function.col_offset:
            break
        found.append(f"\n{line}")
    return "".join(found)


def _may_be_empty(function: _Function, owner: ast.ClassDef | None) -> bool:
    """A hook, or a method of an abstract class or an exception that heirs may replace."""
    if owner is None:
        return is_hook(function.name)
    bases = {_last_name(base) for base in owner.bases}
    return (
        is_hook(function.name)
        or "ABC" in bases
        or any(keyword.arg == "metaclass" for keyword in owner.keywords)
        or any(base.endswith(("Error", "Exception", "Warning")) for base in bases)
    )


def _raise_faults(module: ast.Module, classes: Classes) -> Iterator[Fault]:
    allowed: set[int] = set()
    for function, owner in _functions(module):
        filled = owner is not None and classes.is_filled_in(owner.name, function.name)
        if filled or _is_abstract(function, owner):
            allowed |= {id(node) for node in ast.walk(function)}
    for node in ast.walk(module):
        if isinstance(node, ast.Raise) and node.exc is not None and id(node) not in allowed:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if _last_name(raised) == "NotImplementedError":
                yield node.lineno, "raises NotImplementedError outside an abstract method"
            elif isinstance(node.exc, ast.Call) and _makes_excuses(node.exc):
                yield node.lineno, "says that it is not implemented"
        elif isinstance(node, ast.Call) and _last_name(node.func) in _SAYING and _makes_excuses(node):
            yield node.lineno, "says that it is not implemented"


def _makes_excuses(call: ast.Call) -> bool:
    words = [word.value for word in call.args if isinstance(word, ast.Constant)]
    return any(isinstance(word, str) and is_excuse(word) for word in words)


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _returns_nothing(function: _Function) -> bool:
    match function.body[-1]:
        case ast.Return(value=None | ast.Constant(value=None)):
            return True
        case _:
            return False


def _is_abstract(function: _Function, owner: ast.ClassDef | None) -> bool:
    if _ABSTRACT_MARKS.intersection(_last_name(mark) for mark in function.decorator_list):
        return True
    # In an abstract class only what is marked is abstract; a Protocol's methods all are.
    return owner is not None and any(_last_name(base) == "Protocol" for base in owner.bases)


def _is_meant_empty(function: _Function, owner: ast.ClassDef | None, classes: Classes) -> bool:
    name = function.name
    # A decorator may be all that a function is for: a group of commands, a route, a hook.
    if any(_last_name(mark) not in _PLAIN_MARKS for mark in function.decorator_list):
        return True
    if any(word in name.lower() for word in _ON_PURPOSE):
        return True
    if owner is None:
        return False
    quiet = any(word in owner.name.lower() for word in ("noop", "null", "silent", "quiet", "dummy"))
    return (
        quiet
        or (name.startswith("__") and name.endswith("__"))
        or name in _DUCKS
        or classes.is_filled_in(owner.name, name)
        or (bool(classes.bases[owner.name] - _ABSTRACT_BASES) and classes.may_override(owner.name, name))
    )


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value) | ast.Call(func=value):
            return _last_name(value)
        case _:
            return ""
