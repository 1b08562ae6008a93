"""Ideas for one instance: the best papers of a date, and what is looked up around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import FactoryError, InfrastructureError, InputError
from factory_assets.instance.archiving import Archiving
from factory_assets.instance.citing import Citing
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.services import Services
from factory_assets.instance.texts import Texts
from factory_assets.instance.turns import ServerTurns
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.domain.novelty import Found
    from factory_assets.domain.papers import Paper
    from factory_assets.domain.research import (
        Candidate,
        CitationCounts,
        ResearchContext,
    )
    from factory_assets.ideas.research import Sources
    from factory_assets.ideas.scoring import Built, Likeness, PaperPage, Surroundings
    from factory_assets.ideas.scoring_file import Scoring

Notify = Callable[[str], None]
_LATER = "Nothing is to be done: it is looked up again with the next look around the candidates of its date."


class Ideas:
    """Chooses candidates, and looks around them."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        replay: Replay,
        secrets: Secrets,
        archiving: Archiving,
        citing: Citing,
        texts: Texts,
        turns: ServerTurns,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._replay = replay
        self._secrets = secrets
        self._archiving = archiving
        self._citing = citing
        self._texts = texts
        self._turns = turns

    def discover(self, day: date, notify: Notify) -> list[Candidate]:
        """Score the papers of a date, choose the best, and keep that; see ideas.scoring.

        Raises:
            InputError: the scoring file is wrong.
            RegistryBusyError, InfrastructureError: of the registry or the archive's files.
        """
        from factory_assets.ideas.scoring import choose

        with self._secrets.redactor().stage(notify) as told:
            papers, now, scoring = self._papers(day), self._clock.now(), self._scoring()
            found = choose(
                papers,
                day,
                self._surroundings(papers, told),
                scoring=scoring,
                most=self._settings.factory_candidates,
                now=now,
            )
            self._registry.ideas.record_candidates(day, found, now=now)
            return found

    def research(self, day: date, notify: Notify) -> list[ResearchContext]:
        """Look around the chosen candidates of a date, but for those of which all is known; see ideas.research.

        Raises:
            InputError: the scoring file is wrong, or the date has papers and no candidate was chosen among them.
            InfrastructureError: nothing at all could be looked up around any of them.
            RegistryBusyError, InfrastructureError: of the registry.
        """
        from factory_assets.ideas.research import has_nothing, research

        redactor = self._secrets.redactor()
        with redactor.stage(notify) as told:
            papers = {paper.arxiv_id: paper for paper in self._papers(day)}
            chosen = [one.arxiv_id for one in self._registry.ideas.candidates(day) if one.chosen]
            if papers and not chosen:
                raise InputError(
                    "No candidates were chosen on this date.",
                    where=str(day),
                    fix=f"Materialize candidates of it first, or give `factory ideas discover --date {day}`.",
                )
            contexts = research(
                day,
                [papers[key] for key in chosen if key in papers],
                self._sources(told),
                self._registry.ideas,
                now=self._clock.now,
                notify=told,
                clean=redactor,
            )
            if contexts and all(map(has_nothing, contexts)):
                raise InfrastructureError(
                    f"Nothing could be looked up around any candidate: {contexts[0].gaps[0]}.",
                    where=str(day),
                    fix="Check the network; then materialize it again, which looks for all that is missing.",
                )
            return contexts

    def _papers(self, day: date) -> list[Paper]:
        return [labelled.paper for labelled in self._registry.papers.of_day(day)]

    def _scoring(self) -> Scoring:
        from factory_assets.ideas.scoring_file import load_scoring

        return load_scoring(self._settings.factory_scoring_file)

    def _surroundings(self, papers: Sequence[Paper], notify: Notify) -> Surroundings:
        from factory_assets.ideas.scoring import Surroundings

        citations: dict[str, CitationCounts] = {}
        if papers:
            citations = self._citing.graph(notify).look_up([paper.arxiv_id for paper in papers])
        return Surroundings(citations, self._built(), self._likeness(notify), self._paper_page(notify))

    def _likeness(self, notify: Notify) -> Likeness:
        space = self._archiving.space()

        def likeness(text: str, texts: Sequence[str]) -> Sequence[float] | None:
            try:
                return space.likeness(text, texts)
            except FactoryError as error:
                notify(str(error))
                return None

        return likeness

    def _built(self) -> list[Built]:
        """What has shipped, and what is queued or being built."""
        from factory_assets.ideas.scoring import Built

        return [
            Built(one.spec.name, f"{one.spec.name.replace('-', ' ')}. {one.spec.problem} {one.spec.solution}")
            for one in self._registry.queue.specs(set(BuildStatus) - {BuildStatus.FAILED})
        ]

    def _paper_page(self, notify: Notify) -> PaperPage:
        from factory_assets.novelty.catalogues import PaperPages
        from factory_assets.novelty.stage import KEPT_FOR

        pages = PaperPages(
            *Services(self._settings, self._replay, self._turns, notify, later=_LATER).paper_pages()
        )
        kept, clock = self._registry.novelty, self._clock

        def page(paper: Paper) -> Found | None:
            question, now = pages.address(paper), clock.now()
            found = kept.kept_answers([question], since=now - KEPT_FOR).get(question)
            if found is None:
                found = pages.answer(question)
                kept.keep_answer(question, found, now=now)
            return next(iter(found), None)

        return page

    def _sources(self, notify: Notify) -> Sources:
        from factory_assets.ideas.repositories import Repositories
        from factory_assets.ideas.research import Sources

        archive = self._archiving.archive
        github = Services(self._settings, self._replay, self._turns, notify, later=_LATER).github()
        return Sources(
            neighbours=self._archiving.space(),
            citations=self._citing.graph(notify),
            texts=self._texts.reader(notify),
            repositories=Repositories(github, self._clock.now().date()),
            held=archive.read,
            disagreeing=self._scoring().disagreeing,
        )
