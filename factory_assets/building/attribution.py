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
_PAPERS_LICENCE = (
    "Papers, and any code of their authors, stay under the licence that is named on their pages."
)
_OWN_LICENCE = "The code of this repository is under the MIT licence: see [LICENSE](LICENSE)."
_NAMED = re.compile(r"^- (Link|Authors|Licence): (\S.*)$", re.MULTILINE)
_AND_MORE = re.compile(r" and \d+ more$")


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


def attribution_faults(readme: str, spec_file: str, source_url: str) -> list[str]:
    """What README.md and SPEC.md of a shipped repo lack: title, authors, link and licence of each paper.

    SPEC.md says which papers there are; without any, README.md has to name `source_url`.
    """
    section = readme.partition(HEADING)[2].partition("\n#")[0]
    faults = [] if _OWN_LICENCE in section else [f"{README_FILE} does not say the repository's licence"]
    # Nothing but the template begins a line there: see the scaffold's SPEC.md.
    papers = spec_file.rpartition("\n## Papers\n")[2].split("\n### ")[1:]
    for told in papers:
        title = told.partition("\n")[0].strip()
        named = dict(_NAMED.findall(told))
        lacking = [name.lower() for name in ("Link", "Authors", "Licence") if name not in named]
        if lacking or not title:
            faults.append(f"SPEC.md names no {', '.join(lacking or ['title'])} of {title or 'a paper'}")
        elif not _is_told(section, title, named["Authors"], named["Link"]):
            faults.append(f"{README_FILE} does not name {title} with its authors and {named['Link']}")
    if papers and _PAPERS_LICENCE not in section:
        faults.append(f"{README_FILE} does not say under which licence the papers are")
    if not papers and f"<{source_url}>" not in section:
        faults.append(f"{README_FILE} does not name {source_url}, where the idea comes from")
    return faults


def _is_told(section: str, title: str, authors: str, link: str) -> bool:
    """Whether a line names the paper, and its authors or, of many, the first of them."""
    begins, ends = f"*{_plain(title)}*, by ", f": <{link}>."
    for line in section.splitlines():
        if line.startswith(begins) and line.endswith(ends):
            shown = _AND_MORE.sub("", line.removeprefix(begins).removesuffix(ends))
            return bool(shown) and _plain(authors).startswith(shown)
    return False


def _lines(papers: Sequence[Paper], source_url: str) -> Iterator[str]:
    if not papers:
        yield f"The idea comes from <{source_url}>, whose text stays under its own licence."
    for paper in papers:
        yield f"*{_plain(paper.title)}*, by {_authors(paper.authors)}: <{paper.url}>."
        yield ""
    if papers:
        yield _PAPERS_LICENCE
    yield _OWN_LICENCE


def _authors(names: Sequence[str]) -> str:
    shown = ", ".join(map(_plain, names[:_MOST_AUTHORS])) or "authors named there"
    more = len(names) - _MOST_AUTHORS
    return f"{shown} and {more} more" if more > 0 else shown


def _plain(text: str) -> str:
    return _SIGNS.sub(r"\\\1", single_line(text))
