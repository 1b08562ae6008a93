"""What an analysis can take at most, before it is started: batches, calls, tokens and dollars."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from factory_assets.analyze.batches import BATCH_TOKENS
from factory_assets.analyze.choosing import MERGE_OUTPUT_TOKENS
from factory_assets.analyze.reading import MAX_OUTPUT_TOKENS, MAX_SPLITS
from factory_assets.domain.builds import Usage
from factory_assets.llm.prices import cost_usd, worst_case_cost

# The longest abstract that arXiv takes (1,920 characters) with title and comment, and an ordinary one.
LONGEST_PAPER_TOKENS = 900
USUAL_PAPER_TOKENS = 550
STATIC_TOKENS = 4_500
CANDIDATE_TOKENS = 500


class AnalysisPlan(BaseModel):
    """Bounds for one analysis. `expected_usd` is a usual day, `worst_usd` the most it can cost."""

    model_config = ConfigDict(frozen=True)

    papers: int
    batches: int
    most_calls: int
    input_tokens: int
    expected_usd: float
    worst_usd: float


def plan_analysis(
    papers: int, *, model_name: str, specs_wanted: int, batch_tokens: int = BATCH_TOKENS
) -> AnalysisPlan:
    """Reckon an analysis of so many papers.

    The worst case: each paper as long as can be, every answer as long as allowed, each request asked twice
    because its first answer could not be read, all halvings used, a merge and a repair.

    Raises:
        InputError: no price is known for the model.
    """
    if papers <= 0:
        return AnalysisPlan(
            papers=0, batches=0, most_calls=0, input_tokens=0, expected_usd=0.0, worst_usd=0.0
        )
    room = max(1, batch_tokens - STATIC_TOKENS)
    batches = math.ceil(papers * LONGEST_PAPER_TOKENS / room)
    largest = min(batch_tokens, STATIC_TOKENS + papers * LONGEST_PAPER_TOKENS)
    requests = batches + 2 * MAX_SPLITS
    merge_input = STATIC_TOKENS + math.ceil(1.5 * specs_wanted) * CANDIDATE_TOKENS
    worst = 2 * (
        (requests + 1) * worst_case_cost(model_name, largest, MAX_OUTPUT_TOKENS)
        + worst_case_cost(model_name, merge_input, MERGE_OUTPUT_TOKENS)
    )
    usual = papers * USUAL_PAPER_TOKENS
    usual_batches = math.ceil(usual / room)
    # Hardly anything of it is cached: one batch is a whole day as a rule (llm.asking).
    request = Usage(
        calls=1,
        input_tokens=STATIC_TOKENS + math.ceil(usual / usual_batches),
        output_tokens=min(MAX_OUTPUT_TOKENS, specs_wanted * CANDIDATE_TOKENS),
    )
    expected = usual_batches * cost_usd(model_name, request)
    return AnalysisPlan(
        papers=papers,
        batches=usual_batches,
        most_calls=2 * (requests + 2),
        input_tokens=usual_batches * STATIC_TOKENS + usual,
        expected_usd=expected,
        worst_usd=worst,
    )
