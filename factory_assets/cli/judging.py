"""An attempt over what is there already: a temporary instance whose phases are laid instead of done by agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from factory_assets.building.config import BuildConfig, BuildJob
from factory_assets.building.laid import JudgeTools, LaidWork, Work
from factory_assets.building.outcome import Busy, Deferred, Refused, Shipped
from factory_assets.building.reader import Reader
from factory_assets.building.report import BuildReport
from factory_assets.building.stage import Builder
from factory_assets.domain.acceptance import Acceptance
from factory_assets.domain.agents import Route
from factory_assets.domain.builds import BudgetLimits, Phase
from factory_assets.domain.papers import Paper
from factory_assets.domain.ports import AnswerStore
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT

_GATE_SECONDS = 600.0
_ENOUGH_SECONDS = 16 * 3600.0
# Laid work costs nothing, and a reading some cents; a budget of nothing would not let it begin.
_A_DOLLAR = BudgetLimits(repo_usd=1.0, day_usd=1.0, phase_usd=dict.fromkeys(Phase, 1.0))
_NO_AGENT = "none"


def judge_laid(
    spec: Spec,
    papers: Sequence[Paper],
    works: Iterable[Work],
    *,
    folder: Path,
    bench: JudgeTools,
    reader: Callable[[AnswerStore], Reader] | None = None,
    acceptance: Acceptance | None = None,
) -> BuildReport:
    """Take the works through an attempt's phases and gates, in an instance of its own in `folder`.

    A `<name>.git` in `folder` is gone on from, as a build goes on from its own. The report holds the verdict of every
    gate that came to judge; a refusal ends it, as it ends a build. Without a `reader` nothing is read, without an
    `acceptance` no scenario is tried.

    Raises:
        FactoryError: a gate could not be run, so that nothing is known.
    """
    registry = Registry(folder / "registry.duckdb")
    builder = Builder(
        _config(folder, bench),
        agents=LaidWork(works),
        commands=bench.commands,
        scanner=bench.scanner,
        journal=registry.builds,
        ledger=registry.ledger,
        redact=Redactor(bench.secrets),
        reader=reader(registry.answers) if reader is not None else None,
    )
    queued = _queue(registry, spec)
    if acceptance is not None:
        registry.builds.record_acceptance(queued.id, acceptance, now=datetime.now(UTC))
    job = BuildJob(queued=queued, papers=tuple(papers), run_id="judge", partition="judge")
    match builder.build(job, _unheard):
        case Shipped(report=report) | Refused(report=report):
            return report
        case Deferred() as deferred:
            # What put it off, in its own words: nothing launches this again.
            raise deferred.error_met or deferred.error
        case Busy() as busy:
            raise busy.error


def _unheard(line: str) -> None:
    del line


def _queue(registry: Registry, spec: Spec) -> QueuedSpec:
    now = datetime.now(UTC)
    ranks = range(1, 2)
    (queued,) = registry.queue.add(now.date(), [spec], (), dropped=0, ranks=ranks, late_ranks=ranks, now=now)
    return queued


def _config(folder: Path, bench: JudgeTools) -> BuildConfig:
    return BuildConfig(
        git_dir=folder,
        workspaces_dir=folder / "workspaces",
        transcripts_dir=folder / "transcripts",
        locks_dir=folder / "locks",
        prompts_dir=PROJECT_ROOT / "prompts",
        author="Software Factory <factory@localhost>",
        owner="Software Factory",
        models=dict.fromkeys(Phase, _NO_AGENT),
        build_turns=1,
        seo_turns=1,
        review_turns=1,
        limits=_A_DOLLAR,
        repair_rounds=0,
        phase_seconds=_ENOUGH_SECONDS,
        build_seconds=_ENOUGH_SECONDS,
        gate_seconds=_GATE_SECONDS,
        route=Route.CLAUDE_CODE,
        claude_code_version=_NO_AGENT,
        factory_version=version("software-factory"),
        indexes=bench.indexes,
    )
