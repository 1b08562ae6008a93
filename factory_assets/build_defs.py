"""The only place where the parts are joined: settings in, fresh Definitions out."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping

import dagster as dg

from factory_assets.defs.automation import Rules, build_schedules, build_sensors
from factory_assets.defs.built_repos import build_built_repos
from factory_assets.defs.externals import build_externals
from factory_assets.defs.jobs import build_jobs
from factory_assets.defs.mirrored_repos import build_mirrored_repos
from factory_assets.defs.papers import build_papers
from factory_assets.defs.partitions import build_partitions
from factory_assets.defs.specs import build_specs
from factory_assets.domain.errors import InputError
from factory_assets.gateways import Gateways
from factory_assets.settings import Settings

# Backfill policies and checks on partitions are marked as beta and preview in Dagster 1.13. The version is pinned
# and tests hold what is used of them, so the operator need not read about it in every log.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

_ANALYZE_PROMPTS = ("analyze.md.j2", "merge.md.j2", "repair.md.j2")
_BUILD_PROMPTS = ("build.md.j2", "seo.md.j2", "review.md.j2")


def build_defs(settings: Settings, overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """The code location of one instance.

    Args:
        settings: of that instance.
        overrides: resources that replace the real ones: registry, gathering, analysis, building, mirroring.
    """
    partitions = build_partitions(
        first=settings.factory_start_date, last=settings.factory_end_date, ranks=settings.factory_ranks
    )
    owner = settings.factory_owner
    rules = Rules(
        first=settings.factory_start_date,
        last=settings.factory_end_date,
        window_days=settings.factory_gather_window_days,
        timezone=settings.factory_timezone,
        repo_budget_usd=settings.factory_repo_budget_usd,
        day_budget_usd=settings.factory_day_budget_usd,
        ranks=settings.factory_ranks,
        to_github=settings.mirrors_to_github,
    )
    jobs = build_jobs()
    gateways = Gateways(settings)
    return dg.Definitions(
        assets=[
            *build_externals(arxiv=gateways.arxiv_name, mirror=gateways.mirror_name, owner=owner),
            build_papers(partitions, owner=owner),
            build_specs(
                partitions,
                owner=owner,
                code_version=_code_version(settings, _ANALYZE_PROMPTS, settings.factory_analyze_model),
            ),
            build_built_repos(
                partitions,
                owner=owner,
                git_dir=settings.git_dir,
                code_version=_code_version(
                    settings,
                    _BUILD_PROMPTS,
                    settings.factory_build_model,
                    settings.factory_seo_model,
                    settings.factory_review_model,
                ),
            ),
            build_mirrored_repos(partitions, owner=owner),
        ],
        jobs=jobs.all(),
        schedules=build_schedules(jobs, rules),
        sensors=build_sensors(jobs, rules),
        resources={
            "registry": gateways.registry,
            "gathering": gateways,
            "analysis": gateways,
            "building": gateways,
            "mirroring": gateways,
            **(overrides or {}),
        },
        # A killed worker takes its step with it; with a process per step the step would go on.
        executor=dg.in_process_executor,
    )


def _code_version(settings: Settings, templates: tuple[str, ...], *models: str) -> str:
    """Changes with the prompts and the models, so that the UI shows what they have made stale."""
    digest = hashlib.sha256()
    for template in templates:
        path = settings.factory_prompts_dir / template
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise InputError(
                f"The prompt cannot be read: {error.strerror}.",
                where=str(path),
                mend="Put it there, or correct FACTORY_PROMPTS_DIR.",
            ) from error
    digest.update(" ".join(models).encode())
    return digest.hexdigest()[:12]
