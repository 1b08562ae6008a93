"""What is known of the novelty of specs, what catalogues answered, and the factory's own repos to compare with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import TypeAdapter

from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, WaitCause
from factory_assets.domain.novelty import Found, Novelty
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, to_db

_RECORD = """
INSERT INTO novelty (spec_id, verdict, score, novelty, looked_up_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (spec_id) DO UPDATE SET
    verdict = excluded.verdict, score = excluded.score, novelty = excluded.novelty,
    looked_up_at = excluded.looked_up_at
"""
_KEEP = """
INSERT INTO novelty_answers (question, found, answered_at) VALUES ($1, $2, $3)
ON CONFLICT (question) DO UPDATE SET found = excluded.found, answered_at = excluded.answered_at
"""
# Of two specs that wait, the one that was queued first is built.
_OWN = """
SELECT queued_specs.name, problem, mirrors.url
FROM queued_specs
JOIN build_queue ON build_queue.id = queued_specs.id
LEFT JOIN mirrors ON mirrors.name = queued_specs.name
WHERE queued_specs.id <> $1
  AND (queued_specs.status IN (SELECT unnest($2::TEXT[]))
       OR (queued_specs.status = $3 AND queued_specs.id < $1 AND coalesce(wait_cause, '') <> $4))
ORDER BY queued_specs.id
"""
_BUILT = [BuildStatus.SHIPPED.value, *sorted(status.value for status in IN_PROGRESS)]
_FOUND = TypeAdapter(tuple[Found, ...])


def record_novelty(connection: Connection, spec_id: int, novelty: Novelty) -> None:
    """Keep what is known of a spec now. That a person has let it go on stays."""
    values = [
        spec_id,
        novelty.verdict,
        novelty.score,
        novelty.model_dump_json(),
        to_db(novelty.looked_up_at),
    ]
    connection.execute(_RECORD, values)


def novelty_of(connection: Connection, spec_ids: Collection[int]) -> dict[int, Novelty]:
    """What is known of these specs, by id; those that were never looked up are left out."""
    sql = (
        "SELECT spec_id, CAST(novelty AS TEXT) AS novelty FROM novelty"
        " WHERE spec_id IN (SELECT unnest($1::BIGINT[]))"
    )
    return {
        row["spec_id"]: Novelty.model_validate_json(row["novelty"])
        for row in fetch(connection, sql, [list(spec_ids)])
    }


def release_novelty(connection: Connection, spec_id: int) -> None:
    """Let a spec go on whatever exists; nothing where it was never looked up."""
    connection.execute("UPDATE novelty SET released = TRUE WHERE spec_id = $1", [spec_id])


def own_repos(connection: Connection, spec_id: int) -> list[Found]:
    """The repos that have shipped, are being built, or were queued before this spec and are to be built."""
    rows = fetch(connection, _OWN, [spec_id, _BUILT, BuildStatus.QUEUED, WaitCause.EXISTS])
    return [Found(name=row["name"], url=row["url"] or "", about=row["problem"]) for row in rows]


def kept_answers(
    connection: Connection, questions: Collection[str], *, since: datetime
) -> dict[str, tuple[Found, ...]]:
    """See KeptAnswers."""
    sql = (
        "SELECT question, CAST(found AS TEXT) AS found FROM novelty_answers"
        " WHERE question IN (SELECT unnest($1::TEXT[])) AND answered_at >= $2"
    )
    rows = fetch(connection, sql, [list(questions), to_db(since)])
    return {row["question"]: _FOUND.validate_json(row["found"]) for row in rows}


def keep_answer(connection: Connection, question: str, found: Sequence[Found], *, now: datetime) -> None:
    """See KeptAnswers."""
    connection.execute(_KEEP, [question, _FOUND.dump_json(tuple(found)).decode(), to_db(now)])


def forget_answers(connection: Connection, before: datetime) -> None:
    """Drop the answers that were kept before that time."""
    connection.execute("DELETE FROM novelty_answers WHERE answered_at < $1", [to_db(before)])
