"""What is read out of a paper's page or source, before anybody has judged whether it is a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from factory_assets.domain.research import Section
from factory_assets.domain.text import strip_hidden

MOST_CHARS: Final = 400_000
"""Of a paper's text so much is kept: some 60,000 words, which a thesis may exceed."""

_MOST_HEADING = 300


@dataclass(frozen=True)
class ReadText:
    """Its sections in order, the abstract that the document itself has, and its version where it says which it is."""

    sections: tuple[Section, ...]
    abstract: str = ""
    version: int | None = None


def section(heading: str, text: str) -> Section | None:
    """A section in plain text, white space folded line by line; None where it says nothing."""
    lines = (" ".join(line.split()) for line in strip_hidden(text).splitlines())
    body = "\n".join(line for line in lines if line)
    named = " ".join(strip_hidden(heading).split())[:_MOST_HEADING]
    return Section(heading=named, text=body) if body else None


def bounded(sections: list[Section | None]) -> tuple[Section, ...]:
    """Those that say something, until there is more than is kept."""
    kept: list[Section] = []
    left = MOST_CHARS
    for one in sections:
        if one is None:
            continue
        if left > 0:
            kept.append(Section(heading=one.heading, text=one.text[:left]))
        left -= len(one.text)
    return tuple(kept)
