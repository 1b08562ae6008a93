"""The files of a LaTeX source as one text: those that it names in their places, and what only TeX needs taken out.

Nothing is looked for outside the files that are given, and all of it ends: an archive may name its files in a circle,
or double a macro with each line.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Final

MOST_CHARS: Final = 600_000
"""Of a source so much is read: five times what a long paper has."""

_DEEPEST, _MOST_INCLUDES, _MOST_DOCUMENTS = 8, 1_000, 8
_DOCUMENT = re.compile(r"\\document(?:class|style)\b")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")
_INCLUDE = re.compile(
    r"\\(?:(?:input|include|subfile)\s*\{([^{}\n]{1,200})\}|input\s+([\w./-]{1,200})"
    r"|(?:sub)?import\*?\s*\{([^{}\n]{0,200})\}\s*\{([^{}\n]{1,200})\})"
)
# What is drawn or set in columns says nothing without its form, and references are no text of the paper.
_NO_PROSE = (
    "figure",
    "wrapfigure",
    "SCfigure",
    "teaserfigure",
    "table",
    "wraptable",
    "tabular",
    "tabularx",
    "longtable",
    "tikzpicture",
    "pgfpicture",
    "thebibliography",
    "comment",
    "filecontents",
    "CCSXML",
)
_EDGE = re.compile(rf"\\(begin|end)\s*\{{(?:{'|'.join(_NO_PROSE)})\*?\}}")
_DEFINITION = re.compile(
    r"\\(?:(?:re|provide)?(?:new)?command\s*\*?\s*\{?\s*|def\s*)\\([A-Za-z]{1,40})\s*\}?\s*(?=\{)"
)
_LONGEST_MACRO, _MOST_MACROS, _ROUNDS = 200, 500, 3
_WORD = re.compile(r"\\([A-Za-z]+)([ \t]*)")
_SPACE = re.compile(r"\\xspace\b\s*")


def joined(files: Mapping[str, str]) -> str | None:
    """The longest document among the files; None where none of them is one."""
    documents = [path for path in sorted(files) if _DOCUMENT.search(_COMMENT.sub(r"\1", files[path]))]
    texts = [_Joining(files, path).text for path in documents[:_MOST_DOCUMENTS]]
    if not texts:
        return None
    return _replaced(_prose(max(texts, key=len)))


class _Joining:
    """A document with the files that it names, and those that they name."""

    def __init__(self, files: Mapping[str, str], document: str) -> None:
        self._files = files
        self._folder = posixpath.dirname(document)
        self._left = MOST_CHARS
        self._includes = 0
        self._pieces: list[str] = []
        self._add(document, (document,))
        self.text = "".join(self._pieces)

    def _add(self, path: str, within: tuple[str, ...]) -> None:
        text = _COMMENT.sub(r"\1", self._files[path])
        at = 0
        for match in _INCLUDE.finditer(text):
            named = self._named(match, path)
            if named is None or named in within or len(within) > _DEEPEST or self._includes >= _MOST_INCLUDES:
                continue
            self._take(text[at : match.start()])
            self._includes += 1
            self._add(named, (*within, named))
            at = match.end()
        self._take(text[at:])

    def _take(self, text: str) -> None:
        self._pieces.append(text[: self._left])
        self._left -= len(self._pieces[-1])

    def _named(self, match: re.Match[str], path: str) -> str | None:
        """The file that is meant, seen from the document or from the file that names it."""
        name = posixpath.join(match[3] or "", match[1] or match[2] or match[4] or "").strip()
        for folder in (self._folder, posixpath.dirname(path)):
            place = posixpath.normpath(posixpath.join(folder, name))
            for found in (place, f"{place}.tex"):
                if found in self._files:
                    return found
        return None


def _prose(text: str) -> str:
    pieces, at, depth = [], 0, 0
    for match in _EDGE.finditer(text):
        if match[1] == "begin":
            if depth == 0:
                pieces.append(text[at : match.start()])
            depth += 1
        elif depth:
            depth -= 1
            at = match.end()
    # What is opened and never closed is not all that follows.
    pieces.append(text[at:])
    return "".join(pieces)


def _replaced(text: str) -> str:
    """With the macros that stand for a word or a formula, such as the tool's own name, as what they stand for."""
    macros: dict[str, str] = {}
    pieces, at = [], 0
    for match in _DEFINITION.finditer(text):
        end = _group_end(text, match.end())
        if match.start() < at or end is None:
            continue
        body = text[match.end() + 1 : end - 1]
        if "#" not in body and len(macros) < _MOST_MACROS:
            macros[match[1]] = body
        pieces.append(text[at : match.start()])
        at = end
    text = "".join([*pieces, text[at:]])
    for _ in range(_ROUNDS):
        longer = _WORD.sub(lambda word: _meant(word, macros), text)
        if longer == text or len(longer) > MOST_CHARS:
            break
        text = longer
    return text


def _meant(word: re.Match[str], macros: Mapping[str, str]) -> str:
    body = macros.get(word[1])
    if body is None:
        return word[0]
    # TeX swallows the blank after a command's name, and \xspace gives it back.
    short = _SPACE.sub("", body)
    return f"{{{short}}}{word[2] if short != body else ''}"


def _group_end(text: str, start: int) -> int | None:
    depth = 0
    for at in range(start, min(len(text), start + _LONGEST_MACRO)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return at + 1
    return None
