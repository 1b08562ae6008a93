"""Topic expressions, and the text of the arXiv query that says the same.

arXiv's grammar has no precedence, takes a missing operator as OR and a word without a field as `all:`
(arXiv/arxiv-search, `search/domain/classic_api`): so every term names its field, every group is in
parentheses, and whatever is more than one word is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from factory_assets.domain.stemming import GAP, stems

_TEXT = re.compile(r"[\w .'\u2019+-]+")
_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)*(?:\.(?:[A-Za-z]+(?:-[a-z]+)*|\*))?")


class SearchField(StrEnum):
    """Where a term is looked for, by arXiv's own prefix."""

    ABSTRACT = "abs"
    TITLE = "ti"
    CATEGORY = "cat"


@dataclass(frozen=True)
class Term:
    """A word or a phrase in one field, or a category (`cs.CL`, `cs.*`)."""

    field: SearchField
    text: str

    def __post_init__(self) -> None:
        """Refuse what arXiv would not look for as it is written.

        Raises:
            ValueError: saying what is wrong with the text.
        """
        if self.field is SearchField.CATEGORY:
            if _CATEGORY.fullmatch(self.text) is None:
                raise ValueError(f"{self.text!r} is no arXiv category such as cs.CL or cs.*")
        elif _TEXT.fullmatch(self.text) is None:
            raise ValueError(f"{self.text!r} holds more than letters, digits, spaces and - . ' +")
        elif set(stems(self.text)) <= {GAP}:
            raise ValueError(f"{self.text!r} holds no word that arXiv indexes")


@dataclass(frozen=True)
class AnyOf:
    """At least one of the parts."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class AllOf:
    """Every one of the parts."""

    parts: tuple[Expression, ...]


Expression = Term | AnyOf | AllOf


def terms(expression: Expression) -> Iterator[Term]:
    """Every term of an expression, in order."""
    if isinstance(expression, Term):
        yield expression
        return
    for part in expression.parts:
        yield from terms(part)


def query_text(expression: Expression) -> str:
    """The raw arXiv query of an expression: encode it once, in the HTTP client."""
    if isinstance(expression, Term):
        return _term_text(expression)
    operator = " OR " if isinstance(expression, AnyOf) else " AND "
    return f"({operator.join(query_text(part) for part in expression.parts)})"


def joined_query(expressions: Sequence[Expression]) -> str:
    """One query for whatever matches at least one of the expressions."""
    return query_text(expressions[0] if len(expressions) == 1 else AnyOf(tuple(expressions)))


def _term_text(term: Term) -> str:
    single = term.field is SearchField.CATEGORY or (len(stems(term.text)) == 1 and term.text.isalnum())
    return f"{term.field}:{term.text}" if single else f'{term.field}:"{term.text}"'
