"""arXiv's OAI sets: which papers are in them (https://github.com/arXiv/oaipmh: group, group:archive, and category)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# The one group that is more than the archive of its name (https://arxiv.org/category_taxonomy).
PHYSICS: Final = (
    "astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nlin", "nucl-ex", "nucl-th",
    "physics", "quant-ph",
)  # fmt: skip


def in_sets(categories: Sequence[str], set_specs: Sequence[str]) -> bool:
    """Whether a paper is in one of the sets, by any of its categories."""
    return any(
        category == wanted or category.startswith(f"{wanted}.")
        for set_spec in set_specs
        for wanted in _wanted(set_spec)
        for category in categories
    )


def _wanted(set_spec: str) -> Sequence[str]:
    group, *below = set_spec.split(":")
    if below:
        return (".".join(below),)
    return PHYSICS if group == "physics" else (group,)
