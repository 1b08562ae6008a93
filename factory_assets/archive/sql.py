"""The archive's SQL: a staged set of records, and the merging of one month of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# The columns of a month's file, as they are compared and written. Files that were written
# by an earlier version of the factory lack some.
_COLUMNS = """
    arxiv_id, version, title, abstract, authors, categories, comment, journal_ref, doi, licence, submitted, updated,
    changed, deleted
"""
_NONE = """
SELECT NULL::VARCHAR AS arxiv_id, NULL::INTEGER AS version, NULL::VARCHAR AS title, NULL::VARCHAR AS abstract,
    NULL::VARCHAR[] AS authors, NULL::VARCHAR[] AS categories, NULL::VARCHAR AS comment, NULL::VARCHAR AS journal_ref,
    NULL::VARCHAR AS doi, NULL::VARCHAR AS licence, NULL::TIMESTAMP AS submitted, NULL::TIMESTAMP AS updated,
    NULL::DATE AS changed, NULL::BOOLEAN AS deleted
WHERE FALSE
"""
_FILES = "UNION ALL BY NAME SELECT * FROM read_parquet([{paths}], union_by_name = true)"
_FROM = "(SELECT * REPLACE (coalesce(deleted, FALSE) AS deleted) FROM ({none} {held}))"
# Of a deletion no more is told than the id and the date.
STAGE = """
CREATE TABLE staged (
    arxiv_id VARCHAR, version INTEGER, title VARCHAR, abstract VARCHAR, authors VARCHAR[], categories VARCHAR[],
    comment VARCHAR, journal_ref VARCHAR, doi VARCHAR, licence VARCHAR, submitted TIMESTAMP,
    updated TIMESTAMP, changed DATE, deleted BOOLEAN DEFAULT FALSE, place INTEGER, month VARCHAR
)
"""
# The lines are written by the archive itself, a key for each column.
FILL = """
INSERT INTO staged BY NAME
SELECT unnest(from_json(line::JSON, $2), max_depth := 1), $3 + number AS place
FROM (SELECT unnest($1::TEXT[]) AS line, generate_subscripts($1::TEXT[], 1) AS number)
"""
FORM = """{
    "arxiv_id": "VARCHAR", "version": "INTEGER", "title": "VARCHAR", "abstract": "VARCHAR", "authors": ["VARCHAR"],
    "categories": ["VARCHAR"], "comment": "VARCHAR", "journal_ref": "VARCHAR", "doi": "VARCHAR",
    "licence": "VARCHAR", "submitted": "TIMESTAMP", "updated": "TIMESTAMP", "changed": "DATE", "deleted": "BOOLEAN"
}"""
# A paper stays in the month in which it is held, or it would be held twice. What is deleted and held nowhere has no
# place. A million records are not copied for it.
PLACE = """
UPDATE staged SET month = homes.month
FROM (
    SELECT arxiv_id, max(coalesce(held.month, strftime(staged.submitted, '%Y-%m'))) AS month
    FROM staged LEFT JOIN (
        SELECT arxiv_id, strftime(submitted, '%Y-%m') AS month FROM {source} AS files SEMI JOIN staged USING (arxiv_id)
    ) AS held USING (arxiv_id)
    GROUP BY arxiv_id
) AS homes
WHERE homes.arxiv_id = staged.arxiv_id
"""
PLACED_MONTHS = "SELECT DISTINCT month FROM staged WHERE month IS NOT NULL ORDER BY month"
HELD = "CREATE OR REPLACE TEMP VIEW held AS SELECT * FROM {source}"
# Of the words on a paper, the held one among them, the latest counts, of equal ones the last.
_NEWS = """
CREATE OR REPLACE TEMP TABLE news AS
WITH coming AS (SELECT * FROM staged WHERE month = $1),
content AS (
    SELECT coming.* REPLACE (
        CASE WHEN strftime(coming.submitted, '%Y-%m') = $1 THEN coming.submitted
            ELSE coalesce(held.submitted, coming.submitted) END AS submitted
    )
    FROM coming LEFT JOIN held USING (arxiv_id) WHERE NOT coming.deleted
),
latest AS (
    SELECT {columns} FROM (
        SELECT {columns}, place FROM content
        UNION ALL
        SELECT {columns}, -1 FROM held SEMI JOIN coming USING (arxiv_id)
    )
    QUALIFY row_number() OVER (PARTITION BY arxiv_id ORDER BY changed DESC, place DESC) = 1
),
gone AS (SELECT arxiv_id, max(changed) AS since FROM coming WHERE deleted GROUP BY arxiv_id),
standing AS (
    SELECT latest.* REPLACE (
        latest.deleted OR coalesce(gone.since >= latest.changed, FALSE) AS deleted,
        greatest(latest.changed, gone.since) AS changed
    )
    FROM latest LEFT JOIN gone USING (arxiv_id)
)
SELECT standing.*, held.arxiv_id IS NULL AS is_new,
    held.arxiv_id IS NOT NULL AND held IS DISTINCT FROM standing AS is_changed,
    coalesce(standing.deleted AND NOT held.deleted, FALSE) AS is_deleted
FROM standing LEFT JOIN held USING (arxiv_id)
"""
NEWS = _NEWS.format(columns=_COLUMNS)
COUNTS = """
SELECT count(*) FILTER (is_new), count(*) FILTER (is_changed AND NOT is_deleted), count(*) FILTER (is_deleted),
    count(*) FILTER (NOT is_new AND NOT is_changed)
FROM news
"""
# One paper is read by a group of rows: in small ones three times as fast, for a fifth more on the disk.
WRITE = """
COPY (
    SELECT * EXCLUDE (is_new, is_changed, is_deleted) FROM news WHERE is_new OR is_changed
    UNION ALL BY NAME
    SELECT * FROM held ANTI JOIN (SELECT arxiv_id FROM news WHERE is_changed) AS later USING (arxiv_id)
    ORDER BY arxiv_id
) TO {file} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048)
"""
RECORDS = "CREATE TEMP VIEW records AS SELECT * FROM {source}"
ALL = "SELECT * FROM records ORDER BY arxiv_id"
BY_ID = "SELECT * FROM records WHERE arxiv_id IN (SELECT unnest($1::TEXT[])) ORDER BY arxiv_id"
# What of a record is searched: whoever has read it reads it again when this has changed.
MARKS = """
SELECT arxiv_id, md5_number_lower(concat_ws(chr(0), title, abstract, array_to_string(authors, chr(0))))
FROM records WHERE NOT deleted
"""
COUNT = "SELECT count(*) FROM records WHERE NOT deleted"
# The same ones each time, and spread over all years; only ids are held to find them.
DRAWN = """
SELECT * FROM records
WHERE arxiv_id IN (SELECT arxiv_id FROM records WHERE NOT deleted ORDER BY md5(arxiv_id), arxiv_id LIMIT $1)
ORDER BY arxiv_id
"""
RECENT = """
SELECT * FROM records
WHERE NOT deleted AND ($2::TEXT IS NULL OR list_contains(categories, $2)) AND ($3::TIMESTAMP IS NULL OR submitted >= $3)
ORDER BY submitted DESC, arxiv_id DESC LIMIT $1
"""
TOTALS = """
SELECT count(*) FILTER (NOT deleted), count(*) FILTER (deleted), max(changed), min(submitted), max(submitted)
FROM records
"""
SINCE = "SELECT count(*) FROM records WHERE submitted >= $1 AND NOT deleted"
OF_DATES = """
SELECT * FROM records WHERE submitted >= $1 AND submitted < $2 AND NOT deleted ORDER BY submitted, arxiv_id
"""
BY_CATEGORY = """
SELECT categories[1] AS category, count(*) AS papers FROM records WHERE NOT deleted
GROUP BY category ORDER BY papers DESC, category
"""

# The catalogue: when each date was asked for in each set.
CATALOGUE = (
    "CREATE TABLE catalogue (set_spec VARCHAR, day DATE, asked_at TIMESTAMP, PRIMARY KEY (set_spec, day))"
)
READ_CATALOGUE = "INSERT INTO catalogue BY NAME SELECT * FROM read_parquet($1)"
NOTE_DATES = """
INSERT OR REPLACE INTO catalogue
SELECT $1, CAST(day AS DATE), $4 FROM unnest(generate_series($2::TIMESTAMP, $3::TIMESTAMP, INTERVAL 1 DAY)) AS days(day)
"""
DATES_OF = "SELECT day, asked_at FROM read_parquet($1) WHERE set_spec = $2 ORDER BY day"
WRITE_CATALOGUE = (
    "COPY (SELECT * FROM catalogue ORDER BY set_spec, day) TO {file} (FORMAT parquet, COMPRESSION zstd)"
)


def quoted(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def from_files(files: Iterable[Path]) -> str:
    """What stands behind FROM for these files of records; without a file there are none."""
    paths = ", ".join(quoted(str(path)) for path in files)
    return _FROM.format(none=_NONE, held=_FILES.format(paths=paths) if paths else "")
