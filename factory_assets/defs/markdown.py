"""Markdown for metadata: tables and links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factory_assets.domain.papers import paper_url


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, or "none" without rows; pipes and newlines in cells cannot break it."""
    lines = [_row(row) for row in rows]
    return "\n".join([_row(headers), _row(["---"] * len(headers)), *lines]) if lines else "none"


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in cells) + " |"


def paper_links(arxiv_ids: Sequence[str]) -> str:
    """Each paper by its arXiv id, as a link to its page there."""
    return ", ".join(f"[{arxiv_id}]({paper_url(arxiv_id)})" for arxiv_id in arxiv_ids)


def code_block(text: str) -> str:
    """Output of a program, unformatted; a fence inside it cannot end the block."""
    return "\n".join("    " + line for line in text.splitlines())


def code_span(text: str) -> str:
    """A line of a program's output within a table, unformatted; a backtick inside it cannot end the span."""
    return "`" + text.replace("`", "'") + "`"
