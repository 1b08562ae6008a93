"""arXiv's query language, case by case as arXiv's own parser reads it."""

from __future__ import annotations

import pytest
from arxiv_grammar import (
    BadQueryError,
    Binary,
    Field,
    GrammarTerm,
    Operator,
    fixed,
    parsed,
)


def read(query: str) -> str:
    """The query with all its parentheses, as arXiv reads it."""
    text = fixed(query)
    assert text is not None
    return str(parsed(text))


READINGS = {
    "a right-associative chain": ("ti:a AND ti:b OR ti:c", "ti:a AND (ti:b OR ti:c)"),
    "no precedence the other way round": ("ti:a OR ti:b AND ti:c", "ti:a OR (ti:b AND ti:c)"),
    "parentheses": ("(ti:a AND ti:b) OR ti:c", "(ti:a AND ti:b) OR ti:c"),
    "ANDNOT between terms": ("au:x ANDNOT (ti:a OR ti:b)", "au:x ANDNOT (ti:a OR ti:b)"),
    "ANDNOT takes the whole rest": ("ti:a ANDNOT ti:b AND ti:c", "ti:a ANDNOT (ti:b AND ti:c)"),
    "ANDNOT in a group": ("au:x OR (ANDNOT ti:a)", "au:x OR (ANDNOT ti:a)"),
    "a missing operator is OR": ("ti:a ti:b", "ti:a OR ti:b"),
    "a missing operator between groups is OR": ("(ti:a)(ti:b)", "ti:a OR ti:b"),
    "a word without a field is looked for everywhere": (
        "abs:speculative decoding",
        "abs:speculative OR all:decoding",
    ),
    "a phrase": ('abs:"speculative decoding"', 'abs:"speculative decoding"'),
    "a phrase is trimmed": ('ti:"  dark matter   "', 'ti:"dark matter"'),
    "a phrase after a phrase": ('ti:"a" "b"', 'ti:"a" OR all:"b"'),
    "an empty phrase": ('all:x AND au:"  "', "all:x AND au:"),
    "a field before a group": ("ti:(a OR b) AND abs:c", "(ti:a OR ti:b) AND abs:c"),
    "a field of its own inside a group": ("ti:(a AND abs:b)", "ti:a AND abs:b"),
    "nested groups": ("ti:(a AND (b OR c))", "ti:a AND (ti:b OR ti:c)"),
    "title as ti": ("title:a", "ti:a"),
    "NOT as ANDNOT": ("ti:a NOT ti:b", "ti:a ANDNOT ti:b"),
    "AND NOT as ANDNOT": ("ti:a AND NOT ti:b", "ti:a ANDNOT ti:b"),
    "the last of several operators": ("ti:a AND OR AND ti:b", "ti:a AND ti:b"),
    "lower-case operators are words": ("ti:a and ti:b", "ti:a OR (all:and OR ti:b)"),
    "an unknown field is a word": ("abstract:a", "all:abstract:a"),
    "an unclosed quotation mark is dropped": ('ti:"a b', "ti:a OR all:b"),
    "a literal plus joins words into one": (
        "abs:speculative+AND+abs:decoding",
        "abs:speculative+AND+abs:decoding",
    ),
    "line breaks are spaces": ("ti:a\nAND\r\nti:b", "ti:a AND ti:b"),
    "an author's underscore is a space": ("au:del_maestro", 'au:"del maestro"'),
    "only a leading author's underscore": ("ti:a AND au:del_maestro", "ti:a AND au:del_maestro"),
    "dates in brackets": (
        "submittedDate:[202606010000 TO 202606020000]",
        'submittedDate:"202606010000 TO 202606020000"',
    ),
    "days stand for their first and last minute": (
        "submittedDate:[20260601 TO 20260601]",
        'submittedDate:"202606010000 TO 202606012359"',
    ),
    "months and years, too": (
        "submittedDate:[2026 TO 202602]",
        'submittedDate:"202601010000 TO 202602282359"',
    ),
    "seconds are cut off": (
        "submittedDate:[20260601000059 TO 20260602000059]",
        'submittedDate:"202606010000 TO 202606020000"',
    ),
    "lastUpdatedDate is submittedDate": (
        "lastUpdatedDate:[20260601 TO 20260601]",
        'submittedDate:"202606010000 TO 202606012359"',
    ),
    "an open range is not a range": (
        "submittedDate:[20260601 TO *]",
        "submittedDate:[20260601 OR (all:TO OR all:*])",
    ),
}


@pytest.mark.parametrize(("query", "reading"), READINGS.values(), ids=READINGS.keys())
def test_a_query_is_read_as_arxiv_reads_it(query: str, reading: str) -> None:
    assert read(query) == reading


REFUSED = {
    "a trailing operator": "ti:a AND",
    "a leading operator": "OR ti:a",
    "nothing but operators": "AND AND AND",
    "an open group": "(ti:a",
    "a closed group too many": "ti:a)",
    "an empty group": "() AND ti:a",
    "a field without a value at the end": "ti:a AND au:",
    "a field before a field": 'all:ti:"a"',
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED.keys())
def test_what_fixing_does_not_make_right_is_refused(query: str) -> None:
    with pytest.raises(BadQueryError, match="Invalid query string"):
        read(query)


@pytest.mark.parametrize("query", ["", "   ", '"'])
def test_a_query_with_nothing_in_it_is_none(query: str) -> None:
    assert fixed(query) is None


def test_a_raw_query_is_not_fixed() -> None:
    with pytest.raises(BadQueryError):
        parsed("pineapple")
    assert parsed("ti: a OR(abs : b)") == Binary(
        Operator.OR, GrammarTerm(Field.TITLE, "a"), GrammarTerm(Field.ABSTRACT, "b")
    )


def test_a_chain_of_thousands_of_terms_is_read() -> None:
    query = parsed(" OR ".join(f"ti:w{number}" for number in range(5000)))
    assert isinstance(query, Binary)
