"""The asset `mirrored_repos`: each shipped repo at its mirror, GitHub or a local folder."""

from collections.abc import Iterator

import dagster as dg

from factory_assets.defs.built_repos import NO_SPEC
from factory_assets.defs.day_page import write_day
from factory_assets.defs.externals import BUILT_REPOS, GROUP, MIRRORED_REPOS
from factory_assets.defs.markdown import paper_links
from factory_assets.defs.partitions import Partitions, day_and_rank
from factory_assets.defs.runs import RunOutcome, failure, tag_outcome, tag_run
from factory_assets.defs.stages import InstanceParts
from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.mirror.target import MirrorReport
from factory_assets.registry import Registry

CODE_VERSION = "1"


def build_mirrored_repos(partitions: Partitions, *, owner: str) -> dg.AssetsDefinition:
    """The asset over date x rank. A backfill policy of its own keeps it out of the runs of built_repos."""

    @dg.asset(
        key=MIRRORED_REPOS,
        partitions_def=partitions.date_ranks,
        deps=[BUILT_REPOS],
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        group_name=GROUP,
        kinds={"github", "git"},
        owners=[owner],
        tags={"stage": "mirror"},
        code_version=CODE_VERSION,
        metadata={
            "settings": "GITHUB_TOKEN, GITHUB_USER, FACTORY_MIRROR_DIR, FACTORY_MIRROR_INTERVAL, FACTORY_MIRROR_CRON"
        },
        pool="mirror",
        description=(
            "The shipped repo of this date and rank, published: `main` and its version tag, never forced, at"
            " least FACTORY_MIRROR_INTERVAL seconds apart. A repository that the factory did not make is never"
            " touched."
        ),
    )
    def mirrored_repos(
        context: dg.AssetExecutionContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetMaterialization]:
        day, rank = day_and_rank(context)
        queued = registry.queue.at(day, rank)
        if queued is None:
            tag_outcome(context, RunOutcome.NO_SPEC)
            yield dg.MaterializeResult(metadata={"outcome": NO_SPEC}, data_version=dg.DataVersion(NO_SPEC))
            return
        tag_run(context, queued)
        try:
            repo = _shipped(registry, queued)
            report = instance.mirroring.mirror(repo, queued.spec.source_papers, context.log.info)
        except FactoryError as error:
            raise failure(error, {"repo": dg.MetadataValue.text(queued.spec.name)}) from error
        yield dg.MaterializeResult(
            metadata=_metadata(queued, report), data_version=dg.DataVersion(f"{report.url}@{report.commit}")
        )
        yield from write_day(context, registry, day)

    return mirrored_repos


def _shipped(registry: Registry, queued: QueuedSpec) -> ShippedRepo:
    repo = registry.repos.named(queued.spec.name)
    if repo is None:
        raise InputError(
            f"It is {queued.status}, not shipped, so there is nothing to mirror.",
            where=queued.spec.name,
            fix="Materialize built_repos for this partition first.",
        )
    return repo


def _metadata(queued: QueuedSpec, report: MirrorReport) -> dict[str, dg.MetadataValue]:
    folder = report.url.removeprefix("file://")
    return {
        "repo": dg.MetadataValue.text(queued.spec.name),
        "outcome": dg.MetadataValue.text(
            "created" if report.created else "pushed" if report.pushed else "unchanged"
        ),
        "mirror": dg.MetadataValue.url(report.url) if folder == report.url else dg.MetadataValue.path(folder),
        "source": dg.MetadataValue.url(queued.spec.origin_url),
        "papers": dg.MetadataValue.md(
            paper_links(queued.spec.source_papers) or "none: the spec was imported"
        ),
        "commit": dg.MetadataValue.text(report.commit),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
    }
