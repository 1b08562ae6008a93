"""Sums and lists for whoever looks: the funnel by date, and what failed."""

from __future__ import annotations

from datetime import date, timedelta

from factory_assets.domain.builds import IN_PROGRESS, BuildStatus
from factory_assets.registry.database import Connection
from factory_assets.registry.models import FailedBuild, FunnelDay
from factory_assets.registry.rows import Row, fetch

_PAPERS = """
SELECT day, count(*) AS papers, count(*) FILTER (WHERE fed_to_claude) AS analysed
FROM raw_items WHERE day BETWEEN $1 AND $2 GROUP BY day
"""

# Whatever has shipped is mirrored, but for the few that wait for it: fewer rows to join than all mirrors.
_SPECS = """
SELECT coalesce(build_queue.day, analysed_day) AS day,
       count(*) AS specs,
       count(*) FILTER (WHERE status = $3) AS queued,
       count(*) FILTER (WHERE status = ANY ($4::TEXT[])) AS in_progress,
       count(*) FILTER (WHERE status = $5) AS shipped,
       count(*) FILTER (WHERE status = $6) AS failed,
       count(*) FILTER (WHERE status = $5 AND waiting.spec_id IS NULL) AS mirrored
FROM build_queue
LEFT JOIN (SELECT spec_id FROM repos WHERE mirrored_to = 'nowhere') AS waiting ON waiting.spec_id = build_queue.id
WHERE coalesce(build_queue.day, analysed_day) BETWEEN $1 AND $2
GROUP BY coalesce(build_queue.day, analysed_day)
"""

_FAILURES = """
SELECT name, day, rank, coalesce(error_log, '') AS error_log
FROM build_queue
WHERE status = $1 AND day BETWEEN $2 AND $3
ORDER BY day, rank
"""


def funnel(connection: Connection, first_day: date, last_day: date) -> list[FunnelDay]:
    """One line for each date from the first to the last, both included, empty ones too."""
    papers = _by_day(fetch(connection, _PAPERS, [first_day, last_day]))
    statuses = [
        BuildStatus.QUEUED,
        [str(status) for status in IN_PROGRESS],
        BuildStatus.SHIPPED,
        BuildStatus.FAILED,
    ]
    specs = _by_day(fetch(connection, _SPECS, [first_day, last_day, *statuses]))
    days = [first_day + timedelta(days=offset) for offset in range((last_day - first_day).days + 1)]
    return [FunnelDay(**{"day": day, **papers.get(day, {}), **specs.get(day, {})}) for day in days]


def failures(connection: Connection, first_day: date, last_day: date) -> list[FailedBuild]:
    """The failed builds of these dates, by date and rank."""
    rows = fetch(connection, _FAILURES, [BuildStatus.FAILED, first_day, last_day])
    return [FailedBuild(**row) for row in rows]


def sizes(connection: Connection) -> tuple[int, int]:
    """How many specs and how many papers there are."""
    sql = "SELECT (SELECT count(*) FROM build_queue) AS specs, (SELECT count(*) FROM raw_items) AS papers"
    (row,) = fetch(connection, sql)
    return row["specs"], row["papers"]


def _by_day(rows: list[Row]) -> dict[date, Row]:
    return {row["day"]: row for row in rows}
