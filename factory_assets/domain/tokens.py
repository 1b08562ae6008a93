"""How many tokens a text is: an estimate, because the model's own tokenizer is not to be had.

A character count is off by about a fifth either way: English prose has fewer tokens than this, code and JSON have more.
What a call has cost is never estimated so: the API counts it.
"""

from __future__ import annotations

import math

# The tokenizer of the Claude 5.5 models makes about a third more tokens of a text than older ones, which had about four
# characters each: https://platform.claude.com/docs/en/about-claude/models/overview.
CHARS_PER_TOKEN = 3.0


def tokens_of(text: str) -> int:
    """About how many tokens a text is."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)
