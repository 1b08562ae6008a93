"""The asset `papers`: the papers first submitted on each date that match a topic."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from factory_assets.defs.externals import ARXIV, ARXIV_RECORDS, GROUP, PAPERS
from factory_assets.defs.left_out import with_checks_left_out
from factory_assets.defs.markdown import table
from factory_assets.defs.paper_checks import CHECKS, gather_checks
from factory_assets.defs.partitions import Partitions, days_of
from factory_assets.defs.runs import RunOutcome, failure, tag_outcome
from factory_assets.defs.stages import Gathering, InstanceParts
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.papers import paper_url
from factory_assets.gather.report import GatherIncompleteError, GatherReport, topics_table
from factory_assets.gather.windows import spans
from factory_assets.registry import DayContents, Registry

CODE_VERSION = "1"
Event = dg.MaterializeResult[None] | dg.AssetCheckResult
_DATA_VERSION_TAG = "dagster/data_version"


def build_papers(
    partitions: Partitions, *, owner: str, freshness: dg.FreshnessPolicy | None, with_archive: bool
) -> dg.AssetsDefinition:
    """The asset over the instance's dates; a range of dates is gathered in one run.

    Dagster judges `freshness` over the asset as a whole, which fits here: every hour some date is gathered.
    `with_archive`: what the archive holds comes from it. A date that was not harvested is gathered all the same.
    """
    sources = [ARXIV, ARXIV_RECORDS] if with_archive else [ARXIV]

    @dg.asset(
        key=PAPERS,
        partitions_def=partitions.dates,
        deps=sources,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        check_specs=CHECKS,
        freshness_policy=freshness,
        group_name=GROUP,
        kinds={"arxiv", "duckdb"},
        owners=[owner],
        tags={"stage": "gather"},
        code_version=CODE_VERSION,
        metadata={
            "new papers today": dg.MetadataValue.url("https://arxiv.org/list/cs/new"),
            "settings": "FACTORY_TOPICS_FILE, FACTORY_GATHER_WINDOW_DAYS, FACTORY_GATHER_CRON,"
            " FACTORY_ARXIV_INTERVAL, FACTORY_ARCHIVE",
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
        yield from gather_checks(registry, gathering, report, clock.now())
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
    yield from gather_checks(registry, gathering, report, clock.now())


def _not_in_parts(_part: GatherReport) -> None:
    """One date is one result, which Dagster itself logs."""


def _log_materializations(
    context: dg.AssetExecutionContext, registry: Registry, report: GatherReport, days: list[date]
) -> None:
    """Log one materialization per date, each with the data version of its own content.

    A result that is returned gives every date of a range the same data version, and then all of them look
    stale downstream whenever one has changed.
    """
    asked_for, provenance = _asked_for(report), _provenance(context)
    for day, contents in registry.papers.contents_of(days).items():
        context.log_event(
            dg.AssetMaterialization(
                PAPERS,
                partition=day.isoformat(),
                metadata={**asked_for, **_metadata(report, day, contents)},
                tags={_DATA_VERSION_TAG: contents.fingerprint, **provenance},
            )
        )


def _provenance(context: dg.AssetExecutionContext) -> dict[str, str]:
    """What Dagster itself tags a returned result with, and needs to tell what is stale.

    Nothing upstream has versions: arXiv is no asset of ours, and what a harvest of a date brings says nothing of the
    papers that were first submitted on it.
    """
    tags = {"dagster/data_version_is_user_provided": "true", "dagster/code_version": CODE_VERSION}
    for key in context.assets_def.asset_deps[PAPERS]:
        tags[f"dagster/input_data_version/{key.to_user_string()}"] = "INITIAL"
        tags[f"dagster/input_event_pointer/{key.to_user_string()}"] = "NULL"
    return tags


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
