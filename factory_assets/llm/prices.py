"""Dollars of model calls, by the price table of `genai-prices` as installed; nothing is looked up online.

A price holds for one call: some models charge every token of a long prompt more (claude-haiku-5-5 five times
as much above 100,000), so the usage of several calls must not be added up before it is priced.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from factory_assets.domain.agents import Question
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError

# Cautious: text has fewer tokens than this many characters each would make.
_CHARS_PER_TOKEN = 2.0
_FIX = "Name a Claude model that has a price (such as claude-haiku-5-5), or upgrade genai-prices."


@dataclass(frozen=True)
class Extras:
    """What makes a call dearer than its tokens: how many of its cache writes last an hour, searches, fast mode.

    In a `batch` tokens cost half: https://platform.claude.com/docs/en/build-with-claude/batch-processing.
    """

    hour_writes: int = 0
    web_searches: int = 0
    fast: bool = False
    batch: bool = False


_NO_EXTRAS = Extras()


def cost_usd(model: str, usage: Usage, extras: Extras = _NO_EXTRAS) -> float:
    """Dollars of one call. `usage.input_tokens` leaves cached tokens out, as the Messages API counts them.

    Raises:
        InputError: when the price of that model is not known; a call is never recorded as free by accident.
    """
    import genai_prices  # noqa: PLC0415  0.3 seconds

    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=min(extras.hour_writes, usage.cache_write_tokens),
        output_tokens=usage.output_tokens,
        web_searches=extras.web_searches,
    )
    speed = {"speed": "fast"} if extras.fast else None
    try:
        price = genai_prices.calc_price(tokens, model, provider_id="anthropic", price_context=speed)
    except LookupError:
        raise InputError(f"No price is known for the model {model!r}.", where="model", fix=_FIX) from None
    if not extras.batch:
        return float(price.total_price)
    tokens.web_searches = 0
    halved = genai_prices.calc_price(tokens, model, provider_id="anthropic", price_context=speed)
    return float(price.total_price - halved.total_price / 2)


def worst_case_cost(model: str, input_tokens: int, output_tokens: int) -> float:
    """The most that one call of that size can cost: all of its input newly written to the cache.

    Raises:
        InputError: as `cost_usd`.
    """
    return cost_usd(model, Usage(calls=1, cache_write_tokens=input_tokens, output_tokens=output_tokens))


def most_usd(question: Question, *, calls: int) -> float:
    """The most that so many calls for one answer can cost, each with all that was said before it.

    A model without a known price is taken for the dearest.
    """
    said = math.ceil((len(question.instructions) + len(question.text)) / _CHARS_PER_TOKEN)
    sizes = [
        (said + number * question.max_output_tokens, question.max_output_tokens) for number in range(calls)
    ]
    try:
        return sum(worst_case_cost(question.model, *size) for size in sizes)
    except InputError:
        return sum(
            dearest_cost(Usage(cache_write_tokens=read, output_tokens=written), _NO_EXTRAS)
            for read, written in sizes
        )


def first_price(models: Iterable[str | None], usage: Usage, extras: Extras) -> float:
    """Dollars of one call at the price of the first model that has one; where none has, what the dearest would cost."""
    for model in models:
        if model is None:
            continue
        try:
            return cost_usd(model, usage, extras)
        except InputError:
            continue
    return dearest_cost(usage, extras)


def dearest_cost(usage: Usage, extras: Extras) -> float:
    """What a call costs of the Claude model that asks most for it."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  as above

    claude = next(provider for provider in get_snapshot().providers if provider.id == "anthropic")
    return max(cost_usd(model.id, usage, extras) for model in claude.models)
