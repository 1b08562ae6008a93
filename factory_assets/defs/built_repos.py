"""The asset `built_repos`: one repo per date and rank, built by Claude Code and held to its gates."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import dagster as dg

from factory_assets.building.outcome import Busy, Deferred, Outcome, Refused, Shipped, Stops
from factory_assets.building.report import BuildReport
from factory_assets.defs.build_metadata import cost, in_short, refused_by, report_metadata, spec_metadata
from factory_assets.defs.dagster_private.core import BACKFILL_ID_TAG
from factory_assets.defs.day_page import write_day
from factory_assets.defs.externals import BUILT_REPOS, FACTORY_DAYS, GROUP, SPECS
from factory_assets.defs.gate_checks import check_specs, checks_not_applicable, checks_of, judged_before
from factory_assets.defs.holds import stop_for_machine, stop_for_model
from factory_assets.defs.left_out import with_checks_left_out
from factory_assets.defs.novelty import held_words, look_up
from factory_assets.defs.partitions import Partitions, day_and_rank
from factory_assets.defs.pools import BUILD_POOL
from factory_assets.defs.runs import (
    ATTEMPTS_TAG,
    RunOutcome,
    error_metadata,
    failure,
    tag_outcome,
    tag_run,
)
from factory_assets.defs.shown_provenance import show_provenance
from factory_assets.defs.stages import InstanceParts
from factory_assets.defs.subscription import NoRoom, no_room
from factory_assets.domain.builds import BuildStatus, GateVerdict, WaitCause
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

NO_SPEC = RunOutcome.NO_SPEC.value
# On the runs with which Dagster by itself follows one that crashed.
_RETRY_NUMBER_TAG = "dagster/retry_number"
_SHIPPED_BEFORE = "Shipped before; nothing was done."

Event = dg.MaterializeResult[None] | dg.AssetCheckResult | dg.AssetMaterialization


def build_built_repos(
    partitions: Partitions, *, owner: str, code_version: str, git_dir: Path
) -> dg.AssetsDefinition:
    """The asset over date x rank. `code_version` changes with the prompts and the models."""

    # A build that is put off must neither fail nor materialize, and gates that did not judge must not count as
    # failed: only a skippable asset that may be subset leaves its checks out.
    @dg.multi_asset(
        name="built_repos",
        specs=[
            dg.AssetSpec(
                BUILT_REPOS,
                deps=[SPECS],
                skippable=True,
                group_name=GROUP,
                kinds={"claude", "git"},
                owners=[owner],
                tags={"stage": "build"},
                code_version=code_version,
                metadata={
                    "bare repositories": dg.MetadataValue.path(git_dir),
                    "what became of a date's repos": dg.MetadataValue.asset(FACTORY_DAYS),
                    "settings": (
                        "BUILD_WORKERS, FACTORY_RANKS, FACTORY_DAY_BUDGET_USD, FACTORY_BUILD_BUDGET_USD,"
                        " FACTORY_BUILD_MODEL, FACTORY_SEO_MODEL, FACTORY_REVIEW_MODEL, FACTORY_READER"
                    ),
                },
                description=(
                    "The repo of the spec with this date and rank, built by Claude Code in three phases (build,"
                    " seo, review) with a gate after each. Shipped means: tests passed in a fresh clone of the very"
                    " commit. At most BUILD_WORKERS builds run at once. A build that is put off (rate limit, outage,"
                    " budget, credential) ends its run green and leaves the partition missing; a backfill over it"
                    " ends red all the same, because Dagster expects every partition that it asked for."
                ),
            )
        ],
        can_subset=True,
        partitions_def=partitions.date_ranks,
        check_specs=check_specs(partitions),
        pool=BUILD_POOL,
    )
    def built_repos(
        context: dg.AssetExecutionContext,
        *,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[Event]:
        if BUILT_REPOS in context.selected_asset_keys:
            events = _build(_Step(context, registry, instance, clock, git_dir))
        else:
            events = judged_before(context, registry)
        yield from with_checks_left_out(context, events)

    return built_repos


@dataclass(frozen=True)
class _Step:
    """What the step of one run works with."""

    context: dg.AssetExecutionContext
    registry: Registry
    instance: InstanceParts
    clock: Clock
    git_dir: Path


def _build(step: _Step) -> Iterator[Event]:
    context, registry = step.context, step.registry
    day, rank = day_and_rank(context)
    queued = registry.queue.at(day, rank)
    if queued is None:
        tag_outcome(context, RunOutcome.NO_SPEC)
        yield dg.MaterializeResult(metadata={"outcome": NO_SPEC}, data_version=dg.DataVersion(NO_SPEC))
        yield from checks_not_applicable()
        return
    tag_run(context, queued)
    try:
        events = _settled_before(step, queued)
        if events is None:
            with _errors_told(step, queued):
                outcome = step.instance.builds.build(queued, context.run.run_id, context.log.info)
            events = _ended(step, queued, outcome)
        yield from events
    except dg.Failure:
        yield from write_day(context, registry, day)
        raise
    yield from write_day(context, registry, day)


@contextmanager
def _errors_told(step: _Step, queued: QueuedSpec) -> Iterator[None]:
    """What leaves a build as an error is no outcome of it: nothing was built, or the run was asked to end."""
    try:
        yield
    except FactoryError as error:
        tag_outcome(step.context, RunOutcome.NOT_STARTED)
        raise failure(error, spec_metadata(queued, step.git_dir)) from error
    except dg.DagsterExecutionInterruptedError:
        # Cancelled, or the factory stops: else the queue would show a build at work that is none.
        step.registry.builds.release(queued.id, run_id=step.context.run.run_id)
        raise


def _settled_before(step: _Step, queued: QueuedSpec) -> Iterator[Event] | None:
    """What there is to say of a spec that is not to be built now; None where it is."""
    context, registry = step.context, step.registry
    if queued.status is BuildStatus.SHIPPED:
        return _shipped(step, queued, registry.builds.verdicts_of(queued.id, queued.attempts), None)
    before = _attempts_before(context.run)
    if before is not None and queued.status is BuildStatus.FAILED and queued.attempts > before:
        return _failed_before(step, queued)
    if before is not None and queued.not_before is not None and queued.not_before > step.clock.now():
        why = f"It was put off since this run was launched, until {queued.not_before:%Y-%m-%d %H:%M} UTC."
        return _not_started(step, queued, why)
    if (held := _exists_already(step, queued)) is not None:
        return held
    if before is not None and (full := no_room(registry, step.instance.router, step.clock.now())) is not None:
        return _without_room(step, queued, full)
    return None


def _exists_already(step: _Step, queued: QueuedSpec) -> Iterator[Event] | None:
    """Leave a spec in the queue of which there is the like already, unless a person asked for it or let it go on."""
    run = step.context.run
    if queued.started_at is not None:
        return None
    known = look_up(step.context, step.instance.scouting, [queued]).get(queued.id)
    by_hand = _attempts_before(run) is None and BACKFILL_ID_TAG not in run.tags
    waits = step.registry.queue.by_id(queued.id).wait_cause is WaitCause.EXISTS
    if known is None or by_hand or not waits:
        return None
    return _not_started(step, queued, held_words(queued, known))


def _ended(step: _Step, queued: QueuedSpec, outcome: Outcome) -> Iterator[Event]:
    """What a run's build came to, as the checks and the partition's history say it."""
    match outcome:
        case Shipped(report=report):
            yield from _shipped(step, queued, report.verdicts, report)
        case Refused(report=report):
            yield from checks_of(report.verdicts)
            about = {
                **refused_by(report),
                **in_short(report),
                **error_metadata(outcome.error),
                **report_metadata(report),
            }
            # A failure's own metadata stands in its run only; observations stand in the partition's history.
            _observe(step, queued, RunOutcome.FAILED, about)
            raise failure(outcome.error, {**spec_metadata(queued, step.git_dir), **about})
        case Deferred(report=report):
            yield from checks_of(report.verdicts)
            _put_off(step, queued, outcome)
        case Busy():
            yield from _not_started(step, queued, str(outcome))
        case _:
            assert_never(outcome)


def _attempts_before(run: dg.DagsterRun) -> int | None:
    """How often the spec had been tried when automation launched this run; None for what a person asked for."""
    before = run.tags.get(ATTEMPTS_TAG)
    # One that a person executes again from the page of an earlier run inherits that run's tags.
    is_executed_again = run.parent_run_id is not None and _RETRY_NUMBER_TAG not in run.tags
    return None if before is None or is_executed_again else int(before)


def _failed_before(step: _Step, queued: QueuedSpec) -> Iterator[Event]:
    """Red like the run that judged it: of a partition that nothing has made, the UI shows how its last run ended."""
    yield from checks_of(step.registry.builds.verdicts_of(queued.id, queued.attempts))
    error = FactoryError(
        f"It has failed since this run was launched:\n{queued.error_log}",
        where=queued.spec.name,
        fix=f"`factory retry {queued.spec.name}` queues it for a fresh attempt.",
    )
    _observe(step, queued, RunOutcome.FAILED, error_metadata(error))
    raise failure(error, spec_metadata(queued, step.git_dir))


def _without_room(step: _Step, queued: QueuedSpec, full: NoRoom) -> Iterator[Event]:
    """Put off what was launched while there was room; what a person asks for by name is built all the same."""
    cause = WaitCause.USAGE_LIMIT
    step.registry.builds.defer(queued.id, cause=cause, until=full.look_again_at, reason=str(full))
    step.context.log.warning("Put off: %s", full)
    about = {"why": dg.MetadataValue.text(cause.value), "until": dg.MetadataValue.text(str(full))}
    _observe(step, queued, RunOutcome.DEFERRED, about)
    yield from ()


def _not_started(step: _Step, queued: QueuedSpec, why: str) -> Iterator[Event]:
    _observe(step, queued, RunOutcome.NOT_STARTED, {"why": dg.MetadataValue.text(why)})
    yield from ()


def _put_off(step: _Step, queued: QueuedSpec, deferred: Deferred) -> None:
    context, registry, until = step.context, step.registry, deferred.until
    now, credential = step.clock.now(), step.instance.credential.digest
    match deferred.stops:
        case Stops.MODEL:
            refused = ModelStoppedError(
                deferred.what, fix=deferred.fix, cause=deferred.cause, until=deferred.until
            )
            stop_for_model(context, registry, refused, credential(), now=now)
        case Stops.MACHINE:
            stop_for_machine(context, registry, deferred.error, credential(), now=now)
        case None:
            context.log.warning("Put off: %s", deferred)
        case _:
            assert_never(deferred.stops)
    _observe(
        step,
        queued,
        RunOutcome.DEFERRED,
        {
            "why": dg.MetadataValue.text(deferred.cause.value),
            "until": dg.MetadataValue.text(
                f"{until:%Y-%m-%d %H:%M} UTC" if until else "what stands under `what to do` is done"
            ),
            **error_metadata(deferred.error),
            **in_short(deferred.report),
            **report_metadata(deferred.report),
        },
    )


def _observe(
    step: _Step, queued: QueuedSpec, outcome: RunOutcome, metadata: Mapping[str, dg.MetadataValue]
) -> None:
    """Say in the partition's history what became of it; nothing is materialized."""
    tag_outcome(step.context, outcome)
    step.context.log_event(
        dg.AssetObservation(
            BUILT_REPOS,
            partition=step.context.partition_key,
            metadata={
                "repo": dg.MetadataValue.text(queued.spec.name),
                "outcome": dg.MetadataValue.text(outcome.value),
                **cost(step.registry, queued),
                **metadata,
                **spec_metadata(queued, step.git_dir),
            },
        )
    )


def _shipped(
    step: _Step, queued: QueuedSpec, verdicts: Sequence[GateVerdict], report: BuildReport | None
) -> Iterator[Event]:
    """The repo and the checks. Without a `report` it has shipped before."""
    tag_outcome(step.context, RunOutcome.SHIPPED)
    repo = step.registry.repos.named(queued.spec.name)
    if repo is None:
        raise failure(
            FactoryError(
                "The queue says shipped, but the table repos has no such repo.",
                where=queued.spec.name,
                fix="Restore registry.duckdb from a backup: the two belong together.",
            )
        )
    shown = show_provenance(repo, step.git_dir / f"{repo.name}.git", report)
    yield dg.MaterializeResult(
        metadata={
            "repo": dg.MetadataValue.text(repo.name),
            "outcome": dg.MetadataValue.text(RunOutcome.SHIPPED.value),
            **(in_short(report) if report else {"note": dg.MetadataValue.text(_SHIPPED_BEFORE)}),
            **cost(step.registry, queued),
            **spec_metadata(queued, step.git_dir),
            "commit": dg.MetadataValue.text(repo.commit),
            "version": dg.MetadataValue.text(repo.version),
            "lines of code": dg.MetadataValue.int(repo.lines_of_code),
            "tests executed": dg.MetadataValue.int(repo.tests_executed),
            **(report_metadata(report) if report else {}),
            "provenance": dg.MetadataValue.json(dict(shown.fields)),
        },
        data_version=dg.DataVersion(repo.commit),
    )
    yield from checks_of(shown.judge(verdicts))
