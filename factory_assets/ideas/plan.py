"""What making specs of a date's candidates can take at most, before it is started."""

from __future__ import annotations

from factory_assets.domain.builds import Usage
from factory_assets.domain.tokens import CHARS_PER_TOKEN
from factory_assets.ideas.asking import MAX_OUTPUT_TOKENS
from factory_assets.ideas.showing import MOST_IN_ALL
from factory_assets.llm.prices import cost_usd, worst_case_cost

# The rules and the schema, and, the second time, the first answer with what was wrong with it.
_RULES_TOKENS, _ANSWER_TOKENS = 4_000, MAX_OUTPUT_TOKENS + 2_000
# Each of the two questions is asked again where its answer cannot be read.
_READINGS = 2


# What the bench measures of a whole context, and of a spec with its claims (bench/RESULTS.md).
USUAL_TOKENS = 15_000
_USUAL_ANSWER_TOKENS = 750


def usual_usd(candidates: int, *, model_name: str) -> float:
    """Dollars of a usual date, of which each candidate is asked about once.

    Raises:
        InputError: no price is known for the model.
    """
    usage = Usage(calls=1, input_tokens=USUAL_TOKENS, output_tokens=_USUAL_ANSWER_TOKENS)
    return candidates * cost_usd(model_name, usage)


def worst_usd(candidates: int, *, model_name: str) -> float:
    """Dollars where every candidate's pieces are as long as can be, and every answer is wrong and unreadable at first.

    Raises:
        InputError: no price is known for the model.
    """
    pieces = round(MOST_IN_ALL / CHARS_PER_TOKEN)
    first = worst_case_cost(model_name, _RULES_TOKENS + pieces, MAX_OUTPUT_TOKENS)
    again = worst_case_cost(model_name, _RULES_TOKENS + pieces + _ANSWER_TOKENS, MAX_OUTPUT_TOKENS)
    return candidates * _READINGS * (first + again)
