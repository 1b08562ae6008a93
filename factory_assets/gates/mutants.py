"""Small faults to put into a source, one at a time, by the nodes of its syntax tree."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from tree_sitter import Node

from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import read_facts
from factory_assets.languages.faults import ARITHMETIC, COMPARED, Faults
from factory_assets.languages.parsing import Source, line_of, nodes
from factory_assets.languages.parts import Facts, holds

MOST_PER_PART = 200
_MOST_SHOWN = 90
_LONGEST_NAME = 64
_MOST_DIGITS = 18
_BINARY = 3

# What a fault changes; a test of any honesty notices the first of these more likely than the last.
_RETURNED, _COMPARED, _STATED, _COUNTED, _CALLED = range(5)


@dataclass(frozen=True)
class Mutant:
    """One source with one fault in it. `change` is `old → new`, for people."""

    path: str
    line: int
    change: str
    text: str


@dataclass(frozen=True)
class _Edit:
    """What replaces the bytes from `start` to `end`: a template, with the bytes `keep` where it holds `{}`."""

    kind: int
    start: int
    end: int
    line: int
    template: str
    keep: tuple[int, int] = (0, 0)


@dataclass
class Part:
    """A function, a constant, or what a script does at its top, with the names that it uses and its faults."""

    name: str
    path: str
    source: Source
    is_function: bool
    names: set[str]
    edits: list[_Edit] = field(default_factory=list)

    def mutants(self, seed: str) -> Iterator[Mutant]:
        """One for each fault: first one of each line, the kinds in their order, then the next one of each line.

        Calls that are left out come after all others, for many of those crash, which even idle tests notice.
        """
        lines: Counter[int] = Counter()
        turns: list[tuple[bool, int, _Edit]] = []
        for edit in sorted(self.edits, key=lambda one: (one.kind, draw(f"{seed}{self.path}{one}"))):
            turns.append((edit.kind == _CALLED, lines[edit.line], edit))
            lines[edit.line] += 1
        for *_, edit in sorted(turns, key=lambda turn: turn[:2]):
            yield self._mutant(edit)

    def _mutant(self, edit: _Edit) -> Mutant:
        data = self.source.data
        new = edit.template.encode().replace(b"{}", data[slice(*edit.keep)])
        changed = data[: edit.start] + new + data[edit.end :]
        first, last = data.rfind(b"\n", 0, edit.start) + 1, data.find(b"\n", edit.end)
        last = len(data) if last < 0 else last
        change = f"{_shown(data[first:last])} → {_shown(changed[first : last + len(changed) - len(data)])}"
        return Mutant(self.path, edit.line, change, changed.decode("utf-8", "replace"))


def draw(what: str) -> str:
    """A lot that is always the same for the same text."""
    return hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()


def _shown(line: bytes) -> str:
    text = " ".join(line.decode("utf-8", "replace").split())
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


@dataclass(frozen=True)
class _Place:
    """The part that a node stands in, what the function around it returns, and whether a user sees its strings."""

    part: Part | None
    result: str = ""
    is_shown: bool = False


def parts_of(language: Language, path: str, text: str) -> list[Part]:
    """The parts of a source in their order; tests that stand in it are none of them."""
    return _Reader(LANGUAGES[language].faults, path, read_facts(language, text)).read()


class _Reader:
    def __init__(self, faults: Faults, path: str, facts: Facts) -> None:
        self._faults, self._path, self._source, self._tests = faults, path, facts.source, facts.tests
        self._parts: list[Part] = []
        self._imported = {
            self._source.text(leaf).rpartition("/")[2]
            for statement in (self._source.nodes(*faults.imports) if faults.imports else ())
            for leaf in nodes(statement)
            if not leaf.child_count
        }

    def read(self) -> list[Part]:
        # What a file does by itself at its top is a part of a script alone: elsewhere an import would run it.
        top = self._part("", self._source.root, is_function=True) if self._faults.is_script else None
        stack: list[tuple[Node, Node | None, _Place]] = [(self._source.root, None, _Place(top))]
        quiet = self._faults.left_alone | self._faults.imports
        while stack:
            node, parent, place = stack.pop()
            called = self._called(node)
            if holds(self._tests, node.start_byte) or node.type in quiet or called in self._faults.unnoticed:
                continue
            place = self._inside(node, place, called)
            if (part := place.part) is not None and len(part.edits) < MOST_PER_PART:
                # A large fault in a constant may stop every import of its file, which even idle tests notice, and so
                # does one where a file that others import asks at its top whether it is the command.
                found = [
                    *self._small(node, parent, is_shown=place.is_shown),
                    *(self._large(node, parent, place.result) if part.is_function else ()),
                ]
                is_guard = not part.name and bool(self._faults.imports)
                part.edits += [edit for edit in found if not (is_guard and edit.kind == _COMPARED)]
            stack += [(child, node, place) for child in reversed(node.children)]
        return self._parts

    def _part(self, name: str, node: Node, *, is_function: bool) -> Part:
        names = {self._source.text(one) for one in nodes(node, *self._faults.names)}
        part = Part(name, self._path, self._source, is_function, names - {name})
        self._parts.append(part)
        return part

    def _inside(self, node: Node, place: _Place, called: str) -> _Place:
        """The place of what a node holds."""
        faults, part, is_shown = self._faults, place.part, place.is_shown
        if (part is None or not part.name) and node.type in faults.functions | faults.constants:
            name = node.child_by_field_name("name") or node.child_by_field_name("left")
            is_function = node.type in faults.functions or _is_function(node.child_by_field_name("value"))
            if name is not None:
                part = self._part(self._source.text(name), node, is_function=is_function)
                is_shown = not is_function
        result = place.result
        if _is_function(node):
            declared = node.child_by_field_name(faults.result)
            result = self._source.text(declared) if declared else ""
        is_shown = is_shown or node.type in faults.shown or called in faults.printers
        return _Place(part, result, is_shown)

    def _called(self, node: Node) -> str:
        """The last name of what a call or a macro calls."""
        named = self._faults.calls.get(node.type)
        function = node.child_by_field_name(named) if named else None
        if function is None:
            return ""
        return self._source.text(function.children[-1] if function.child_count else function)

    def _large(self, node: Node, parent: Node | None, result: str) -> Iterator[_Edit]:
        faults = self._faults
        yield from self._operator(node, parent)
        if node.type in faults.returns:
            for value, template in faults.returned(node, result):
                if template != self._source.text(value):
                    yield _edit(_RETURNED, value, template)
        if node.type in faults.conditions:
            condition = node.child_by_field_name("condition") or node.named_children[0]
            if not condition.type.startswith("let_"):
                yield _edit(_COMPARED, condition, faults.conditions[node.type])
        if node.type in faults.statements and (kept := self._deleted(node, parent)):
            yield _edit(_STATED, node, faults.statements[node.type], kept)
        if node.type in faults.calls and (kept := self._within(node)):
            yield _edit(_CALLED, node, "{}", kept)

    def _operator(self, node: Node, parent: Node | None) -> Iterator[_Edit]:
        if node.child_count or parent is None or parent.type not in self._faults.operations:
            return
        word = self._source.text(node)
        if word in ARITHMETIC and parent.child_count == _BINARY and parent.children[0] != node:
            # The one operand alone is of the same type, so that no idle test is told by a crash.
            yield _edit(_COMPARED, parent, "{}", parent.children[0])
        elif word in self._faults.tokens and word not in COMPARED:
            yield _edit(_COMPARED, node, self._faults.tokens[word])

    def _small(self, node: Node, parent: Node | None, *, is_shown: bool) -> Iterator[_Edit]:
        faults, word = self._faults, "" if node.child_count else self._source.text(node)
        if node.type in faults.strings and is_shown and not (parent and parent.type == "command_name"):
            yield from self._string(node)
        elif node.type in faults.numbers:
            is_plain = word.isdecimal() and len(word) <= _MOST_DIGITS
            yield _edit(_COUNTED, node, str(int(word) + 1) if is_plain else f"1{word}")
        elif word in faults.literals:
            yield _edit(_COUNTED, node, faults.literals[word])
        elif word in COMPARED and parent is not None and parent.type in faults.operations:
            yield _edit(_COMPARED, node, faults.tokens[word])

    def _deleted(self, node: Node, parent: Node | None) -> Node | None:
        """What is kept of a statement that can be deleted; None for one that cannot."""
        faults, right = self._faults, node.child_by_field_name("right")
        first = next(iter((right or node).named_children), node)
        if (faults.deleted and first.type not in faults.deleted) or self._called(first) in faults.unnoticed:
            return None
        if right and any(child.type not in {"=", right.type} for child in node.children):
            return None
        around = parent.type if parent else ""
        if (faults.blocks and around not in faults.blocks) or (
            around in faults.conditions and parent and node == parent.child_by_field_name("condition")
        ):
            return None
        return right or node

    def _within(self, node: Node) -> Node | None:
        """What a call can be replaced by: the object of a method, or the first argument of a function."""
        function = node.child_by_field_name(self._faults.calls[node.type])
        if function is not None and function.type in self._faults.members and function.child_count > 1:
            owner = function.children[0]
            start = self._source.data[owner.start_byte : owner.start_byte + _LONGEST_NAME].decode(
                "utf-8", "replace"
            )
            if "".join(takewhile(lambda char: char.isalnum() or char == "_", start)) not in self._imported:
                return owner
        arguments = node.child_by_field_name("arguments")
        given = arguments.named_children[:1] if arguments else []
        return next((one for one in given if "argument" not in one.type and "comment" not in one.type), None)

    def _string(self, node: Node) -> Iterator[_Edit]:
        """A text is emptied; one with places that are filled in gets a letter, since those have to stay."""
        text = self._source.text(node)
        content = [child for child in node.named_children if child.type not in {"string_start", "string_end"}]
        quote = 1 if text[:1] in {'"', "'"} else 0
        start = content[0].start_byte if content else node.start_byte + quote
        end = content[-1].end_byte if content else node.end_byte - quote
        # Of a word without quotes, an option and a bracket are no text that anybody sees.
        if start < end and (quote or content or text[:1].isalnum()):
            is_filled = any(char in text for char in "{%\\$")
            yield _Edit(_STATED, start, start if is_filled else end, line_of(node), "x" if is_filled else "")


def _edit(kind: int, node: Node, template: str, kept: Node | None = None) -> _Edit:
    keep = kept or node
    return _Edit(
        kind, node.start_byte, node.end_byte, line_of(node), template, (keep.start_byte, keep.end_byte)
    )


def _is_function(node: Node | None) -> bool:
    if node is None or node.child_by_field_name("body") is None:
        return False
    return any(node.child_by_field_name(name) for name in ("parameters", "parameter"))
