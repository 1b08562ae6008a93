"""Markdown as the document gate reads it: code blocks, code spans, links and lists, each with its line.

Parsed by markdown-it-py as CommonMark says (https://spec.commonmark.org), with tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_OUTPUTS = frozenset({"text", "txt", "output", "json"})
_LISTS = ("bullet_list_open", "ordered_list_open", "table_open")
_ITEMS = ("list_item_open", "tr_open")
_MARKS = frozenset({"link_open", "strong_open", "em_open"})


@dataclass(frozen=True)
class Block:
    """A code block. `line` is that of its text; `shown` is a block of output that stands directly below it, and
    `beside` the paragraphs before and after it.
    """

    language: str
    text: str
    line: int
    shown: str | None = None
    beside: str = ""


@dataclass(frozen=True)
class Code:
    """A code span. `group` is the list or table that it begins an entry of, and None elsewhere."""

    text: str
    line: int
    group: int | None


@dataclass(frozen=True)
class Link:
    """A link or an image, and where it leads."""

    target: str
    line: int


@dataclass
class Document:
    """A parsed document. `body` is its text without headings, and `prose` that without code blocks."""

    blocks: list[Block] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    begins_with_title: bool = False

    @property
    def body(self) -> str:
        """The text without headings."""
        return "\n".join([*self.prose, *(block.text for block in self.blocks)])


def read_markdown(text: str) -> Document:
    """Read a document; whatever the text is, there is one."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text.removeprefix("\ufeff"))
    document = Document(begins_with_title=bool(tokens) and tokens[0].tag == "h1")
    groups: list[int] = []
    fresh = False
    for at, token in enumerate(tokens):
        if token.type in _LISTS:
            groups.append(at)
        elif token.type.replace("_close", "_open") in _LISTS:
            groups.pop()
        elif token.type in _ITEMS:
            fresh = True
        elif token.type in {"fence", "code_block"}:
            document.blocks.append(_block(tokens, at))
        elif token.type == "inline" and tokens[at - 1].type == "heading_open":
            document.codes += _codes(token, None)
        elif token.type == "inline":
            document.prose.append(token.content)
            document.codes += _codes(token, groups[-1] if fresh and groups else None)
            document.links += _links(token)
            fresh = False
    return document


def _block(tokens: list[Token], at: int) -> Block:
    token, after = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
    shown = after is not None and after.type == "fence" and _language(after) in _OUTPUTS
    first = (token.map or [0])[0] + (2 if token.type == "fence" else 1)
    around = [*tokens[max(0, at - 2) : at], *tokens[at + 1 : at + 3]]
    beside = "\n".join(one.content for one in around if one.type == "inline")
    return Block(_language(token), token.content, first, after.content if after and shown else None, beside)


def _language(token: Token) -> str:
    return (token.info.split() or [""])[0].lower()


def _codes(inline: Token, group: int | None) -> Iterator[Code]:
    leads = True
    for child in inline.children or []:
        if child.type == "code_inline":
            yield Code(child.content.strip(), _line(inline), group if leads else None)
        leads = leads and (child.type in _MARKS or not child.content.strip(" [x]"))


def _links(inline: Token) -> Iterator[Link]:
    for child in inline.children or []:
        target = child.attrGet("href") if child.type == "link_open" else child.attrGet("src")
        if isinstance(target, str) and target:
            yield Link(target, _line(inline))


def _line(token: Token) -> int:
    return (token.map or [0])[0] + 1
