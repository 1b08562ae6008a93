"""Analysis for one instance: a date's unread papers, the model that reads them, and what a batch has brought."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from factory_assets.domain.clock import Clock
from factory_assets.instance.batching import Batching
from factory_assets.instance.models import Models
from factory_assets.instance.secrets import Secrets
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.domain.analysis_report import AnalysisReport

Notify = Callable[[str], None]

# More papers of one date have not been seen with the topics that come with the project.
_BUSY_DAY_PAPERS = 200


class Analysis:
    """Turns papers into queued specs."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        secrets: Secrets,
        models: Models,
        batching: Batching,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._secrets = secrets
        self._models = models
        self._batching = batching

    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        """Analyse the day's unread papers; see analyze.stage. What a message batch has brought is not asked again."""
        from factory_assets.analyze.stage import analyze

        settings, registry = self._settings, self._registry
        with self._secrets.redactor().stage(notify) as told:
            batch = registry.batches.open_of(day)
            brought = self._batching.brought(batch, told)
            model = self._models.by_routes(told, brought)
            papers = registry.papers.unanalysed(day)
            if batch is not None and brought is not None:
                # What came later would cut the papers into other requests than those that are answered.
                papers = [paper for paper in papers if paper.arxiv_id in batch.papers]
            report = analyze(
                day,
                papers=papers,
                taken_names=registry.queue.taken_names(),
                model=model,
                model_name=settings.factory_analyze_model,
                prompts_dir=settings.factory_prompts_dir,
                specs_wanted=settings.factory_specs_per_day,
                answers=registry.answers,
                queue=registry.queue,
                ledger=registry.ledger,
                ranks=settings.ranks,
                late_ranks=settings.late_ranks,
                now=self._clock.now,
                notify=told,
            )
            if batch is not None:
                registry.batches.close(batch.name, now=self._clock.now())
            return report

    def most_a_date_can_cost(self) -> float:
        """Dollars of one date's analysis in its worst case.

        A day that analyses several dates, after a weekend or a pause, costs so much for each.
        """
        from factory_assets.analyze.plan import plan_analysis

        settings = self._settings
        return plan_analysis(
            _BUSY_DAY_PAPERS,
            model_name=settings.factory_analyze_model,
            specs_wanted=settings.factory_specs_per_day,
        ).worst_usd
