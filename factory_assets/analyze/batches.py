"""How papers are shown to the model, and how many fit one request."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from factory_assets.domain.papers import Paper
from factory_assets.domain.text import single_line, strip_hidden
from factory_assets.domain.tokens import tokens_of

# claude-haiku-5-5 charges every token of a prompt above 100,000 five times as much (genai-prices).
BATCH_TOKENS = 90_000

# No abstract on arXiv is longer than 1,920 characters; another source could send anything.
_MAX_ABSTRACT, _MAX_TITLE, _MAX_COMMENT = 4_000, 400, 300

_DELIMITER = re.compile(r"<(?=\s*/?\s*(?:papers?|invalid|candidates?|spec)\b)", re.IGNORECASE)


def as_data(text: str) -> str:
    """A text from outside that can neither hide anything from a reader nor end the block it is put in."""
    return _DELIMITER.sub("&lt;", strip_hidden(text))


def paper_text(paper: Paper) -> str:
    """One paper as the model sees it: every field on one line, its exact id in brackets first."""
    lines = [
        f"[{paper.arxiv_id}] {_field(paper.title, _MAX_TITLE)}",
        f"Categories: {_field(', '.join(paper.categories), _MAX_COMMENT)}",
    ]
    if paper.comment:
        lines.append(f"Comment: {_field(paper.comment, _MAX_COMMENT)}")
    lines.append(f"Abstract: {_field(paper.abstract, _MAX_ABSTRACT)}")
    return "\n".join(("<paper>", *lines, "</paper>"))


def title_line(paper: Paper) -> str:
    """One paper by id and title alone."""
    return f"[{paper.arxiv_id}] {_field(paper.title, _MAX_TITLE)}"


def _field(text: str, limit: int) -> str:
    line = as_data(single_line(text))
    return line if len(line) <= limit else line[:limit].rstrip() + "…"


def make_batches(papers: Sequence[Paper], *, budget: int) -> list[list[Paper]]:
    """Cut papers, in their order, into the fewest batches of at most `budget` tokens, evenly filled.

    A paper that is larger than the budget gets a batch of its own. The same papers give the same batches.
    """
    sizes = [tokens_of(paper_text(paper)) for paper in papers]
    fewest = len(_fill(papers, sizes, budget))
    limit = math.ceil(sum(sizes) / max(fewest, 1))
    while limit < budget and len(_fill(papers, sizes, limit)) > fewest:
        limit += max(1, limit // 50)
    return _fill(papers, sizes, min(limit, budget))


def _fill(papers: Sequence[Paper], sizes: Sequence[int], limit: int) -> list[list[Paper]]:
    batches: list[list[Paper]] = []
    filled = 0
    for paper, size in zip(papers, sizes, strict=True):
        if not batches or filled + size > limit:
            batches.append([])
            filled = 0
        batches[-1].append(paper)
        filled += size
    return batches


def candidates_wanted(specs_wanted: int, batches: int) -> int:
    """Specs to ask of each batch: all of one, of several half as many again as are needed, to choose from."""
    if batches <= 1:
        return specs_wanted
    return min(specs_wanted, math.ceil(1.5 * specs_wanted / batches))
