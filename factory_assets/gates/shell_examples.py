"""The shell commands that a document shows: its blocks cut into statements, and these into calls, by Bash's grammar."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tree_sitter import Node

from factory_assets.gates.markdown import Block
from factory_assets.languages.bash import RECORD as BASH
from factory_assets.languages.entry_points import Words
from factory_assets.languages.parsing import Source, nodes, parse

SHELLS = frozenset({"sh", "bash", "shell", "zsh"})
_CONSOLES = frozenset({"console", "shellsession", "shell-session", "terminal", "session"})
_PROMPT = "$ "
_CODE = "$?"
_LONGEST = 20
_BEFORE_A_COMMAND = frozenset({"sudo", "time", "exec", "env", "command"})
_DYNAMIC = (
    "expansion",
    "simple_expansion",
    "command_substitution",
    "arithmetic_expansion",
    "process_substitution",
)


@dataclass(frozen=True)
class CommandCall:
    """One command with its words; words that only a shell could work out stand as they are written."""

    words: Words
    line: int


@dataclass(frozen=True)
class Statement:
    """What is typed at one prompt. `inputs` are the files that it reads by `<`; `shown` is the output below it.

    `plain` says that nothing in it but an exit code is worked out by the shell, and nothing sent to the background.
    """

    text: str
    line: int
    calls: tuple[CommandCall, ...]
    inputs: Words = ()
    plain: bool = False
    shown: str | None = None


def read_block(block: Block) -> list[Statement]:
    """The statements of a block that is marked as shell, or has prompts; none of any other."""
    lines = block.text.splitlines()
    if any(line.lstrip().startswith(_PROMPT) for line in lines):
        return list(_typed(lines, block.line)) if block.language in {"", *SHELLS, *_CONSOLES} else []
    if block.language not in {"", *SHELLS}:
        return []
    found = list(_statements(lines, block.line))
    if block.shown is not None and found:
        found[-1] = replace(found[-1], shown=block.shown)
    return found


def read_line(text: str, line: int) -> list[Statement]:
    """The statements of a code span."""
    return list(_parsed(text, line) or ())


def _typed(lines: list[str], first: int) -> Iterator[Statement]:
    """What stands behind prompts, with what stands below each as its output."""
    at = 0
    while at < len(lines):
        start = at
        typed = lines[at].strip()
        at += 1
        if not typed.startswith(_PROMPT):
            continue
        typed = typed.removeprefix(_PROMPT)
        while at < len(lines) and (
            typed.endswith("\\") or (_parsed(typed, 0) is None and lines[at].startswith("> "))
        ):
            typed += "\n" + lines[at].removeprefix("> ")
            at += 1
        shown = []
        while at < len(lines) and not lines[at].lstrip().startswith(_PROMPT):
            shown.append(lines[at])
            at += 1
        found = _parsed(typed, first + start) or []
        if found and "".join(shown).strip():
            found[-1] = replace(found[-1], shown="\n".join(shown))
        yield from found


def _statements(lines: list[str], first: int) -> Iterator[Statement]:
    """Line by line, since one that is no shell (`git clone <this repository's URL>`) must not swallow the rest."""
    at = 0
    while at < len(lines):
        for end in range(at + 1, min(at + _LONGEST, len(lines)) + 1):
            text = "\n".join(lines[at:end])
            found = None if text.endswith("\\") else _parsed(text, first + at)
            if found is not None:
                yield from found
                at = end
                break
            if "<" in lines[at] and ">" in lines[at] and "<<" not in lines[at]:
                at += 1
                break
        else:
            at += 1


def _parsed(text: str, line: int) -> list[Statement] | None:
    """The statements of a text, or None where it is no whole Bash."""
    source = parse(BASH, text)
    if source.root.has_error:
        return None
    found = []
    children = [child for child in source.root.children if child.type != "comment"]
    for child, after in zip(children, [*children[1:], None], strict=False):
        if child.is_named:
            background = after is not None and after.type == "&"
            found.append(_statement(source, child, line, background=background))
    return [_together(text, found)] if len(found) > 1 else found


def _together(text: str, found: list[Statement]) -> Statement:
    """What is typed in one go ends, and prints, as one."""
    return Statement(
        text=text,
        line=found[0].line,
        calls=tuple(call for each in found for call in each.calls),
        inputs=tuple(word for each in found for word in each.inputs),
        plain=all(each.plain for each in found),
    )


def _statement(source: Source, node: Node, line: int, *, background: bool) -> Statement:
    calls = tuple(
        CommandCall(words, line + command.start_point.row)
        for command in nodes(node, "command")
        if (words := _words(source, command))
    )
    redirects = [
        each for each in nodes(node, "file_redirect") if source.text(each).lstrip("0").startswith("<")
    ]
    inputs = tuple(_unquoted(source.text(each.children[-1])) for each in redirects)
    dynamic = (one for one in nodes(node, *_DYNAMIC, "function_definition") if source.text(one) != _CODE)
    plain = not background and next(dynamic, None) is None
    return Statement(source.text(node), line + node.start_point.row, calls, inputs, plain)


def _words(source: Source, command: Node) -> Words:
    parts = [
        _unquoted(source.text(child))
        for child in command.children
        if child.is_named and not child.type.endswith(("_redirect", "variable_assignment"))
    ]
    while parts and parts[0] in _BEFORE_A_COMMAND:
        parts = parts[1:]
    return tuple(parts)


def _unquoted(word: str) -> str:
    try:
        return "".join(shlex.split(word, comments=False)) if word[:1] not in {"$", "`"} else word
    except ValueError:
        return word


def is_placeholder(word: str) -> bool:
    """Whether a word stands for what a user puts there: `[--top`, `FILE...`, `NAME`."""
    marked = word.startswith(("[", "<", "{")) or word.endswith(("]", ">", "...", "…"))
    return marked or (len(word) > 1 and word.isupper() and word.isidentifier())
