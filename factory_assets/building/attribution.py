"""Who a repo's idea comes from, in its README: the factory writes it itself, whatever the agents have written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from factory_assets.domain.papers import Paper
from factory_assets.domain.text import single_line
from factory_assets.gates.markdown import read_markdown

README_FILE = "README.md"
HEADING = "## Attribution"
_MOST_AUTHORS = 20
# What begins something in Markdown or HTML, so that a title is a title and nothing more.
_SIGNS = re.compile(r"([\\`*_\[\]<>|#!~&])")


def attributed(readme: bytes, papers: Sequence[Paper], source_url: str) -> bytes:
    """A README with the section on title, authors, link and licence of each paper; where it has it, as it is.

    `source_url` is the page that an imported spec without papers came from. The section stands at the end, or at the
    top where the end is within a block of code or a comment that was never closed.
    """
    section = "\n".join([HEADING, "", *_lines(papers, source_url)]).encode()
    if section in readme:
        return readme
    targets = [paper.url for paper in papers] or [source_url]
    at_the_end = readme.rstrip() + b"\n\n" + section + b"\n"
    seen = {link.target for link in read_markdown(at_the_end.decode("utf-8", "replace")).links}
    return at_the_end if seen.issuperset(targets) else section + b"\n\n" + readme.lstrip()


def only_attributed(before: bytes, after: bytes) -> bool:
    """Whether a README differs from another by nothing but that section."""
    head = HEADING.encode()
    kept_above, kept_below = before.rstrip() + b"\n\n", b"\n\n" + before.lstrip()
    if after.startswith(kept_above + head):
        section = after.removeprefix(kept_above)
    elif after.startswith(head) and after.endswith(kept_below):
        section = after.removesuffix(kept_below)
    else:
        return False
    return section.count(b"\n#") == 0


def _lines(papers: Sequence[Paper], source_url: str) -> Iterator[str]:
    if not papers:
        yield f"The idea comes from <{source_url}>, whose text stays under its own licence."
    for paper in papers:
        yield f"*{_plain(paper.title)}*, by {_authors(paper.authors)}: <{paper.url}>."
        yield ""
    if papers:
        yield "Papers, and any code of their authors, stay under the licence that is named on their pages."
    yield "The code of this repository is under the MIT licence: see [LICENSE](LICENSE)."


def _authors(names: Sequence[str]) -> str:
    shown = ", ".join(map(_plain, names[:_MOST_AUTHORS])) or "authors named there"
    more = len(names) - _MOST_AUTHORS
    return f"{shown} and {more} more" if more > 0 else shown


def _plain(text: str) -> str:
    return _SIGNS.sub(r"\\\1", single_line(text))
