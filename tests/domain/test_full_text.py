"""Finding the method in a full text, and cutting a piece of it."""

from __future__ import annotations

import pytest

from factory_assets.domain.full_text import excerpt, method_section
from factory_assets.domain.research import FullText, Section


def text(*headings: str, lengths: dict[str, int] | None = None) -> FullText:
    return FullText(
        arxiv_id="2606.00001",
        source="https://arxiv.org/html/2606.00001",
        licence=None,
        quotable=False,
        sections=tuple(
            Section(heading=heading, text="x" * (lengths or {}).get(heading, 1000)) for heading in headings
        ),
    )


@pytest.mark.parametrize(
    ("headings", "method"),
    [
        (["1 Introduction", "2 Related Work", "3 Method", "4 Experiments"], "3 Method"),
        (["I Introduction", "II Proposed Framework", "III Results"], "II Proposed Framework"),
        (["Introduction", "System Model", "Our Approach", "Evaluation Methodology"], "Our Approach"),
        (
            ["1 Introduction", "2 Existing Methods", "3 The FooNet Architecture", "4 Results"],
            "3 The FooNet Architecture",
        ),
        (["1 Introduction", "2 Background", "3 FooNet", "4 Training FooNet", "5 Experiments"], "3 FooNet"),
        (
            ["Introduction", "Problem Formulation", "A Data-Driven Framework", "Results"],
            "A Data-Driven Framework",
        ),
        (["Introduction", "Related Work", "The Model", "Conclusion"], "The Model"),
        (["System Overview", "Deployment"], "System Overview"),
        (["Introduction", "Experiments", "Conclusion"], None),
        (["", "Introduction"], None),
        ([], None),
    ],
)
def test_the_method_is_found_by_its_heading_or_by_what_stands_around_it(
    headings: list[str], method: str | None
) -> None:
    found = method_section(text(*headings))
    assert (found.heading if found else None) == method


def test_of_sections_named_after_the_tool_the_longest_is_taken_and_a_mere_sentence_never() -> None:
    sized = {"FooNet": 900, "Training it": 2000, "Method": 100}
    found = method_section(text("Introduction", "FooNet", "Training it", "Method", "Results", lengths=sized))
    assert found is not None
    assert found.heading == "Training it"


def test_an_excerpt_ends_with_a_sentence_or_a_paragraph_where_there_is_one() -> None:
    assert excerpt("Short.") == "Short."
    assert (
        excerpt("One sentence. Two sentences and more. Three", 40) == "One sentence. Two sentences and more."
    )
    assert excerpt("One line and so on\nTwo lines", 25) == "One line and so on"
    assert excerpt("x" * 9000) == "x" * 8000
