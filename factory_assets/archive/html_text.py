"""arXiv's HTML version of a paper, as LaTeXML makes it, to plain sections.

Classes: https://math.nist.gov/~BMiller/LaTeXML/manual/ and its schema; what arXiv lays around the article, and its
pages for papers without HTML: https://github.com/arXiv/arxiv-browse (browse/templates/dissemination).
"""

from __future__ import annotations

import re

import lxml.html
from lxml.etree import ParserError
from lxml.html import HtmlElement

from factory_assets.archive.read_text import ReadText, bounded, section
from factory_assets.domain.research import Section

_ARTICLE = "ltx_document"
# A lecture or a letter may have subsections alone.
_SECTIONS = frozenset({"ltx_section", "ltx_subsection", "ltx_chapter", "ltx_appendix", "ltx_part"})
_LEFT_OUT = frozenset(
    {
        "ltx_abstract",
        "ltx_acknowledgements",
        "ltx_authors",
        "ltx_bibliography",
        "ltx_classification",
        "ltx_dates",
        "ltx_eqn_eqno",
        "ltx_ERROR",
        "ltx_index",
        "ltx_keywords",
        "ltx_note",
        "ltx_page_footer",
        "ltx_page_header",
        "ltx_page_navbar",
        "ltx_pagination",
        "ltx_tabular",
        "ltx_title_document",
        "ltx_TOC",
    }
)
_NO_TEXT = frozenset(
    {"script", "style", "svg", "nav", "header", "footer", "button", "img", "object", "template", "iframe"}
)
_BLOCKS = frozenset(
    {
        *("article", "section", "div", "blockquote", "p", "pre", "br", "figure", "figcaption"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "ol", "ul", "li", "dl", "dt", "dd", "table", "tr"),
    }
)
# An algorithm is the method itself; other figures and tables need more than their words.
_ALGORITHMS = frozenset({"ltx_float_algorithm", "ltx_algorithm", "ltx_lstlisting", "ltx_listing"})
# arXiv says it on the page itself where the conversion has broken off.
_BROKEN_OFF = "Conversion to HTML had a Fatal error"
_VERSIONED = re.compile(r"arXiv:\S+v(\d{1,4})\b")
# Notices, keywords and such before the first section; a text that has some of its own there has more.
_LEAST_BEFORE = 500


def read_html(page: bytes) -> ReadText | None:
    """The sections of a paper's page; None where the page is not LaTeXML's article, or one that is broken off."""
    # Bytes that are no UTF-8 would make the whole page Latin-1.
    text = page.decode("utf-8", "replace").replace("\0", "")
    if not text.strip() or _BROKEN_OFF in text:
        return None
    try:
        document = lxml.html.document_fromstring(
            text.encode(),
            parser=lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True),
        )
    except ParserError:
        return None
    article = _first(document, _ARTICLE)
    if article is None:
        return None
    abstract = _first(article, "ltx_abstract")
    sections = [_section(element) for element in _tops(article)]
    before = section("", _plain(article, leave=_SECTIONS))
    if before and (not any(sections) or len(before.text) >= _LEAST_BEFORE):
        sections.insert(0, before)
    return ReadText(
        sections=bounded(sections),
        abstract="" if abstract is None else _plain(abstract, leave=frozenset({"ltx_title"})).strip(),
        version=_version(document),
    )


def _tops(article: HtmlElement) -> list[HtmlElement]:
    """The uppermost sections: those within a part or a chapter are text of theirs."""
    found: list[HtmlElement] = []
    waiting = [article]
    while waiting:
        element = waiting.pop()
        if _classes(element) & _SECTIONS:
            found.append(element)
        else:
            waiting += reversed([child for child in element if isinstance(child.tag, str)])
    return found


def _section(element: HtmlElement) -> Section | None:
    title = next((child for child in element if "ltx_title" in _classes(child)), None)
    if title is None:
        return section("", _plain(element))
    heading = _plain(title)
    # The tail belongs to the section, and a heading has none of its own.
    title.clear(keep_tail=True)
    return section(heading, _plain(element))


def _plain(element: HtmlElement, *, leave: frozenset[str] = frozenset()) -> str:
    pieces: list[str] = []
    _collect(element, leave | _LEFT_OUT, pieces, top=True)
    return "".join(pieces)


def _collect(element: HtmlElement, leave: frozenset[str], pieces: list[str], *, top: bool = False) -> None:
    # libxml2 nests no page deeper than 255 elements.
    if not isinstance(element.tag, str):
        return
    classes = _classes(element)
    if element.tag == "math":
        pieces.append(_formula(element))
        return
    if not top and (element.tag in _NO_TEXT or classes & leave):
        return
    if not top and _is_illustration(element, classes):
        # A figure may be drawn around an algorithm.
        for inner in element.iterdescendants("figure", "div"):
            if _classes(inner) & _ALGORITHMS:
                _collect(inner, leave, pieces)
                break
        return
    block = element.tag in _BLOCKS or "ltx_listingline" in classes
    if block:
        pieces.append("\n")
    pieces.append(_folded(element.text))
    for child in element:
        _collect(child, leave, pieces)
        pieces.append(_folded(child.tail))
    if block or "ltx_tag" in classes:
        # The number of a line stands against its text.
        pieces.append("\n" if block else " ")


def _is_illustration(element: HtmlElement, classes: set[str]) -> bool:
    if element.tag == "table":
        return not any(name.startswith(("ltx_eqn", "ltx_equation")) for name in classes)
    return element.tag == "figure" and not classes & _ALGORITHMS


def _formula(element: HtmlElement) -> str:
    tex = " ".join((element.get("alttext") or "").split())
    return f"${tex}$" if tex else " "


def _folded(text: str | None) -> str:
    # A line of the page's source is no line of the text.
    return re.sub(r"\s+", " ", text) if text else ""


def _first(element: HtmlElement, name: str) -> HtmlElement | None:
    return next((one for one in element.iter() if name in _classes(one)), None)


def _classes(element: HtmlElement) -> set[str]:
    return set((element.get("class") or "").split()) if isinstance(element.tag, str) else set()


def _version(document: HtmlElement) -> int | None:
    """What arXiv's mark beside the article says, as arXiv:1706.03762v7 [cs.CL] 02 Aug 2023."""
    mark = document.get_element_by_id("watermark-tr", None)
    match = _VERSIONED.search("" if mark is None else mark.text_content())
    return int(match[1]) if match else None
