"""The asset `papers`: the papers first submitted on each date that match a topic."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from factory_assets.defs.externals import ARXIV, PAPERS
from factory_assets.defs.markdown import table
from factory_assets.defs.partitions import Partitions, days_of
from factory_assets.defs.runs import failure
from factory_assets.defs.stages import Gathering
from factory_assets.domain.errors import FactoryError
from factory_assets.gather.report import GatherIncompleteError, GatherReport, topics_table
from factory_assets.registry import Registry

CODE_VERSION = "1"
COMPLETE = dg.AssetCheckSpec(
    "gather_complete",
    asset=PAPERS,
    description="Every request of the latest gather was answered in full. Red: the dates it names are not complete.",
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


def build_papers(partitions: Partitions, *, owner: str) -> dg.AssetsDefinition:
    """The asset over the instance's dates; a range of dates is gathered in one run."""

    @dg.asset(
        key=PAPERS,
        partitions_def=partitions.dates,
        deps=[ARXIV],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        check_specs=[COMPLETE],
        group_name="gather",
        kinds={"arxiv", "duckdb"},
        owners=[owner],
        tags={"stage": "gather"},
        code_version=CODE_VERSION,
        pool="gather",
        description=(
            "Papers first submitted to arXiv on this date (UTC) that match one of the topics in topics.yaml."
            " Gathered again every hour over the last FACTORY_GATHER_WINDOW_DAYS days; never removed."
        ),
    )
    def papers(
        context: dg.AssetExecutionContext,
        registry: dg.ResourceParam[Registry],
        gathering: dg.ResourceParam[Gathering],
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        days = days_of(context)
        try:
            report = gathering.gather(days, context.log.info)
        except GatherIncompleteError as error:
            yield _check(error.report)
            missing = {day for gap in error.report.failures for day in gap.dates}
            _log_materializations(
                context, registry, error.report, [day for day in days if day not in missing]
            )
            raise failure(error, {"gathered all the same": _topics(error.report)}) from error
        except FactoryError as error:
            raise failure(error) from error
        yield _check(report)
        if len(days) == 1:
            yield dg.MaterializeResult(
                metadata=_metadata(registry, report, days[0]),
                data_version=dg.DataVersion(registry.day_fingerprint(days[0])),
            )
        else:
            _log_materializations(context, registry, report, days)

    return papers


def _log_materializations(
    context: dg.AssetExecutionContext, registry: Registry, report: GatherReport, days: list[date]
) -> None:
    """Log one materialization per date, each with the data version of its own content.

    A result that is returned gives every date of a range the same data version, and then all of them look
    stale downstream whenever one has changed.
    """
    for day in days:
        context.log_event(
            dg.AssetMaterialization(
                PAPERS,
                partition=day.isoformat(),
                metadata=_metadata(registry, report, day),
                tags={_DATA_VERSION_TAG: registry.day_fingerprint(day), **_PROVENANCE_TAGS},
            )
        )


def _metadata(registry: Registry, report: GatherReport, day: date) -> dict[str, dg.MetadataValue]:
    stored = registry.papers_of_day(day)
    return {
        "dagster/row_count": dg.MetadataValue.int(len(stored)),
        "papers": dg.MetadataValue.int(len(stored)),
        "new in this run": dg.MetadataValue.int(report.stored.new),
        "updated in this run": dg.MetadataValue.int(report.stored.updated),
        "requests": dg.MetadataValue.int(report.requests),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
        "papers per topic and domain": _topics(report.on(day)),
        "titles": dg.MetadataValue.md(
            table(
                ["paper", "title", "topics"],
                [
                    (
                        f"[{item.paper.arxiv_id}]({item.paper.url})",
                        item.paper.title,
                        ", ".join(item.topics),
                    )
                    for item in stored
                ],
            )
        ),
    }


def _topics(report: GatherReport) -> dg.MetadataValue:
    return dg.MetadataValue.md(topics_table(report))


def _check(report: GatherReport) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=COMPLETE.name,
        passed=not report.failures,
        metadata={
            "requests": report.requests,
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
