"""The topics file: what ships, and what is said about a malformed one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from factory_assets.domain.errors import InputError
from factory_assets.gather.expression import AllOf, AnyOf, SearchField, Term, joined_query
from factory_assets.gather.topics import load_topics
from factory_assets.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "factory_assets" / "gather" / "topics.yaml"


def test_the_shipped_file_has_38_topics_in_11_domains() -> None:
    topics = load_topics(SHIPPED)
    assert Counter(topic.domain for topic in topics.topics) == {
        "inference and serving": 6,
        "RAG and retrieval": 3,
        "evaluation": 3,
        "agents": 4,
        "fine-tuning and alignment": 4,
        "safety": 4,
        "code": 3,
        "structured output": 3,
        "cost": 3,
        "context and memory": 3,
        "multimodal": 2,
    }
    assert len(topics.domain_of) == 38


def test_all_shipped_topics_fit_one_query() -> None:
    query = joined_query([topic.expression for topic in load_topics(SHIPPED).topics])
    assert len(query) < 2_100


def test_every_form_of_an_expression_is_read(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(
        "serving:\n  everything:\n    all:\n      - KV cache\n      - any: [title: serving, abstract: LLM]\n"
        "      - category: cs.*\n"
    )
    (topic,) = load_topics(file).topics
    assert (topic.name, topic.domain) == ("everything", "serving")
    assert topic.expression == AllOf(
        (
            Term(SearchField.ABSTRACT, "KV cache"),
            AnyOf((Term(SearchField.TITLE, "serving"), Term(SearchField.ABSTRACT, "LLM"))),
            Term(SearchField.CATEGORY, "cs.*"),
        )
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", ["no named domains"]),
        ("a: [", ["no YAML"]),
        ("a: {b: x}\na: {c: y}", ["'a' is given twice"]),
        ("a: {b: x}\nc: {b: y}", ["topic 'b'", "two domains"]),
        ("a: {}", ["domain 'a'", "no named topics"]),
        ("a: {b: }", ["topic 'b'", "Nothing is no expression"]),
        ("a: {b: {any: x}}", ["topic 'b'", "field 'any'", "not a list"]),
        ("a: {b: {any: []}}", ["topic 'b'", "field 'any'", "not a list"]),
        ("a: {b: {some: [x]}}", ["topic 'b'", "field 'some'", "no such field"]),
        ("a: {b: {any: [x], all: [y]}}", ["topic 'b'", "is no expression"]),
        ("a: {b: {all: [x, {title: [y]}]}}", ["topic 'b'", "field 'all', part 2, field 'title'", "not text"]),
        ("a: {b: {category: Computing}}", ["topic 'b'", "field 'category'", "no arXiv category"]),
        ("a: {b: 'compress*'}", ["topic 'b'", "letters, digits"]),
        ("a: {b: 'say \"x\"'}", ["topic 'b'", "letters, digits"]),
        ("a: {b: of the}", ["topic 'b'", "no word that arXiv indexes"]),
        ("a: {1: x}", ["domain 'a'", "1 is no name"]),
    ],
)
def test_a_malformed_file_is_one_error_that_names_the_place(
    tmp_path: Path, text: str, named: list[str]
) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_topics(file)
    message = str(caught.value)
    assert str(file) in message
    assert "Fix: " in message
    for words in named:
        assert words in message


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FACTORY_TOPICS_FILE"):
        load_topics(tmp_path / "none.yaml")
