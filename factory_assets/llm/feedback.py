"""What the router is told after a build: how well the model that wrote it did.

Agents go through the router inside Claude Code, so the score and the tier that it gave their calls (its headers
X-LLM-Router-Score and -Tier) are not seen here. Both are taken from the model that the build phase asks for: the
middle of the third of the scale, and the third, that models of its size stand for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from factory_assets.domain.errors import FactoryError
from factory_assets.llm.router import Router

_BY_FAMILY = {"haiku": (0.17, 1), "sonnet": (0.5, 2), "opus": (0.83, 3)}
_UNKNOWN = (0.5, 2)
# A build that failed is worth less than any that shipped, however late it failed.
_BEST_FAILURE = 0.5


@dataclass(frozen=True)
class Feedback:
    """Score 0 to 1, how hard the task was; tier 1 to 3, who did it; quality 0 to 1, how good it was."""

    score: float
    tier: int
    quality: float


def feedback_on_build(*, model: str, shipped: bool, passed: int, gates: int) -> Feedback:
    """1.0 for a repo that shipped; for one that failed, half the share of all `gates` that `passed`."""
    score, tier = next((known for name, known in _BY_FAMILY.items() if name in model.lower()), _UNKNOWN)
    quality = 1.0 if shipped else round(_BEST_FAILURE * min(passed, gates) / gates, 3)
    return Feedback(score=score, tier=tier, quality=quality)


def tell_router(router: Router, feedback: Feedback, notify: Callable[[str], None]) -> None:
    """Send it; a router that does not take it costs a line in the log, never the build."""
    try:
        router.feedback(score=feedback.score, tier=feedback.tier, quality=feedback.quality)
    except FactoryError as error:
        notify(f"The router was not told how this build ended. {error}")
