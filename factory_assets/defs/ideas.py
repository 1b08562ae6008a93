"""The assets `candidates` and `research_contexts`: the best papers of a date, and what is known around them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from factory_assets.defs.externals import ARXIV_RECORDS, CANDIDATES, IDEAS_GROUP, PAPERS, RESEARCH_CONTEXTS
from factory_assets.defs.left_out import with_checks_left_out
from factory_assets.defs.markdown import code_span, table
from factory_assets.defs.partitions import Partitions, days_of
from factory_assets.defs.runs import RunOutcome, failure, tag_outcome
from factory_assets.defs.stages import InstanceParts
from factory_assets.domain.errors import FactoryError, InfrastructureError
from factory_assets.domain.papers import paper_url
from factory_assets.domain.research import Candidate, PieceKind, ResearchContext
from factory_assets.domain.text import counted
from factory_assets.registry import Registry

Event = dg.MaterializeResult[None] | dg.AssetCheckResult
# One after another: they share the limits of the same servers.
_POOL = "research"
WHOLE = dg.AssetCheckSpec(
    "contexts_whole",
    asset=RESEARCH_CONTEXTS,
    description=(
        "All was looked up around every chosen candidate. A warning names what was not: the schedule research_again"
        " looks for just that again, for two weeks."
    ),
)


def build_candidates(partitions: Partitions, *, owner: str, code_version: str) -> dg.AssetsDefinition:
    """The asset over the instance's dates. `code_version` changes with the points and the number that is chosen."""

    @dg.asset(
        key=CANDIDATES,
        partitions_def=partitions.dates,
        deps=[PAPERS],
        group_name=IDEAS_GROUP,
        kinds={"duckdb"},
        owners=[owner],
        tags={"stage": "ideas"},
        code_version=code_version,
        metadata={"settings": "FACTORY_CANDIDATES, FACTORY_SCORING_FILE"},
        pool=_POOL,
        description=(
            "Every paper of this date with its score from 0 to 100 and the reason for each point: citations a day,"
            " recency, field, words of novelty and of products, less what is like something built and what has its code"
            " published. The best FACTORY_CANDIDATES are chosen."
        ),
    )
    def candidates(
        context: dg.AssetExecutionContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
    ) -> dg.MaterializeResult[None]:
        (day,) = days_of(context)
        try:
            found = instance.ideas.discover(day, context.log.info)
        except FactoryError as error:
            raise _failure(context, error) from error
        titles = {paper.arxiv_id: paper.title for paper in registry.papers.contents_of([day])[day].papers}
        return dg.MaterializeResult(
            metadata=_candidates_metadata(found, titles),
            data_version=_version(one.model_dump_json() for one in found),
        )

    return candidates


def build_research_contexts(partitions: Partitions, *, owner: str) -> dg.AssetsDefinition:
    """The asset over the instance's dates."""

    @dg.asset(
        key=RESEARCH_CONTEXTS,
        partitions_def=partitions.dates,
        deps=[CANDIDATES, ARXIV_RECORDS],
        group_name=IDEAS_GROUP,
        kinds={"github", "duckdb"},
        owners=[owner],
        tags={"stage": "ideas"},
        code_version="1",
        metadata={"settings": "GITHUB_TOKEN, FACTORY_GITHUB_URL"},
        pool=_POOL,
        check_specs=[
            dg.AssetCheckSpec(
                WHOLE.name,
                asset=RESEARCH_CONTEXTS,
                description=WHOLE.description,
                partitions_def=partitions.dates,
            )
        ],
        description=(
            "What is known around each chosen candidate of this date: seven related papers, one that competes among"
            " them, seven maintained repositories on GitHub, and the method section of its own text; each piece with"
            " its source and licence. What could not be looked up is a gap, and is looked up again the next time."
        ),
    )
    def research_contexts(
        context: dg.AssetExecutionContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
    ) -> Iterator[Event]:
        yield from with_checks_left_out(context, _research(context, registry, instance))

    return research_contexts


def _research(
    context: dg.AssetExecutionContext, registry: Registry, instance: InstanceParts
) -> Iterator[Event]:
    (day,) = days_of(context)
    try:
        contexts = instance.ideas.research(day, context.log.info)
    except FactoryError as error:
        raise _failure(context, error) from error
    if any(one.gaps for one in contexts):
        tag_outcome(context, RunOutcome.UNFINISHED)
    yield dg.MaterializeResult(
        metadata=_contexts_metadata(registry, contexts, day),
        data_version=_version(one.model_dump_json(exclude={"made_at"}) for one in contexts),
    )
    yield _whole(contexts)


def _failure(context: dg.AssetExecutionContext, error: FactoryError) -> dg.Failure:
    if isinstance(error, InfrastructureError):
        tag_outcome(context, RunOutcome.DEFERRED)
    return failure(error)


def _version(parts: Iterator[str]) -> dg.DataVersion:
    return dg.DataVersion(hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16])


def _candidates_metadata(
    found: Sequence[Candidate], titles: Mapping[str, str]
) -> dict[str, dg.MetadataValue]:
    chosen = [one for one in found if one.chosen]
    return {
        "dagster/row_count": dg.MetadataValue.int(len(found)),
        "papers": dg.MetadataValue.int(len(found)),
        "chosen": dg.MetadataValue.int(len(chosen)),
        "lowest score that is chosen": dg.MetadataValue.float(chosen[-1].score if chosen else 0.0),
        "the best": dg.MetadataValue.md(
            table(
                ["place", "score", "paper", "title", "why"],
                [
                    (
                        one.place,
                        f"{one.score:.1f}",
                        f"[{one.arxiv_id}]({paper_url(one.arxiv_id)})",
                        code_span(titles.get(one.arxiv_id, "")),
                        "; ".join(f"{reason.points:+g} {code_span(reason.what)}" for reason in one.reasons),
                    )
                    for one in chosen
                ],
            )
        ),
    }


def _contexts_metadata(
    registry: Registry, contexts: Sequence[ResearchContext], day: date
) -> dict[str, dg.MetadataValue]:
    places = {one.arxiv_id: one.place for one in registry.ideas.candidates(day)}
    kinds = (PieceKind.PAPER, PieceKind.REPOSITORY, PieceKind.METHOD)
    counts = {
        one.arxiv_id: [sum(piece.kind is kind for piece in one.pieces) for kind in kinds] for one in contexts
    }
    rows = [
        (
            places[one.arxiv_id],
            f"[{one.arxiv_id}]({paper_url(one.arxiv_id)})",
            *counts[one.arxiv_id],
            "; ".join(piece.title for piece in one.pieces if "competes" in piece.relation) and "yes",
            "; ".join(map(code_span, one.gaps)),
        )
        for one in contexts
    ]
    return {
        "dagster/row_count": dg.MetadataValue.int(len(contexts)),
        "contexts": dg.MetadataValue.md(
            table(["place", "paper", *map(str, kinds), "one competes", "not looked up"], rows)
        ),
        "pieces": dg.MetadataValue.int(sum(len(one.pieces) for one in contexts)),
        "contexts with gaps": dg.MetadataValue.int(sum(bool(one.gaps) for one in contexts)),
    }


def _whole(contexts: Sequence[ResearchContext]) -> dg.AssetCheckResult:
    open_ones = [one for one in contexts if one.gaps]
    rows = [(one.arxiv_id, code_span(gap)) for one in open_ones for gap in one.gaps]
    return dg.AssetCheckResult(
        check_name=WHOLE.name,
        passed=not open_ones,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "not looked up": dg.MetadataValue.md(table(["paper", "what, and why"], rows)),
            "what to do": f"Nothing for two weeks: {counted(len(open_ones), 'context is', 'contexts are')} completed by"
            " the schedule research_again. After that, or to have it at once, materialize it again."
            if open_ones
            else "nothing",
        },
    )
