"""The local matcher sees words as arXiv's index does."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from gather_server import paper

from factory_assets.domain.papers import Paper
from factory_assets.domain.stemming import stems
from factory_assets.gather.expression import AllOf, AnyOf, Expression, SearchField, Term
from factory_assets.gather.matching import Matcher
from factory_assets.gather.topics import Topic

ANY_DAY = datetime(2026, 6, 1, tzinfo=UTC)


def matches(expression: Expression, one: Paper) -> bool:
    return bool(Matcher([Topic(name="t", domain="d", expression=expression)]).labels(one))


def in_abstract(phrase: str, abstract: str) -> bool:
    return matches(Term(SearchField.ABSTRACT, phrase), paper(1, ANY_DAY, abstract=abstract))


@pytest.mark.parametrize(
    ("phrase", "abstract"),
    [
        ("speculative decoding", "We decode speculatively; SPECULATIVE-DECODED text."),
        ("KV cache", "smaller KV caches"),
        ("key-value cache", "the key value caching"),
        ("tool use", "LLMs using a tool's use"),
        ("fine-tuning", "We fine-tuned it."),
        ("chain of thought", "a chain-of-thought prompt"),
        ("chain of thought", "a chain without thoughts"),
        ("node.js server", "Node.js servers"),
        ("guardrail", "…for “guardrails”."),
    ],
)
def test_word_forms_hyphens_and_case_do_not_matter(phrase: str, abstract: str) -> None:
    assert in_abstract(phrase, abstract)


@pytest.mark.parametrize(
    ("phrase", "abstract"),
    [
        ("speculative decoding", "decoding that is speculative"),
        ("speculative decoding", "speculative parallel decoding"),
        ("RAG", "storage and dragging"),
        ("chain of thought", "a chain thought"),
        ("cache", "a cached2 thing"),
    ],
)
def test_a_phrase_is_whole_words_in_a_row(phrase: str, abstract: str) -> None:
    assert not in_abstract(phrase, abstract)


def test_each_field_is_looked_at_alone() -> None:
    one = paper(1, ANY_DAY, title="Serving models", abstract="A cache.")
    assert matches(Term(SearchField.TITLE, "serving"), one)
    assert not matches(Term(SearchField.ABSTRACT, "serving"), one)
    assert not matches(Term(SearchField.TITLE, "cache"), one)


def test_a_category_may_be_any_of_the_papers_or_a_whole_archive() -> None:
    one = paper(1, ANY_DAY)
    assert matches(Term(SearchField.CATEGORY, "cs.AI"), one)
    assert matches(Term(SearchField.CATEGORY, "cs.*"), one)
    assert not matches(Term(SearchField.CATEGORY, "cs.CV"), one)


def test_any_needs_one_part_and_all_needs_every_part() -> None:
    one = paper(1, ANY_DAY, abstract="A cache for decoding.")
    here, absent = Term(SearchField.ABSTRACT, "cache"), Term(SearchField.ABSTRACT, "router")
    assert matches(AnyOf((absent, here)), one)
    assert not matches(AllOf((absent, here)), one)


def test_stems_are_those_of_lucene() -> None:
    # Lucene's Porter stemmer, unlike snowball's, takes -bli and -logi further.
    assert stems("possibly possible methodology methodologies") == [
        "possibl",
        "possibl",
        "methodolog",
        "methodolog",
    ]
    assert stems("3.14 and the e.g 1,000 foo_bar") == ["3.14", "_", "_", "e.g", "1,000", "foo_bar"]


def test_words_of_one_or_two_letters_have_no_stem_of_their_own() -> None:
    assert stems("US OS's 5s AI vs s") == ["us", "os", "5s", "ai", "vs", "s"]


def test_threads_that_stem_at_once_do_not_mix_their_words_up() -> None:
    texts = [" ".join(f"{head}{number}ization" for number in range(300)) for head in ("token", "gener", "x")]
    alone = [stems(text) for text in texts]
    pause = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(max_workers=len(texts)) as pool:
            together = list(pool.map(stems, texts))
    finally:
        sys.setswitchinterval(pause)
    assert together == alone


def test_two_thousand_papers_are_labelled_well_under_three_seconds() -> None:
    words = [f"{head}{number}ing" for number in range(2_000) for head in ("token", "cach", "mode", "retriev")]
    papers = [
        paper(number, ANY_DAY, abstract=" ".join(words[number % 4_000 : number % 4_000 + 200]))
        for number in range(2_000)
    ]
    matcher = Matcher(
        Topic(name=f"t{number}", domain="d", expression=Term(SearchField.ABSTRACT, f"caching model{number}"))
        for number in range(100)
    )
    started = time.process_time()
    for one in papers:
        matcher.labels(one)
    assert time.process_time() - started < 3
