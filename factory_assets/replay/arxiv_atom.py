"""Atom as arXiv writes it: a page of papers, or an error (arXiv/arxiv-search, `search/serialize/atom.py`)."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from factory_assets.replay.arxiv_papers import ArxivRecord

_HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n"
    '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
    ' xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">\n'
)
_SCHEME = "http://arxiv.org/schemas/atom"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE = re.compile(r"(.{60,80}) (?=\S)")


@dataclass(frozen=True)
class AtomAnswer:
    """An HTTP answer whose body is a feed."""

    status: int
    body: bytes
    content_type: str = "application/atom+xml; charset=utf-8"


@dataclass(frozen=True)
class Asked:
    """What a page answers, as the feed repeats it."""

    search_query: str
    id_list: str
    start: int
    max_results: int

    def __str__(self) -> str:
        return (
            f"search_query={self.search_query}&id_list={self.id_list}"
            f"&start={self.start}&max_results={self.max_results}"
        )


def page(asked: Asked, *, total: int, papers: Sequence[ArxivRecord]) -> bytes:
    """The feed of one page, out of `total` papers found."""
    digest = base64.b64encode(hashlib.sha1(str(asked).encode(), usedforsecurity=False).digest())
    link = (
        f"https://arxiv.org/api/query?search_query={quote(asked.search_query, safe=':()')}"
        f"&start={asked.start}&max_results={asked.max_results}&id_list={asked.id_list}"
    )
    head = _feed_head(
        feed_id=f"https://arxiv.org/api/{digest.decode().rstrip('=')}",
        title=f"arXiv Query: {asked}",
        link=f'  <link href={quoteattr(link)} type="application/atom+xml"/>\n',
        counts=(asked.max_results, total, asked.start),
    )
    return f"{head}{''.join(map(_entry, papers))}</feed>\n".encode()


def error_page(message: str, *, link: str) -> bytes:
    """The feed that tells of an error: one entry, titled Error."""
    head = _feed_head(feed_id="https://arxiv.org/", title="arXiv Search Results", link="", counts=(1, 1, 0))
    return (
        f"{head}  <entry>\n    <id>{_text(link)}</id>\n    <title>Error</title>\n"
        f"    <updated>{_time(datetime.now(UTC))}</updated>\n"
        f'    <link href={quoteattr(link)} rel="alternate" type="text/html"/>\n'
        f"    <summary>{_text(message)}</summary>\n"
        "    <author>\n      <name>arXiv api core</name>\n    </author>\n  </entry>\n</feed>\n"
    ).encode()


def _feed_head(*, feed_id: str, title: str, link: str, counts: tuple[int, int, int]) -> str:
    per_page, total, start = counts
    return (
        f"{_HEAD}  <id>{_text(feed_id)}</id>\n  <title>{_text(title)}</title>\n"
        f"  <updated>{_time(datetime.now(UTC))}</updated>\n{link}"
        f"  <opensearch:itemsPerPage>{per_page}</opensearch:itemsPerPage>\n"
        f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n"
        f"  <opensearch:startIndex>{start}</opensearch:startIndex>\n"
    )


def _entry(paper: ArxivRecord) -> str:
    name = f"{paper.id}v{paper.version}"
    categories = "".join(
        f'    <category term={quoteattr(category)} scheme="{_SCHEME}"/>\n' for category in paper.categories
    )
    comment = f"    <arxiv:comment>{_text(paper.comment)}</arxiv:comment>\n" if paper.comment else ""
    authors = "".join(
        f"    <author>\n      <name>{_text(author)}</name>\n    </author>\n" for author in paper.authors
    )
    primary = quoteattr(paper.categories[0]) if paper.categories else '""'
    return (
        f"  <entry>\n    <id>http://arxiv.org/abs/{name}</id>\n"
        f"    <title>{_text(_lines(paper.id, paper.title))}</title>\n"
        f"    <updated>{_time(paper.changed)}</updated>\n"
        f'    <link href="https://arxiv.org/abs/{name}" rel="alternate" type="text/html"/>\n'
        f'    <link href="https://arxiv.org/pdf/{name}" rel="related" type="application/pdf" title="pdf"/>\n'
        f"    <summary>{_text(_lines(paper.id, paper.summary))}</summary>\n{categories}"
        f"    <published>{_time(paper.published)}</published>\n{comment}"
        f"    <arxiv:primary_category term={primary}/>\n{authors}  </entry>\n"
    )


def _lines(arxiv_id: str, text: str) -> str:
    """The text in lines, as arXiv keeps what was submitted so: here, every second paper's."""
    return _LINE.sub(r"\1\n  ", text) if zlib.crc32(arxiv_id.encode()) % 2 else text


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("", text))
