"""What a Claude Code run has cost: estimated while it runs, exact once its result is there."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError
from factory_assets.llm.prices import cost_usd

_CHARACTERS_PER_TOKEN = 4


class _Counts(BaseModel):
    """Tokens of one model or message, under the names of the API and of the program's own summary."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    input_tokens: int | None = Field(0, alias="inputTokens", ge=0)
    output_tokens: int = Field(0, alias="outputTokens", ge=0)
    cache_read_input_tokens: int | None = Field(0, alias="cacheReadInputTokens", ge=0)
    cache_creation_input_tokens: int | None = Field(0, alias="cacheCreationInputTokens", ge=0)

    def usage(self, *, calls: int, cost: float) -> Usage:
        return Usage(
            calls=calls,
            input_tokens=self.input_tokens or 0,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_input_tokens or 0,
            cache_write_tokens=self.cache_creation_input_tokens or 0,
            cost_usd=cost,
        )


class Meter:
    """Adds up the model calls of a run as their messages arrive."""

    def __init__(self) -> None:
        self._calls: dict[str, Usage] = {}
        self._characters: dict[str, int] = {}

    @property
    def calls(self) -> int:
        """Model calls so far."""
        return len(self._calls)

    @property
    def estimate(self) -> Usage:
        """Usage so far. A model without a known price counts as free here, in an estimate only."""
        return sum(self._calls.values(), Usage())

    def add(self, *, message_id: str, model: str, counts: Mapping[str, object], characters: int) -> None:
        """Take a message: a call comes as several, with the same id and the same counts.

        Their output tokens are those at the start of the answer, so they are estimated from its length.
        """
        self._characters[message_id] = self._characters.get(message_id, 0) + characters
        usage = _Counts.model_validate(counts).usage(calls=1, cost=0.0)
        output = max(usage.output_tokens, self._characters[message_id] // _CHARACTERS_PER_TOKEN)
        usage = usage.model_copy(update={"output_tokens": output})
        try:
            cost = cost_usd(model, usage)
        except InputError:
            cost = 0.0
        self._calls[message_id] = usage.model_copy(update={"cost_usd": cost})


def total_usage(by_model: Mapping[str, Mapping[str, object]], *, cost: float) -> Usage:
    """The usage that the program's result names, without a number of calls: it names none."""
    counts = [_Counts.model_validate(model).usage(calls=0, cost=0.0) for model in by_model.values()]
    return sum(counts, Usage()).model_copy(update={"cost_usd": cost})


def growth(before: Usage, after: Usage) -> Usage:
    """What came to `before` to make `after`; nothing is negative."""
    return Usage(
        **{name: max(0, getattr(after, name) - getattr(before, name)) for name in Usage.model_fields}
    )
