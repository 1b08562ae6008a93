"""What a researched spec rests on: its claims, the pieces that they name, and what of that may be published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Piece, PieceKind

# A quotation of a sentence is taken; more than that of a text under an open licence is not needed here.
_LONGEST_QUOTE = 300
# Papers' licences as arXiv names them (https://info.arxiv.org/help/license/index.html) by address, code's by SPDX name
# (https://spdx.org/licenses/). arXiv's own licence lets arXiv alone distribute, so that nothing is quoted under it.
_OPEN = re.compile(
    r"^https?://creativecommons\.org/(?:licenses/by(?:-nc)?(?:-sa)?/|publicdomain/)"
    r"|^(?:MIT|MIT-0|Apache-2\.0|BSD-[23]-Clause|0BSD|ISC|MPL-2\.0|Unlicense|CC0-1\.0|CC-BY(?:-SA)?-4\.0|Zlib|BSL-1\.0"
    r"|(?:A|L)?GPL-[23]\.[01](?:-only|-or-later)?)$",
    re.IGNORECASE,
)


class ClaimKind(StrEnum):
    """What a claim is about."""

    PROBLEM = "problem"
    METHOD = "method step"
    COMPETITOR = "competitor"
    NUMBER = "number"


class Quote(BaseModel):
    """A sentence of a piece, as it stands there."""

    model_config = ConfigDict(frozen=True)

    piece: str = Field(description="Id of the piece that the sentence stands in.")
    text: str = Field(description="The sentence, exactly as it stands there.")


class Claim(BaseModel):
    """One thing that a spec says of the world, and the ids of the pieces that it rests on."""

    model_config = ConfigDict(frozen=True)

    kind: ClaimKind
    text: str = Field(description="One sentence.")
    pieces: tuple[str, ...] = Field(description="Ids of the pieces that it rests on; at least one.")
    quotes: tuple[Quote, ...] = Field(default=(), description="At most two sentences of these pieces.")


class CitedPiece(BaseModel):
    """A piece that claims name: where it is, and under which licence; not its text."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: PieceKind
    title: str
    url: str
    relation: str
    licence: str | None
    arxiv_id: str | None = None
    stars: int | None = None
    pushed: date | None = None

    @classmethod
    def of(cls, piece: Piece) -> CitedPiece:
        """The piece without its text."""
        return cls.model_validate(piece.model_dump(exclude={"text", "weight"}))

    @property
    def may_be_quoted(self) -> bool:
        """Whether a sentence of it may be published: of arXiv's metadata (CC0), and under an open licence."""
        if self.kind in {PieceKind.CANDIDATE, PieceKind.PAPER}:
            return True
        return self.licence is not None and _OPEN.match(self.licence) is not None


class SpecEvidence(BaseModel):
    """What a spec rests on. Every claim has been held against the pieces that it names.

    `papers` are all papers that it rests on; `gaps` say what could not be looked up; `route`
    is research or fusion.
    """

    model_config = ConfigDict(frozen=True)

    route: str
    model: str
    claims: tuple[Claim, ...]
    pieces: tuple[CitedPiece, ...]
    papers: tuple[Paper, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def paper_ids(self) -> tuple[str, ...]:
        """The papers that its claims rest on, each once, in the order of the pieces."""
        return tuple(dict.fromkeys(piece.arxiv_id for piece in self.pieces if piece.arxiv_id))

    @property
    def repositories(self) -> tuple[CitedPiece, ...]:
        """The repositories that its claims name."""
        return tuple(piece for piece in self.pieces if piece.kind is PieceKind.REPOSITORY)

    def of_kind(self, kind: ClaimKind) -> tuple[Claim, ...]:
        """The claims of one kind."""
        return tuple(claim for claim in self.claims if claim.kind is kind)

    def publishable(self) -> SpecEvidence:
        """The same with no more quotations than may be published: one short sentence of a source at most."""
        pieces = {piece.id: piece for piece in self.pieces}
        quoted: set[str] = set()

        def allowed(claim: Claim) -> Iterator[Quote]:
            for quote in claim.quotes:
                piece = pieces[quote.piece]
                if piece.may_be_quoted and piece.url not in quoted and len(quote.text) <= _LONGEST_QUOTE:
                    quoted.add(piece.url)
                    yield quote

        claims = tuple(claim.model_copy(update={"quotes": tuple(allowed(claim))}) for claim in self.claims)
        return self.model_copy(update={"claims": claims})
