"""The candidates of each date, and the research around those that were chosen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from pydantic import TypeAdapter

from factory_assets.domain.research import Candidate, OpenDate, Piece, Reason, ResearchContext
from factory_assets.registry.database import Connection
from factory_assets.registry.models import IdeaCounts
from factory_assets.registry.rows import Row, fetch, from_db, to_db

_RECORD = """
INSERT INTO candidates (day, scored_at, arxiv_id, place, score, reasons, chosen)
SELECT $1::DATE, $2::TIMESTAMP, arxiv_id, place, score, CAST(reasons AS JSON), chosen
FROM (SELECT unnest($3::TEXT[]) AS arxiv_id, unnest($4::INTEGER[]) AS place,
             unnest($5::DOUBLE PRECISION[]) AS score, unnest($6::TEXT[]) AS reasons,
             unnest($7::BOOLEAN[]) AS chosen) AS incoming
ON CONFLICT (day, arxiv_id) DO UPDATE SET
    place = excluded.place, score = excluded.score, reasons = excluded.reasons, chosen = excluded.chosen,
    scored_at = excluded.scored_at
"""
_DROP = "DELETE FROM candidates WHERE day = $1 AND arxiv_id NOT IN (SELECT unnest($2::TEXT[]))"
_CANDIDATES = """
SELECT arxiv_id, place, score, CAST(reasons AS TEXT) AS reasons, chosen FROM candidates WHERE day = $1 ORDER BY place
"""
_RECORD_CONTEXT = """
INSERT INTO research_contexts (day, arxiv_id, pieces, gaps, made_at, open_since) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (day, arxiv_id) DO UPDATE SET
    pieces = excluded.pieces, gaps = excluded.gaps, made_at = excluded.made_at,
    open_since = CASE WHEN excluded.open_since IS NULL THEN NULL
                      ELSE coalesce(research_contexts.open_since, excluded.open_since) END
"""
_CONTEXTS = """
SELECT candidates.arxiv_id, CAST(pieces AS TEXT) AS pieces, CAST(gaps AS TEXT) AS gaps, made_at
FROM candidates
JOIN research_contexts ON research_contexts.day = candidates.day AND research_contexts.arxiv_id = candidates.arxiv_id
WHERE candidates.day = $1 AND chosen
ORDER BY place
"""
_DAYS = """
SELECT candidates.day, count(*) AS candidates, sum(CASE WHEN chosen THEN 1 ELSE 0 END) AS chosen,
       sum(CASE WHEN chosen AND made_at IS NOT NULL THEN 1 ELSE 0 END) AS contexts,
       sum(CASE WHEN chosen AND CAST(gaps AS TEXT) <> '[]' THEN 1 ELSE 0 END) AS with_gaps
FROM candidates
LEFT JOIN research_contexts
    ON research_contexts.day = candidates.day AND research_contexts.arxiv_id = candidates.arxiv_id
GROUP BY candidates.day
ORDER BY candidates.day
"""
# Of a date that was begun, a candidate without a context is open since the last look there.
_OPEN = """
SELECT candidates.day, min(coalesce(open_since, looks.last_at)) AS since, max(looks.last_at) AS looked_at,
       string_agg(CAST(gaps AS TEXT), chr(10)) AS gaps
FROM candidates
JOIN (SELECT day, max(made_at) AS last_at FROM research_contexts GROUP BY day) AS looks ON looks.day = candidates.day
LEFT JOIN research_contexts
    ON research_contexts.day = candidates.day AND research_contexts.arxiv_id = candidates.arxiv_id
WHERE chosen AND (made_at IS NULL OR open_since IS NOT NULL)
GROUP BY candidates.day
HAVING min(coalesce(open_since, looks.last_at)) >= $1
ORDER BY candidates.day
"""
_UNSEEN = "a candidate around which nobody has looked yet"
_REASONS = TypeAdapter(tuple[Reason, ...])
_PIECES = TypeAdapter(tuple[Piece, ...])


def record_candidates(
    connection: Connection, day: date, candidates: Sequence[Candidate], *, now: datetime
) -> None:
    """See IdeaStore."""
    ids = [one.arxiv_id for one in candidates]
    connection.execute(_DROP, [day, ids])
    columns = [
        ids,
        [one.place for one in candidates],
        [one.score for one in candidates],
        [_REASONS.dump_json(one.reasons).decode() for one in candidates],
        [one.chosen for one in candidates],
    ]
    connection.execute(_RECORD, [day, to_db(now), *columns])


def candidates(connection: Connection, day: date) -> list[Candidate]:
    """See IdeaStore."""
    return [
        Candidate(
            arxiv_id=row["arxiv_id"],
            day=day,
            score=row["score"],
            reasons=_REASONS.validate_json(row["reasons"]),
            place=row["place"],
            chosen=row["chosen"],
        )
        for row in fetch(connection, _CANDIDATES, [day])
    ]


def record_context(connection: Connection, context: ResearchContext) -> None:
    """See IdeaStore."""
    pieces, gaps = _PIECES.dump_json(context.pieces).decode(), json.dumps(context.gaps)
    made_at = to_db(context.made_at)
    row = [context.day, context.arxiv_id, pieces, gaps, made_at, made_at if context.gaps else None]
    connection.execute(_RECORD_CONTEXT, row)


def contexts(connection: Connection, day: date) -> list[ResearchContext]:
    """See IdeaStore."""
    return [_context(day, row) for row in fetch(connection, _CONTEXTS, [day])]


def open_dates(connection: Connection, *, since: datetime) -> list[OpenDate]:
    """The dates around whose chosen candidates something is missing, by date; none that was so before `since`."""
    return [
        OpenDate(
            day=row["day"],
            since=from_db(row["since"]),
            looked_at=from_db(row["looked_at"]),
            gaps=tuple(_gaps(row["gaps"])),
        )
        for row in fetch(connection, _OPEN, [to_db(since)])
    ]


def _gaps(lists: str | None) -> Iterator[str]:
    """What is missing of a date, from the lists of its contexts; one without any has nothing but that to say."""
    told = [gap for line in (lists or "").splitlines() for gap in json.loads(line)]
    yield from dict.fromkeys(told) if told else [_UNSEEN]


def idea_days(connection: Connection) -> list[IdeaCounts]:
    """How much there is of each date that has candidates, by date."""
    return [IdeaCounts(**row) for row in fetch(connection, _DAYS)]


def _context(day: date, row: Row) -> ResearchContext:
    return ResearchContext(
        arxiv_id=row["arxiv_id"],
        day=day,
        pieces=_PIECES.validate_json(row["pieces"]),
        gaps=tuple(json.loads(row["gaps"])),
        made_at=from_db(row["made_at"]),
    )
