"""`factory plan`: what work over a range of dates will take, before it is started."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from rich.console import Console
from rich.table import Table

from factory_assets.analyze.plan import plan_analysis
from factory_assets.cli.output import print_table
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus
from factory_assets.domain.planning import DayState, Habits, Workload, habits, workload
from factory_assets.domain.sizes import size_of
from factory_assets.ideas.plan import USUAL_TOKENS, usual_usd
from factory_assets.registry import Registry
from factory_assets.settings import Settings

_LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True)
class Plan:
    """The work of a range with its tokens, dollars and hours."""

    first: date
    last: date
    work: Workload
    usual: Habits
    input_tokens: int
    analysis_dollars: float
    gather_seconds: float
    day_budget: float

    @property
    def dollars(self) -> float:
        """Of all stages."""
        return self.analysis_dollars + self.work.build_dollars

    @property
    def days_of_budget(self) -> int:
        """On how many days the builds can be paid for."""
        return math.ceil(self.work.build_dollars / self.day_budget)


def make_plan(
    registry: Registry, settings: Settings, *, first: date, last: date, gathered: Collection[date]
) -> Plan:
    """Reckon the range; nothing is asked of any server. A spec that has no partition is not counted.

    Args:
        registry: what is there already.
        settings: prices follow its models, budgets and workers.
        first: first date.
        last: last date, included.
        gathered: the dates that were gathered, empty ones too.
    """
    today = datetime.now(UTC).date()
    no_place = Counter(
        queued.day
        for queued in registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})
        if settings.places.lacking(queued, today) is not None
    )
    days = [
        replace(state, waiting=state.waiting - no_place[state.day])
        for state in _states(registry, first, last, gathered)
    ]
    # What is usual is judged by all dates that were gathered lately, not only by those of the range.
    lately = _states(registry, today - _LOOK_BACK, today, gathered) + days
    usual = habits(lately, registry.reports.statistics(today - _LOOK_BACK, today))
    from_research = settings.factory_specs_from == "research"
    work = workload(
        days,
        usual,
        specs_per_day=settings.factory_research_specs if from_research else settings.factory_specs_per_day,
        repo_budget_usd=settings.factory_repo_budget_usd,
        workers=settings.build_workers,
    )
    per_day = math.ceil(work.papers_to_analyse / work.days_to_analyse) if work.days_to_analyse else 0
    tokens, dollars = _of_a_date(settings, per_day)
    return Plan(
        first=first,
        last=last,
        work=work,
        usual=usual,
        input_tokens=tokens * work.days_to_analyse,
        analysis_dollars=dollars * work.days_to_analyse,
        gather_seconds=work.requests * settings.factory_arxiv_interval,
        day_budget=settings.factory_day_budget_usd,
    )


def _of_a_date(settings: Settings, papers: int) -> tuple[int, float]:
    """The tokens in, and the dollars, that specs of a usual date with so many papers take."""
    if settings.factory_specs_from == "research":
        candidates = min(settings.factory_candidates, papers)
        dollars = usual_usd(candidates, model_name=settings.factory_synthesis_model)
        return candidates * USUAL_TOKENS, dollars
    analysis = plan_analysis(
        papers, model_name=settings.factory_analyze_model, specs_wanted=settings.factory_specs_per_day
    )
    return analysis.input_tokens, analysis.expected_usd


def show_plan(console: Console, plan: Plan) -> None:
    """The plan as a table, and the sentences that say how sure it is."""
    work = plan.work
    table = Table(title=f"{plan.first} to {plan.last}", title_justify="left")
    for head in ("stage", "what is left", "dollars", "hours"):
        table.add_column(head, justify="left" if head in {"stage", "what is left"} else "right")
    table.add_row(
        "gather",
        f"{work.days_to_gather} dates, about {work.requests} requests",
        "0",
        f"{plan.gather_seconds / 3600:.2f}",
    )
    table.add_row(
        "analyze",
        f"{work.days_to_analyse} dates, about {work.papers_to_analyse:,} papers, {plan.input_tokens:,} tokens in",
        f"{plan.analysis_dollars:.2f}",
        "",
    )
    table.add_row(
        "build",
        f"{work.specs_waiting} specs that wait, about {work.specs_expected} to come",
        f"{'' if work.known_cost else 'at most '}{work.build_dollars:.2f}",
        f"{work.build_hours:.1f}",
    )
    table.add_row("all", f"{work.papers:,} papers", f"{plan.dollars:.2f}", "")
    print_table(console, table)
    if not work.known_cost:
        console.print(
            "Too few builds have ended to know their cost: each counts with FACTORY_REPO_BUDGET_USD."
        )
    if plan.days_of_budget > 1:
        console.print(
            f"With ${plan.day_budget:.2f} a day (FACTORY_DAY_BUDGET_USD) the builds are spread over"
            f" {plan.days_of_budget} days; what a day does not allow waits in the queue.",
            highlight=False,
        )


def _states(registry: Registry, first: date, last: date, gathered: Collection[date]) -> list[DayState]:
    analysed = registry.analyses.days()
    shares: dict[date | None, float] = defaultdict(float)
    for queued in registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS}):
        shares[queued.day] += size_of(queued.spec.estimated_lines).share
    return [
        DayState(
            day=line.day,
            papers=line.papers if line.papers or line.day in gathered else None,
            unread=line.papers - line.analysed,
            analysed=line.day in analysed,
            specs=line.specs,
            waiting=line.queued + line.in_progress,
            waiting_share=shares[line.day],
        )
        for line in registry.reports.funnel(first, last)
    ]
