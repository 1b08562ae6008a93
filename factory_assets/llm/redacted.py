"""A model behind the redaction: no secret goes out in a prompt or comes back in an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from factory_assets.domain.agents import Answer, Question, StructuredModel
from factory_assets.domain.redaction import Redactor
from factory_assets.llm.claude_api_errors import UnusableAnswerError


@dataclass(frozen=True)
class RedactedModel:
    """A model that is never told a secret, and whose answers hold none."""

    model: StructuredModel
    redact: Redactor

    def ask(self, question: Question) -> Answer:
        """As the model's own; errors too come with a redacted answer."""
        try:
            return self._clean(self.model.ask(redacted(question, self.redact)))
        except UnusableAnswerError as error:
            error.answer = self._clean(error.answer)
            raise

    def _clean(self, answer: Answer) -> Answer:
        return replace(
            answer, text=self.redact(answer.text), notes=tuple(self.redact(note) for note in answer.notes)
        )


def redacted(question: Question, redact: Redactor) -> Question:
    """A question as a model may hear it."""
    return replace(
        question,
        instructions=redact(question.instructions),
        material=redact(question.material),
        prompt=redact(question.prompt),
    )
