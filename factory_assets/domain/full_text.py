"""What is looked for in a full text: the section that tells the method, and a piece of it that fits a question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import dropwhile, takewhile
from typing import Final

from factory_assets.domain.research import FullText, Section

EXCERPT_CHARS: Final = 8_000
"""As much of a text as goes into a research context."""

# Words that say that it is told here, those of the first list before those of the second; the last ones are also said
# of what a method works on, and mean something where nothing else does.
_TELLING = tuple(
    re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for words in (
        r"methods?|methodology|methodologies|approach|proposed \w+",
        r"frameworks?|algorithms?|architecture|techniques?",
    )
)
_PERHAPS = re.compile(
    r"\b(?:systems?|models?|pipeline|construction|overview|design|formulation|implementation)\b",
    re.IGNORECASE,
)
# "Evaluation method" and "Prior approaches" tell something else.
_OTHER = re.compile(
    r"\b(?:introduction|related|prior|previous|existing|background|preliminar\w+|motivation|literature|survey|datasets?|data$"
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
    named = max(_first_after_others(sections), key=lambda section: len(section.text), default=None)
    return named or next((section for section in plain if _PERHAPS.search(section.heading)), None)


def _first_after_others(sections: Sequence[Section]) -> Iterator[Section]:
    """The first sections in a row, after such as the introduction, whose headings say nothing else."""
    after = dropwhile(lambda section: not _OTHER.search(section.heading), sections)
    rest = dropwhile(lambda section: _OTHER.search(section.heading), after)
    return takewhile(lambda section: not _OTHER.search(section.heading), rest)


def excerpt(text: str, chars: int = EXCERPT_CHARS) -> str:
    """The beginning of a text, at most so many characters, cut after a paragraph or a sentence where there is one."""
    if len(text) <= chars:
        return text
    cut = text[:chars]
    ends = [match.end() for match in _SENTENCE_END.finditer(cut, chars // 2)]
    paragraph = cut.rfind("\n", chars // 2)
    end = max([paragraph, *ends], default=-1)
    return (cut[:end] if end > 0 else cut).rstrip()
