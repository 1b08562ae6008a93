"""Gate of the build phase: no source stands in for work that was not done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import SYMLINK, Tree
from factory_assets.gates.names import PLACEHOLDERS
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import Facts, Function, Owner, read_facts
from factory_assets.languages.parts import inside
from factory_assets.languages.sources import is_source

MOST_SHOWN = 20

_Fault = tuple[int, str]
# The forms that editors and linters know: a mark at the start of a comment, and one with a colon or a bracket.
_PLAIN_NOTE = re.compile(r"^[\s#/*!;-]*(?:TODO|FIXME|XXX)\s*(?:\([^)\n]*\))?\s*:", re.IGNORECASE)
_NOTE = re.compile(
    r"^[\s#/*!;-]*(?:TODO|FIXME|XXX)\b(?![.-])|(?<![`'\"\w])(?:TODO|FIXME|XXX)(?::|\()", re.MULTILINE
)
_MARKS = ("TODO", "FIXME", "XXX")
_EXCUSES = ("not implemented", "not yet implemented", "unimplemented", "to be implemented", "implement me")
_ANSWERS = ("501", "StatusNotImplemented", "NOT_IMPLEMENTED")
_MOST_WORDS = 12
_MOST_HEIRS = 500
_NEAR = 300
_FILLER = "lorem ipsum dolor"
_ABSTRACT_BASES = frozenset({"ABC", "Protocol", "object", "Generic", "metaclass=ABCMeta"})
_HOOKS = ("on", "visit", "depart", "before", "after", "pre", "post", "pytest")
_NO_OPS = frozenset({"noop", "nop", "no_op", "constructor"})
_MOMENTS = frozenset(
    {"close", "aclose", "flush", "cleanup", "dispose", "release", "shutdown", "setup", "teardown"}
)
_WORD = re.compile(r"^[a-z]+|[A-Z][a-z]*")


def judge_placeholders(language: Language, tree: Tree, scaffold: Tree) -> GateVerdict:
    """Refuse notes of work left, stub bodies, "not implemented" and filler text; name file, line and the line.

    A function that is empty is no stub where the code shows a purpose: a comment in it, somebody who overrides it or
    whom it overrides, another platform's version of it, a place that hands it on. What stays in doubt passes.

    Args:
        language: whose sources are read.
        tree: the commit of the build phase.
        scaffold: the files that the repo started from.
    """
    repo = _Repo(language, tree)
    sources = [
        path
        for path, file in tree.items()
        if is_source(language, path, file) and not _is_unchanged(path, tree, scaffold)
    ]
    faults = [
        f"{path}:{line}: {reason}: {_shown(lines, line)}"
        for path in sources
        for lines in [tree[path].text.splitlines()]
        for line, reason in sorted(set(_file_faults(repo, path)))
    ]
    faults += _left_scaffold(language, tree, scaffold)
    faults += [
        f"{path} is the scaffold's {original}, word for word"
        for path, file in tree.items()
        for original in scaffold
        if path not in scaffold and path.endswith(".md") and file.blob == scaffold[original].blob
    ]
    more = [f"… and {len(faults) - MOST_SHOWN} more"] if len(faults) > MOST_SHOWN else []
    count = f"{len(faults)} placeholder{'s' if len(faults) != 1 else ''}"
    return GateVerdict(
        gate=PLACEHOLDERS,
        phase=Phase.BUILD,
        passed=not faults,
        saw="\n".join([count, *faults[:MOST_SHOWN], *more])
        if faults
        else f"no placeholder in {len(sources)} source files",
        fix="Write what these places stand for, or leave the feature out altogether." if faults else "",
    )


@dataclass(frozen=True)
class _Repo:
    """All code of a repo, tests included: who overrides, hands on and uses what stands in one file."""

    language: Language
    tree: Tree

    @cached_property
    def facts(self) -> Mapping[str, Facts]:
        known = LANGUAGES[self.language]
        return {
            path: read_facts(self.language, file.text)
            for path, file in self.tree.items()
            if file.mode != SYMLINK
            and (path.endswith(known.source_suffixes) or is_source(self.language, path, file))
        }

    @cached_property
    def speaks_of_notes(self) -> bool:
        """Whether the program's own strings speak of notes of work left, so that it is a tool about them."""
        return any(
            mark in part.text for facts in self.facts.values() for part in facts.strings for mark in _MARKS
        )

    @cached_property
    def passed(self) -> frozenset[str]:
        return frozenset().union(*(facts.passed for facts in self.facts.values()))

    @cached_property
    def valued(self) -> frozenset[str]:
        return frozenset().union(*(facts.valued for facts in self.facts.values()))

    @cached_property
    def bases(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for facts in self.facts.values():
            for owner in facts.owners:
                names = frozenset(base.rpartition(".")[2] for base in owner.bases)
                found[owner.name] = found.get(owner.name, frozenset()) | names
        return found

    @cached_property
    def filled(self) -> Mapping[str, frozenset[str]]:
        """Of the functions that do something the names, each with its owners or the folders of its files."""
        found: dict[str, set[str]] = {}
        for path, facts in self.facts.items():
            for function in facts.functions:
                if not self.is_empty(function):
                    where = function.owner.name if function.owner else f"/{path.rpartition('/')[0]}"
                    found.setdefault(function.name, set()).add(where)
        return {name: frozenset(places) for name, places in found.items()}

    @cached_property
    def heirs(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for name, bases in self.bases.items():
            for base in bases:
                found.setdefault(base, set()).add(name)
        return {base: frozenset(names) for base, names in found.items()}

    @cached_property
    def methods(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (function.owner.name, function.name)
            for facts in self.facts.values()
            for function in facts.functions
            if function.owner
        )

    def is_empty(self, function: Function) -> bool:
        nothing = LANGUAGES[self.language].stubs.statements
        returns = LANGUAGES[self.language].stubs.returns if function.owner is None else frozenset()
        return all(text.rstrip(";") in nothing | returns for text in function.statements)

    def is_overridden(self, function: Function) -> bool:
        waiting = [function.owner.name] if function.owner else []
        seen = set(waiting)
        while waiting and len(seen) < _MOST_HEIRS:
            heirs = self.heirs.get(waiting.pop(), frozenset()) - seen
            if any((heir, function.name) in self.methods for heir in heirs):
                return True
            seen |= heirs
            waiting += heirs
        return False

    def may_override(self, function: Function) -> bool:
        """Whether a base has such a method, or comes from elsewhere and may have it.

        Where a type does not say what it stands for, as in Go, any method may be asked for by an interface.
        """
        if function.owner is None or function.owner.name not in self.bases:
            return function.owner is not None
        bases = self.bases[function.owner.name]
        return any(
            base not in self.bases or (base, function.name) in self.methods
            for base in bases - _ABSTRACT_BASES
        )

    def has_other(self, path: str, function: Function) -> bool:
        """Whether another platform's version, or another kind of the same thing, does what this one leaves out."""
        places = self.filled.get(function.name, frozenset())
        if function.owner:
            return any(not place.startswith("/") and place != function.owner.name for place in places)
        return f"/{path.rpartition('/')[0]}" in places


def _is_unchanged(path: str, tree: Tree, scaffold: Tree) -> bool:
    return path in scaffold and scaffold[path].blob == tree[path].blob


def _shown(lines: Sequence[str], line: int) -> str:
    return lines[line - 1].strip()[:160] if line <= len(lines) else ""


def _file_faults(repo: _Repo, path: str) -> Iterator[_Fault]:
    facts, file = repo.facts[path], repo.tree[path]
    unread = "holds a NUL byte" if file.data and b"\0" in file.data else facts.source.refused
    if unread:
        yield 1, unread
    elif facts.faults:
        # A grammar has gaps: what it cannot read counts where the language's own parser cannot, either.
        yield from LANGUAGES[repo.language].parse_faults(file.text)
    yield from _notes(facts, about_notes=repo.speaks_of_notes)
    yield from _function_faults(repo, path)
    for call in facts.calls:
        if call.name in LANGUAGES[repo.language].stubs.calls and not facts.is_test_code(call):
            yield call.line, "stands in for code"
    for part in (*facts.strings, *facts.comments):
        if _FILLER in " ".join(part.text.lower().split()) and not facts.is_test_code(part):
            yield part.line, "filler text"


def _function_faults(repo: _Repo, path: str) -> Iterator[_Fault]:
    for function in repo.facts[path].functions:
        if function.is_test_code:
            continue
        if repo.is_empty(function):
            if not _has_purpose(repo, path, function):
                yield function.line, f"{function.name} has an empty body"
        elif not repo.is_overridden(function) and not _is_abstract(function):
            yield from _stand_ins(repo.language, function)
            for refusal in inside(repo.facts[path].refusals, function):
                if _is_excuse(refusal.text):
                    yield refusal.line, "says that it is not implemented"


def _notes(facts: Facts, *, about_notes: bool) -> Iterator[_Fault]:
    """Notes of work left. A tool about notes shows some in its comments: there one has to begin the comment."""
    last = -1
    for part in facts.comments:
        begins, last = part.line != last + 1, part.line
        if facts.is_test_code(part):
            continue
        for offset, line in enumerate(part.text.splitlines()):
            is_note = _PLAIN_NOTE.search(line) or (not about_notes and _NOTE.search(line))
            if is_note and (not about_notes or (begins and offset == 0)):
                yield part.line + offset, "a note of work left to do"


def _has_purpose(repo: _Repo, path: str, function: Function) -> bool:
    if _promises(repo, function):
        return False
    return (
        function.is_nested
        or _is_abstract(function)
        or _is_marked(repo.language, function)
        or _is_explained(repo.facts[path], function)
        or _is_called_by_others(function)
        or function.name in repo.passed
        or (function.owner is not None and function.owner.name in repo.passed | repo.heirs.keys())
        or repo.has_other(path, function)
        or repo.is_overridden(function)
        or repo.may_override(function)
    )


def _promises(repo: _Repo, function: Function) -> bool:
    """Whether somebody uses what the function gives back, or its head says that it gives something."""
    told = function.returns not in {"", "None", "void", "()"}
    if not LANGUAGES[repo.language].stubs.returns or _is_abstract(function) or function.owner:
        return False
    return (told and "None" not in function.returns) or function.name in repo.valued


def _is_abstract(function: Function) -> bool:
    marks = " ".join(function.marks)
    # In an abstract class only what is marked is abstract; a Protocol's methods all are.
    in_protocol = function.owner is not None and "Protocol" in {
        base.rpartition(".")[2].partition("[")[0] for base in function.owner.bases
    }
    return in_protocol or any(word in marks for word in ("abstract", "overload"))


def _is_marked(language: Language, function: Function) -> bool:
    """A decorator or an attribute may be all that a function is for: a group of commands, a platform, a route."""
    plain = LANGUAGES[language].stubs.plain_marks
    return any(
        not any(f"{mark}".strip("@#[]( ").startswith(word) for word in plain) for mark in function.marks
    )


def _is_explained(facts: Facts, function: Function) -> bool:
    """A comment in the body, or below it at its depth, says why there is nothing; others say what should be there."""
    within = inside(facts.comments, function)
    lines = function.data[function.end : function.end + _NEAR].decode("utf-8", "replace").splitlines()[:3]
    column = function.start - function.data.rfind(b"\n", 0, function.start) - 1
    return (
        any(part.line > function.line or part.start > function.body_start for part in within)
        or any(line.strip().startswith("#") and len(line) - len(line.lstrip()) > column for line in lines)
        or (function.doc != "" and function.owner is not None and _is_base(function.owner))
    )


def _is_base(owner: Owner) -> bool:
    return any(base.rpartition(".")[2] in {"ABC", "metaclass=ABCMeta"} for base in owner.bases)


def _is_called_by_others(function: Function) -> bool:
    """By its name what a framework calls at a moment of its own, or what does nothing by its meaning."""
    name = function.name.strip("_")
    if name.lower() in _NO_OPS or (function.owner and function.name.startswith("__")):
        return True
    if name in _MOMENTS and (function.owner or function.doc):
        return True
    words = name.split("_") if "_" in name else [part for part in _WORD.findall(name) if part]
    return len(words) > 1 and words[0] in _HOOKS


def _stand_ins(language: Language, function: Function) -> Iterator[_Fault]:
    """Statements that say that the work is not done, where they are all that the function does."""
    for (start, _), text in zip(function.steps, function.statements, strict=True):
        line = function.line + function.data.count(b"\n", function.start, start)
        if text.startswith(LANGUAGES[language].stubs.refusals):
            yield line, "raises NotImplementedError outside an abstract method"
        elif len(function.steps) <= 2 and _is_excuse(text):
            yield line, "says that it is not implemented"


def _is_excuse(statement: str) -> bool:
    words = "".join(char if char.isalpha() else " " for char in statement.lower()).split()
    said = " ".join(words)
    return len(words) <= _MOST_WORDS and (
        any(excuse in said for excuse in _EXCUSES) and not any(answer in statement for answer in _ANSWERS)
    )


def _left_scaffold(language: Language, tree: Tree, scaffold: Tree) -> list[str]:
    """The scaffold's own stub, where nothing took its place."""
    stub = LANGUAGES[language].stubs.scaffold
    if stub not in tree or stub not in scaffold or not _is_unchanged(stub, tree, scaffold):
        return []
    others = [path for path, file in tree.items() if path != stub and is_source(language, path, file)]
    # An empty main builds into a command that does nothing; an empty library module harms nobody.
    if others and not any(part.name == "main" for part in read_facts(language, tree[stub].text).functions):
        return []
    return [f"{stub}:1: the scaffold's file is unchanged: {_shown(tree[stub].text.splitlines(), 1)}"]
