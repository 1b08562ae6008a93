"""What was agreed that each spec's repo has to do, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter

from factory_assets.domain.acceptance import Acceptance, ScenarioResult
from factory_assets.domain.builds import Phase
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, fetch_one, to_db

_RESULTS = TypeAdapter(tuple[ScenarioResult, ...])

_RECORD = """
INSERT INTO acceptances (spec_id, acceptance, agreed_at) VALUES ($1, $2, $3)
ON CONFLICT (spec_id) DO UPDATE SET acceptance = excluded.acceptance
"""
_OF_SPEC = "SELECT acceptance FROM acceptances WHERE spec_id = $1"
_BETWEEN = "SELECT acceptance FROM acceptances WHERE agreed_at >= $1 AND agreed_at < $2 ORDER BY spec_id"
_RECORD_RESULTS = """
INSERT INTO scenario_results (spec_id, attempt, commit, phase, results, judged_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (spec_id, attempt, commit, phase) DO UPDATE SET
    results = excluded.results, judged_at = excluded.judged_at
"""
_LAST_RESULTS = """
SELECT results FROM scenario_results WHERE spec_id = $1 AND attempt = $2 ORDER BY judged_at DESC LIMIT 1
"""


def record_acceptance(connection: Connection, spec_id: int, acceptance: Acceptance, *, now: datetime) -> None:
    """See BuildJournal."""
    connection.execute(_RECORD, [spec_id, acceptance.model_dump_json(), to_db(now)])


def acceptance_of(connection: Connection, spec_id: int) -> Acceptance | None:
    """See BuildJournal."""
    row = fetch_one(connection, _OF_SPEC, [spec_id])
    return None if row is None else Acceptance.model_validate_json(row["acceptance"])


def acceptances_between(connection: Connection, span: Sequence[datetime]) -> list[Acceptance]:
    """What was agreed from the first moment to before the second (both as stored)."""
    return [
        Acceptance.model_validate_json(row["acceptance"]) for row in fetch(connection, _BETWEEN, list(span))
    ]


def record_results(
    connection: Connection,
    spec_id: int,
    attempt: int,
    *,
    commit: str,
    phase: Phase,
    results: Sequence[ScenarioResult],
    now: datetime,
) -> None:
    """See BuildJournal."""
    told = _RESULTS.dump_json(tuple(results)).decode()
    connection.execute(_RECORD_RESULTS, [spec_id, attempt, commit, phase, told, to_db(now)])


def last_results(connection: Connection, spec_id: int, attempt: int) -> tuple[ScenarioResult, ...]:
    """What the scenarios came to when an attempt was judged last."""
    row = fetch_one(connection, _LAST_RESULTS, [spec_id, attempt])
    return () if row is None else _RESULTS.validate_json(row["results"])
