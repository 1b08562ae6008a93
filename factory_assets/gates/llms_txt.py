"""Reading llms.txt as llmstxt.org describes it: a title, a summary, and sections of links."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ITEM = re.compile(r"^[-*+]\s+(?P<rest>.+)$")
_LINK = re.compile(
    r"^\[(?P<name>[^\]]+)\]\(\s*<?(?P<url>[^)\s>]+)>?\s*\)(?:\s*[:\u2013\u2014-]\s*(?P<notes>.*))?\s*$"
)


@dataclass(frozen=True)
class Link:
    """One entry of a section."""

    name: str
    url: str
    notes: str
    line: int


@dataclass(frozen=True)
class Section:
    """An H2 heading and the links below it."""

    title: str
    links: tuple[Link, ...]
    line: int


@dataclass(frozen=True)
class LlmsText:
    """What was read, and what does not follow the form, each with its line."""

    title: str
    summary: str
    sections: tuple[Section, ...]
    faults: tuple[str, ...]

    @property
    def links(self) -> tuple[Link, ...]:
        """The links of all sections."""
        return tuple(link for section in self.sections for link in section.links)


def parse_llms_txt(text: str) -> LlmsText:
    """Read an llms.txt. Prose is free above the first section; a section's list holds links only.

    See https://llmstxt.org, "Format".
    """
    lines = text.removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    faults = []
    if not re.match(r"# +\S", first):
        faults.append("does not begin with a heading (# …)")
    quoted = [line.lstrip("> ").strip() for line in lines[: _first_section(lines)] if line.startswith(">")]
    summary = " ".join(part for part in quoted if part)
    if not summary:
        faults.append("has no blockquote (> …) that says in a sentence what this is")
    sections: list[Section] = []
    for number, line in enumerate(lines, start=1):
        if re.match(r"# +\S", line) and line is not first:
            faults.append(f"line {number}: a second heading of the first level")
        elif line.startswith("## "):
            sections.append(Section(line[3:].strip(), (), number))
        elif sections and (item := _ITEM.match(line)):
            link = _LINK.match(item["rest"].strip())
            if link is None:
                faults.append(
                    f"line {number}: no link of the form `- [name](url): notes`: {line.strip()[:80]}"
                )
                continue
            entry = Link(link["name"], link["url"], (link["notes"] or "").strip(), number)
            last = sections[-1]
            sections[-1] = Section(last.title, (*last.links, entry), last.line)
    faults += [
        f"line {section.line}: the section {section.title} links to nothing"
        for section in sections
        if not section.links
    ]
    if not any(section.links for section in sections):
        faults.append("links to nothing")
    return LlmsText(first.removeprefix("#").strip(), summary, tuple(sections), tuple(faults))


def _first_section(lines: list[str]) -> int:
    return next((at for at, line in enumerate(lines) if line.startswith("## ")), len(lines))
