"""The ledger of model calls and its sums."""

from __future__ import annotations

import hashlib
from datetime import date, datetime

from factory_assets.domain.builds import ModelCall, Usage
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, to_db

_RECORD = """
INSERT INTO llm_calls (id, stage, partition, repo, phase, route, model, calls, input_tokens, output_tokens,
                       cache_read_tokens, cache_write_tokens, cost_usd, seconds, cache_hit, outcome, called_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (id) DO NOTHING
"""

# A partition key starts with its date: 2026-06-03, or 2026-06-03|07.
_USAGE = """
SELECT CAST(coalesce(sum(calls), 0) AS BIGINT) AS calls,
       CAST(coalesce(sum(input_tokens), 0) AS BIGINT) AS input_tokens,
       CAST(coalesce(sum(output_tokens), 0) AS BIGINT) AS output_tokens,
       CAST(coalesce(sum(cache_read_tokens), 0) AS BIGINT) AS cache_read_tokens,
       CAST(coalesce(sum(cache_write_tokens), 0) AS BIGINT) AS cache_write_tokens,
       coalesce(sum(cost_usd), 0) AS cost_usd
FROM llm_calls
WHERE ($1::TEXT IS NULL OR repo = $1::TEXT)
  AND ($2::TEXT IS NULL OR partition = $2::TEXT OR partition LIKE $2::TEXT || '|%')
  AND ($3::TEXT IS NULL OR stage = $3::TEXT)
"""


def record_call(connection: Connection, call: ModelCall) -> None:
    """Add one line; a call that is equal in everything, its moment too, is the same line."""
    usage = call.usage
    connection.execute(
        _RECORD,
        [
            hashlib.blake2b(call.model_dump_json().encode("utf-8"), digest_size=16).hexdigest(),
            call.stage,
            call.partition,
            call.repo,
            call.phase,
            call.route,
            call.model,
            usage.calls,
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.cost_usd,
            call.seconds,
            call.cache_hit,
            call.outcome,
            to_db(call.at),
        ],
    )


def usage_of(connection: Connection, *, repo: str | None, day: date | None, stage: str | None) -> Usage:
    """The sum over the calls of a repo, of a date's partitions and of a stage; None takes all."""
    (row,) = fetch(connection, _USAGE, [repo, day.isoformat() if day else None, stage])
    return Usage(**row)


def spent_since(connection: Connection, moment: datetime) -> float:
    """Dollars of all calls from that moment on."""
    sql = "SELECT coalesce(sum(cost_usd), 0) AS dollars FROM llm_calls WHERE called_at >= $1"
    (row,) = fetch(connection, sql, [to_db(moment)])
    return float(row["dollars"])
