"""Reading a Makefile as far as the gates need it: rules with their recipes, variables, and what changes make itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

_ASSIGNMENT = re.compile(
    r"(?:(?:export|override|private)\s+)*(?P<name>[\w.-]+)\s*(?P<kind>:{1,3}=|\?=|\+=|!=|=)\s*(?P<value>.*)"
)
_RULE = re.compile(r"(?P<targets>[^\s:=#][^:=#]*?)\s*(?P<colons>::?)(?!=)\s*(?P<rest>.*)")
_INCLUDE = re.compile(r"(?:-|s)?include\s+(.+)")
_IF = re.compile(r"(?:ifeq|ifneq|ifdef|ifndef)\b")
_VARIABLE = re.compile(r"\$(?:\(([\w.-]+)\)|\{([\w.-]+)\})")
_AT_RUN_TIME = re.compile(r"\$[({]eval\b")
_DEFINE = re.compile(r"(?:(?:export|override|private)\s+)*define\s+([\w.-]+)")
_COMMENT = re.compile(r"(?<!\\)#.*")
_EXPANSIONS = 6


@dataclass(frozen=True)
class Line:
    """A logical line, its continuations joined, and the number of its first physical one."""

    number: int
    text: str


@dataclass(frozen=True)
class Rule:
    """A rule. `conditional` says that it stands between ifeq and endif."""

    number: int
    targets: tuple[str, ...]
    prerequisites: tuple[str, ...]
    recipe: tuple[Line, ...]
    double_colon: bool
    conditional: bool


@dataclass(frozen=True)
class Assignment:
    """A variable that is set; `target` when for one target only, `conditional` between ifeq and endif."""

    number: int
    name: str
    kind: str
    value: str
    target: str = ""
    conditional: bool = False


@dataclass(frozen=True)
class Makefile:
    """What stands in a Makefile."""

    rules: tuple[Rule, ...]
    assignments: tuple[Assignment, ...]
    includes: tuple[Line, ...]
    others: tuple[Line, ...]

    def rules_of(self, target: str) -> tuple[Rule, ...]:
        """The rules of a target, in order."""
        return tuple(rule for rule in self.rules if target in rule.targets)

    @property
    def names(self) -> frozenset[str]:
        """The variables that the file sets."""
        return frozenset(assignment.name for assignment in self.assignments)

    def choices(self, text: str) -> tuple[dict[str, str], ...]:
        """The values that the variables in a text may have instead, where a condition decides."""
        named: set[str] = set()
        found = _names(text)
        while found - named:
            named |= found
            found = {name for a in self.assignments if a.name in named for name in _names(a.value)}
        open_ones = {a.name for a in self.assignments if a.conditional}
        return tuple({a.name: a.value} for a in self.assignments if a.name in named & open_ones)

    def expand(self, text: str, chosen: Mapping[str, str] | None = None) -> str:
        """Replace the variables that the file sets; calls of make's functions stay as they are.

        Of several values the last one counts, but for those that are `chosen`.
        """
        values: dict[str, str] = {}
        for assignment in self.assignments:
            before = values.get(assignment.name, "")
            if assignment.kind == "?=" and assignment.name in values:
                continue
            values[assignment.name] = (
                f"{before} {assignment.value}".strip() if assignment.kind == "+=" else assignment.value
            )
        values.setdefault("MAKE", "make")
        values |= chosen or {}
        for _ in range(_EXPANSIONS):
            new = _VARIABLE.sub(lambda match: values.get(match[1] or match[2], match[0]), text)
            if new == text or len(new) > 20_000:
                break
            text = new
        return text


@dataclass
class _Reader:
    rules: list[Rule] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    includes: list[Line] = field(default_factory=list)
    others: list[Line] = field(default_factory=list)
    depth: int = 0
    open_rule: Rule | None = None
    defined: Assignment | None = None

    def read(self, line: Line, *, is_recipe: bool) -> None:
        if self.defined is not None:
            self._define(self.defined, line)
            return
        if is_recipe and self.open_rule is not None:
            self._replace(self.open_rule, line)
            return
        text = _COMMENT.sub("", line.text).strip()
        if not text:
            return
        if _IF.match(text):
            self.depth += 1
        elif text == "endif":
            self.depth = max(0, self.depth - 1)
        elif not re.match(r"else\b", text):
            self.open_rule = None
            self._directive(Line(line.number, text))

    def _define(self, so_far: Assignment, line: Line) -> None:
        if line.text.strip() == "endef":
            self.assignments.append(so_far)
            self.defined = None
            return
        self.defined = replace(so_far, value=f"{so_far.value}\n{line.text}".strip())

    def _directive(self, line: Line) -> None:
        include, assignment, rule = (form.fullmatch(line.text) for form in (_INCLUDE, _ASSIGNMENT, _RULE))
        definition = _DEFINE.match(line.text)
        if _AT_RUN_TIME.search(line.text):
            self.others.append(line)
        elif definition:
            self.defined = Assignment(line.number, definition[1], "=", "", conditional=self.depth > 0)
        elif include:
            self.includes.append(line)
        elif assignment:
            self.assignments.append(replace(_assigned(line.number, assignment), conditional=self.depth > 0))
        elif rule:
            self._rule(line, rule)
        else:
            self.others.append(line)

    def _rule(self, line: Line, match: re.Match[str]) -> None:
        targets = tuple(match["targets"].split())
        own = _ASSIGNMENT.fullmatch(match["rest"])
        if own:
            self.assignments += [_assigned(line.number, own, target) for target in targets]
            return
        before, semicolon, inline = match["rest"].partition(";")
        rule = Rule(
            number=line.number,
            targets=targets,
            prerequisites=tuple(name for name in before.split() if name != "|"),
            recipe=(Line(line.number, inline.strip()),) if semicolon else (),
            double_colon=match["colons"] == "::",
            conditional=self.depth > 0,
        )
        self.rules.append(rule)
        self.open_rule = rule

    def _replace(self, rule: Rule, line: Line) -> None:
        longer = Rule(
            rule.number,
            rule.targets,
            rule.prerequisites,
            (*rule.recipe, line),
            rule.double_colon,
            rule.conditional,
        )
        self.rules[self.rules.index(rule)] = longer
        self.open_rule = longer


def _names(text: str) -> set[str]:
    return {match[1] or match[2] for match in _VARIABLE.finditer(text)}


def read_makefile(text: str) -> Makefile:
    """Read the text of a Makefile. What cannot be understood is kept in `others`."""
    reader = _Reader()
    for line, is_recipe in _logical_lines(text):
        reader.read(line, is_recipe=is_recipe)
    return Makefile(
        tuple(reader.rules), tuple(reader.assignments), tuple(reader.includes), tuple(reader.others)
    )


def _assigned(number: int, match: re.Match[str], target: str = "") -> Assignment:
    return Assignment(number, match["name"], match["kind"], match["value"].strip(), target)


def _logical_lines(text: str) -> Iterator[tuple[Line, bool]]:
    parts: list[str] = []
    first = 0
    for number, physical in enumerate(text.splitlines(), start=1):
        if not parts:
            first = number
        parts.append(physical)
        if physical.endswith("\\") and not physical.endswith("\\\\"):
            continue
        joined = " ".join(part.removesuffix("\\").strip() for part in parts)
        yield Line(first, joined), parts[0].startswith("\t")
        parts = []
    if parts:
        yield (
            Line(first, " ".join(part.removesuffix("\\").strip() for part in parts)),
            parts[0].startswith("\t"),
        )
