"""Papers in the registry: raw_items and their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from pydantic_core import from_json, to_json

from factory_assets.domain.papers import LabelledPaper, Paper, UpsertCounts
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import Row, fetch, from_db, to_db

SOURCE = "arxiv"
# Papers that one statement takes: longer lists cost more than they save.
BATCH = 5_000

_KNOWN = "SELECT id, version, fingerprint FROM raw_items WHERE id IN (SELECT unnest($1::TEXT[]))"

_UPSERT = """
INSERT INTO raw_items (id, source, url, title, body, author, created_at, gathered_at, version, updated_at,
                       day, authors, categories, comment, fingerprint)
SELECT unnest($1::TEXT[]), $2::TEXT, unnest($3::TEXT[]), unnest($4::TEXT[]), unnest($5::TEXT[]),
       unnest($6::TEXT[]), unnest($7::TIMESTAMP[]), $8::TIMESTAMP, unnest($9::INTEGER[]),
       unnest($10::TIMESTAMP[]), unnest($11::DATE[]), unnest($12::TEXT[]), unnest($13::TEXT[]),
       unnest($14::TEXT[]), unnest($15::TEXT[])
ON CONFLICT (id) DO UPDATE SET
    title = excluded.title, body = excluded.body, author = excluded.author,
    created_at = excluded.created_at, version = excluded.version, updated_at = excluded.updated_at,
    day = excluded.day, authors = excluded.authors, categories = excluded.categories,
    comment = excluded.comment, fingerprint = excluded.fingerprint
WHERE excluded.version >= raw_items.version
"""

_ADD_LABELS = """
INSERT INTO labels (item_id, topic) SELECT unnest($1::TEXT[]), unnest($2::TEXT[])
ON CONFLICT (item_id, topic) DO NOTHING
"""

_DROP_LABELS = """
DELETE FROM labels
WHERE item_id IN (SELECT unnest($1::TEXT[]))
  AND (item_id, topic) NOT IN (SELECT unnest($2::TEXT[]), unnest($3::TEXT[]))
"""


def upsert_papers(connection: Connection, papers: Sequence[LabelledPaper], *, now: datetime) -> UpsertCounts:
    """Insert new papers and update changed ones with their labels; older versions change nothing."""
    newest = list(_newest(papers).items())
    batches = (dict(newest[start : start + BATCH]) for start in range(0, len(newest), BATCH))
    return sum((_upsert_batch(connection, batch, now) for batch in batches), UpsertCounts())


def _upsert_batch(connection: Connection, batch: dict[str, LabelledPaper], now: datetime) -> UpsertCounts:
    known = {row[0]: row[1:] for row in connection.execute(_KNOWN, [list(batch)]).fetchall()}
    fingerprints = {key: _fingerprint(labelled) for key, labelled in batch.items()}
    new = [key for key in batch if key not in known]
    updated = [
        key
        for key, (version, fingerprint) in known.items()
        if batch[key].paper.version >= version and fingerprints[key] != fingerprint
    ]
    changed = [*new, *updated]
    if changed:
        _write(connection, {key: batch[key] for key in changed}, fingerprints, now)
        _replace_labels(connection, [batch[key] for key in changed], relabelled=updated)
    return UpsertCounts(new=len(new), updated=len(updated), unchanged=len(batch) - len(changed))


def unread_days(connection: Connection) -> set[date]:
    """The dates that hold papers which no analysis has read."""
    rows = connection.execute("SELECT DISTINCT day FROM raw_items WHERE NOT fed_to_claude").fetchall()
    return {row[0] for row in rows}


def unanalysed_papers(connection: Connection, day: date) -> list[Paper]:
    """The day's papers that no analysis has read yet, oldest first, by id where equal."""
    sql = "SELECT * FROM raw_items WHERE day = $1 AND NOT fed_to_claude ORDER BY created_at, id"
    return [_paper(row) for row in fetch(connection, sql, [day])]


def papers_of_day(connection: Connection, day: date) -> list[LabelledPaper]:
    """The day's papers with their topics, oldest first, by id where equal."""
    rows = fetch(connection, "SELECT * FROM raw_items WHERE day = $1 ORDER BY created_at, id", [day])
    topics: dict[str, list[str]] = {row["id"]: [] for row in rows}
    sql = """
    SELECT item_id, topic FROM labels
    WHERE item_id IN (SELECT id FROM raw_items WHERE day = $1) ORDER BY item_id, topic
    """
    for item, topic in connection.execute(sql, [day]).fetchall():
        topics[item].append(topic)
    return [LabelledPaper(paper=_paper(row), topics=tuple(topics[row["id"]])) for row in rows]


def papers_by_id(connection: Connection, ids: Collection[str]) -> list[Paper]:
    """The stored papers of these ids, in the order asked for; unknown ids are left out."""
    sql = "SELECT * FROM raw_items WHERE id IN (SELECT unnest($1::TEXT[]))"
    found = {row["id"]: _paper(row) for row in fetch(connection, sql, [list(ids)])}
    return [found[key] for key in ids if key in found]


def day_fingerprint(connection: Connection, day: date) -> str:
    """A digest of the day's papers, their versions, texts and labels: equal exactly while none changes."""
    sql = "SELECT id, fingerprint FROM raw_items WHERE day = $1 ORDER BY id"
    return _digest(part for row in connection.execute(sql, [day]).fetchall() for part in row)


def mark_fed(connection: Connection, ids: Collection[str]) -> set[str]:
    """Mark papers as read by an analysis and return those that no analysis had read before."""
    sql = """
    UPDATE raw_items SET fed_to_claude = TRUE
    WHERE id IN (SELECT unnest($1::TEXT[])) AND NOT fed_to_claude
    RETURNING id
    """
    return {row[0] for row in connection.execute(sql, [list(ids)]).fetchall()}


def already_fed(connection: Connection, ids: Collection[str]) -> list[str]:
    """Which of these papers an analysis has read, in order."""
    sql = "SELECT id FROM raw_items WHERE id IN (SELECT unnest($1::TEXT[])) AND fed_to_claude ORDER BY id"
    return [row[0] for row in connection.execute(sql, [list(ids)]).fetchall()]


def _newest(papers: Sequence[LabelledPaper]) -> dict[str, LabelledPaper]:
    batch: dict[str, LabelledPaper] = {}
    for labelled in papers:
        seen = batch.get(labelled.paper.arxiv_id)
        if seen is None or labelled.paper.version >= seen.paper.version:
            batch[labelled.paper.arxiv_id] = labelled
    return batch


def _write(
    connection: Connection, batch: dict[str, LabelledPaper], fingerprints: dict[str, str], now: datetime
) -> None:
    papers = [labelled.paper for labelled in batch.values()]
    connection.execute(
        _UPSERT,
        [
            list(batch),
            SOURCE,
            [paper.url for paper in papers],
            [paper.title for paper in papers],
            [paper.abstract for paper in papers],
            [", ".join(paper.authors) for paper in papers],
            [to_db(paper.published) for paper in papers],
            to_db(now),
            [paper.version for paper in papers],
            [to_db(paper.updated) for paper in papers],
            [paper.day for paper in papers],
            [to_json(paper.authors).decode() for paper in papers],
            [to_json(paper.categories).decode() for paper in papers],
            [paper.comment for paper in papers],
            [fingerprints[key] for key in batch],
        ],
    )


def _replace_labels(
    connection: Connection, papers: Sequence[LabelledPaper], *, relabelled: Sequence[str]
) -> None:
    pairs = [(labelled.paper.arxiv_id, topic) for labelled in papers for topic in labelled.topics]
    items, topics = [item for item, _ in pairs], [topic for _, topic in pairs]
    connection.execute(_ADD_LABELS, [items, topics])
    if relabelled:
        connection.execute(_DROP_LABELS, [list(relabelled), items, topics])


def _fingerprint(labelled: LabelledPaper) -> str:
    paper = labelled.paper
    return _digest(
        (
            f"{paper.version} {paper.published.timestamp()} {paper.updated.timestamp()}",
            paper.title,
            paper.abstract,
            paper.comment or "",
            *paper.authors,
            "",
            *paper.categories,
            "",
            *sorted(set(labelled.topics)),
        )
    )


def _digest(parts: Iterable[str]) -> str:
    return hashlib.blake2b("\x1f".join(parts).encode("utf-8"), digest_size=16).hexdigest()


def _paper(row: Row) -> Paper:
    return Paper(
        arxiv_id=row["id"],
        version=row["version"],
        title=row["title"],
        abstract=row["body"],
        authors=tuple(from_json(row["authors"])),
        categories=tuple(from_json(row["categories"])),
        comment=row["comment"],
        published=from_db(row["created_at"]),
        updated=from_db(row["updated_at"]),
    )
