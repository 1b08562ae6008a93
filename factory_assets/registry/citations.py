"""Which paper cites which, as the sources of citations told it, and how often they counted it."""

from __future__ import annotations

from collections.abc import Sequence

from factory_assets.domain.citations import CitationDegrees, PaperCitations, SourceCounts
from factory_assets.domain.research import CitationDirection, CitedPaper
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import Row, fetch, from_db, to_db

_COUNT = """
INSERT INTO citation_counts (arxiv_id, source, cited_by, reference_count, fetched_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (arxiv_id, source) DO UPDATE SET
    cited_by = excluded.cited_by, reference_count = excluded.reference_count, fetched_at = excluded.fetched_at
"""
_LINK = """
INSERT INTO citations (about, source, citing, cited)
SELECT $1, $2, unnest($3::TEXT[]), unnest($4::TEXT[])
"""
_TITLE = """
INSERT INTO citation_titles (arxiv_id, title) SELECT unnest($1::TEXT[]), unnest($2::TEXT[])
ON CONFLICT (arxiv_id) DO UPDATE SET title = excluded.title
"""
# Old ids begin with a letter, and would be newer than all others.
_WALK = """
WITH RECURSIVE walk(arxiv_id, steps) AS (
    SELECT CAST($1 AS TEXT), 0
    UNION
    SELECT citations.{far}, walk.steps + 1
    FROM walk JOIN citations ON citations.{near} = walk.arxiv_id
    WHERE walk.steps < $2
)
SELECT walk.arxiv_id, coalesce(max(citation_titles.title), '') AS title, min(walk.steps) AS steps
FROM walk LEFT JOIN citation_titles ON citation_titles.arxiv_id = walk.arxiv_id
WHERE walk.arxiv_id <> $1
GROUP BY walk.arxiv_id
ORDER BY steps, CASE WHEN walk.arxiv_id LIKE '%/%' THEN 1 ELSE 0 END, walk.arxiv_id DESC
LIMIT $3
"""
_WALKS = {
    CitationDirection.CITED_BY: _WALK.format(near="cited", far="citing"),
    CitationDirection.REFERENCES: _WALK.format(near="citing", far="cited"),
}
_DEGREES = """
SELECT (SELECT count(DISTINCT citing) FROM citations WHERE cited = $1) AS cited_by,
       (SELECT count(DISTINCT cited) FROM citations WHERE citing = $1) AS reference_count
"""
_TOTAL = "SELECT count(*) AS citations FROM (SELECT DISTINCT citing, cited FROM citations) AS links"


def keep_citations(connection: Connection, found: PaperCitations) -> None:
    """See CitationStore."""
    counts = found.counts
    about = counts.arxiv_id
    values = [about, counts.source, counts.cited_by, counts.references, to_db(counts.fetched_at)]
    connection.execute(_COUNT, values)
    connection.execute("DELETE FROM citations WHERE about = $1 AND source = $2", [about, counts.source])
    links = dict.fromkeys(
        [(paper.arxiv_id, about) for paper in found.citing]
        + [(about, paper.arxiv_id) for paper in found.cited]
    )
    titles = {paper.arxiv_id: paper.title for paper in (*found.citing, *found.cited) if paper.title}
    if found.title:
        titles[about] = found.title
    if links:
        connection.execute(
            _LINK, [about, counts.source, [citing for citing, _ in links], [cited for _, cited in links]]
        )
    if titles:
        connection.execute(_TITLE, [list(titles), list(titles.values())])


def related_papers(
    connection: Connection, arxiv_id: str, direction: CitationDirection, *, steps: int = 1, count: int = 100
) -> list[CitedPaper]:
    """See KeptCitations."""
    rows = fetch(connection, _WALKS[direction], [arxiv_id, steps, count])
    return [CitedPaper.model_validate(row) for row in rows]


def citation_counts(connection: Connection, arxiv_ids: Sequence[str]) -> list[SourceCounts]:
    """See KeptCitations."""
    sql = (
        "SELECT arxiv_id, source, cited_by, reference_count, fetched_at FROM citation_counts"
        " WHERE arxiv_id IN (SELECT unnest($1::TEXT[])) ORDER BY fetched_at DESC, source"
    )
    return [_counts(row) for row in fetch(connection, sql, [list(arxiv_ids)])]


def citation_degrees(connection: Connection, arxiv_id: str) -> CitationDegrees:
    """See KeptCitations."""
    (row,) = fetch(connection, _DEGREES, [arxiv_id])
    return CitationDegrees(cited_by=row["cited_by"], references=row["reference_count"])


def total_citations(connection: Connection) -> int:
    """See KeptCitations."""
    (row,) = fetch(connection, _TOTAL)
    return int(row["citations"])


def _counts(row: Row) -> SourceCounts:
    return SourceCounts(
        arxiv_id=row["arxiv_id"],
        source=row["source"],
        cited_by=row["cited_by"],
        references=row["reference_count"],
        fetched_at=from_db(row["fetched_at"]),
    )
