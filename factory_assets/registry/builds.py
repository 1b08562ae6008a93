"""The build journal: claims, phases, verdicts and how builds end."""

from __future__ import annotations

from datetime import datetime

from factory_assets.domain.builds import (
    IN_PROGRESS,
    BuildStatus,
    GateVerdict,
    Phase,
    PhaseRecord,
    ShippedRepo,
    Usage,
    WaitCause,
    check_transition,
)
from factory_assets.domain.errors import StatusError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry.database import Connection
from factory_assets.registry.ledger import settle_lost
from factory_assets.registry.repos import insert_repo, shipped_repo
from factory_assets.registry.rows import fetch, from_db, to_db
from factory_assets.registry.specs import spec_by_id
from factory_assets.registry.waits import end_waits, record_wait

_START = """
UPDATE build_queue SET status = $1, attempts = $2, started_at = $3, run_id = $4, not_before = NULL,
                       error_log = NULL
WHERE id = $5
"""

_BEGIN_ATTEMPT = """
INSERT INTO attempts (spec_id, attempt, started_at) VALUES ($1, $2, $3)
ON CONFLICT (spec_id, attempt) DO NOTHING
"""

_FINISH_PHASE = """
INSERT INTO phases (spec_id, attempt, phase, commit, model, turns, usage, seconds, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (spec_id, attempt, phase) DO UPDATE SET
    commit = excluded.commit, model = excluded.model, turns = excluded.turns, usage = excluded.usage,
    seconds = excluded.seconds, finished_at = excluded.finished_at
"""

_VERDICT = """
INSERT INTO verdicts (spec_id, attempt, phase, gate, passed, saw, mend, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (spec_id, attempt, phase, gate) DO UPDATE SET
    passed = excluded.passed, saw = excluded.saw, mend = excluded.mend, decided_at = excluded.decided_at
"""

_PHASE_ORDER = list(Phase)


def start_build(connection: Connection, spec_id: int, *, run_id: str, now: datetime) -> QueuedSpec:
    """Claim the spec for this run, as domain.ports.BuildJournal says."""
    spec = spec_by_id(connection, spec_id)
    settle_lost(connection, spec_id)
    if spec.status in IN_PROGRESS:
        connection.execute("UPDATE build_queue SET run_id = $1 WHERE id = $2", [run_id, spec_id])
    else:
        check_transition(spec.spec.name, spec.status, BuildStatus.BUILDING)
        values = [BuildStatus.BUILDING, spec.attempts + 1, to_db(now), run_id, spec_id]
        connection.execute(_START, values)
        connection.execute(_BEGIN_ATTEMPT, [spec_id, spec.attempts + 1, to_db(now)])
    return spec_by_id(connection, spec_id)


def enter_phase(connection: Connection, spec_id: int, phase: Phase) -> None:
    """Set the status of the phase that starts now."""
    spec = spec_by_id(connection, spec_id)
    check_transition(spec.spec.name, spec.status, phase.status)
    connection.execute("UPDATE build_queue SET status = $1 WHERE id = $2", [phase.status, spec_id])


def finish_phase(connection: Connection, spec_id: int, attempt: int, record: PhaseRecord) -> None:
    """Record a phase that is done; the latest record of an attempt's phase counts."""
    connection.execute(
        _FINISH_PHASE,
        [
            spec_id,
            attempt,
            record.phase,
            record.commit,
            record.model,
            record.turns,
            record.usage.model_dump_json(),
            record.seconds,
            to_db(record.finished_at),
        ],
    )
    end_waits(connection, spec_id)


def record_verdict(
    connection: Connection, spec_id: int, attempt: int, verdict: GateVerdict, *, now: datetime
) -> None:
    """Record a gate's decision; the latest of an attempt's phase and gate counts."""
    connection.execute(
        _VERDICT,
        [
            spec_id,
            attempt,
            verdict.phase,
            verdict.gate,
            verdict.passed,
            verdict.saw,
            verdict.fix,
            to_db(now),
        ],
    )


def ship(connection: Connection, spec_id: int, repo: ShippedRepo) -> None:
    """Status shipped and the row in `repos`; the same commit again changes nothing.

    Raises:
        StatusError: when the spec is not being reviewed, has another name, or shipped another commit.
    """
    spec = spec_by_id(connection, spec_id)
    if repo.name != spec.spec.name:
        raise StatusError(f"It cannot ship as {repo.name}.", where=spec.spec.name)
    if spec.status is BuildStatus.SHIPPED:
        _refuse_another_commit(connection, repo)
        return
    check_transition(repo.name, spec.status, BuildStatus.SHIPPED)
    connection.execute(
        "UPDATE build_queue SET status = $1, shipped_at = $2, error_log = NULL WHERE id = $3",
        [BuildStatus.SHIPPED, to_db(repo.shipped_at), spec_id],
    )
    insert_repo(connection, spec_id, repo)


def fail_build(connection: Connection, spec_id: int, error_log: str) -> None:
    """Status failed, with what the operator reads."""
    spec = spec_by_id(connection, spec_id)
    if spec.status is not BuildStatus.FAILED:
        check_transition(spec.spec.name, spec.status, BuildStatus.FAILED)
    connection.execute(
        "UPDATE build_queue SET status = $1, error_log = $2 WHERE id = $3",
        [BuildStatus.FAILED, error_log, spec_id],
    )


def defer_build(
    connection: Connection,
    spec_id: int,
    *,
    cause: WaitCause,
    until: datetime | None,
    reason: str,
    limit_usd: float | None = None,
) -> None:
    """Back to queued, giving the attempt back; the reason stands in error_log until the next start.

    What a run that was cancelled had set aside is settled at what it had metered.
    """
    spec = spec_by_id(connection, spec_id)
    settle_lost(connection, spec_id)
    attempts = spec.attempts
    if spec.status is not BuildStatus.QUEUED:
        check_transition(spec.spec.name, spec.status, BuildStatus.QUEUED)
        attempts -= 1 if spec.status in IN_PROGRESS else 0
    connection.execute(
        "UPDATE build_queue SET status = $1, attempts = $2, not_before = $3, error_log = $4 WHERE id = $5",
        [BuildStatus.QUEUED, attempts, to_db(until) if until else None, reason, spec_id],
    )
    record_wait(connection, spec, cause=cause, until=until, limit_usd=limit_usd)


def release_build(connection: Connection, spec_id: int, *, run_id: str) -> None:
    """Back to queued, giving the attempt back, where this run has the spec still; another one goes on from there."""
    spec = spec_by_id(connection, spec_id)
    if spec.run_id != run_id or spec.status not in IN_PROGRESS:
        return
    settle_lost(connection, spec_id)
    connection.execute(
        "UPDATE build_queue SET status = $1, attempts = $2 WHERE id = $3",
        [BuildStatus.QUEUED, spec.attempts - 1, spec_id],
    )


def phases_of(connection: Connection, spec_id: int, attempt: int) -> list[PhaseRecord]:
    """The phases of an attempt that are done, in order."""
    sql = "SELECT * FROM phases WHERE spec_id = $1 AND attempt = $2"
    records = [
        PhaseRecord(
            phase=Phase(row["phase"]),
            commit=row["commit"],
            model=row["model"],
            turns=row["turns"],
            usage=Usage.model_validate_json(row["usage"]),
            seconds=row["seconds"],
            finished_at=from_db(row["finished_at"]),
        )
        for row in fetch(connection, sql, [spec_id, attempt])
    ]
    return sorted(records, key=lambda record: _PHASE_ORDER.index(record.phase))


def verdicts_of(connection: Connection, spec_id: int, attempt: int) -> list[GateVerdict]:
    """The gates' decisions on an attempt, by phase and then by time."""
    sql = "SELECT * FROM verdicts WHERE spec_id = $1 AND attempt = $2 ORDER BY decided_at, gate"
    verdicts = [
        GateVerdict(
            gate=row["gate"],
            phase=Phase(row["phase"]),
            passed=row["passed"],
            saw=row["saw"],
            fix=row["mend"],
        )
        for row in fetch(connection, sql, [spec_id, attempt])
    ]
    return sorted(verdicts, key=lambda verdict: _PHASE_ORDER.index(verdict.phase))


def _refuse_another_commit(connection: Connection, repo: ShippedRepo) -> None:
    shipped = shipped_repo(connection, repo.name)
    if shipped is None or shipped.commit != repo.commit:
        raise StatusError(
            f"It shipped as {shipped.commit if shipped else 'nothing'} and cannot ship as {repo.commit}.",
            where=repo.name,
            fix="A shipped repo never changes: nothing is to be done.",
        )
