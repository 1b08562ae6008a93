"""The query text under arXiv's grammar, and windows over dates."""

from __future__ import annotations

from datetime import date

from factory_assets.gather.arxiv import window_query
from factory_assets.gather.expression import AllOf, AnyOf, SearchField, Term, joined_query, query_text
from factory_assets.gather.topics import Topic
from factory_assets.gather.windows import DateWindow, contiguous, next_days


def term(text: str, field: SearchField = SearchField.ABSTRACT) -> Term:
    return Term(field, text)


def test_a_phrase_is_quoted_and_a_word_is_not() -> None:
    assert query_text(term("speculative decoding")) == 'abs:"speculative decoding"'
    assert query_text(term("guardrail")) == "abs:guardrail"


def test_a_word_that_arxiv_would_take_apart_is_quoted() -> None:
    assert query_text(term("fine-tuning", SearchField.TITLE)) == 'ti:"fine-tuning"'


def test_a_category_is_never_quoted() -> None:
    assert query_text(term("cs.CL", SearchField.CATEGORY)) == "cat:cs.CL"


def test_every_group_has_parentheses_because_arxiv_has_no_precedence() -> None:
    expression = AllOf((AnyOf((term("a1"), term("b1"))), term("c1")))
    assert query_text(expression) == "((abs:a1 OR abs:b1) AND abs:c1)"
    assert joined_query([expression, term("d1")]) == "(((abs:a1 OR abs:b1) AND abs:c1) OR abs:d1)"


def test_a_window_asks_up_to_the_next_midnight() -> None:
    topics = [Topic(name="x", domain="y", expression=term("a1"))]
    query = window_query(DateWindow(date(2026, 6, 30), date(2026, 6, 30)), topics)
    assert query == "abs:a1 AND submittedDate:[202606300000 TO 202607010000]"


def test_dates_become_the_fewest_contiguous_windows() -> None:
    days = [date(2026, 6, 3), date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 30), date(2026, 7, 1)]
    assert contiguous([*days, days[0]]) == (
        DateWindow(date(2026, 6, 1), date(2026, 6, 3)),
        DateWindow(date(2026, 6, 30), date(2026, 7, 1)),
    )


def test_halves_hold_every_date_once() -> None:
    window = DateWindow(date(2026, 6, 1), date(2026, 6, 5))
    first, second = window.halves()
    assert first.dates + second.dates == window.dates
    assert DateWindow(window.first, window.first).halves() == (DateWindow(window.first, window.first),)


def test_the_next_window_is_sized_by_what_the_last_one_brought() -> None:
    assert next_days(days=30, hits=3_000) == 75
    assert next_days(days=30, hits=0) == 366
    assert next_days(days=1, hits=9_999) == 1
