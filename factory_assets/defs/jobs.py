"""One job per stage, so that schedules, the sensor and the CLI launch the same runs."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from factory_assets.defs.dagster_private.core import UnresolvedAssetJobDefinition
from factory_assets.defs.externals import BUILT_REPOS, MIRRORED_REPOS, PAPERS, SPECS

ANALYZE_JOB = "analyze"
BATCH_JOB = "analyze_by_batch"
BUILD_JOB = "build"
MIRROR_JOB = "mirror"


AnyJob = UnresolvedAssetJobDefinition | dg.JobDefinition


@dataclass(frozen=True)
class Jobs:
    """The four jobs, in the order of the stages."""

    gather: UnresolvedAssetJobDefinition
    analyze: UnresolvedAssetJobDefinition
    build: UnresolvedAssetJobDefinition
    mirror: UnresolvedAssetJobDefinition

    def all(self) -> list[UnresolvedAssetJobDefinition]:
        """In the order of the stages."""
        return [self.gather, self.analyze, self.build, self.mirror]


def build_jobs() -> Jobs:
    """Jobs named after their stage."""

    def job(name: str, asset: dg.AssetKey, description: str) -> UnresolvedAssetJobDefinition:
        return dg.define_asset_job(
            name, selection=dg.AssetSelection.assets(asset), description=description, tags={"stage": name}
        )

    return Jobs(
        gather=job("gather", PAPERS, "Gather the papers of one date or of a range of dates."),
        analyze=job(ANALYZE_JOB, SPECS, "Have Claude read a date's papers and write specs."),
        build=job(BUILD_JOB, BUILT_REPOS, "Build the repo of one spec."),
        mirror=job(MIRROR_JOB, MIRRORED_REPOS, "Publish one shipped repo."),
    )
