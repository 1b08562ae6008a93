"""A model behind the redaction: no secret goes out in a prompt or comes back in an answer."""

from __future__ import annotations

from dataclasses import dataclass

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
            return self.redact.value(self.model.ask(self.redact.value(question)))
        except UnusableAnswerError as error:
            error.answer = self.redact.value(error.answer)
            raise
