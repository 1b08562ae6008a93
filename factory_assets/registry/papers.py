"""Papers in the registry: raw_items and their labels."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic_core import from_json, to_json

from factory_assets.domain.papers import LabelledPaper, Paper, UpsertCounts
from factory_assets.registry.database import Connection
from factory_assets.registry.models import DayContents, ListedPaper
from factory_assets.registry.rows import Row, fetch, from_db, to_db

SOURCE = "arxiv"
# Papers that one statement takes: longer lists cost more than they save.
BATCH = 5_000

_KNOWN = "SELECT id, version, fingerprint FROM raw_items WHERE id IN (SELECT unnest($1::TEXT[]))"

# Unnested in a subquery, because DuckDB takes half as long again to unnest in the outer SELECT.
_COLUMNS = """
    unnest($1::TEXT[]) AS id, unnest($2::TEXT[]) AS title, unnest($3::TEXT[]) AS body, unnest($4::TEXT[]) AS author,
    unnest($5::TIMESTAMP[]) AS created_at, unnest($6::INTEGER[]) AS version, unnest($7::TIMESTAMP[]) AS updated_at,
    unnest($8::TEXT[]) AS authors, unnest($9::TEXT[]) AS categories, unnest($10::TEXT[]) AS comment,
    unnest($11::TEXT[]) AS fingerprint
"""

_INSERT = f"""
INSERT INTO raw_items (source, gathered_at, id, url, title, body, author, created_at, version, updated_at,
                       day, authors, categories, comment, fingerprint)
SELECT $13::TEXT, $14::TIMESTAMP, id, url, title, body, author, created_at, version, updated_at,
       CAST(created_at AS DATE), authors, categories, comment, fingerprint
FROM (SELECT {_COLUMNS}, unnest($12::TEXT[]) AS url) AS incoming
"""  # noqa: S608 - joins parts of a statement, no value

# Takes half as long as an INSERT that looks for conflicts, as long as no column is set that has an index.
_UPDATE = f"""
UPDATE raw_items SET
    title = incoming.title, body = incoming.body, author = incoming.author, created_at = incoming.created_at,
    version = incoming.version, updated_at = incoming.updated_at, day = CAST(incoming.created_at AS DATE),
    authors = incoming.authors, categories = incoming.categories, comment = incoming.comment,
    fingerprint = incoming.fingerprint
FROM (SELECT {_COLUMNS}) AS incoming
WHERE raw_items.id = incoming.id AND raw_items.version <= incoming.version
"""  # noqa: S608 - as above

_LABELS = "SELECT item_id, topic FROM labels WHERE item_id IN (SELECT unnest($1::TEXT[]))"

_INSERT_LABELS = "INSERT INTO labels (item_id, topic) SELECT unnest($1::TEXT[]), unnest($2::TEXT[])"

_DROP_LABELS = """
DELETE FROM labels WHERE (item_id, topic) IN (SELECT unnest($1::TEXT[]), unnest($2::TEXT[]))
"""


@dataclass(frozen=True)
class _Incoming:
    """Papers made ready to store, and the columns of _COLUMNS in their order.

    By columns, because Python's collector would go through an object for each paper again and again.
    """

    papers: Sequence[LabelledPaper]
    columns: Sequence[Sequence[Any]]

    def only(self, places: Sequence[int]) -> _Incoming:
        """Those at these places, which are in order."""
        if len(places) == len(self.papers):
            return self
        papers, *columns = ([column[place] for place in places] for column in (self.papers, *self.columns))
        return _Incoming(papers, columns)

    @property
    def urls(self) -> list[str]:
        """The papers' pages."""
        return [labelled.paper.url for labelled in self.papers]

    @property
    def labels(self) -> tuple[list[str], list[str]]:
        """An id and a topic for each label."""
        items = [labelled.paper.arxiv_id for labelled in self.papers for _ in set(labelled.topics)]
        return items, [topic for labelled in self.papers for topic in set(labelled.topics)]


_ID, _VERSION, _FINGERPRINT = 0, 5, 10


def upsert_papers(connection: Connection, papers: Sequence[LabelledPaper], *, now: datetime) -> UpsertCounts:
    """Insert new papers and update changed ones with their labels; older versions change nothing."""
    newest = _newest(papers)
    batches = (_incoming(newest[start : start + BATCH]) for start in range(0, len(newest), BATCH))
    return sum((_store(connection, batch, now) for batch in batches), UpsertCounts())


def _store(connection: Connection, batch: _Incoming, now: datetime) -> UpsertCounts:
    ids, versions, fingerprints = (batch.columns[column] for column in (_ID, _VERSION, _FINGERPRINT))
    known = {row[0]: row[1:] for row in connection.execute(_KNOWN, [ids]).fetchall()}
    new, updated = [], []
    for place, key in enumerate(ids):
        if key not in known:
            new.append(place)
            continue
        version, fingerprint = known[key]
        if versions[place] >= version and fingerprints[place] != fingerprint:
            updated.append(place)
    if new:
        _insert(connection, batch.only(new), now)
    if updated:
        _update(connection, batch.only(updated))
    return UpsertCounts(new=len(new), updated=len(updated), unchanged=len(ids) - len(new) - len(updated))


def _insert(connection: Connection, papers: _Incoming, now: datetime) -> None:
    connection.execute(_INSERT, [*papers.columns, papers.urls, SOURCE, to_db(now)])
    connection.execute(_INSERT_LABELS, papers.labels)


def _update(connection: Connection, papers: _Incoming) -> None:
    connection.execute(_UPDATE, papers.columns)
    stored = set(connection.execute(_LABELS, [papers.columns[_ID]]).fetchall())
    labels = set(zip(*papers.labels, strict=True))
    for sql, changed in ((_INSERT_LABELS, labels - stored), (_DROP_LABELS, stored - labels)):
        if changed:
            connection.execute(sql, [list(column) for column in zip(*changed, strict=True)])


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
    topics = _topics(connection, [day])
    return [LabelledPaper(paper=_paper(row), topics=tuple(topics[row["id"]])) for row in rows]


def contents_of_days(connection: Connection, days: Collection[date]) -> dict[date, DayContents]:
    """What an operator is shown of each of these days' papers."""
    sql = """
    SELECT day, id, title, fingerprint FROM raw_items
    WHERE day IN (SELECT unnest($1::DATE[])) ORDER BY created_at, id
    """
    topics = _topics(connection, days)
    papers: dict[date, list[ListedPaper]] = {day: [] for day in days}
    fingerprints: dict[date, list[tuple[str, str]]] = {day: [] for day in days}
    for day, key, title, fingerprint in connection.execute(sql, [list(days)]).fetchall():
        papers[day].append(ListedPaper(key, title, tuple(topics[key])))
        fingerprints[day].append((key, fingerprint))
    return {day: DayContents(tuple(papers[day]), _digest_of(fingerprints[day])) for day in days}


def papers_by_id(connection: Connection, ids: Collection[str]) -> list[Paper]:
    """The stored papers of these ids, in the order asked for; unknown ids are left out."""
    sql = "SELECT * FROM raw_items WHERE id IN (SELECT unnest($1::TEXT[]))"
    found = {row["id"]: _paper(row) for row in fetch(connection, sql, [list(ids)])}
    return [found[key] for key in ids if key in found]


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


def _newest(papers: Sequence[LabelledPaper]) -> list[LabelledPaper]:
    newest: dict[str, LabelledPaper] = {}
    for labelled in papers:
        seen = newest.get(labelled.paper.arxiv_id)
        if seen is None or labelled.paper.version >= seen.paper.version:
            newest[labelled.paper.arxiv_id] = labelled
    return list(newest.values())


def _incoming(labelled: Sequence[LabelledPaper]) -> _Incoming:
    papers = [entry.paper for entry in labelled]
    created = [to_db(paper.published) for paper in papers]
    updated = [to_db(paper.updated) for paper in papers]
    authors = [to_json(paper.authors).decode() for paper in papers]
    categories = [to_json(paper.categories).decode() for paper in papers]
    columns: list[list[Any]] = [
        [paper.arxiv_id for paper in papers],
        [paper.title for paper in papers],
        [paper.abstract for paper in papers],
        [", ".join(paper.authors) for paper in papers],
        created,
        [paper.version for paper in papers],
        updated,
        authors,
        categories,
        [paper.comment for paper in papers],
        list(map(_fingerprint, labelled, created, updated, authors, categories)),
    ]
    return _Incoming(labelled, columns)


def _fingerprint(
    labelled: LabelledPaper, created: datetime, updated: datetime, authors: str, categories: str
) -> str:
    paper, begun = labelled.paper, str(created)
    # Most papers have one version, and writing a time takes as long as a digest of all the rest.
    times = f"{paper.version} {begun} {begun if updated == created else updated}"
    texts = (paper.title, paper.abstract, authors, categories, paper.comment or "")
    return _digest((times, *texts, *sorted(set(labelled.topics))))


def _topics(connection: Connection, days: Collection[date]) -> defaultdict[str, list[str]]:
    sql = """
    SELECT item_id, topic FROM labels
    WHERE item_id IN (SELECT id FROM raw_items WHERE day IN (SELECT unnest($1::DATE[]))) ORDER BY item_id, topic
    """
    topics: defaultdict[str, list[str]] = defaultdict(list)
    for item, topic in connection.execute(sql, [list(days)]).fetchall():
        topics[item].append(topic)
    return topics


def _digest_of(papers: Iterable[tuple[str, str]]) -> str:
    return _digest(part for paper in sorted(papers) for part in paper)


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
