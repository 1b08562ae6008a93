"""A date's analysis by the Message Batches API: asked together, looked after, and taken up by the analysis itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from factory_assets.access import Access
from factory_assets.domain.batches import AnalysisBatch
from factory_assets.domain.builds import ModelCall
from factory_assets.domain.errors import CredentialError, FactoryError, InfrastructureError
from factory_assets.llm.claude_api_errors import NoBatchError

if TYPE_CHECKING:
    from factory_assets.domain.agents import Question
    from factory_assets.llm.claude_batches import Brought, ClaudeBatches

Notify = Callable[[str], None]
_OUTCOME = "in a batch"
_SECONDS = 50.0


class BatchAccess(Access):
    """What one instance has at hand for message batches."""

    def submit_batch(
        self, day: date, run_id: str, *, is_alive: Callable[[str], bool], notify: Notify
    ) -> AnalysisBatch:
        """Ask about a date's unread papers in a message batch, and tell how it stands.

        Where the date has a batch that is open, that one is told; where its run died before it was made, it is made
        now. What cannot be asked so is ready to be analysed directly, and `why` says so.

        Raises:
            InputError: a template cannot be used.
        """
        registry, redact, now = self.registry, self.redactor(), self.now()
        with redact.errors():
            papers = registry.unanalysed_papers(day)
            questions = self._first_questions(day)
            batch = registry.begin_batch(
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
                registry.batch_made_by(batch.name, run_id)
            if why := self._make(batch, questions, redact.lines(notify)):
                registry.batch_ready(batch.name, why, now=self.now())
            return registry.open_batch(day) or batch

    def batch_has_ended(self, batch: AnalysisBatch) -> bool:
        """Whether a batch that was made can be read. One that is gone can: there is nothing in it.

        Raises:
            CredentialError, InfrastructureError: it cannot be looked at now.
        """
        with self.redactor().errors():
            try:
                return batch.batch_id is None or self._batches.look(batch.batch_id).has_ended
            except NoBatchError:
                return True

    def cancel_batch(self, batch: AnalysisBatch) -> None:
        """Let a batch end with what is answered by now. Raises as `batch_has_ended`."""
        with self.redactor().errors():
            try:
                if batch.batch_id is not None:
                    self._batches.cancel(batch.batch_id)
            except NoBatchError:
                pass
            self.registry.batch_cancelled(batch.name, now=self.now())

    def book_batch(self, batch: AnalysisBatch) -> None:
        """Write down what a batch that has ended has cost. Raises as `batch_has_ended`."""
        with self.redactor().errors():
            self._read(batch)

    def _brought(self, batch: AnalysisBatch | None, notify: Notify) -> Brought | None:
        """What a date's batch has brought its analysis, booked; None where it has none, or none that has ended."""
        if batch is None or batch.batch_id is None:
            return None
        try:
            return self._taken_up(batch, notify)
        except (CredentialError, InfrastructureError) as error:
            if self.now() < batch.late_at:
                raise
            # It is booked once it can be looked at.
            notify(
                f"the message batch {batch.batch_id} cannot be read, so the date is asked about directly: {error}"
            )
            return None

    def _taken_up(self, batch: AnalysisBatch, notify: Notify) -> Brought | None:
        if not self.batch_has_ended(batch):
            self.cancel_batch(batch)
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
            self.registry.book_batch(batch.name, [], now=self.now())
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
        self.registry.book_batch(batch.name, calls, now=self.now())
        return brought

    def _make(self, batch: AnalysisBatch, questions: Sequence[Question], notify: Notify) -> str:
        """Why it was not made; empty where it was."""
        if not questions:
            return "there is nothing to ask in a message batch"
        if not self._may_batch:
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
        self.registry.batch_made(batch.name, made.id)
        return ""

    def _first_questions(self, day: date) -> list[Question]:
        from factory_assets.analyze.stage import first_questions
        from factory_assets.llm.redacted import redacted

        settings = self._settings
        papers = self.registry.unanalysed_papers(day)
        if not papers:
            return []
        asked = first_questions(
            day,
            papers=papers,
            model_name=settings.factory_analyze_model,
            prompts_dir=settings.factory_prompts_dir,
            specs_wanted=settings.factory_specs_per_day,
            store=self.registry,
        )
        redact = self.redactor()
        return [redacted(question, redact) for question in asked]

    @property
    def _may_batch(self) -> bool:
        settings = self._settings
        named = settings.llm_router_url or settings.anthropic_api_key or settings.anthropic_auth_token
        return self._replays or bool(named)

    @cached_property
    def _batches(self) -> ClaudeBatches:
        from factory_assets.analyze.stage import PURPOSE, SETTING
        from factory_assets.llm.claude_batches import ClaudeBatches

        access, api = self._first_api()
        # A sensor's tick waits for it, and none of these calls takes long.
        return ClaudeBatches(access, replace(api, timeout_seconds=_SECONDS), PURPOSE, SETTING)
