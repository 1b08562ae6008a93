"""The asset `papers`: the papers first submitted on each date that match a topic."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from factory_assets.defs.externals import ARXIV, GROUP, PAPERS
from factory_assets.defs.left_out import with_checks_left_out
from factory_assets.defs.markdown import paper_links, table
from factory_assets.defs.partitions import Partitions, days_of
from factory_assets.defs.runs import RunOutcome, error_metadata, failure, tag_outcome
from factory_assets.defs.stages import Gathering, InstanceParts
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import FactoryError, InfrastructureError
from factory_assets.domain.papers import paper_url
from factory_assets.gather.agreement import Difference
from factory_assets.gather.level import low_days
from factory_assets.gather.report import GatherIncompleteError, GatherReport, topics_table
from factory_assets.gather.windows import spans
from factory_assets.registry import DayContents, Registry

CODE_VERSION = "1"
Event = dg.MaterializeResult[None] | dg.AssetCheckResult
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
# What Dagster itself tags a returned result with, and needs to tell what is stale: arXiv is an external asset
# that nothing materializes, so its version is the initial one.
_DATA_VERSION_TAG = "dagster/data_version"
_PROVENANCE_TAGS = {
    "dagster/data_version_is_user_provided": "true",
    "dagster/code_version": CODE_VERSION,
    f"dagster/input_data_version/{ARXIV.to_user_string()}": "INITIAL",
    f"dagster/input_event_pointer/{ARXIV.to_user_string()}": "NULL",
}


def build_papers(
    partitions: Partitions, *, owner: str, freshness: dg.FreshnessPolicy | None
) -> dg.AssetsDefinition:
    """The asset over the instance's dates; a range of dates is gathered in one run.

    Dagster judges `freshness` over the asset as a whole, which fits here: every hour some date is gathered.
    """

    @dg.asset(
        key=PAPERS,
        partitions_def=partitions.dates,
        deps=[ARXIV],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        check_specs=[COMPLETE, READ, USUAL_LEVEL, LATE, AGREES],
        freshness_policy=freshness,
        group_name=GROUP,
        kinds={"arxiv", "duckdb"},
        owners=[owner],
        tags={"stage": "gather"},
        code_version=CODE_VERSION,
        metadata={
            "new papers today": dg.MetadataValue.url("https://arxiv.org/list/cs/new"),
            "settings": "FACTORY_TOPICS_FILE, FACTORY_GATHER_WINDOW_DAYS, FACTORY_GATHER_CRON, FACTORY_ARXIV_INTERVAL",
        },
        pool="gather",
        description=(
            "Papers first submitted to arXiv on this date (UTC) that match one of the topics in topics.yaml."
            " Gathered again every hour over the last FACTORY_GATHER_WINDOW_DAYS days; never removed."
        ),
    )
    def papers(
        context: dg.AssetExecutionContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[Event]:
        yield from with_checks_left_out(context, _gather(context, registry, instance.gathering, clock))

    return papers


def _gather(
    context: dg.AssetExecutionContext, registry: Registry, gathering: Gathering, clock: Clock
) -> Iterator[Event]:
    days = days_of(context)
    shown = set[date]()

    def show(part: GatherReport) -> None:
        """Note and log the dates of a part of a range, in the pauses that arXiv asks for."""
        dates = [day for day in part.whole_dates if day not in shown]
        registry.gathers.note(dates, part.missing, now=clock.now())
        _log_materializations(context, registry, part, dates)
        shown.update(dates)

    try:
        report = gathering.gather(days, context.log.info, show if len(days) > 1 else _not_in_parts)
    except GatherIncompleteError as error:
        report = error.report
        if report.is_answered:
            # What is missing is the fault of its dates: they are asked for again, and the others go on without.
            registry.gathers.note(days, report.missing, now=clock.now())
            tag_outcome(context, RunOutcome.UNFINISHED)
        _log_materializations(
            context, registry, report, [day for day in report.whole_dates if day not in shown]
        )
        yield from _checks(registry, gathering, report, clock.now())
        raise failure(error, {"gathered all the same": _topics(report)}) from error
    except FactoryError as error:
        raise failure(error) from error
    if len(days) == 1:
        registry.gathers.note(days, report.missing, now=clock.now())
        contents = registry.papers.contents_of(days)[days[0]]
        yield dg.MaterializeResult(
            metadata={**_asked_for(report), **_metadata(report, days[0], contents)},
            data_version=dg.DataVersion(contents.fingerprint),
        )
    else:
        show(report)
    # After what they judge: a check belongs to the materialization that is there before it.
    yield from _checks(registry, gathering, report, clock.now())


def _not_in_parts(_part: GatherReport) -> None:
    """One date is one result, which Dagster itself logs."""


def _log_materializations(
    context: dg.AssetExecutionContext, registry: Registry, report: GatherReport, days: list[date]
) -> None:
    """Log one materialization per date, each with the data version of its own content.

    A result that is returned gives every date of a range the same data version, and then all of them look
    stale downstream whenever one has changed.
    """
    asked_for = _asked_for(report)
    for day, contents in registry.papers.contents_of(days).items():
        context.log_event(
            dg.AssetMaterialization(
                PAPERS,
                partition=day.isoformat(),
                metadata={**asked_for, **_metadata(report, day, contents)},
                tags={_DATA_VERSION_TAG: contents.fingerprint, **_PROVENANCE_TAGS},
            )
        )


def _asked_for(report: GatherReport) -> dict[str, dg.MetadataValue]:
    return {
        "dates asked for together": dg.MetadataValue.text(spans(count.day for count in report.days)),
        "new on these dates": dg.MetadataValue.int(report.stored.new),
        "updated on these dates": dg.MetadataValue.int(report.stored.updated),
        "requests": dg.MetadataValue.int(report.requests),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
    }


def _metadata(report: GatherReport, day: date, contents: DayContents) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/row_count": dg.MetadataValue.int(len(contents.papers)),
        "papers": dg.MetadataValue.int(len(contents.papers)),
        "papers per topic and domain": _topics(report.on(day)),
        "titles": dg.MetadataValue.md(
            table(
                ["paper", "title", "topics"],
                [
                    (f"[{paper.arxiv_id}]({paper_url(paper.arxiv_id)})", paper.title, ", ".join(paper.topics))
                    for paper in contents.papers
                ],
            )
        ),
    }


def _topics(report: GatherReport) -> dg.MetadataValue:
    return dg.MetadataValue.md(topics_table(report))


def _checks(
    registry: Registry, gathering: Gathering, report: GatherReport, now: datetime
) -> Iterator[dg.AssetCheckResult]:
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
