"""What researched specs rest on, as an operator reads it: links to every paper and repository, with their licences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from factory_assets.defs.markdown import code_span, table
from factory_assets.domain.evidence import CitedPiece
from factory_assets.domain.research import PieceKind
from factory_assets.domain.specs import QueuedSpec
from factory_assets.domain.text import counted
from factory_assets.registry import Registry


def evidence_metadata(
    registry: Registry, specs: Sequence[QueuedSpec], routes: Mapping[int, str]
) -> dg.MetadataValue:
    """A row for each piece that a spec's claims name, with the number of those claims."""
    rows: list[tuple[str, ...]] = []
    for queued in specs:
        evidence = registry.evidence.of(queued.id) if queued.id in routes else None
        if evidence is None:
            continue
        for piece in evidence.pieces:
            claims = sum(piece.id in claim.pieces for claim in evidence.claims)
            rows.append(
                (
                    queued.spec.name,
                    piece.kind.value,
                    piece_link(piece),
                    counted(claims, "claim", "claims"),
                    code_span(piece.licence) if piece.licence else "none named",
                )
            )
    return dg.MetadataValue.md(table(["spec", "kind", "piece", "named by", "licence"], rows))


def repository_links(pieces: Iterable[CitedPiece]) -> str:
    """The repositories among these pieces, as links."""
    return ", ".join(piece_link(piece) for piece in pieces if piece.kind is PieceKind.REPOSITORY)


def piece_link(piece: CitedPiece) -> str:
    """A piece by its title, as a link that its text cannot break."""
    title = " ".join(piece.title.split())
    plain = "".join(f"\\{char}" if char in "\\`*_[]<>|~" else char for char in title)
    # An address with such a character in it ends the link early; none of GitHub or arXiv has one.
    return f"[{plain}]({piece.url})" if not set(piece.url) & set("()<> \n") else plain
