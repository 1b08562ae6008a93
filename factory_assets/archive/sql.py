"""The archive's SQL: a staged set of records, and the merging of one month of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

STAGE = """
CREATE TABLE staged (
    arxiv_id VARCHAR, version INTEGER, title VARCHAR, abstract VARCHAR, authors VARCHAR[], categories VARCHAR[],
    comment VARCHAR, journal_ref VARCHAR, doi VARCHAR, licence VARCHAR, submitted TIMESTAMP, changed DATE
)
"""
# The lines are written by the archive itself, a key for each column.
FILL = """
INSERT INTO staged BY NAME
SELECT unnest(from_json(line::JSON, $2), max_depth := 1) FROM (SELECT unnest($1::TEXT[]) AS line)
"""
FORM = """{
    "arxiv_id": "VARCHAR", "version": "INTEGER", "title": "VARCHAR", "abstract": "VARCHAR", "authors": ["VARCHAR"],
    "categories": ["VARCHAR"], "comment": "VARCHAR", "journal_ref": "VARCHAR", "doi": "VARCHAR",
    "licence": "VARCHAR", "submitted": "TIMESTAMP", "changed": "DATE"
}"""
STAGED_MONTHS = "SELECT DISTINCT strftime(submitted, '%Y-%m') AS month FROM staged ORDER BY month"
HELD = "CREATE OR REPLACE TEMP VIEW held AS SELECT * FROM {source}"
# Of a paper that was staged more than once the latest word counts, of equal ones the last.
NEWS = """
CREATE OR REPLACE TEMP TABLE news AS
SELECT incoming.*, held.arxiv_id IS NULL AS is_new,
    held.arxiv_id IS NOT NULL AND held.changed <= incoming.changed
        AND held IS DISTINCT FROM incoming AS is_changed
FROM (
    SELECT * FROM staged WHERE strftime(submitted, '%Y-%m') = $1
    QUALIFY row_number() OVER (PARTITION BY arxiv_id ORDER BY changed DESC, rowid DESC) = 1
) AS incoming
LEFT JOIN held USING (arxiv_id)
"""
COUNTS = """
SELECT count(*) FILTER (is_new), count(*) FILTER (is_changed), count(*) FILTER (NOT is_new AND NOT is_changed) FROM news
"""
WRITE = """
COPY (
    SELECT * EXCLUDE (is_new, is_changed) FROM news WHERE is_new OR is_changed
    UNION ALL BY NAME
    SELECT * FROM held ANTI JOIN (SELECT arxiv_id FROM news WHERE is_changed) AS later USING (arxiv_id)
    ORDER BY arxiv_id
) TO {file} (FORMAT parquet, COMPRESSION zstd)
"""
RECORDS = "CREATE TEMP VIEW records AS SELECT * FROM {source}"
ALL = "SELECT * FROM records ORDER BY arxiv_id"
BY_ID = "SELECT * FROM records WHERE arxiv_id IN (SELECT unnest($1::TEXT[])) ORDER BY arxiv_id"
RECENT = """
SELECT * FROM records
WHERE ($2::TEXT IS NULL OR list_contains(categories, $2)) AND ($3::TIMESTAMP IS NULL OR submitted >= $3)
ORDER BY submitted DESC, arxiv_id DESC LIMIT $1
"""
TOTALS = "SELECT count(*), max(changed), min(submitted), max(submitted) FROM records"
SINCE = "SELECT count(*) FROM records WHERE submitted >= $1"
BY_CATEGORY = """
SELECT categories[1] AS category, count(*) AS papers FROM records GROUP BY category ORDER BY papers DESC, category
"""


def quoted(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def from_files(files: Iterable[Path]) -> str:
    """What stands behind FROM for these files of records."""
    return f"read_parquet([{', '.join(quoted(str(path)) for path in files)}])"
