"""What is looked for in a full text: the section that tells the method, and a piece of it that fits a question."""

from __future__ import annotations

import re
from typing import Final

from factory_assets.domain.research import FullText, Section

EXCERPT_CHARS: Final = 8_000
"""As much of a text as goes into a research context."""

# A word that says that it is told here, then words that such a heading mostly has, each list before the next one.
_TELLING = tuple(
    re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for words in (
        r"method|methods|methodology|methodologies|our approach|approach|proposed \w+|the proposed \w+",
        r"framework|algorithm|algorithms|architecture|system|technique|design|formulation|implementation",
        r"model|models|pipeline|construction|overview",
    )
)
# "Evaluation method" and "Prior approaches" tell something else.
_OTHER = re.compile(
    r"\b(?:introduction|related|prior|previous|existing|background|preliminar\w+|motivation|literature|survey|dataset\w*|data"
    r"|experiment\w*|evaluat\w+|result\w*|discussion|conclusion\w*|concluding|limitation\w*|future|ablation\w*|analysis"
    r"|acknowledg\w+|appendix|supplement\w*|reference\w*|ethic\w*|impact|baseline\w*|set-?up|settings?)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?:]\s")
# A section that only says what is in the next one.
_LEAST = 300


def method_section(text: FullText) -> Section | None:
    """The section that tells how it is done, by its heading; None where no heading looks like one.

    A paper that calls that section by its tool's name is read by what stands around it: the longest section between
    introduction and evaluation whose heading says nothing else.
    """
    sections = [section for section in text.sections if len(section.text) >= _LEAST]
    plain = [section for section in sections if section.heading and not _OTHER.search(section.heading)]
    for words in _TELLING:
        for section in plain:
            if words.search(section.heading):
                return section
    first = next((at for at, one in enumerate(sections) if _OTHER.search(one.heading)), None)
    if first is None:
        return None
    between = sections[first + 1 :]
    while between and _OTHER.search(between[0].heading):
        between = between[1:]
    named: list[Section] = []
    for section in between:
        if _OTHER.search(section.heading):
            break
        named.append(section)
    return max(named, key=lambda section: len(section.text), default=None)


def excerpt(text: str, chars: int = EXCERPT_CHARS) -> str:
    """The beginning of a text, at most so many characters, cut after a paragraph or a sentence where there is one."""
    if len(text) <= chars:
        return text
    cut = text[:chars]
    ends = [match.end() for match in _SENTENCE_END.finditer(cut, chars // 2)]
    paragraph = cut.rfind("\n", chars // 2)
    end = max([paragraph, *ends], default=-1)
    return (cut[:end] if end > 0 else cut).rstrip()
