"""Markdown as the document gate reads it: fenced blocks, headings, inline code, sentences and shell commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

_FENCE = re.compile(r"^\s{0,3}(?:[-*+>]\s+)?(?P<mark>`{3,}|~{3,})\s*(?P<language>[\w+-]*)[^`]*$")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_SHELLS = frozenset({"", "sh", "bash", "shell", "console", "zsh", "shellsession", "terminal"})
_SENTENCE_END = re.compile(r"(?<!e\.g\.)(?<!i\.e\.)(?<=[.!?])\s+(?=[A-Z`*\[(>])")
_NEW_BLOCK = re.compile(r"^\s*(?:[-*+]\s|\d+[.)]\s|\||>|$)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, and the heading it stands under."""

    language: str
    text: str
    heading: str
    line: int


@dataclass(frozen=True)
class Code:
    """An inline code span, the sentence around it and the heading it stands under."""

    text: str
    sentence: str
    heading: str
    line: int
    leads: bool


@dataclass(frozen=True)
class Call:
    """One simple command that a document shows: its words and where it stands."""

    words: tuple[str, ...]
    line: int
    sentence: str
    in_block: bool

    @property
    def text(self) -> str:
        """The words as one line."""
        return " ".join(self.words)


@dataclass
class _Reader:
    blocks: list[Block] = field(default_factory=list)
    prose: list[tuple[int, str, str]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    """A document's text, cut into what the gate asks for."""

    text: str

    @cached_property
    def _parts(self) -> _Reader:
        reader, heading = _Reader(), ""
        fence: tuple[str, str, int] | None = None
        inside: list[str] = []
        for number, line in enumerate(self.text.splitlines(), start=1):
            mark = _FENCE.match(line)
            if fence is not None:
                if mark and mark["mark"].startswith(fence[0]) and not mark["language"]:
                    reader.blocks.append(Block(fence[1], "\n".join(inside), heading, fence[2]))
                    fence, inside = None, []
                else:
                    inside.append(line)
            elif mark:
                fence = (mark["mark"], mark["language"].lower(), number)
            else:
                if title := _HEADING.match(line):
                    heading = title[1]
                    reader.headings.append(heading)
                reader.prose.append((number, line, heading))
        if fence is not None:
            reader.blocks.append(Block(fence[1], "\n".join(inside), heading, fence[2]))
        return reader

    @property
    def blocks(self) -> list[Block]:
        """The fenced blocks."""
        return self._parts.blocks

    @property
    def headings(self) -> list[str]:
        """The headings' words, outside fenced blocks."""
        return self._parts.headings

    @property
    def prose(self) -> str:
        """The text outside fenced blocks."""
        return "\n".join(line for _, line, _ in self._parts.prose)

    def paragraphs(self) -> Iterator[tuple[int, str, str]]:
        """Line, text and heading of each paragraph, list item or table row outside fenced blocks."""
        start, words, under = 0, "", ""
        for number, line, heading in self._parts.prose:
            if _NEW_BLOCK.match(line) or _HEADING.match(line):
                if words:
                    yield start, words, under
                start, words, under = number, line.strip(), heading
                if _HEADING.match(line):
                    words = ""
            else:
                start = start if words else number
                words, under = f"{words} {line.strip()}".strip(), heading
        if words:
            yield start, words, under

    def sentences(self) -> Iterator[tuple[int, str, str]]:
        """Line, sentence and the paragraph it stands in."""
        for line, paragraph, _ in self.paragraphs():
            for sentence in _SENTENCE_END.split(paragraph):
                yield line, sentence, paragraph

    def codes(self) -> Iterator[Code]:
        """The inline code spans."""
        for line, paragraph, heading in self.paragraphs():
            for sentence in _SENTENCE_END.split(paragraph):
                for match in _SPAN.finditer(sentence):
                    leads = not re.sub(r"[\s|*+\d.)-]", "", sentence[: match.start()])
                    yield Code(match[2].strip(), sentence, heading, line, leads)

    def calls(self) -> Iterator[Call]:
        """The simple commands of shell blocks and inline code."""
        for block in self.blocks:
            if block.language in _SHELLS:
                for offset, line in _command_lines(block):
                    for words in simple_commands(line):
                        yield Call(words, block.line + offset, line, in_block=True)
        for code in self.codes():
            for words in simple_commands(code.text):
                yield Call(words, code.line, code.sentence, in_block=False)


def _command_lines(block: Block) -> Iterator[tuple[int, str]]:
    """The lines of a block that are typed: with prompts, only those that have one."""
    lines = re.sub(r"\\\n\s*", " ", block.text).splitlines()
    prompted = any(line.lstrip().startswith("$ ") for line in lines)
    until = ""
    for offset, line in enumerate(lines, start=1):
        if until:
            until = "" if line.strip() == until else until
            continue
        if here := re.search(r"<<-?\s*['\"]?(\w+)", line):
            until = here[1]
        if not prompted or line.lstrip().startswith("$ "):
            yield offset, line.strip().removeprefix("$ ")


def simple_commands(line: str) -> list[tuple[str, ...]]:
    """The commands that a line runs, without what comes before their names and without redirections.

    A line that no shell would read has none.
    """
    lexer = shlex.shlex(re.sub(r"(?<=\s)[0-9](?=[<>])", "", line), posix=True, punctuation_chars="();<>|&")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    try:
        tokens = list(lexer)
    except ValueError:
        return []
    commands: list[tuple[str, ...]] = []
    words: list[str] = []
    skip = False
    for token in [*tokens, ";"]:
        if set(token) <= set("();|&"):
            if words:
                commands.append(tuple(words))
            words, skip = [], False
        elif set(token) <= set("<>&"):
            skip = True
        elif skip:
            skip = False
        elif not words and (
            re.match(r"[A-Za-z_]\w*=", token) or token in {"sudo", "time", "exec", "env", "!"}
        ):
            continue
        else:
            words.append(token)
    return commands
