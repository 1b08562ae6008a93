"""The checks of the asset `papers`: what each gather judges of what it brought."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from factory_assets.defs.externals import PAPERS
from factory_assets.defs.markdown import paper_links, table
from factory_assets.defs.runs import error_metadata
from factory_assets.defs.stages import Gathering
from factory_assets.domain.errors import InfrastructureError
from factory_assets.gather.agreement import Difference
from factory_assets.gather.level import low_days
from factory_assets.gather.report import GatherReport
from factory_assets.registry import Registry

_MOST_SHOWN = 50
_HISTORY = timedelta(days=60)
COMPLETE = dg.AssetCheckSpec(
    "gather_complete",
    asset=PAPERS,
    description="Every request of the latest gather was answered in full. Red: the dates it names are not complete.",
)
READ = dg.AssetCheckSpec(
    "every_entry_read",
    asset=PAPERS,
    description=(
        "Every entry that arXiv sent was read. A warning names those that cannot be read and were left out; their"
        " dates are asked for again, once a day after they have left the hourly window, for two weeks in all."
    ),
)
USUAL_LEVEL = dg.AssetCheckSpec(
    "usual_level",
    asset=PAPERS,
    description=(
        "The settled working days of the latest gather brought at least a quarter of what is usual. A warning: a"
        " holiday is low too, but so is a query that has broken without an error."
    ),
)
LATE = dg.AssetCheckSpec(
    "no_late_papers",
    asset=PAPERS,
    description=(
        "No paper came after its date was analysed. A warning names the dates: moderation let some through later, and"
        " the next analysis reads them."
    ),
)
AGREES = dg.AssetCheckSpec(
    "agrees_with_archive",
    asset=PAPERS,
    description=(
        "Of each date of the latest gather that the archive holds, the registry has the papers that the archive tells"
        " by the same topics. A warning names the ids that only one of them has."
    ),
)
CHECKS = (COMPLETE, READ, USUAL_LEVEL, LATE, AGREES)


def gather_checks(
    registry: Registry, gathering: Gathering, report: GatherReport, now: datetime
) -> Iterator[dg.AssetCheckResult]:
    """What is judged after a gather, one result for each of CHECKS."""
    yield _check(report)
    yield _read(report)
    yield _level(registry, report, now)
    yield _late(registry)
    yield _agreement(gathering, [count.day for count in report.days])


def _check(report: GatherReport) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=COMPLETE.name,
        passed=not report.failures,
        metadata={
            "papers in this run": report.papers,
            "new in this run": report.stored.new,
            "updated in this run": report.stored.updated,
            "requests": report.requests,
            "seconds": round(report.seconds, 1),
            "missing": dg.MetadataValue.md(
                table(
                    ["dates", "topics", "why"],
                    [
                        (", ".join(map(str, gap.dates)), ", ".join(gap.topics), gap.error)
                        for gap in report.failures
                    ],
                )
            ),
        },
    )


def _read(report: GatherReport) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=READ.name,
        passed=not report.unread,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "left out": dg.MetadataValue.md(
                table(
                    ["entry", "dates", "why"],
                    [
                        (unread.entry, ", ".join(map(str, unread.dates)), unread.why)
                        for unread in report.unread
                    ],
                )
            ),
            "what to do": "Nothing: later gathers ask for them again. What stays is arXiv's to fix."
            if report.unread
            else "nothing",
        },
    )


def _level(registry: Registry, report: GatherReport, now: datetime) -> dg.AssetCheckResult:
    history = {line.day: line.papers for line in registry.reports.funnel(now.date() - _HISTORY, now.date())}
    low = low_days({count.day: count.papers for count in report.days}, history, now)
    return dg.AssetCheckResult(
        check_name=USUAL_LEVEL.name,
        passed=not low,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "low dates": dg.MetadataValue.md(
                table(
                    ["date", "papers", "usual"],
                    [(item.day, item.papers, f"{item.usual:.0f}") for item in low],
                )
            ),
            "what to do": "Compare with arXiv's listing of that date; see FACTORY_TOPICS_FILE."
            if low
            else "nothing",
        },
    )


def _late(registry: Registry) -> dg.AssetCheckResult:
    late = sorted(registry.papers.unread_days() & registry.analyses.days())
    return dg.AssetCheckResult(
        check_name=LATE.name,
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"dates": dg.MetadataValue.text(", ".join(map(str, late)) or "none")},
    )


def _agreement(gathering: Gathering, days: Sequence[date]) -> dg.AssetCheckResult:
    try:
        return _agrees(gathering.differences(days))
    except InfrastructureError as error:
        # The papers are stored, whatever has become of the archive.
        return dg.AssetCheckResult(
            check_name=AGREES.name,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=error_metadata(error),
        )


def _agrees(found: Sequence[Difference]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=AGREES.name,
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "differing dates": dg.MetadataValue.md(
                table(
                    ["date", "only in the archive", "only in the registry"],
                    [
                        (one.day, paper_links(one.only_archive), paper_links(one.only_registry))
                        for one in found[:_MOST_SHOWN]
                    ],
                )
            ),
            "what to do": "Gather these dates again; what only the registry has may be withdrawn from arXiv."
            if found
            else "nothing",
        },
    )
