"""Which paper cites which, as the sources of citations told it, and how often they counted it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from factory_assets.domain.citations import CitationDegrees, LinkedPaper, PaperCitations, SourceCounts
from factory_assets.domain.research import CitationDirection, CitedPaper
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import Row, fetch, from_db, to_db

_COUNT = """
INSERT INTO citation_counts (arxiv_id, source, cited_by, reference_count, fetched_at)
SELECT unnest($1::TEXT[]), unnest($2::TEXT[]), unnest($3::INTEGER[]), unnest($4::INTEGER[]), unnest($5::TIMESTAMP[])
ON CONFLICT (arxiv_id, source) DO UPDATE SET
    cited_by = excluded.cited_by, reference_count = excluded.reference_count, fetched_at = excluded.fetched_at
"""
_FORGET = """
DELETE FROM citations USING (SELECT unnest($1::TEXT[]) AS about, unnest($2::TEXT[]) AS source) AS asked
WHERE citations.about = asked.about AND citations.source = asked.source
"""
_LINK = """
INSERT INTO citations (about, source, citing, cited)
SELECT unnest($1::TEXT[]), unnest($2::TEXT[]), unnest($3::TEXT[]), unnest($4::TEXT[])
"""
_TITLE = """
INSERT INTO citation_titles (arxiv_id, title) SELECT unnest($1::TEXT[]), unnest($2::TEXT[])
ON CONFLICT (arxiv_id) DO UPDATE SET title = excluded.title
"""
_FORGET_TITLES = """
DELETE FROM citation_titles WHERE arxiv_id NOT IN (
    SELECT citing FROM citations UNION SELECT cited FROM citations UNION SELECT arxiv_id FROM citation_counts
)
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


def keep_citations(connection: Connection, found: Sequence[PaperCitations]) -> None:
    """See CitationStore."""
    told = list({(paper.counts.arxiv_id, paper.counts.source): paper for paper in found}.values())
    counts = [paper.counts for paper in told]
    asked = [[count.arxiv_id for count in counts], [count.source for count in counts]]
    numbers = [[count.cited_by for count in counts], [count.references for count in counts]]
    connection.execute(_COUNT, [*asked, *numbers, [to_db(count.fetched_at) for count in counts]])
    connection.execute(_FORGET, asked)
    if links := [link for paper in told for link in _links(paper)]:
        connection.execute(_LINK, [list(column) for column in zip(*links, strict=True)])
    if titles := {end.arxiv_id: end.title for paper in told for end in _titled(paper)}:
        connection.execute(_TITLE, [list(titles), list(titles.values())])


def forget_citations(connection: Connection, before: datetime) -> None:
    """Drop what a source said of papers when it was asked before that time."""
    values = [to_db(before)]
    connection.execute(
        "DELETE FROM citations USING citation_counts AS old WHERE citations.about = old.arxiv_id"
        " AND citations.source = old.source AND old.fetched_at < $1",
        values,
    )
    connection.execute("DELETE FROM citation_counts WHERE fetched_at < $1", values)
    connection.execute(_FORGET_TITLES)


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


def _links(paper: PaperCitations) -> Iterable[tuple[str, str, str, str]]:
    about, source = paper.counts.arxiv_id, paper.counts.source
    citing = [(about, source, end.arxiv_id, about) for end in paper.citing]
    return dict.fromkeys([*citing, *((about, source, about, end.arxiv_id) for end in paper.cited)])


def _titled(paper: PaperCitations) -> Iterable[LinkedPaper]:
    itself = LinkedPaper(arxiv_id=paper.counts.arxiv_id, title=paper.title)
    return (end for end in (*paper.citing, *paper.cited, itself) if end.title)


def _counts(row: Row) -> SourceCounts:
    return SourceCounts(
        arxiv_id=row["arxiv_id"],
        source=row["source"],
        cited_by=row["cited_by"],
        references=row["reference_count"],
        fetched_at=from_db(row["fetched_at"]),
    )
