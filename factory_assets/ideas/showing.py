"""Pieces of evidence as a model is shown them: as data between delimiters that none of them can close, and bounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from factory_assets.domain.research import Piece, PieceKind
from factory_assets.domain.text import single_line, strip_hidden

# Characters. A method section says how in its first pages, a README what for in its first part.
_MOST_OF_A_TEXT = {PieceKind.METHOD: 8_000, PieceKind.REPOSITORY: 3_000}
_MOST_OF_AN_ABSTRACT = 4_000
_MOST_OF_A_FIELD = 300
# About 25,000 tokens: a context of seven papers, seven repositories and a method section has half as many.
MOST_IN_ALL = 75_000
_DELIMITER = re.compile(r"<(?=\s*/?\s*(?:pieces?|answer|faults?|spec|gaps?|papers?)\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Shown:
    """Pieces as they are shown: `text` is put into a prompt, `read` is what can be read of each, by its id."""

    text: str
    pieces: tuple[Piece, ...]
    read: dict[str, str]


def as_data(text: str) -> str:
    """A text from outside, each line with a bar before it, that hides nothing and can end no block of a prompt."""
    return "\n".join(f"| {line}" for line in _DELIMITER.sub("&lt;", strip_hidden(text)).splitlines())


def show(pieces: Sequence[Piece]) -> Shown:
    """The pieces in their order. What no longer fits is left out: it comes last because it weighs least."""
    blocks: list[str] = []
    shown: list[Piece] = []
    read: dict[str, str] = {}
    room = MOST_IN_ALL
    for piece in pieces:
        readable = _readable(piece)
        block = f'<piece id="{piece.id}">\n{as_data(readable)}\n</piece>'
        if len(block) > room:
            continue
        room -= len(block)
        blocks.append(block)
        shown.append(piece)
        read[piece.id] = readable
    return Shown("\n".join(blocks), tuple(shown), read)


def _readable(piece: Piece) -> str:
    """All that a reader is told of a piece."""
    facts = {
        "Kind": piece.kind.value,
        "Title": piece.title,
        "Link": piece.url,
        "Came in as": piece.relation,
        "arXiv id": piece.arxiv_id,
        "Licence": piece.licence,
        "Stars": None if piece.stars is None else str(piece.stars),
        "Last push": None if piece.pushed is None else piece.pushed.isoformat(),
    }
    lines = [
        f"{name}: {_cut(single_line(value), _MOST_OF_A_FIELD)}" for name, value in facts.items() if value
    ]
    text = strip_hidden(piece.text).strip()
    return "\n".join([*lines, "", _cut(text, _MOST_OF_A_TEXT.get(piece.kind, _MOST_OF_AN_ABSTRACT))])


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit].rstrip() + "…"
