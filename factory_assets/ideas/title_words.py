"""Words of titles that say nothing of what a paper is about."""

from __future__ import annotations

EMPTY_WORDS = frozenset({
    "analysis", "approach", "based", "benchmark", "benchmarking", "evaluating", "evaluation", "framework", "from",
    "large", "language", "learning", "method", "methods", "model", "models", "new", "novel", "paper", "study",
    "through", "toward", "towards", "using", "via",
})  # fmt: skip
