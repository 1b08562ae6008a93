"""The ledger of model calls and its sums."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date, datetime

from factory_assets.domain.agents import OutcomeKind
from factory_assets.domain.builds import ModelCall, Phase, Spending, Usage
from factory_assets.registry.database import Connection
from factory_assets.registry.reservations import reserved_since
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

_REPO_SPENT = """
SELECT coalesce(sum(cost_usd), 0) AS dollars
FROM llm_calls JOIN build_queue ON build_queue.name = llm_calls.repo
WHERE build_queue.id = $1
"""

_ATTEMPT_SPENT = """
SELECT llm_calls.phase AS phase, sum(cost_usd) AS dollars, sum(seconds) AS seconds
FROM llm_calls JOIN build_queue ON build_queue.name = llm_calls.repo
               JOIN attempts ON attempts.spec_id = build_queue.id
WHERE build_queue.id = $1 AND attempts.attempt = $2 AND llm_calls.phase IS NOT NULL
  AND llm_calls.called_at >= attempts.started_at
GROUP BY llm_calls.phase
"""

_DOLLARS = """
SELECT repo, sum(dollars) AS dollars FROM (
    SELECT repo, cost_usd AS dollars FROM llm_calls WHERE repo IN (SELECT unnest($1::TEXT[]))
    UNION ALL
    SELECT repo, greatest(reserved_usd, spent_usd) AS dollars FROM reservations
    WHERE repo IN (SELECT unnest($1::TEXT[]))
) AS taken
GROUP BY repo
"""

# Of the sessions of a phase, the last one that tells whether the model's API answers.
_LAST_TELLING = """
SELECT outcome FROM llm_calls
WHERE stage = 'build' AND phase = $1 AND outcome = ANY ($2::TEXT[]) AND NOT (repo = $3 AND outcome = $4)
ORDER BY called_at DESC LIMIT 1
"""
_TELLING = (
    OutcomeKind.DONE,
    OutcomeKind.OUT_OF_TURNS,
    OutcomeKind.OVER_BUDGET,
    OutcomeKind.AGENT_FAILURE,
    OutcomeKind.NOT_UNDERSTOOD,
)


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


def refused_another(connection: Connection, repo: str, phase: Phase) -> bool:
    """See BuildLedger."""
    values = [phase, list(_TELLING), repo, OutcomeKind.NOT_UNDERSTOOD]
    return any(
        row["outcome"] == OutcomeKind.NOT_UNDERSTOOD for row in fetch(connection, _LAST_TELLING, values)
    )


def usage_of(
    connection: Connection,
    *,
    repo: str | None = None,
    day: date | None = None,
    stage: str | None = None,
) -> Usage:
    """The sum over the calls of a repo, of a date's partitions and of a stage; None takes all."""
    (row,) = fetch(connection, _USAGE, [repo, day.isoformat() if day else None, stage])
    return Usage(**row)


def spent_since(connection: Connection, moment: datetime) -> float:
    """Dollars of all calls from that moment on, and of open reservations: what they reserved, or spent if more."""
    sql = "SELECT coalesce(sum(cost_usd), 0) AS dollars FROM llm_calls WHERE called_at >= $1"
    (row,) = fetch(connection, sql, [to_db(moment)])
    return float(row["dollars"]) + reserved_since(connection, moment)


def spending(connection: Connection, spec_id: int, attempt: int) -> Spending:
    """What the spec's repo has cost over all attempts, and by phase in this one."""
    (repo,) = fetch(connection, _REPO_SPENT, [spec_id])
    by_phase = fetch(connection, _ATTEMPT_SPENT, [spec_id, attempt])
    return Spending(
        repo_usd=repo["dollars"],
        phase_usd={Phase(row["phase"]): row["dollars"] for row in by_phase},
        seconds=sum(row["seconds"] for row in by_phase),
    )


def repo_dollars(connection: Connection, names: Collection[str]) -> dict[str, float]:
    """What these repos have taken over all attempts: the ledger's dollars and those that are set aside now."""
    return {row["repo"]: float(row["dollars"]) for row in fetch(connection, _DOLLARS, [list(names)])}
