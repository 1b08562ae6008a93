"""Telling code, comments and strings apart in Go, TypeScript, Rust and bash, as far as the gates need it.

Python has its own parser. What is cut here keeps its place: `code` is as long as the source, with the content of
comments and strings blanked, so that an offset in one is an offset in the other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from factory_assets.domain.specs import Language

_C_COMMENT = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_DOUBLE = r'"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)'
_SINGLE = r"'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)"
_TOKENS: dict[Language, re.Pattern[str]] = {
    Language.GO: re.compile(
        rf"(?P<comment>{_C_COMMENT})|(?P<string>{_DOUBLE}|`[^`]*(?:`|\Z)|'(?:\\.|[^'\\\n])+')", re.DOTALL
    ),
    # A regular expression begins where no value can stand before it.
    Language.TYPESCRIPT: re.compile(
        rf"(?P<comment>{_C_COMMENT})|(?P<string>{_DOUBLE}|{_SINGLE}|`(?:\\.|[^`\\])*(?:`|\Z)"
        r"|(?<=[=(,:;!&|?{}\[\n])[ \t]*/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[dgimsuvy]*)",
        re.DOTALL,
    ),
    # A lifetime ('a) is no character.
    Language.RUST: re.compile(
        rf"(?P<comment>{_C_COMMENT})"
        r"|(?P<string>\bb?r(?P<hashes>#*)\".*?\"(?P=hashes)|\"(?:\\.|[^\"\\])*(?:\"|\Z)|'(?:\\[^\n]+?|[^'\\\n])')",
        re.DOTALL,
    ),
    Language.BASH: re.compile(
        r"(?P<comment>(?:(?<=[\s;&|(])|\A)#[^\n]*)"
        r"|(?P<string><<-?[ ]*(?P<quote>['\"]?)(?P<word>[A-Za-z_]\w*)(?P=quote)[^\n]*\n.*?^\t*(?P=word)$"
        r"|\\.|\$'(?:\\.|[^'\\])*(?:'|\Z)|'[^']*(?:'|\Z)|\"(?:\\.|[^\"\\])*(?:\"|\Z))",
        re.DOTALL | re.MULTILINE,
    ),
}
_NOT_NEWLINE = re.compile(r"[^\n]")


@dataclass(frozen=True)
class Piece:
    """A comment or a string, with its delimiters."""

    start: int
    text: str


@dataclass(frozen=True)
class Lexed:
    """A source cut into code, comments and strings."""

    text: str
    code: str
    comments: tuple[Piece, ...]
    strings: tuple[Piece, ...]

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\n", self.text))]

    def line(self, offset: int) -> int:
        """The number of the line, from 1, at an offset."""
        return bisect_right(self._line_starts, offset)

    def block(self, offset: int) -> tuple[int, int] | None:
        """Start and end (after the brace) of the braces that open first at or after an offset."""
        opening = self.code.find("{", offset)
        if opening < 0:
            return None
        return opening, self.closing(opening)

    def closing(self, opening: int) -> int:
        """The offset after what closes the bracket at `opening`; the end of the text if nothing does."""
        pairs = {"{": "}", "(": ")", "[": "]"}
        left, right = self.code[opening], pairs[self.code[opening]]
        depth = 0
        for match in re.finditer(f"[{re.escape(left + right)}]", self.code[opening:]):
            depth += 1 if match[0] == left else -1
            if depth == 0:
                return opening + match.end()
        return len(self.code)


def lex(language: Language, text: str) -> Lexed:
    """Cut a source of any language but Python.

    Raises:
        KeyError: for Python, which is parsed by its own parser.
    """
    comments: list[Piece] = []
    strings: list[Piece] = []
    code: list[str] = []
    at = 0
    for match in _TOKENS[language].finditer(text):
        code.append(text[at : match.start()])
        code.append(_NOT_NEWLINE.sub(" ", match[0]))
        kind = comments if match.lastgroup == "comment" or match["comment"] else strings
        kind.append(Piece(match.start(), match[0]))
        at = match.end()
    code.append(text[at:])
    return Lexed(text, "".join(code), tuple(comments), tuple(strings))
