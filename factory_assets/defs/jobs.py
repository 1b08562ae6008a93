"""One job per stage, so that schedules, the sensor and the CLI launch the same runs."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from factory_assets.defs.dagster_private.core import UnresolvedAssetJobDefinition
from factory_assets.defs.externals import (
    BUILT_REPOS,
    CANDIDATES,
    MIRRORED_REPOS,
    PAPERS,
    RESEARCH_CONTEXTS,
    SPECS,
)

DISCOVER_JOB = "discover"
RESEARCH_JOB = "research"
SYNTHESIZE_JOB = "synthesize"
IDEAS_JOB = "ideas"
ANALYZE_JOB = "analyze"
BATCH_JOB = "analyze_by_batch"
BUILD_JOB = "build"
MIRROR_JOB = "mirror"
# The field of the config of `specs` that says what they are written from, papers or research; and the jobs that write
# from research whatever it says.
SPECS_ROUTE = "specs_from"
FROM_RESEARCH = (SYNTHESIZE_JOB, IDEAS_JOB)


AnyJob = UnresolvedAssetJobDefinition | dg.JobDefinition


@dataclass(frozen=True)
class Jobs:
    """The jobs, in the order of the stages."""

    gather: UnresolvedAssetJobDefinition
    discover: UnresolvedAssetJobDefinition
    research: UnresolvedAssetJobDefinition
    synthesize: UnresolvedAssetJobDefinition
    ideas: UnresolvedAssetJobDefinition
    analyze: UnresolvedAssetJobDefinition
    build: UnresolvedAssetJobDefinition
    mirror: UnresolvedAssetJobDefinition

    def all(self) -> list[UnresolvedAssetJobDefinition]:
        """In the order of the stages."""
        ideas = [self.discover, self.research, self.synthesize, self.ideas]
        return [self.gather, *ideas, self.analyze, self.build, self.mirror]


def build_jobs(*, specs_from: str) -> Jobs:
    """Jobs named after their stage. Where specs come from research, whoever analyses a date researches it first."""
    research = (CANDIDATES, RESEARCH_CONTEXTS) if specs_from == "research" else ()

    def job(name: str, description: str, *assets: dg.AssetKey) -> UnresolvedAssetJobDefinition:
        return dg.define_asset_job(
            name, selection=dg.AssetSelection.assets(*assets), description=description, tags={"stage": name}
        )

    return Jobs(
        gather=job("gather", "Gather the papers of one date or of a range of dates.", PAPERS),
        discover=job(DISCOVER_JOB, "Score a date's papers and choose the best.", CANDIDATES),
        research=job(
            RESEARCH_JOB,
            "Look for papers, repositories and methods around a date's candidates.",
            RESEARCH_CONTEXTS,
        ),
        synthesize=job(
            SYNTHESIZE_JOB,
            "Have Claude write specs from the research around a date's candidates.",
            SPECS,
        ),
        ideas=job(
            IDEAS_JOB,
            "Choose a date's candidates, look around them, and have Claude write specs from that.",
            CANDIDATES,
            RESEARCH_CONTEXTS,
            SPECS,
        ),
        analyze=job(ANALYZE_JOB, "Have Claude read a date's papers and write specs.", *research, SPECS),
        build=job(BUILD_JOB, "Build the repo of one spec.", BUILT_REPOS),
        mirror=job(MIRROR_JOB, "Publish one shipped repo.", MIRRORED_REPOS),
    )
