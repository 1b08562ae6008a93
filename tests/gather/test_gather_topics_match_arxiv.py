"""Topic by topic, the local matcher labels exactly the papers that arXiv finds for the topic's query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest
from arxiv_api import ArxivApi

from factory_assets.domain.papers import Paper
from factory_assets.domain.text import single_line
from factory_assets.gather.arxiv import ArxivSource
from factory_assets.gather.expression import AllOf, AnyOf, Expression, SearchField, Term
from factory_assets.gather.matching import Matcher
from factory_assets.gather.topics import Topic, load_topics
from factory_assets.network.politeness import Politeness
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer
from factory_assets.settings import PROJECT_ROOT

SHIPPED = load_topics(PROJECT_ROOT / "factory_assets" / "gather" / "topics.yaml").topics
SAMPLE = [
    Paper(
        arxiv_id=record.id,
        version=record.version,
        title=single_line(record.title),
        abstract=single_line(record.summary),
        authors=record.authors,
        categories=record.categories,
        comment=record.comment,
        published=record.published,
        updated=record.changed,
    )
    for record in load_papers()
]


def sample_dates() -> list[date]:
    first, last = min(paper.day for paper in SAMPLE), max(paper.day for paper in SAMPLE)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def labelled_here(topics: Sequence[Topic]) -> dict[str, set[str]]:
    matcher = Matcher(topics)
    found: dict[str, set[str]] = {topic.name: set() for topic in topics}
    for paper in SAMPLE:
        for label in matcher.labels(paper):
            found[label].add(paper.arxiv_id)
    return found


@pytest.fixture(scope="module")
def arxiv(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArxivSource]:
    with ReplayServer(recordings=Recordings(), arxiv=ArxivApi.sample()) as server:
        yield ArxivSource(
            url=server.arxiv_url,
            politeness=Politeness(tmp_path_factory.mktemp("arxiv") / "lock", interval=0),
            user_agent="software-factory-tests",
            notify=pytest.fail,
        )


def found_there(arxiv: ArxivSource, topics: Sequence[Topic]) -> set[str]:
    batches = list(arxiv.batches(sample_dates(), topics))
    assert not any(batch.gaps for batch in batches)
    return {paper.arxiv_id for batch in batches for paper in batch.papers}


def test_every_shipped_topic_labels_what_its_query_finds(arxiv: ArxivSource) -> None:
    here = labelled_here(SHIPPED)
    there = {topic.name: found_there(arxiv, [topic]) for topic in SHIPPED}
    assert here == there
    assert sum(bool(papers) for papers in there.values()) >= 30, "the sample says little about the topics"


def test_the_joined_query_finds_exactly_the_union(arxiv: ArxivSource) -> None:
    assert found_there(arxiv, SHIPPED) == set().union(*labelled_here(SHIPPED).values())


def test_a_month_of_all_topics_is_one_request(arxiv: ArxivSource) -> None:
    (batch,) = arxiv.batches(sample_dates()[:30], SHIPPED)
    assert len(batch.papers) > 100
    assert batch.requests == 1


def abstract(text: str) -> Term:
    return Term(SearchField.ABSTRACT, text)


@pytest.mark.parametrize(
    "expression",
    [
        abstract("state-of-the-art"),
        abstract("the training of models"),
        abstract("model's"),
        abstract("possibly"),
        abstract("methodology"),
        AllOf((Term(SearchField.CATEGORY, "cs.*"), abstract("agents"))),
        AllOf(
            (AnyOf((Term(SearchField.TITLE, "agent"), abstract("tool"))), Term(SearchField.CATEGORY, "cs.AI"))
        ),
        AnyOf((Term(SearchField.CATEGORY, "cs.SE"), abstract("guardrail"))),
        AnyOf((AllOf((abstract("large"), abstract("model"))), abstract("GPT-4o"))),
    ],
    ids=str,
)
def test_other_expressions_agree_as_well(arxiv: ArxivSource, expression: Expression) -> None:
    topic = Topic(name="tried", domain="tests", expression=expression)
    assert found_there(arxiv, [topic]) == labelled_here([topic])["tried"] != set()
