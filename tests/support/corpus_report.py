"""The last word on the corpus: how many of its bad builds were caught and how many good ones shipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def corpus_summary(stats: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Lines for pytest's summary; none where no case of the corpus ran. Reports come from every worker."""
    kinds = [
        (dict(report.user_properties).get("corpus"), report.passed)
        for outcome in ("passed", "failed")
        for report in stats.get(outcome, ())
        if report.when == "call"
    ]
    bad, good = ([passed for kind, passed in kinds if kind == wanted] for wanted in ("bad", "good"))
    if bad or good:
        yield (
            f"bad builds caught: {sum(bad)} of {len(bad)}; good builds shipped: {sum(good)} of {len(good)}"
        )
