"""A date's analysis by the Message Batches API: asked together, looked after, and taken up by the analysis itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from factory_assets.domain.batches import AnalysisBatch
from factory_assets.domain.builds import ModelCall
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import CredentialError, FactoryError, InfrastructureError
from factory_assets.instance.models import Models
from factory_assets.instance.secrets import Secrets
from factory_assets.llm.claude_api_errors import NoBatchError
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.domain.agents import Question
    from factory_assets.llm.claude_batches import Brought, ClaudeBatches

Notify = Callable[[str], None]
_OUTCOME = "in a batch"
_SECONDS = 50.0


class Batching:
    """Has a date's papers asked about in a message batch."""

    def __init__(
        self, settings: Settings, registry: Registry, clock: Clock, secrets: Secrets, models: Models
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._secrets = secrets
        self._models = models

    def submit(
        self, day: date, run_id: str, *, is_alive: Callable[[str], bool], notify: Notify
    ) -> AnalysisBatch:
        """Ask about a date's unread papers in a message batch, and tell how it stands.

        Where the date has a batch that is open, that one is told; where its run died before it was made, it is made
        now. What cannot be asked so is ready to be analysed directly, and `why` says so.

        Raises:
            InputError: a template cannot be used.
        """
        registry, now = self._registry, self._clock.now()
        with self._secrets.redactor().stage(notify) as told:
            papers = registry.papers.unanalysed(day)
            questions = self._first_questions(day)
            batch = registry.batches.begin(
                AnalysisBatch(
                    name=f"{day} {run_id}",
                    day=day,
                    run_id=run_id,
                    papers=tuple(paper.arxiv_id for paper in papers),
                    requests=len(questions),
                    asked_at=now,
                    late_at=now + timedelta(hours=self._settings.factory_batch_hours),
                )
            )
            if batch.batch_id is not None or batch.ready_at is not None:
                return batch
            if batch.run_id != run_id:
                if is_alive(batch.run_id):
                    return batch
                registry.batches.mark_made_by(batch.name, run_id)
            if why := self._make(batch, questions, told):
                registry.batches.mark_ready(batch.name, why, now=self._clock.now())
            return registry.batches.open_of(day) or batch

    def has_ended(self, batch: AnalysisBatch) -> bool:
        """Whether a batch that was made can be read. One that is gone can: there is nothing in it.

        Raises:
            CredentialError, InfrastructureError: it cannot be looked at now.
        """
        with self._secrets.redactor().errors():
            try:
                return batch.batch_id is None or self._batches.look(batch.batch_id).has_ended
            except NoBatchError:
                return True

    def cancel(self, batch: AnalysisBatch) -> None:
        """Let a batch end with what is answered by now. Raises as `has_ended`."""
        with self._secrets.redactor().errors():
            try:
                if batch.batch_id is not None:
                    self._batches.cancel(batch.batch_id)
            except NoBatchError:
                pass
            self._registry.batches.mark_cancelled(batch.name, now=self._clock.now())

    def book(self, batch: AnalysisBatch) -> None:
        """Write down what a batch that has ended has cost. Raises as `has_ended`."""
        with self._secrets.redactor().errors():
            self._read(batch)

    def brought(self, batch: AnalysisBatch | None, notify: Notify) -> Brought | None:
        """What a date's batch has brought its analysis, booked; None where it has none, or none that has ended."""
        if batch is None or batch.batch_id is None:
            return None
        try:
            return self._taken_up(batch, notify)
        except (CredentialError, InfrastructureError) as error:
            if self._clock.now() < batch.late_at:
                raise
            # It is booked once it can be looked at.
            notify(
                f"the message batch {batch.batch_id} cannot be read, so the date is asked about directly: {error}"
            )
            return None

    def _taken_up(self, batch: AnalysisBatch, notify: Notify) -> Brought | None:
        if not self.has_ended(batch):
            self.cancel(batch)
            notify(
                f"the message batch {batch.batch_id} has not ended: it is cancelled, and the date is asked about now"
            )
            return None
        brought = self._read(batch)
        if brought is None:
            notify(f"the message batch {batch.batch_id} is gone, so the date is asked about directly")
        return brought

    def _read(self, batch: AnalysisBatch) -> Brought | None:
        try:
            brought = self._batches.read(batch.batch_id or "")
        except NoBatchError:
            self._registry.batches.book(batch.name, [], now=self._clock.now())
            return None
        calls = [
            ModelCall(
                stage="analyze",
                partition=batch.day.isoformat(),
                repo=None,
                phase=None,
                route=answer.route,
                model=answer.model,
                usage=answer.usage,
                seconds=answer.seconds,
                cache_hit=False,
                outcome=_OUTCOME,
                at=at,
            )
            for answer, at in brought.answers()
        ]
        self._registry.batches.book(batch.name, calls, now=self._clock.now())
        return brought

    def _make(self, batch: AnalysisBatch, questions: Sequence[Question], notify: Notify) -> str:
        """Why it was not made; empty where it was."""
        if not questions:
            return "there is nothing to ask in a message batch"
        if not self._models.takes_batches:
            return "message batches want ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN"
        try:
            try:
                made = self._batches.make(questions, batch.name)
            except InfrastructureError as error:
                # It may have been made all the same; of one name none is made twice.
                notify(f"asked again: {error}")
                made = self._batches.make(questions, batch.name)
        except FactoryError as error:
            # What whoever asks is refused for, the analysis meets as well, and holds the queue.
            return f"the message batch could not be made ({error.what})"
        self._registry.batches.mark_made(batch.name, made.id)
        return ""

    def _first_questions(self, day: date) -> list[Question]:
        from factory_assets.analyze.stage import first_questions

        settings = self._settings
        papers = self._registry.papers.unanalysed(day)
        if not papers:
            return []
        return first_questions(
            day,
            papers=papers,
            model_name=settings.factory_analyze_model,
            prompts_dir=settings.factory_prompts_dir,
            specs_wanted=settings.factory_specs_per_day,
            answers=self._registry.answers,
        )

    @cached_property
    def _batches(self) -> ClaudeBatches:
        from factory_assets.analyze.stage import PURPOSE, SETTING
        from factory_assets.llm.claude_batches import ClaudeBatches

        access, api = self._models.first_api()
        # A sensor's tick waits for it, and none of these calls takes long.
        api = replace(api, timeout_seconds=_SECONDS)
        return ClaudeBatches(access, api, PURPOSE, SETTING, self._secrets.redactor)
