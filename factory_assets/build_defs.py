"""The only place where the parts are joined: settings in, fresh Definitions out."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from factory_assets.defs.alerts import build_alert_sensor
from factory_assets.defs.arxiv_records import build_arxiv_records, build_harvest_schedule
from factory_assets.defs.automation import AutomationRules, build_schedules, build_sensors
from factory_assets.defs.built_repos import build_built_repos
from factory_assets.defs.celery_broker import waiting_at
from factory_assets.defs.executor import build_executor
from factory_assets.defs.externals import build_externals
from factory_assets.defs.factory_days import build_day_sensor, build_factory_days
from factory_assets.defs.factory_report import build_factory_report, build_report_schedule
from factory_assets.defs.housekeeping import build_housekeeping
from factory_assets.defs.ideas import build_candidates, build_research_contexts
from factory_assets.defs.imports import build_import_sensor
from factory_assets.defs.jobs import build_jobs
from factory_assets.defs.message_batches import build_batch_job, build_batch_sensor
from factory_assets.defs.mirrored_repos import build_mirrored_repos
from factory_assets.defs.papers import build_papers
from factory_assets.defs.partitions import build_partitions
from factory_assets.defs.research_again import build_research_schedule
from factory_assets.defs.router_stats import build_router_schedule, build_router_stats
from factory_assets.defs.settings_sensor import Refused, build_settings_sensor
from factory_assets.defs.silent_runs import build_silent_runs
from factory_assets.defs.specs import build_specs
from factory_assets.defs.spent_answers import build_spent_answers
from factory_assets.domain.errors import InputError
from factory_assets.instance import Instance
from factory_assets.registry import Patience, Registry
from factory_assets.settings import Settings, check_env_file, chosen_home

# Backfill policies and checks on partitions are marked as beta and preview in Dagster 1.13. The version is pinned
# and tests hold what is used of them, so the operator need not read about it in every log.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

_ANALYZE_PROMPTS = ("analyze.md.j2", "merge.md.j2", "repair.md.j2", "synthesize.md.j2")
# Backups and checkpoints of a large file take minutes; a shell that somebody left open is told of in the run's log.
_RUN_WAITS = timedelta(hours=1)
_BUILD_PROMPTS = (
    "acceptance.md.j2",
    "acceptance_solve.md.j2",
    "build.md.j2",
    "seo.md.j2",
    "review.md.j2",
    "reader.md.j2",
    "reader_confirm.md.j2",
)


def build_defs(
    settings: Settings, overrides: Mapping[str, object] | None = None, *, refused: str = ""
) -> dg.Definitions:
    """The code location of one instance.

    Args:
        settings: of that instance.
        overrides: resources that replace the real ones: registry, instance, clock.
        refused: why these settings are in force, and not those that were asked for.
    """
    partitions = build_partitions(
        first=settings.factory_start_date, last=settings.factory_end_date, ranks=settings.factory_ranks
    )
    owner = settings.factory_owner
    rules = AutomationRules(
        places=settings.places,
        window_days=settings.factory_gather_window_days,
        timezone=settings.factory_timezone,
        limits=settings.budget_limits,
        to_github=settings.mirrors_to_github,
        to_folder=settings.factory_mirror_dir is not None and not settings.mirrors_to_github,
        build_workers=settings.build_workers,
        gather_cron=settings.factory_gather_cron,
        analyze_cron=settings.factory_analyze_cron,
        build_cron=settings.factory_build_cron,
        mirror_cron=settings.factory_mirror_cron,
        ui_url=settings.ui_url,
    )
    not_in_force = _not_in_force(refused)
    instance = Instance(settings)
    # A killed worker takes its step with it; with a process per step the step would go on.
    executor = build_executor(instance.registry)
    jobs = build_jobs(specs_from=settings.factory_specs_from)
    by_batch = build_batch_job(partitions, executor)
    return dg.Definitions(
        assets=[
            *build_externals(
                arxiv=instance.gathering.source_name,
                oai=instance.archiving.source_name,
                mirror=instance.mirroring.target_name,
                owner=owner,
            ),
            build_arxiv_records(partitions, owner=owner),
            build_papers(
                partitions,
                owner=owner,
                freshness=_hourly(settings),
                with_archive=settings.factory_archive,
            ),
            build_candidates(partitions, owner=owner, code_version=_scoring_version(settings)),
            build_research_contexts(partitions, owner=owner),
            build_specs(
                partitions,
                owner=owner,
                code_version=_code_version(
                    settings,
                    _ANALYZE_PROMPTS,
                    settings.factory_analyze_model,
                    settings.factory_synthesis_model,
                ),
                specs_from=settings.factory_specs_from,
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
                    settings.factory_reader_model,
                    settings.factory_reader,
                    settings.factory_acceptance_model,
                    str(settings.factory_acceptance),
                ),
            ),
            build_mirrored_repos(partitions, owner=owner),
            build_factory_days(partitions, owner=owner),
            build_factory_report(
                owner=owner, folder=settings.factory_data_dir / "reports", places=settings.places
            ),
            build_router_stats(owner=owner),
        ],
        jobs=[*jobs.all(), by_batch],
        schedules=[
            *build_schedules(jobs, rules, by_batch=by_batch if settings.analyzes_by_batch else None),
            build_harvest_schedule(
                settings.places, settings.factory_timezone, is_wanted=settings.factory_archive
            ),
            build_research_schedule(
                jobs.research,
                settings.places,
                settings.factory_timezone,
                with_archive=settings.factory_archive,
                ui_url=settings.ui_url,
            ),
            build_report_schedule(settings.factory_report_cron, settings.factory_timezone),
            build_router_schedule(settings.factory_timezone),
            build_housekeeping(settings.factory_timezone, settings.factory_keep_days, executor),
        ],
        sensors=[
            *build_sensors(jobs, rules),
            build_import_sensor(),
            build_day_sensor(partitions),
            build_alert_sensor(not_in_force),
            build_settings_sensor(not_in_force),
            # On one machine its list of processes tells which run lives.
            *([build_silent_runs(waiting_at(settings))] if instance.registry.is_shared else []),
            build_spent_answers(executor),
            build_batch_sensor(jobs.analyze, by_batch),
        ],
        resources={
            "registry": _registry(instance.registry),
            "instance": instance,
            "clock": instance.clock,
            **(overrides or {}),
        },
        executor=executor,
    )


def _not_in_force(refused: str) -> Refused:
    """What an operator reads while what `.env` says is not in force."""

    def told() -> str:
        if refused:
            return f"{refused} Until then the settings before it hold; once it is fixed, press Reload definitions."
        try:
            check_env_file(chosen_home() / ".env")
        except (InputError, OSError) as error:
            return f"{error} Until then what runs keeps its settings, and what is started meanwhile does not start."
        return ""

    return told


def _registry(registry: Registry) -> dg.ResourceDefinition:
    """The registry. A run waits for it for long, because its slot is its own anyway; a sensor's tick does not.

    Schedules and sensors only read through it: see defs.ticks.
    """

    @dg.resource(description="Papers, specs, builds, repos and the ledger of this instance.")
    def patient(context: dg.InitResourceContext) -> Registry:
        if context.run is None:
            return registry.reading()
        if context.log is not None:
            registry.wait_with(Patience(_RUN_WAITS.total_seconds(), notify=context.log.warning))
        return registry

    return patient


def _hourly(settings: Settings) -> dg.FreshnessPolicy | None:
    """What gathers every hour is late after three and broken after six; the past is never gathered again."""
    if settings.factory_end_date is not None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=6), warn_window=timedelta(hours=3))


def _scoring_version(settings: Settings) -> str:
    """Changes with the points, and with how many are chosen. A file that cannot be read fails the run that reads it."""
    try:
        points = settings.factory_scoring_file.read_bytes()
    except OSError:
        points = b""
    return hashlib.sha256(points + str(settings.factory_candidates).encode()).hexdigest()[:12]


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
                fix="Put it there, or correct FACTORY_PROMPTS_DIR.",
            ) from error
    digest.update(" ".join(models).encode())
    return digest.hexdigest()[:12]
