"""What a source consists of, as far as gates ask: functions, classes, calls, comments, strings.

A part knows its place in the whole source and cuts its text out of it when asked, so that a source that is
nested without end costs no more memory than it is long.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TypeVar

from factory_assets.languages.parsing import Source

_MOST_FAULTS = 20


@dataclass(frozen=True)
class Part:
    """A stretch of a source: bytes from `start` up to `end` of `data`, beginning on `line` (from 1)."""

    data: bytes = field(repr=False)
    start: int
    end: int
    line: int

    @property
    def text(self) -> str:
        """What stands there."""
        return self.data[self.start : self.end].decode("utf-8", "replace")


_Part = TypeVar("_Part", bound=Part)


@dataclass(frozen=True)
class FunctionCall(Part):
    """A call: all of it, and what is called as it is written, such as `self.load` or `t.Fatalf`."""

    callee: str

    @property
    def name(self) -> str:
        """The last name of what is called."""
        return self.callee.replace("::", ".").rpartition(".")[2]


@dataclass(frozen=True)
class Owner(Part):
    """A class, a block of methods or a module: what functions may stand in."""

    name: str
    bases: tuple[str, ...]
    marks: tuple[str, ...]
    is_module: bool


@dataclass(frozen=True)
class Function(Part):
    """A function with a body. `start` is that of its head, after its marks.

    `owner` names the class or type whose method it is, `modules` the modules within the file that it stands in and
    `marks` are its decorators or attributes as written. `is_nested` is true inside of another function. `doc` is
    the comment above it or its docstring, `returns` the type that is written behind an arrow or a colon.
    `steps` are the places of its statements, without comments and docstring.
    """

    name: str
    owner: Owner | None
    modules: tuple[str, ...]
    marks: tuple[str, ...]
    body_start: int
    steps: tuple[tuple[int, int], ...]
    returns: str
    doc: str
    is_public: bool
    is_nested: bool
    is_test_code: bool

    @property
    def head(self) -> str:
        """What stands before the body, with single spaces."""
        return " ".join(self.data[self.start : self.body_start].decode("utf-8", "replace").split())

    @property
    def body(self) -> str:
        """The body with its brackets."""
        return self.data[self.body_start : self.end].decode("utf-8", "replace")

    @property
    def statements(self) -> tuple[str, ...]:
        """The text of each statement of the body."""
        return tuple(self.data[start:end].decode("utf-8", "replace") for start, end in self.steps)


@dataclass(frozen=True)
class Test:
    """A test in a file, or with `is_helper` something that tests share.

    `name` is what its runner reports it by; `is_told` is false where that cannot be told from the source or nothing
    reports it. `is_off` says that it does not run by default, `is_inverted` that it passes when an assertion of its own
    fails. `proofs` counts what it asserts beside the assertions among the facts.
    """

    __test__ = False

    part: Part
    name: str
    is_told: bool = True
    is_off: bool = False
    is_helper: bool = False
    is_inverted: bool = False
    proofs: int = 0


@dataclass(frozen=True)
class Facts:
    """What one source holds, each kind in the order of the source.

    `passed` are the names that are handed on as values, `valued` those of functions whose result is used. `asserts`
    are what can fail a test, `skips` what ends one early or says that it is not to run, and `choosers` the names of
    what decides which tests run.
    """

    source: Source = field(repr=False)
    functions: tuple[Function, ...]
    owners: tuple[Owner, ...]
    calls: tuple[FunctionCall, ...]
    comments: tuple[Part, ...]
    strings: tuple[Part, ...]
    refusals: tuple[Part, ...]
    untested: tuple[Part, ...]
    tests: tuple[Part, ...]
    asserts: tuple[Part, ...]
    skips: tuple[Part, ...]
    choosers: tuple[str, ...]
    passed: frozenset[str]
    valued: frozenset[str]

    @cached_property
    def faults(self) -> tuple[tuple[int, str], ...]:
        """Line and reason of the first places that are no code of the language; grammars have gaps of their own."""
        return tuple(islice(self.source.faults(), _MOST_FAULTS))

    @cached_property
    def code(self) -> str:
        """The source with comments and strings blanked; as long in bytes, and with the same lines."""
        return self.blanked(self.comments, self.strings)

    def blanked(self, *kinds: Sequence[Part]) -> str:
        """The source with some parts blanked; as long in bytes, and with the same lines."""
        data = bytearray(self.source.data)
        for parts in kinds:
            reached = 0
            for part in parts:
                start = max(part.start, reached)
                if start < part.end:
                    rest = data[start : part.end]
                    data[start : part.end] = b"\n".join(b" " * len(line) for line in rest.split(b"\n"))
                    reached = part.end
        return data.decode("utf-8", "replace")

    def is_test_code(self, part: Part) -> bool:
        """Whether a part stands in the tests that a source holds within itself."""
        return holds(self.tests, part.start)


def outermost(parts: Iterable[_Part]) -> tuple[_Part, ...]:
    """Parts in order without those that lie in another."""
    found: list[_Part] = []
    for part in parts:
        if not found or part.start >= found[-1].end:
            found.append(part)
    return tuple(found)


def holds(parts: Sequence[Part], offset: int) -> bool:
    """Whether an offset lies in one of some parts, which are in order and apart from each other."""
    before = bisect_right(parts, offset, key=lambda part: part.start)
    return before > 0 and offset < parts[before - 1].end


def inside(parts: Sequence[_Part], whole: Part) -> Sequence[_Part]:
    """Those of some parts in order that begin within another."""
    first = bisect_left(parts, whole.start, key=lambda part: part.start)
    return parts[first : bisect_left(parts, whole.end, key=lambda part: part.start)]
