"""How arXiv fixes a query before it reads it strictly: missing operators become OR, missing fields `all:`.

The order of the steps matters and is arXiv's (arXiv/arxiv-search, `classic_search_query.py`), its mistakes
included: a query that only works because it was fixed otherwise would not work there.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise


class _Kind(Enum):
    PREFIX = auto()
    OPEN = auto()
    CLOSE = auto()
    OPERATOR = auto()
    TEXT = auto()


@dataclass(frozen=True)
class _Token:
    kind: _Kind
    text: str


_PREFIXES = ("abs", "all", "au", "cat", "co", "doi", "id", "jr", "lastUpdatedDate", "rn", "submittedDate")
_TITLES = ("ti", "title")
_WORDS = re.compile(
    r'"[^"]*"'
    r"|(?P<OPEN>\()|(?P<CLOSE>\))"
    r"|(?P<OPERATOR>\b(?:AND|ANDNOT|NOT|OR)\b(?=[()\s]|$))"
    rf"|(?P<PREFIX>(?:{'|'.join(_PREFIXES + _TITLES)}):)"
    r'|(?P<TEXT>[^"()\s]+)'
)
_DATES = re.compile(r"submittedDate:\[([\d-]{4,14}) TO ([\d-]{4,14})\]")
_OR = _Token(_Kind.OPERATOR, "OR")
_ALL = _Token(_Kind.PREFIX, "all:")


def fixed(query: str) -> str | None:
    """The query that arXiv really reads, or None where there is nothing in it."""
    flat = re.sub(r"[\r\n]", " ", query).replace("lastUpdatedDate:", "submittedDate:")
    tokens = _tokens(_DATES.sub(_quoted_dates, flat))
    steps = (
        _not_as_andnot,
        _prefixes_into_groups,
        _with_prefixes,
        _last_of_operators,
        _with_operators,
        _names_with_spaces,
        _title_as_ti,
        _without_empty_prefixes,
    )
    for step in steps:
        tokens = step(tokens)
    return _joined(tokens) or None


def _quoted_dates(match: re.Match[str]) -> str:
    return (
        f'submittedDate:"{_whole_date(match[1], is_start=True)} TO {_whole_date(match[2], is_start=False)}"'
    )


def _whole_date(digits: str, *, is_start: bool) -> str:
    """A year, month, day or second as a minute: the first or the last one of it."""
    if not digits.isdigit():
        return digits
    digits = digits[:12]
    if len(digits) == 6 and is_start:
        digits += "01"
    elif len(digits) == 6:
        year, month = int(digits[:4]), int(digits[4:])
        if not 1 <= month <= 12 or year == 0:
            return digits
        digits += str(calendar.monthrange(year, month)[1])
    elif len(digits) == 4:
        digits += "0101" if is_start else "1231"
    if len(digits) == 8:
        digits += "0000" if is_start else "2359"
    return digits


def _tokens(query: str) -> list[_Token]:
    return [_Token(_kind(match), match[0]) for match in _WORDS.finditer(query)]


def _kind(match: re.Match[str]) -> _Kind:
    if match[0] in {"AND", "ANDNOT", "NOT", "OR"}:  # also where a quotation mark follows
        return _Kind.OPERATOR
    return _Kind[match.lastgroup or "TEXT"]


def _not_as_andnot(tokens: Sequence[_Token]) -> list[_Token]:
    done: list[_Token] = []
    for token in tokens:
        if token == _Token(_Kind.OPERATOR, "NOT"):
            if done and done[-1] == _Token(_Kind.OPERATOR, "AND"):
                done.pop()
            done.append(_Token(_Kind.OPERATOR, "ANDNOT"))
        else:
            done.append(token)
    return done


def _prefixes_into_groups(tokens: Sequence[_Token]) -> list[_Token]:
    """`ti:(a b)` as `(ti:a ti:b)`; a word with a prefix of its own keeps it."""
    done: list[_Token] = []
    outer: _Token | None = None
    depth = 0
    for token in tokens:
        if depth:
            depth += {_Kind.OPEN: 1, _Kind.CLOSE: -1}.get(token.kind, 0)
            if token.kind is _Kind.TEXT and outer is not None and done[-1].kind is not _Kind.PREFIX:
                done.append(outer)
        elif outer is not None and token.kind is _Kind.OPEN:
            done.pop()
            depth = 1
        elif outer is not None:
            outer = None  # also where this is the next prefix: arXiv forgets that one, too
        elif token.kind is _Kind.PREFIX:
            outer = token
        if not depth and token.kind is _Kind.CLOSE:
            outer = None
        done.append(token)
    return done


def _with_prefixes(tokens: Sequence[_Token]) -> list[_Token]:
    done: list[_Token] = []
    for token in tokens:
        if token.kind is _Kind.TEXT and not (done and done[-1].kind is _Kind.PREFIX):
            done.append(_ALL)
        done.append(token)
    return done


def _last_of_operators(tokens: Sequence[_Token]) -> list[_Token]:
    done: list[_Token] = []
    for token in tokens:
        if token.kind is _Kind.OPERATOR and done and done[-1].kind is _Kind.OPERATOR:
            done.pop()
        done.append(token)
    return done


def _with_operators(tokens: Sequence[_Token]) -> list[_Token]:
    starts = {_Kind.PREFIX, _Kind.OPEN, _Kind.TEXT}
    done: list[_Token] = []
    for token in tokens:
        before = done[-1].kind if done else None
        if (before in {_Kind.CLOSE, _Kind.TEXT} and token.kind in starts) or (
            before is _Kind.PREFIX and token.kind is _Kind.PREFIX
        ):
            done.append(_OR)
        done.append(token)
    return done


def _names_with_spaces(tokens: Sequence[_Token]) -> list[_Token]:
    """`au:del_maestro` as `au:"del maestro"`, if that is how the query begins.

    arXiv looks at the query's first term wherever an author stands: `ti:a_b AND au:c` asks for author "a b".
    """
    author = _Token(_Kind.PREFIX, "au:")
    first = tokens[1].text if len(tokens) > 1 else ""
    if "_" not in first:
        return list(tokens)
    spaced = first.replace("_", " ")
    name = _Token(_Kind.TEXT, spaced if '"' in spaced else f'"{spaced}"')
    if tokens[0] == author:
        return [author, name, *tokens[2:]]
    return [
        name if token.kind is _Kind.TEXT and before == author else token
        for before, token in zip([None, *tokens[:-1]], tokens, strict=True)
    ]


def _title_as_ti(tokens: Sequence[_Token]) -> list[_Token]:
    return [
        _Token(_Kind.PREFIX, "ti:") if token == _Token(_Kind.PREFIX, "title:") else token for token in tokens
    ]


def _without_empty_prefixes(tokens: Sequence[_Token]) -> list[_Token]:
    followers: list[_Token | None] = [*tokens, None][1:]
    return [
        token
        for token, follower in zip(tokens, followers, strict=True)
        if token.kind is not _Kind.PREFIX or (follower is not None and follower.kind is _Kind.TEXT)
    ]


def _joined(tokens: Sequence[_Token]) -> str:
    close_pairs = {
        (_Kind.OPEN, _Kind.PREFIX),
        (_Kind.TEXT, _Kind.CLOSE),
        (_Kind.PREFIX, _Kind.TEXT),
    }
    text = tokens[0].text if tokens else ""
    for before, token in pairwise(tokens):
        text += token.text if (before.kind, token.kind) in close_pairs else f" {token.text}"
    return text.strip()
