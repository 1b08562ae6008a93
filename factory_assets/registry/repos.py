"""Shipped repos and their mirrors."""

from __future__ import annotations

from datetime import datetime

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import StatusError
from factory_assets.registry.database import Connection
from factory_assets.registry.models import MirrorRecord, UnmirroredRepo
from factory_assets.registry.rows import Row, fetch, fetch_one, from_db, to_db

_INSERT = """
INSERT INTO repos (name, language, problem, source_url, created_at, last_maintained, version, lines_of_code,
                   has_tests, tests_pass, spec_id, commit, tests_executed)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, TRUE, $9, $10, $11)
"""

_MIRROR = """
INSERT INTO mirrors (name, url, commit, mirrored_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET
    url = excluded.url, commit = excluded.commit, mirrored_at = excluded.mirrored_at
"""

# What a local mirror's address begins with.
_LOCAL = "file:"
_NOWHERE, _FOLDER, _GITHUB = "nowhere", "folder", "github"

_UNMIRRORED = """
SELECT repos.*, build_queue.day AS partition_day, build_queue.rank AS partition_rank
FROM repos
JOIN build_queue ON build_queue.id = repos.spec_id
WHERE repos.mirrored_to = ANY ($1::TEXT[]) AND build_queue.day IS NOT NULL
ORDER BY build_queue.day, build_queue.rank
"""


def insert_repo(connection: Connection, spec_id: int, repo: ShippedRepo) -> None:
    """Add a repo that ships now; what ships has passed its tests."""
    connection.execute(
        _INSERT,
        [
            repo.name,
            repo.language,
            repo.problem,
            repo.source_url,
            to_db(repo.shipped_at),
            repo.version,
            repo.lines_of_code,
            repo.tests_executed > 0,
            spec_id,
            repo.commit,
            repo.tests_executed,
        ],
    )


def shipped_repo(connection: Connection, name: str) -> ShippedRepo | None:
    """The shipped repo of that name."""
    row = fetch_one(connection, "SELECT * FROM repos WHERE name = $1", [name])
    return _shipped(row) if row else None


def look(_connection: Connection) -> None:
    """Nothing: who asks wants to hear whether it may write still."""


def record_mirror(connection: Connection, name: str, *, url: str, commit: str, now: datetime) -> None:
    """Write where a shipped repo was mirrored; the same place and commit again changes nothing.

    Raises:
        StatusError: when no repo of that name has shipped.
    """
    repo = shipped_repo(connection, name)
    if repo is None:
        raise StatusError("It has not shipped, so it cannot have been mirrored.", where=name)
    before = mirror_of(connection, name)
    if before is not None and (before.url, before.commit) == (url, commit):
        return
    connection.execute(_MIRROR, [name, url, commit, to_db(now)])
    is_local = url.startswith(_LOCAL)
    place = _NOWHERE if commit != repo.commit else _FOLDER if is_local else _GITHUB
    connection.execute("UPDATE repos SET mirrored_to = $1 WHERE name = $2", [place, name])
    if not is_local:
        connection.execute(
            "UPDATE repos SET github_pushed = TRUE, github_push_at = $1 WHERE name = $2", [to_db(now), name]
        )


def mirror_of(connection: Connection, name: str) -> MirrorRecord | None:
    """Where that repo is mirrored, or None."""
    row = fetch_one(connection, "SELECT * FROM mirrors WHERE name = $1", [name])
    return MirrorRecord(**row) if row else None


def unmirrored_repos(connection: Connection, *, to_github: bool) -> list[UnmirroredRepo]:
    """Shipped repos whose commit is not mirrored yet, or only to a local folder, by date and rank."""
    places = [_NOWHERE, _FOLDER] if to_github else [_NOWHERE]
    return [
        UnmirroredRepo(day=row["partition_day"], rank=row["partition_rank"], repo=_shipped(row))
        for row in fetch(connection, _UNMIRRORED, [places])
    ]


def _shipped(row: Row) -> ShippedRepo:
    return ShippedRepo(
        name=row["name"],
        language=row["language"],
        problem=row["problem"],
        source_url=row["source_url"],
        version=row["version"],
        commit=row["commit"],
        lines_of_code=row["lines_of_code"],
        tests_executed=row["tests_executed"],
        shipped_at=from_db(row["created_at"]),
    )
