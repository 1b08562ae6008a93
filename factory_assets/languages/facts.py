"""One reading of a source for all gates that ask for facts of it.

Each record's query (https://tree-sitter.github.io/tree-sitter/using-parsers/queries/) finds its parts by these
captures: `@function` with `@name`, `@body`, `@returns` and in Go `@receiver`; `@public` on a function that others can
call; `@owner` with `@name` and `@base`, `@module` with `@name`; `@mark` for decorators and attributes; `@call` with
`@called`, `@valued` on a call whose result is used; `@refusal` on what throws; `@passed` on a name that is handed
on; `@tests` on tests within a source, `@untested` on what says that it holds none; `@assertion` on what can fail a
test, `@skip` on what switches one off, `@chooser` on the name of what decides which tests run; `@comment`, `@string`,
`@docstring`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from threading import Lock

from tree_sitter import Node, Query, QueryCursor

from factory_assets.domain.specs import Language
from factory_assets.languages import LANGUAGES
from factory_assets.languages.base import Tests
from factory_assets.languages.parsing import Source, line_of, nodes, parse
from factory_assets.languages.parts import Facts, Function, FunctionCall, Owner, Part, holds, outermost

__all__ = ["Facts", "Function", "FunctionCall", "Owner", "Part", "read_facts"]

_Match = Mapping[str, Sequence[Node]]
_Spot = tuple[int, int]
# Of source: the tree of a hostile one is up to four hundred times as large.
_MOST_KEPT_BYTES = 4 << 20
_LONGEST_CALLEE = 80
_DEEPEST = 20
_FARTHEST = 200
_BLOCKS = frozenset({"block", "statement_block", "compound_statement", "subshell", "statement_list"})
_NO_STEP = frozenset({"comment", "line_comment", "block_comment", "empty_statement"})


def read_facts(language: Language, text: str) -> Facts:
    """The facts of a source; what is no code of the language is left out and named in `faults`."""
    facts = _LAST_READ.get(language, text)
    if facts is None:
        facts = _read(language, text)
        _LAST_READ.put(language, text, facts)
    return facts


def _read(language: Language, text: str) -> Facts:
    record = LANGUAGES[language]
    source = parse(record, text)
    matches = QueryCursor(_query(language)).matches(source.root)
    return _Reader(source, matches, record.tests).facts()


class _LastRead:
    """The facts of the sources that were asked for last, up to so many bytes of source, and of one in any case."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._facts: OrderedDict[tuple[Language, str], Facts] = OrderedDict()
        self._lock = Lock()

    def get(self, language: Language, text: str) -> Facts | None:
        with self._lock:
            facts = self._facts.get((language, text))
            if facts is not None:
                self._facts.move_to_end((language, text))
            return facts

    def put(self, language: Language, text: str, facts: Facts) -> None:
        with self._lock:
            before = self._facts.pop((language, text), None)
            self._facts[language, text] = facts
            self._bytes += len(facts.source.data) - (len(before.source.data) if before else 0)
            while self._bytes > self._most_bytes and len(self._facts) > 1:
                _, oldest = self._facts.popitem(last=False)
                self._bytes -= len(oldest.source.data)


_LAST_READ = _LastRead(_MOST_KEPT_BYTES)


@lru_cache
def _query(language: Language) -> Query:
    record = LANGUAGES[language]
    return Query(record.grammar, record.facts)


class _Reader:
    """Puts the matches of a record's query together: what stands in what, and whose the marks and comments are."""

    def __init__(self, source: Source, matches: Sequence[tuple[int, _Match]], known: Tests) -> None:
        self._source = source
        self._known = known
        self._matches = [match for _, match in matches]
        self._comments = self._parts("comment")
        self._marks = self._parts("mark")
        self._tests = list(outermost(self._parts("tests")))
        self._public = {node.start_byte for node in self._nodes("public")}
        self._docstrings = {node.start_byte: node for node in self._nodes("docstring")}
        self._before = sorted((*self._comments, *self._marks), key=lambda part: part.start)
        self._mark_starts = {part.start for part in self._marks}

    def facts(self) -> Facts:
        calls, valued = self._calls()
        functions, owners = self._definitions()
        return Facts(
            source=self._source,
            functions=tuple(functions),
            owners=tuple(owners),
            calls=tuple(calls),
            comments=self._comments,
            strings=self._parts("string"),
            refusals=self._parts("refusal"),
            untested=self._parts("untested"),
            tests=tuple(self._tests),
            asserts=self._asserts(),
            skips=self._parts("skip"),
            choosers=tuple(self._source.text(node) for node in self._nodes("chooser")),
            passed=frozenset(self._source.text(node) for node in self._nodes("passed")),
            valued=frozenset(call.name for call in calls if call.start in valued),
        )

    def _nodes(self, capture: str) -> Iterator[Node]:
        for match in self._matches:
            yield from match.get(capture, ())

    def _parts(self, capture: str) -> tuple[Part, ...]:
        spans = {(node.start_byte, node.end_byte): line_of(node) for node in self._nodes(capture)}
        return tuple(Part(self._source.data, *span, line) for span, line in sorted(spans.items()))

    def _calls(self) -> tuple[list[FunctionCall], set[int]]:
        calls = {}
        for match in self._matches:
            if "call" in match and "called" in match:
                node, called = match["call"][0], match["called"][0]
                place = (node.start_byte, node.end_byte)
                calls[place] = FunctionCall(
                    self._source.data, *place, line_of(node), _callee(self._source, called)
                )
        return [calls[place] for place in sorted(calls)], {node.start_byte for node in self._nodes("valued")}

    def _asserts(self) -> tuple[Part, ...]:
        """What can fail a test; what compares nothing that ran, a constant or a thing with itself, cannot."""
        found = [node for node in self._nodes("assertion") if self._is_alive([node])]
        for match in self._matches:
            if "call" not in match or "called" not in match:
                continue
            node, callee = match["call"][0], _callee(self._source, match["called"][0])
            given = node.child_by_field_name("arguments")
            operands = given.named_children if given else node.named_children[1:]
            if self._known.fails(callee) or (
                self._known.asserts(callee)
                and (self._known.is_of_another(callee) or not operands or self._is_alive(operands))
            ):
                found.append(node)
        spans = {(node.start_byte, node.end_byte): line_of(node) for node in found}
        return tuple(Part(self._source.data, *span, line) for span, line in sorted(spans.items()))

    def _is_alive(self, operands: list[Node]) -> bool:
        compared = operands[0].named_children if len(operands) == 1 else operands
        is_itself = len({one.text for one in compared}) == 1 < len(compared) and b"(" not in (
            compared[0].text or b""
        )
        return not is_itself and any(True for one in operands for _ in nodes(one, *self._known.alive))

    def _definitions(self) -> tuple[list[Function], list[Owner]]:
        """Functions and owners in order, each with what it stands in."""
        found: dict[_Spot, tuple[str, _Match]] = {}
        # A class with several bases is several matches.
        bases: dict[_Spot, list[Node]] = {}
        for match in self._matches:
            for kind in ("function", "owner", "module"):
                if kind in match and "name" in match:
                    node = match[kind][0]
                    place = (node.start_byte, -node.end_byte)
                    found[place] = (kind, match)
                    bases.setdefault(place, []).extend(match.get("base", ()))
        functions: list[Function] = []
        owners: list[Owner] = []
        around: list[Function | Owner] = []
        modules: list[Owner] = []
        for place, (kind, match) in sorted(found.items(), key=lambda item: item[0]):
            while around and around[-1].end <= place[0]:
                around.pop()
            while modules and modules[-1].end <= place[0]:
                modules.pop()
            part: Function | Owner
            if kind == "function":
                within = tuple(module.name for module in modules[-_DEEPEST:])
                part = self._function(match, within, around[-1] if around else None)
                functions.append(part)
            else:
                part = self._owner(match, place, bases[place], is_module=kind == "module")
                owners.append(part)
                modules += [part] if part.is_module else []
            around.append(part)
        return functions, owners

    def _owner(self, match: _Match, place: _Spot, bases: Iterable[Node], *, is_module: bool) -> Owner:
        name = match["name"][0]
        marks, _ = self._above(place[0], -place[1], line_of(name))
        names = tuple(dict.fromkeys(_bare(self._source.text(node)) for node in bases))
        where = (self._source.data, place[0], -place[1], line_of(name))
        return Owner(*where, _bare(self._source.text(name)), names, marks, is_module)

    def _function(self, match: _Match, modules: tuple[str, ...], around: Function | Owner | None) -> Function:
        node, name, body = match["function"][0], match["name"][0], match["body"][0]
        marks, doc = self._above(node.start_byte, node.end_byte, line_of(name))
        steps = [step for step in _steps(body) if step.start_byte not in self._docstrings]
        first = body.named_child(0) if body.named_child_count else None
        docstring = self._docstrings.get(first.start_byte) if first else None
        where = (self._source.data, node.start_byte, max(node.end_byte, body.end_byte), line_of(name))
        return Function(
            *where,
            name=self._source.text(name),
            owner=self._receiver(match)
            or (around if isinstance(around, Owner) and not around.is_module else None),
            modules=modules,
            marks=marks,
            body_start=body.start_byte,
            steps=tuple((step.start_byte, step.end_byte) for step in steps),
            returns="".join(self._source.text(part).lstrip(": ") for part in match.get("returns", ())),
            doc=self._source.text(docstring) if docstring else doc,
            is_public=node.start_byte in self._public,
            is_nested=isinstance(around, Function),
            is_test_code=holds(self._tests, node.start_byte),
        )

    def _receiver(self, match: _Match) -> Owner | None:
        if "receiver" not in match:
            return None
        node = match["receiver"][0]
        where = (self._source.data, node.start_byte, node.end_byte, line_of(node))
        return Owner(*where, _bare(self._source.text(node)), (), (), is_module=False)

    def _above(self, start: int, end: int, line: int) -> tuple[tuple[str, ...], str]:
        """The marks and the comments that stand right above a part; one that is marked as a test's is noted."""
        marks: list[str] = []
        doc: list[str] = []
        at = bisect_right(self._before, start - 1, key=lambda part: part.start) - 1
        while at >= 0:
            part = self._before[at]
            if not 0 <= start - part.end <= _FARTHEST:
                break
            between = self._source.data[part.end : start]
            if between.strip() or between.count(b"\n") > 1:
                break
            (marks if part.start in self._mark_starts else doc).insert(0, part.text.strip())
            start, at = part.start, at - 1
        is_test = any(mark.startswith(self._known.marks) for mark in marks)
        if is_test and not holds(self._tests, start):
            self._tests.append(Part(self._source.data, start, end, line))
        return tuple(marks), "\n".join(doc)


def _steps(body: Node) -> list[Node]:
    """The statements of a body; a body that is an expression is the only one."""
    if body.type not in _BLOCKS:
        return [body]
    found = [child for child in body.named_children if child.type not in _NO_STEP]
    return _steps(found[0]) if len(found) == 1 and found[0].type == "statement_list" else found


def _bare(name: str) -> str:
    """A type's name without what it points to and what it is generic in."""
    return name.lstrip("*& ").partition("[")[0].partition("<")[0].strip()


def _callee(source: Source, called: Node) -> str:
    """What is called, as it is written; of a chain of calls only the end, since each link has its own call."""
    text = source.data[max(called.start_byte, called.end_byte - _LONGEST_CALLEE) : called.end_byte]
    return "".join(text.decode("utf-8", "replace").split())
