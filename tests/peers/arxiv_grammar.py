"""arXiv's classic query language: a query's tree, read as strictly as arXiv reads it.

The rules were learnt from arXiv's own program (arXiv/arxiv-search, `search/domain/classic_api`): a query is
fixed first (`fixed`: missing fields and operators), and what is then not exactly right is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from arxiv_mending import fixed

__all__ = [
    "BadQueryError",
    "Binary",
    "Field",
    "GrammarTerm",
    "Negation",
    "Operator",
    "Query",
    "fixed",
    "parsed",
]


class Field(StrEnum):
    """What a term is looked for in, by its prefix."""

    TITLE = "ti"
    AUTHOR = "au"
    ABSTRACT = "abs"
    COMMENT = "co"
    DOI = "doi"
    JOURNAL = "jr"
    CATEGORY = "cat"
    REPORT = "rn"
    IDENTIFIER = "id"
    SUBMITTED = "submittedDate"
    ALL = "all"


class Operator(StrEnum):
    """How two queries are joined. There is no precedence: the right side is always the whole rest."""

    AND = "AND"
    OR = "OR"
    AND_NOT = "ANDNOT"


@dataclass(frozen=True)
class GrammarTerm:
    """One word or quoted phrase in one field; a value with nothing in it matches every paper."""

    field: Field
    value: str

    def __str__(self) -> str:
        return f"{self.field}:{self.value}"


@dataclass(frozen=True)
class Negation:
    """ANDNOT with nothing before it."""

    query: Query

    def __str__(self) -> str:
        return f"ANDNOT {_grouped(self.query)}"


@dataclass(frozen=True)
class Binary:
    """Two queries and what joins them."""

    operator: Operator
    left: Query
    right: Query

    def __str__(self) -> str:
        return f"{_grouped(self.left)} {self.operator} {_grouped(self.right)}"


Query = GrammarTerm | Negation | Binary


class BadQueryError(Exception):
    """The query is not in the language; arXiv answers 400."""


def parsed(text: str) -> Query:
    """The tree of a fixed query; an empty text matches every paper.

    Raises:
        BadQueryError: with arXiv's words.
    """
    reader = _Reader(text)
    if reader.at_end():
        return GrammarTerm(Field.ALL, "")
    query = reader.expression()
    if not reader.at_end():
        raise reader.refusal()
    return query


def _grouped(query: Query) -> str:
    return str(query) if isinstance(query, GrammarTerm) else f"({query})"


_SPACE = re.compile(r"\s*")
_OPEN, _CLOSE, _COLON = re.compile(r"\("), re.compile(r"\)"), re.compile(":")
_NEGATION = re.compile("ANDNOT")
_FIELD = re.compile("|".join(Field))
_OPERATOR = re.compile("ANDNOT|AND|OR")
_VALUE = re.compile(r'[^\s"()]+|"[^\n]*?(?<!\\)(?:\\\\)*?"')


class _Reader:
    """Reads a query from left to right; every method leaves the place behind what it read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def refusal(self) -> BadQueryError:
        return BadQueryError(f"Invalid query string: '{self._text}'")

    def at_end(self) -> bool:
        self._skip_space()
        return self._place == len(self._text)

    def expression(self) -> Query:
        """An operand, or a chain of them: `a AND b OR c` is `a AND (b OR c)`."""
        operands = [self._operand()]
        operators: list[Operator] = []
        while (operator := self._optional(_OPERATOR)) is not None:
            operators.append(Operator(operator))
            operands.append(self._operand())
        query = operands.pop()
        while operands:
            query = Binary(operators.pop(), operands.pop(), query)
        return query

    def _operand(self) -> Query:
        if self._optional(_OPEN) is not None:
            query = self.expression()
            self._required(_CLOSE)
            return query
        if self._optional(_NEGATION) is not None:
            return Negation(self.expression())
        field = Field(self._required(_FIELD))
        self._required(_COLON)
        return GrammarTerm(field, _trimmed(self._required(_VALUE)))

    def _required(self, pattern: re.Pattern[str]) -> str:
        found = self._optional(pattern)
        if found is None:
            raise self.refusal()
        return found

    def _optional(self, pattern: re.Pattern[str]) -> str | None:
        self._skip_space()
        match = pattern.match(self._text, self._place)
        if match is None:
            return None
        self._place = match.end()
        return match[0]

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._place)
        self._place = match.end() if match else self._place


def _trimmed(value: str) -> str:
    if not value.startswith('"'):
        return value
    inner = value[1:-1].strip()
    return f'"{inner}"' if inner else ""
