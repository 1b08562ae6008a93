"""The numbers of the factory's report, by the day on which things happened."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, Usage
from factory_assets.domain.statistics import (
    DayActivity,
    FailedRepo,
    PhaseSeconds,
    Spend,
    Statistics,
    WaitingSpec,
)
from factory_assets.registry.acceptances import acceptances_between
from factory_assets.registry.database import Connection
from factory_assets.registry.readings import readings_between
from factory_assets.registry.rows import Row, fetch, from_db

_PAPERS = """
SELECT CAST(gathered_at AS DATE) AS day, count(*) AS papers,
       count(*) FILTER (WHERE fed_to_claude) AS analysed
FROM raw_items WHERE gathered_at >= $1 AND gathered_at < $2 GROUP BY CAST(gathered_at AS DATE)
"""
_SPECS = "SELECT count(*) AS specs FROM build_queue WHERE queued_at >= $1 AND queued_at < $2"
_SHIPPED = """
SELECT CAST(shipped_at AS DATE) AS day, count(*) AS shipped
FROM build_queue WHERE shipped_at >= $1 AND shipped_at < $2 GROUP BY CAST(shipped_at AS DATE)
"""
_MIRRORED = """
SELECT CAST(mirrored_at AS DATE) AS day, count(*) AS mirrored
FROM mirrors WHERE mirrored_at >= $1 AND mirrored_at < $2 GROUP BY CAST(mirrored_at AS DATE)
"""
_SPEND = """
SELECT CAST(called_at AS DATE) AS day, model, stage, phase, CAST(sum(calls) AS BIGINT) AS calls,
       CAST(sum(input_tokens) AS BIGINT) AS input_tokens, CAST(sum(output_tokens) AS BIGINT) AS output_tokens,
       CAST(sum(cache_read_tokens) AS BIGINT) AS cache_read_tokens,
       CAST(sum(cache_write_tokens) AS BIGINT) AS cache_write_tokens, sum(cost_usd) AS cost_usd
FROM llm_calls WHERE called_at >= $1 AND called_at < $2
GROUP BY CAST(called_at AS DATE), model, stage, phase ORDER BY day, model, stage, phase
"""
_PHASES = """
SELECT phase, seconds FROM phases WHERE finished_at >= $1 AND finished_at < $2 ORDER BY phase, seconds
"""
# A build has failed on the day on which its last attempt was started: failing leaves no time of its own. Its class is
# the first gate that refused that attempt; where none did, how its last agent ended.
_FAILED = """
SELECT build_queue.name AS name, build_queue.day AS day, build_queue.rank AS rank,
       CAST(build_queue.started_at AS DATE) AS failed_on,
       coalesce((SELECT min(gate) FROM verdicts
                 WHERE verdicts.spec_id = build_queue.id AND verdicts.attempt = build_queue.attempts
                   AND NOT verdicts.passed
                   AND verdicts.decided_at = (SELECT min(first.decided_at) FROM verdicts AS first
                                              WHERE first.spec_id = build_queue.id
                                                AND first.attempt = build_queue.attempts AND NOT first.passed)),
                (SELECT max(outcome) FROM llm_calls
                 WHERE llm_calls.repo = build_queue.name
                   AND llm_calls.called_at = (SELECT max(latest.called_at) FROM llm_calls AS latest
                                              WHERE latest.repo = build_queue.name)),
                'unknown') AS cause
FROM build_queue
WHERE status = $3 AND started_at >= $1 AND started_at < $2
ORDER BY build_queue.day, build_queue.rank
"""
_WAITING = """
SELECT name, queued_at, wait_cause AS cause FROM queued_specs
WHERE status = ANY ($1::TEXT[]) ORDER BY queued_at, id
"""


def statistics(connection: Connection, first: date, last: date) -> Statistics:
    """What happened from `first` to `last`, both included (UTC)."""
    span = [datetime.combine(first, time()), datetime.combine(last + timedelta(days=1), time())]
    papers = fetch(connection, _PAPERS, span)
    failed = fetch(connection, _FAILED, [*span, BuildStatus.FAILED])
    days: dict[date, Row] = {first + timedelta(days=at): {} for at in range((last - first).days + 1)}
    for rows in (papers, fetch(connection, _SHIPPED, span), fetch(connection, _MIRRORED, span)):
        for row in rows:
            days[row["day"]] |= row
    for row in failed:
        day = days[row["failed_on"]]
        day["failed"] = day.get("failed", 0) + 1
    (specs,) = fetch(connection, _SPECS, span)
    unbuilt = [str(status) for status in (BuildStatus.QUEUED, *sorted(IN_PROGRESS))]
    return Statistics(
        first=first,
        last=last,
        papers=sum(row["papers"] for row in papers),
        analysed=sum(row["analysed"] for row in papers),
        specs=specs["specs"],
        days=tuple(DayActivity(**{**row, "day": day}) for day, row in days.items()),
        spend=tuple(_spend(row) for row in fetch(connection, _SPEND, span)),
        phases=tuple(PhaseSeconds(**row) for row in fetch(connection, _PHASES, span)),
        failed=tuple(FailedRepo(**row) for row in failed),
        readings=tuple(readings_between(connection, span)),
        acceptances=tuple(acceptances_between(connection, span)),
        waiting=tuple(_waiting(row) for row in fetch(connection, _WAITING, [unbuilt])),
    )


def _spend(row: Row) -> Spend:
    usage = Usage(**{name: row[name] for name in Usage.model_fields})
    return Spend(day=row["day"], model=row["model"], stage=row["stage"], phase=row["phase"], usage=usage)


def _waiting(row: Row) -> WaitingSpec:
    return WaitingSpec(name=row["name"], queued_at=from_db(row["queued_at"]), cause=row["cause"])
