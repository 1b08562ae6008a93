"""The searching peer's query API as a client sees it: Atom, pages, sorting, errors."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import feedparser
import pytest
from arxiv_api import ArxivApi

from factory_assets.gather.expression import joined_query, query_text
from factory_assets.gather.matching import Matcher
from factory_assets.gather.topics import TopicSet, load_topics
from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers
from factory_assets.settings import PROJECT_ROOT

JUNE_17 = "submittedDate:[202606170000 TO 202606180000]"


def feed(api: ArxivApi, **params: str) -> feedparser.FeedParserDict:
    answer = api.answer(params)
    assert answer.status == 200, answer.body.decode()
    parsed = feedparser.parse(answer.body, response_headers={"content-type": answer.content_type})
    assert not parsed.bozo
    return parsed


def ids(parsed: feedparser.FeedParserDict) -> list[str]:
    return [entry.id.removeprefix("http://arxiv.org/abs/") for entry in parsed.entries]


@pytest.fixture(scope="module")
def sample() -> ArxivApi:
    return ArxivApi.sample()


@pytest.fixture(scope="module")
def topics() -> TopicSet:
    return load_topics(PROJECT_ROOT / "factory_assets" / "gather" / "topics.yaml")


@pytest.fixture(scope="module")
def many() -> ArxivApi:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    return ArxivApi(
        [
            ArxivRecord(
                id=f"2606.{number:05d}",
                title="Agents",
                summary="One of many.",
                authors=("A. N. Author",),
                categories=("cs.AI",),
                published=start + timedelta(minutes=number),
            )
            for number in range(12_000)
        ]
    )


def test_an_entry_carries_what_arxiv_sends(sample: ArxivApi) -> None:
    record = next(
        one for one in load_papers() if one.comment and len(one.categories) > 1 and len(one.authors) > 1
    )
    [entry] = feed(sample, id_list=record.id).entries
    assert entry.id == f"http://arxiv.org/abs/{record.id}v1"
    assert " ".join(entry.title.split()) == " ".join(record.title.split())
    assert " ".join(entry.summary.split()) == " ".join(record.summary.split())
    assert entry.published == f"{record.published:%Y-%m-%dT%H:%M:%SZ}"
    assert entry.updated == entry.published
    assert entry.arxiv_comment == record.comment
    assert entry.arxiv_primary_category["term"] == record.categories[0]
    assert [tag.term for tag in entry.tags] == list(record.categories)
    assert [author.name for author in entry.authors] == list(record.authors)
    assert entry.link == f"https://arxiv.org/abs/{record.id}v1"
    assert [link.href for link in entry.links if link.get("title") == "pdf"] == [
        f"https://arxiv.org/pdf/{record.id}v1"
    ]


def test_titles_hold_line_breaks_now_and_then(sample: ArxivApi) -> None:
    titles = [entry.title for entry in feed(sample, search_query=JUNE_17, max_results="200").entries]
    assert 0 < sum("\n" in title for title in titles) < len(titles)


def test_markup_and_control_characters_come_through_as_text() -> None:
    record = ArxivRecord(
        id="2606.00001",
        title="a < b & $c > d$ ]]>",
        summary="bell \x07 and \ufffe",
        authors=('"Q" <q@x>',),
        categories=("cs.AI",),
        published=datetime(2026, 6, 1, tzinfo=UTC),
    )
    [entry] = feed(ArxivApi([record]), search_query="all:bell").entries
    assert entry.title == "a < b & $c > d$ ]]>"
    assert entry.authors[0].name == '"Q" <q@x>'


def test_ten_papers_come_unless_more_are_asked_for(sample: ArxivApi) -> None:
    page = feed(sample, search_query=JUNE_17)
    assert (page.feed.opensearch_totalresults, page.feed.opensearch_itemsperpage) == ("189", "10")
    assert page.feed.opensearch_startindex == "0"
    assert len(page.entries) == 10


def test_pages_together_are_the_whole_result_once(many: ArxivApi) -> None:
    asked = {
        "search_query": "ti:agent",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
        "max_results": "2000",
    }
    pages = [many.answer(asked | {"start": str(start)}).body.decode() for start in range(0, 10_000, 2_000)]
    assert all("<opensearch:totalResults>12000<" in page for page in pages)
    got = [one for page in pages for one in re.findall("<id>http://arxiv.org/abs/(.+)</id>", page)]
    assert got == [f"2606.{number:05d}v1" for number in range(10_000)]


def test_a_page_past_the_end_is_empty(sample: ArxivApi) -> None:
    page = feed(sample, search_query=JUNE_17, start="400", max_results="100")
    assert page.entries == []
    assert page.feed.opensearch_totalresults == "189"


def test_sorting_by_date_goes_both_ways(sample: ArxivApi) -> None:
    newest = ids(feed(sample, search_query=JUNE_17, sortBy="submittedDate", max_results="200"))
    oldest = ids(
        feed(sample, search_query=JUNE_17, sortBy="submittedDate", sortOrder="ascending", max_results="200")
    )
    assert newest == oldest[::-1]
    dates = [entry.published for entry in feed(sample, search_query=JUNE_17, sortBy="submittedDate").entries]
    assert dates == sorted(dates, reverse=True)


def test_unsorted_results_are_in_no_order_of_dates(sample: ArxivApi) -> None:
    dates = [entry.published for entry in feed(sample, search_query=JUNE_17).entries]
    assert dates not in (sorted(dates), sorted(dates, reverse=True))


def test_an_updated_paper_shows_its_version_and_both_dates() -> None:
    record = load_papers()[0].model_copy(update={"version": 3, "updated": datetime(2026, 7, 1, tzinfo=UTC)})
    [entry] = feed(ArxivApi([record]), id_list=record.id).entries
    assert entry.id.endswith("v3")
    assert entry.updated == "2026-07-01T00:00:00Z"
    assert entry.published < entry.updated


REFUSALS = {
    "more than a page": ({"max_results": "2001"}, 400, "max_results"),
    "more than a query": ({"start": "29000", "max_results": "1500"}, 400, "30000"),
    "too deep": ({"start": "10000", "max_results": "2000"}, 500, "internal error"),
    "no papers asked for": ({"max_results": "0"}, 500, "internal error"),
    "a page that is no number": ({"max_results": "many"}, 400, "max_results must be an integer"),
    "a negative start": ({"start": "-1"}, 400, "start must be non-negative"),
    "an unknown order": ({"sortOrder": "newest"}, 400, "sortOrder must be in: ascending, descending"),
    "an unknown key": ({"sortBy": "date"}, 400, "sortBy must be in"),
    "no id": ({"id_list": "2606.00001,foo"}, 400, "incorrect id format for foo"),
    "a malformed query": ({"search_query": "ti:a AND"}, 400, "Invalid query string: 'ti:a AND'"),
    "no query": ({"search_query": " "}, 400, "Either a search_query or id_list"),
    "a malformed date": ({"search_query": "submittedDate:[today TO now]"}, 500, "internal error"),
}


@pytest.mark.parametrize(("params", "status", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_an_error_is_an_entry_titled_error(
    sample: ArxivApi, params: dict[str, str], status: int, said: str
) -> None:
    answer = sample.answer({"search_query": "ti:agents", **params})
    assert answer.status == status
    assert answer.content_type.startswith("application/atom+xml")
    [entry] = feedparser.parse(answer.body).entries
    assert entry.title == "Error"
    assert "/api/errors" in entry.id or "user-manual" in entry.id
    assert said in entry.summary


def test_a_bad_parameter_is_named_after_the_hash_of_the_errors_id(sample: ArxivApi) -> None:
    [entry] = feedparser.parse(sample.answer({"id_list": "foo"}).body).entries
    assert entry.id == "https://arxiv.org/api/errors#incorrect_id_format_for_foo"


def test_each_topic_finds_what_the_local_matcher_labels(sample: ArxivApi, topics: TopicSet) -> None:
    matcher = Matcher(topics.topics)
    labels = {record.id: matcher.labels(record.paper) for record in load_papers()}
    for topic in topics.topics:
        got = ids(feed(sample, search_query=query_text(topic.expression), max_results="2000"))
        assert sorted(got) == sorted(f"{key}v1" for key, names in labels.items() if topic.name in names)


def test_all_topics_joined_are_answered_at_once(topics: TopicSet) -> None:
    api = ArxivApi.sample()
    query = f"{joined_query([topic.expression for topic in topics.topics])} AND {JUNE_17}"
    api.answer({"search_query": JUNE_17})
    started = time.monotonic()
    assert len(feed(api, search_query=query, max_results="2000").entries) > 20
    assert time.monotonic() - started < 5
