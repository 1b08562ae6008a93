"""Specs in the registry: queueing them at their ranks, and reading the queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from pydantic_core import to_json

from factory_assets.domain.builds import IN_PROGRESS, BudgetLimits, BuildStatus, Phase
from factory_assets.domain.errors import StatusError
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.registry.analyses import analysed_days, record_analysis
from factory_assets.registry.database import Connection
from factory_assets.registry.evidence import keep_evidence
from factory_assets.registry.models import AnalysisRecord
from factory_assets.registry.papers import already_fed, mark_fed
from factory_assets.registry.rows import fetch, fetch_one, queued_spec, to_db

_INSERT = """
INSERT INTO build_queue (id, name, problem, source_url, solution, language, files, estimated_lines, status,
                         queued_at, complexity, who_pays, integration_point, moat, spec, analysed_day, day,
                         rank)
VALUES (nextval('spec_ids'), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""

_EVERY_STATUS = frozenset(BuildStatus)
_UNBUILT = (BuildStatus.QUEUED, *sorted(IN_PROGRESS))

# What exists already waits for a person. What a budget stopped waits until that budget is raised; what the day's budget
# stopped, also until its time comes.
_LAUNCHABLE = """
SELECT * FROM queued_specs
WHERE status = ANY ($1::TEXT[]) AND day IS NOT NULL
  AND CASE wait_cause
        WHEN 'exists already' THEN FALSE
        WHEN 'repo budget' THEN $3::DOUBLE PRECISION > wait_limit_usd
        WHEN 'phase budget' THEN
          CASE wait_phase WHEN 'build' THEN $5::DOUBLE PRECISION WHEN 'seo' THEN $6::DOUBLE PRECISION
                          ELSE $7::DOUBLE PRECISION END > wait_limit_usd
        WHEN 'day budget' THEN $4::DOUBLE PRECISION > wait_limit_usd OR not_before <= $2
        ELSE not_before IS NULL OR not_before <= $2
      END
ORDER BY day, rank
"""


def taken_names(connection: Connection) -> frozenset[str]:
    """Every repo name ever queued."""
    # As one text, for a name has no spaces: a row for each of very many costs more than finding them.
    ((names,),) = connection.execute("SELECT string_agg(name, ' ') FROM build_queue").fetchall()
    return frozenset((names or "").split())


def queue_specs(
    connection: Connection,
    day: date,
    specs: Sequence[Spec],
    analysed: Collection[str],
    *,
    dropped: int,
    ranks: range,
    late_ranks: range,
    now: datetime,
    evidence: Mapping[str, SpecEvidence] | None = None,
) -> list[QueuedSpec]:
    """Queue specs in ranked order, mark `analysed` as fed, and return the specs that are new in the queue.

    `evidence` is what those rest on that have it, by name.

    Raises:
        StatusError: when another analysis has read some of these papers meanwhile; nothing is written.
    """
    fresh = _untaken(connection, specs)
    _refuse_second_reading(connection, day, fresh, analysed)
    fed = mark_fed(connection, analysed)
    first = len(ranks) > 0 and not _analysis_queued_before(connection, day)
    used = _used_ranks(connection, day)
    late = place_waiting(connection, day, late_ranks)
    free = [rank for rank in ranks if rank not in used] if first else late
    places: list[int | None] = [*free, *[None] * len(fresh)]
    for spec, place in zip(fresh, places, strict=False):
        insert_spec(connection, spec, analysed_day=day, day=day, rank=place, now=now)
    keep_evidence(connection, evidence or {}, [spec.name for spec in fresh])
    if fed or fresh or day not in analysed_days(connection):
        record = AnalysisRecord(
            day=day, analysed_at=now, papers=len(fed), specs=len(fresh), invalid_dropped=dropped
        )
        record_analysis(connection, record)
    return specs_named(connection, [spec.name for spec in fresh])


def place_waiting(connection: Connection, day: date, late_ranks: range) -> list[int]:
    """Give specs that wait for a rank the free late ranks of this date; return those that are free still."""
    used = _used_ranks(connection, day)
    late = [rank for rank in late_ranks if rank not in used]
    waiting = [spec.id for spec in unranked_specs(connection)]
    for spec_id, rank in zip(waiting, late, strict=False):
        connection.execute(
            "UPDATE build_queue SET day = $1, rank = $2 WHERE id = $3 AND day IS NULL", [day, rank, spec_id]
        )
    return late[len(waiting) :]


def specs_of_day(connection: Connection, day: date) -> list[QueuedSpec]:
    """The specs of a partition date by rank, then those of its papers that wait for a free rank."""
    sql = """
    SELECT * FROM queued_specs
    WHERE day = $1 OR (day IS NULL AND analysed_day = $1)
    ORDER BY rank NULLS LAST, id
    """
    rows = fetch(connection, sql, [day])
    return [queued_spec(row) for row in rows]


def specs_of_run(connection: Connection, run_id: str) -> list[QueuedSpec]:
    """The specs that this run claimed last, by date and rank."""
    rows = fetch(connection, "SELECT * FROM queued_specs WHERE run_id = $1 ORDER BY day, rank", [run_id])
    return [queued_spec(row) for row in rows]


def spec_at(connection: Connection, day: date, rank: int) -> QueuedSpec | None:
    """The spec of one partition, or None where the rank is empty."""
    row = fetch_one(connection, "SELECT * FROM queued_specs WHERE day = $1 AND rank = $2", [day, rank])
    return queued_spec(row) if row else None


def spec_named(connection: Connection, name: str) -> QueuedSpec | None:
    """The spec of that name."""
    row = fetch_one(connection, "SELECT * FROM queued_specs WHERE name = $1", [name])
    return queued_spec(row) if row else None


def spec_by_id(connection: Connection, spec_id: int) -> QueuedSpec:
    """The spec of that id.

    Raises:
        StatusError: when there is none.
    """
    row = fetch_one(connection, "SELECT * FROM queued_specs WHERE id = $1", [spec_id])
    if row is None:
        raise StatusError("The queue has no such spec.", where=f"spec {spec_id}")
    return queued_spec(row)


def queue(connection: Connection, statuses: Collection[BuildStatus] = _EVERY_STATUS) -> list[QueuedSpec]:
    """The specs of these statuses by date and rank, those without a rank last."""
    sql = """
    SELECT * FROM queued_specs WHERE status = ANY ($1::TEXT[])
    ORDER BY day NULLS LAST, rank, id
    """
    return [queued_spec(row) for row in fetch(connection, sql, [[str(status) for status in statuses]])]


def launchable_specs(connection: Connection, now: datetime, limits: BudgetLimits) -> list[QueuedSpec]:
    """The specs that may start now: ranked, waiting for nothing, queued or left by a run that died.

    Oldest date first. Whoever launches leaves out those that have a run.
    """
    phases = [limits.phase_usd[phase] for phase in Phase]
    values = [[str(status) for status in _UNBUILT], to_db(now), limits.repo_usd, limits.day_usd, *phases]
    return [queued_spec(row) for row in fetch(connection, _LAUNCHABLE, values)]


def unranked_specs(connection: Connection) -> list[QueuedSpec]:
    """The specs that wait for a free rank, in the order in which they will get one."""
    rows = fetch(connection, "SELECT * FROM queued_specs WHERE day IS NULL ORDER BY queued_at, id")
    return [queued_spec(row) for row in rows]


def estimated_lines(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """The estimated lines of these repos' specs, by name."""
    sql = "SELECT name, estimated_lines FROM build_queue WHERE name IN (SELECT unnest($1::TEXT[]))"
    return {row["name"]: row["estimated_lines"] for row in fetch(connection, sql, [list(names)])}


def _untaken(connection: Connection, specs: Sequence[Spec]) -> list[Spec]:
    taken = taken_names(connection)
    by_name: dict[str, Spec] = {}
    for spec in specs:
        if spec.name not in taken:
            by_name.setdefault(spec.name, spec)
    return list(by_name.values())


def _refuse_second_reading(
    connection: Connection, day: date, fresh: Sequence[Spec], analysed: Collection[str]
) -> None:
    read_before = already_fed(connection, analysed)
    if fresh and read_before:
        raise StatusError(
            f"Another analysis has read {len(read_before)} of these papers meanwhile"
            f" ({', '.join(read_before[:3])}).",
            where=str(day),
            fix="Run the analysis of that date again: it takes only papers that none has read.",
        )


def _analysis_queued_before(connection: Connection, day: date) -> bool:
    # What was fused of a whole week takes none of a date's own ranks.
    sql = """
    SELECT id FROM build_queue LEFT JOIN spec_evidence ON spec_evidence.spec_id = build_queue.id
    WHERE analysed_day = $1 AND coalesce(route, '') <> 'fusion' LIMIT 1
    """
    return fetch_one(connection, sql, [day]) is not None


def _used_ranks(connection: Connection, day: date) -> set[int]:
    rows = connection.execute("SELECT rank FROM build_queue WHERE day = $1", [day]).fetchall()
    return {row[0] for row in rows}


def insert_spec(
    connection: Connection,
    spec: Spec,
    *,
    analysed_day: date | None,
    day: date,
    rank: int | None,
    now: datetime,
) -> None:
    """Queue one new spec; without a rank it has no date either. `analysed_day` is None for imports."""
    connection.execute(
        _INSERT,
        [
            spec.name,
            spec.problem,
            spec.origin_url,
            spec.solution,
            spec.language,
            to_json(spec.files).decode(),
            spec.estimated_lines,
            BuildStatus.QUEUED,
            to_db(now),
            spec.complexity,
            spec.who_pays,
            spec.integration_point,
            spec.moat,
            spec.model_dump_json(),
            analysed_day,
            None if rank is None else day,
            rank,
        ],
    )


def specs_named(connection: Connection, names: Sequence[str]) -> list[QueuedSpec]:
    """The specs of these names by rank, those without one last."""
    sql = """
    SELECT * FROM queued_specs WHERE name IN (SELECT unnest($1::TEXT[])) ORDER BY rank NULLS LAST, id
    """
    return [queued_spec(row) for row in fetch(connection, sql, [list(names)])]
