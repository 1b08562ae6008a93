"""What routers are told after a build: how well the model that wrote it did.

The factory's own router knows the score and the tier that the build's calls had. A gateway behind it (LLM_ROUTER_URL)
answers Claude Code, so that they are not seen here: it is told those of the model that the build phase asks for, the
middle of the third of the scale, and the third, that models of its size stand for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from factory_assets.domain.errors import FactoryError
from factory_assets.llm.router import RouterClient

_BY_FAMILY = {"haiku": (0.17, 1), "sonnet": (0.5, 2), "opus": (0.83, 3)}
_UNKNOWN = (0.5, 2)
# A build that failed is worth less than any that shipped, however late it failed.
_BEST_FAILURE = 0.5
_WORST_SHIPPED = 0.6
_FINDING = 0.05


@dataclass(frozen=True)
class Feedback:
    """Score 0 to 1, how hard the task was; tier 1 to 3, who did it; quality 0 to 1, how good it was."""

    score: float
    tier: int
    quality: float


def quality_of_build(*, shipped: bool, passed: int, gates: int, findings: int = 0) -> float:
    """How good a build was, 0 to 1.

    One that shipped loses a little for each of the reader's confirmed `findings`, which had to be fixed; one that
    failed has half the share of all `gates` that `passed`.
    """
    if shipped:
        return round(max(_WORST_SHIPPED, 1.0 - _FINDING * findings), 3)
    return round(_BEST_FAILURE * min(passed, gates) / gates, 3)


def feedback_on_build(*, model: str, quality: float) -> Feedback:
    """What a gateway that does not know the build's calls is told of it."""
    score, tier = next((known for name, known in _BY_FAMILY.items() if name in model.lower()), _UNKNOWN)
    return Feedback(score=score, tier=tier, quality=quality)


def tell_router(router: RouterClient, feedback: Feedback, notify: Callable[[str], None]) -> None:
    """Send it; a router that does not take it costs a line in the log, never the build."""
    try:
        router.feedback(score=feedback.score, tier=feedback.tier, quality=feedback.quality)
    except FactoryError as error:
        notify(f"The router was not told how this build ended. {error}")
