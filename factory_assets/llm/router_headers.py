"""What a gateway in front of the model says in its response headers: llm-router's and LiteLLM's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class GatewayReading:
    """A gateway's word on one call; None where it said nothing. `model` is its own name for the backend."""

    model: str | None = None
    cache_hit: bool = False
    cost_usd: float | None = None
    score: float | None = None
    tier: int | None = None


def read_gateway(headers: Mapping[str, str]) -> GatewayReading:
    """Read `X-LLM-Router-*` and `x-litellm-*`; `headers` must ignore case, as httpx's do."""
    tier = _number(headers.get("x-llm-router-tier"))
    return GatewayReading(
        model=headers.get("x-llm-router-model") or headers.get("x-litellm-model-group") or None,
        cache_hit=headers.get("x-llm-router-cache", "").upper() == "HIT",
        cost_usd=_number(headers.get("x-litellm-response-cost")),
        score=_number(headers.get("x-llm-router-score")),
        tier=None if tier is None else int(tier),
    )


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
