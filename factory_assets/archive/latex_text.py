"""The LaTeX source of a paper to plain sections; formulas stay as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory_assets.archive.latex_joined import joined
from factory_assets.archive.latex_markup import plain_text
from factory_assets.archive.read_text import ReadText, bounded, section

_BEGIN, _END = re.compile(r"\\begin\s*\{document\}"), re.compile(r"\\end\s*\{document\}")
_ABSTRACT, _ABSTRACT_END = re.compile(r"\\begin\s*\{abstract\}"), re.compile(r"\\end\s*\{abstract\}")
_HEADING = re.compile(r"\\(chapter|section)\s*\*?\s*(?:\[[^\]]{0,300}\]\s*)?\{")
_LONGEST_HEADING = 500


def read_latex(files: Mapping[str, str]) -> ReadText | None:
    """The sections of a paper's TeX files; None where none of them is a LaTeX document."""
    source = joined(files)
    if source is None:
        return None
    begin = _BEGIN.search(source)
    body = source[begin.end() :] if begin else source
    end = _END.search(body)
    body, abstract = _without_abstract(body[: end.start()] if end else body)
    return ReadText(
        sections=bounded([section(plain_text(heading), plain_text(text)) for heading, text in _parts(body)]),
        abstract=plain_text(abstract).strip(),
    )


def _without_abstract(body: str) -> tuple[str, str]:
    begin = _ABSTRACT.search(body)
    end = _ABSTRACT_END.search(body, begin.end()) if begin else None
    if begin is None or end is None:
        return body, ""
    return body[: begin.start()] + body[end.end() :], body[begin.end() : end.start()]


def _parts(body: str) -> Iterator[tuple[str, str]]:
    """The uppermost sections, heading and text; what stands before the first one has none."""
    headings = list(_HEADING.finditer(body))
    uppermost = "chapter" if any(match[1] == "chapter" for match in headings) else "section"
    text, heading = 0, ""
    for match in headings:
        end = _closed(body, match.end()) if match[1] == uppermost else None
        if end is None:
            continue
        yield heading, body[text : match.start()]
        heading, text = body[match.end() : end - 1], end
    yield heading, body[text:]


def _closed(body: str, start: int) -> int | None:
    """The place behind the brace that closes what was opened before `start`."""
    depth = 1
    for at in range(start, min(len(body), start + _LONGEST_HEADING)):
        if body[at - 1] == "\\":
            continue
        depth += (body[at] == "{") - (body[at] == "}")
        if depth == 0:
            return at + 1
    return None
