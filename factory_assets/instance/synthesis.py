"""Specs from research for one instance: what is known around a date's papers, and the model that is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import InputError
from factory_assets.domain.ideas import DayResearch
from factory_assets.domain.papers import Paper
from factory_assets.instance.models import Models
from factory_assets.instance.secrets import Secrets
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.domain.analysis_report import AnalysisReport
    from factory_assets.domain.comparing import Comparison
    from factory_assets.ideas.synthesis import Synthesizer

Notify = Callable[[str], None]

_WEEK = 7


class Synthesis:
    """Turns research into queued specs."""

    def __init__(
        self, settings: Settings, registry: Registry, clock: Clock, *, secrets: Secrets, models: Models
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._secrets = secrets
        self._models = models

    def synthesize(self, day: date, notify: Notify) -> AnalysisReport:
        """Make specs of the research around a date's unread papers; see ideas.synthesis.

        Raises:
            InputError: the date has unread papers, and no candidates were chosen among them, or none has research.
        """
        from factory_assets.ideas.synthesis import synthesize

        registry = self._registry
        with self._secrets.redactor().stage(notify) as told:
            research = DayResearch(
                candidates=tuple(registry.ideas.candidates(day)),
                contexts=tuple(registry.ideas.contexts(day)),
                unread=frozenset(paper.arxiv_id for paper in registry.papers.unanalysed(day)),
            )
            if research.unread and (why := _what_is_missing(research)):
                raise InputError(
                    f"{why}, and specs are to be written from research.",
                    where=str(day),
                    fix=f"`factory ideas run --date {day}` makes all three; in the UI materialize candidates and"
                    " research_contexts of the date first, or run specs with specs_from: papers.",
                )
            return synthesize(
                research, self._synthesizer(day, told), taken_names=registry.queue.taken_names()
            )

    def fuse(self, last: date, notify: Notify) -> AnalysisReport:
        """Make specs of several papers each, from what is known around the candidates of the week that ends so.

        Raises:
            InputError: there is no research of that week.
        """
        from factory_assets.ideas.fusion import fuse

        registry = self._registry
        with self._secrets.redactor().stage(notify) as told:
            found = []
            for day in (last - timedelta(days=ago) for ago in range(_WEEK)):
                score = {each.arxiv_id: each.score for each in registry.ideas.candidates(day)}
                found += [(score[context.arxiv_id], context) for context in registry.ideas.contexts(day)]
            if not found:
                raise InputError(
                    "There is no research of any date of that week.",
                    where=str(last),
                    fix="`factory ideas run --date DATE` makes it for a date.",
                )
            best = [context for _, context in sorted(found, key=lambda pair: (-pair[0], pair[1].arxiv_id))]
            synthesizer = replace(self._synthesizer(last, told), ranks=range(0))
            return fuse(
                best,
                synthesizer,
                taken_names=registry.queue.taken_names(),
                fused=registry.evidence.fused(),
            )

    def compare(self, *, pairs: int, seed: int, notify: Notify) -> Comparison:
        """Have the reader's model judge researched specs against plain ones, blind; see ideas.comparing.

        Raises:
            InputError: there are no two specs to compare.
        """
        from factory_assets.domain.comparing import Offered, pairs_of
        from factory_assets.ideas.comparing import compare

        registry = self._registry
        with self._secrets.redactor().stage(notify) as told:
            specs = [queued for queued in registry.queue.specs() if queued.spec.source_papers]
            routes = registry.evidence.routes([queued.id for queued in specs])
            offered = [
                Offered(queued=queued, papers=tuple(registry.evidence.papers_of(queued))) for queued in specs
            ]
            chosen = pairs_of(
                [each for each in offered if routes.get(each.queued.id) == "research"],
                [each for each in offered if each.queued.id not in routes],
                most=pairs,
            )
            if not chosen:
                raise InputError(
                    "There is no researched spec and plain one to compare.",
                    fix="Run some dates with FACTORY_SPECS_FROM=research, and others with papers.",
                )
            judge = replace(
                self._synthesizer(self._clock.now().date(), told),
                model_name=self._settings.factory_reader_model,
            )
            return compare(chosen, judge, seed=seed)

    def most_a_date_can_cost(self) -> float:
        """Dollars of one date's specs in their worst case."""
        from factory_assets.ideas.plan import worst_usd

        settings = self._settings
        return worst_usd(settings.factory_candidates, model_name=settings.factory_synthesis_model)

    def _synthesizer(self, day: date, notify: Notify) -> Synthesizer:
        from factory_assets.ideas.synthesis import Synthesizer

        settings, registry = self._settings, self._registry
        return Synthesizer(
            day=day,
            model=self._models.by_routes(notify),
            model_name=settings.factory_synthesis_model,
            prompts_dir=settings.factory_prompts_dir,
            answers=registry.answers,
            queue=registry.queue,
            ledger=registry.ledger,
            papers=self._papers,
            most_specs=settings.factory_research_specs,
            ranks=settings.ranks,
            late_ranks=settings.late_ranks,
            now=self._clock.now,
            notify=notify,
        )

    def _papers(self, arxiv_ids: Sequence[str]) -> list[Paper]:
        """Papers as they were gathered, else as the archive has them."""
        from factory_assets.archive.store import Archive

        known = {paper.arxiv_id: paper for paper in self._registry.papers.by_id(arxiv_ids)}
        others = [arxiv_id for arxiv_id in arxiv_ids if arxiv_id not in known]
        for record in Archive(self._settings.archive_dir).read(others) if others else ():
            known[record.arxiv_id] = Paper(
                arxiv_id=record.arxiv_id,
                version=record.version,
                title=record.title,
                abstract=record.abstract,
                authors=record.authors,
                categories=record.categories,
                comment=record.comment,
                published=record.submitted,
                updated=record.submitted,
            )
        return [known[arxiv_id] for arxiv_id in arxiv_ids if arxiv_id in known]


def _what_is_missing(research: DayResearch) -> str:
    """In words, what has to be made before there can be a spec; empty where something is ready."""
    if not research.candidates:
        return "No candidates were chosen among its papers"
    if research.ready:
        return ""
    if research.waiting:
        return "There is no research around its candidates"
    return "Its unread papers came after its candidates were chosen" if research.unscored else ""
