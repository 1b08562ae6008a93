"""The raw answers of models, as they came."""

from __future__ import annotations

from datetime import date, datetime

from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, fetch_one, to_db

_SAME_ANSWER = """
SELECT id FROM answers
WHERE day = $1 AND purpose = $2 AND model = $3 AND prompt_hash = $4 AND answer = $5 AND answered_at = $6
"""


def store_answer(
    connection: Connection,
    *,
    day: date,
    purpose: str,
    model: str,
    prompt_hash: str,
    text: str,
    now: datetime,
) -> int:
    """Keep one raw answer and return its id; the same answer of the same moment keeps the id it has."""
    values = [day, purpose, model, prompt_hash, text, to_db(now)]
    stored = fetch_one(connection, _SAME_ANSWER, values) or fetch_one(
        connection,
        """
        INSERT INTO answers (id, day, purpose, model, prompt_hash, answer, answered_at)
        VALUES (nextval('answer_ids'), $1, $2, $3, $4, $5, $6) RETURNING id
        """,
        values,
    )
    assert stored is not None  # noqa: S101 - an INSERT that returns no row would have raised
    return int(stored["id"])


def answers_to(connection: Connection, day: date, prompt_hash: str) -> list[str]:
    """See AnswerStore."""
    sql = "SELECT answer FROM answers WHERE day = $1 AND prompt_hash = $2 ORDER BY answered_at DESC, id DESC"
    return [row["answer"] for row in fetch(connection, sql, [day, prompt_hash])]
