"""The asset `specs`: the product specs that analysis found in a date's papers."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from factory_assets.defs.day_page import write_day
from factory_assets.defs.evidence import evidence_metadata
from factory_assets.defs.externals import FACTORY_DAYS, GROUP, PAPERS, RESEARCH_CONTEXTS, SPECS
from factory_assets.defs.holds import stop_for_model
from factory_assets.defs.jobs import FROM_RESEARCH, SPECS_ROUTE
from factory_assets.defs.left_out import with_checks_left_out
from factory_assets.defs.markdown import paper_links, table
from factory_assets.defs.novelty import look_up, novelty_metadata
from factory_assets.defs.pages import partition_page
from factory_assets.defs.partitions import Partitions, days_of
from factory_assets.defs.runs import RunOutcome, failure, tag_outcome
from factory_assets.defs.stages import InstanceParts
from factory_assets.domain.analysis_report import AnalysisReport
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import CredentialError, FactoryError, InfrastructureError
from factory_assets.domain.novelty import Novelty
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.domain.specs import rank_key
from factory_assets.domain.text import as_text
from factory_assets.registry import Registry

Event = dg.MaterializeResult[None] | dg.AssetCheckResult | dg.AssetMaterialization
ALL_READ = dg.AssetCheckSpec(
    "all_papers_read",
    asset=SPECS,
    description=(
        "Every paper of the date was read by an analysis. A warning names those that came later, or that the model"
        " refused or had no room for; the next analysis of the date reads what it can."
    ),
)
ALL_VALID = dg.AssetCheckSpec(
    "all_proposals_valid",
    asset=SPECS,
    description="Every proposal of the model was a valid spec. A warning names those that were dropped, and why.",
)


def build_specs(
    partitions: Partitions, *, owner: str, code_version: str, specs_from: str
) -> dg.AssetsDefinition:
    """The asset over the instance's dates. `code_version` changes with the prompt and the model.

    `specs_from` is the route, papers or research, where a run's config names none.
    """

    @dg.asset(
        key=SPECS,
        partitions_def=partitions.dates,
        deps=[PAPERS, RESEARCH_CONTEXTS],
        config_schema={
            SPECS_ROUTE: dg.Field(
                dg.Enum("SpecsFrom", [dg.EnumValue("papers"), dg.EnumValue("research")]),
                default_value=specs_from,
                description=(
                    "papers: the model reads the date's abstracts; research: the evidence in research_contexts,"
                    " candidate by candidate. A date whose message batch is open is read by it. FACTORY_SPECS_FROM."
                ),
            )
        },
        group_name=GROUP,
        kinds={"anthropic", "duckdb"},
        owners=[owner],
        tags={"stage": "analyze"},
        code_version=code_version,
        metadata={
            "settings": "FACTORY_SPECS_FROM, FACTORY_RESEARCH_SPECS, FACTORY_SYNTHESIS_MODEL,"
            " FACTORY_ANALYZE_MODEL, FACTORY_SPECS_PER_DAY, FACTORY_ANALYZE_CRON, FACTORY_ANALYZE_BY,"
            " FACTORY_BATCH_HOURS, FACTORY_PROMPTS_DIR, FACTORY_NOVELTY_FLOOR"
        },
        pool="analyze",
        check_specs=[
            dg.AssetCheckSpec(
                spec.name, asset=SPECS, description=spec.description, partitions_def=partitions.dates
            )
            for spec in (ALL_READ, ALL_VALID)
        ],
        description=(
            "Ranked product specs that Claude wrote from this date's papers. Each says whether something like it exists"
            " already: with the paper, on GitHub, npm or PyPI, or among this factory's repos. A novelty of 1 means that"
            " nothing was found, less than 0.6 is a reason for caution, and with less than FACTORY_NOVELTY_FLOOR the"
            " spec waits for a person."
            " Analysing a date again reads only papers that came later and adds specs; a rank never changes."
            " Written from the papers' abstracts, or from the research around the best of them, where each spec names"
            " what it rests on (FACTORY_SPECS_FROM). Models: FACTORY_ANALYZE_MODEL, FACTORY_SYNTHESIS_MODEL."
        ),
    )
    def specs(
        context: dg.AssetExecutionContext,
        *,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[Event]:
        yield from with_checks_left_out(context, _analyze(context, registry, instance, clock))

    return specs


def _analyze(
    context: dg.AssetExecutionContext,
    registry: Registry,
    instance: InstanceParts,
    clock: Clock,
) -> Iterator[Event]:
    (day,) = days_of(context)
    try:
        report = _written(context, registry, instance, day)
    except (CredentialError, ModelStoppedError) as error:
        if isinstance(error, ModelStoppedError) and error.cause is WaitCause.MODEL:
            # Builds ask other models.
            error.cause = WaitCause.ANALYSIS_MODEL
        stop_for_model(context, registry, error, instance.credential.digest(), now=clock.now())
        tag_outcome(context, RunOutcome.DEFERRED)
        raise failure(error) from error
    except InfrastructureError as error:
        tag_outcome(context, RunOutcome.DEFERRED)
        raise failure(error) from error
    except FactoryError as error:
        raise failure(error) from error
    if report.unread:
        tag_outcome(context, RunOutcome.UNFINISHED)
    known = look_up(context, instance.scouting, registry.queue.of_day(day))
    yield dg.MaterializeResult(
        metadata=_metadata(registry, report, known, day),
        data_version=dg.DataVersion(_fingerprint(registry, day)),
    )
    yield _all_read(registry, report, day)
    yield _all_valid(report)
    yield from write_day(context, registry, day)


def _written(
    context: dg.AssetExecutionContext, registry: Registry, instance: InstanceParts, day: date
) -> AnalysisReport:
    """Specs by the run's route. What a message batch was asked about is paid for, and read whatever the route."""
    asked = context.op_execution_context.op_config[SPECS_ROUTE]
    from_research = asked == "research" or context.job_name in FROM_RESEARCH
    if from_research and not registry.batches.open_of(day):
        return instance.synthesis.synthesize(day, context.log.info)
    return instance.analysis.analyze(day, context.log.info)


def _fingerprint(registry: Registry, day: date) -> str:
    queued = registry.queue.of_day(day)
    lines = [f"{item.rank} {item.spec.model_dump_json()}" for item in queued]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _all_read(registry: Registry, report: AnalysisReport, day: date) -> dg.AssetCheckResult:
    late = [paper.arxiv_id for paper in registry.papers.unanalysed(day)]
    left = {"came later": late, "refused": report.refused, "no room": report.unread}
    return dg.AssetCheckResult(
        check_name=ALL_READ.name,
        passed=not any(left.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={why: dg.MetadataValue.text(", ".join(papers) or "none") for why, papers in left.items()},
    )


def _all_valid(report: AnalysisReport) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=ALL_VALID.name,
        passed=not report.dropped,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"dropped": _dropped(report)},
    )


def _further(registry: Registry, names: Sequence[str]) -> dg.MetadataValue:
    rows = [
        (name, key, as_text(said))
        for name, keys in registry.stories.further_of(names).items()
        for key, said in keys.items()
    ]
    return dg.MetadataValue.md(table(["spec", "field", "said"], rows))


def _dropped(report: AnalysisReport) -> dg.MetadataValue:
    return dg.MetadataValue.md(
        table(["spec", "why"], [(drop.name, "; ".join(drop.reasons)) for drop in report.dropped])
    )


def _metadata(
    registry: Registry, report: AnalysisReport, known: Mapping[int, Novelty], day: date
) -> dict[str, dg.MetadataValue]:
    queued = registry.queue.of_day(day)
    routes = registry.evidence.routes([item.id for item in queued])
    return {
        "dagster/row_count": dg.MetadataValue.int(len(queued)),
        "specs": dg.MetadataValue.md(
            table(
                ["rank", "repo", "language", "paper", "written from"],
                [
                    (
                        rank_key(item.rank) if item.rank is not None else "waiting",
                        item.spec.name,
                        item.spec.language,
                        paper_links(item.spec.source_papers),
                        routes.get(item.id, "papers" if item.spec.source_papers else "import"),
                    )
                    for item in queued
                ],
            )
        ),
        "what became of them": dg.MetadataValue.md(
            f"[{FACTORY_DAYS.to_user_string()}, {day}]({partition_page(FACTORY_DAYS.to_user_string(), str(day))})"
        ),
        **novelty_metadata(queued, known),
        "further fields of imported specs": _further(registry, [item.spec.name for item in queued]),
        "evidence": evidence_metadata(registry, queued, routes),
        "papers read in this run": dg.MetadataValue.int(report.papers),
        "new specs in this run": dg.MetadataValue.int(len(report.queued)),
        "dropped": _dropped(report),
        "papers the model refused to read": dg.MetadataValue.text(", ".join(report.refused) or "none"),
        "papers left for the next analysis": dg.MetadataValue.text(", ".join(report.unread) or "none"),
        "dropped specs": dg.MetadataValue.int(len(report.dropped)),
        "requests": dg.MetadataValue.int(report.usage.calls),
        "input tokens": dg.MetadataValue.int(report.usage.input_tokens),
        "output tokens": dg.MetadataValue.int(report.usage.output_tokens),
        "cached tokens read": dg.MetadataValue.int(report.usage.cache_read_tokens),
        "dollars": dg.MetadataValue.float(round(report.usage.cost_usd, 4)),
        "route": dg.MetadataValue.text("; ".join([*report.routes, *report.notes]) or "no model call"),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
    }
