"""The recorded arXiv answers gather as the searching peer does, and says plainly what it does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import feedparser
import pytest
from arxiv_api import ArxivApi
from arxiv_recording import TOPICS, as_file, recorded_topics

from factory_assets.domain.errors import InputError
from factory_assets.gather.arxiv import window_query
from factory_assets.gather.report import GatherIncompleteError
from factory_assets.gather.topics import Topic, load_topics
from factory_assets.gather.windows import DateWindow
from factory_assets.instance import Instance
from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers
from factory_assets.replay.arxiv_recorded import RECORDING, RecordedArxiv, load_recording
from factory_assets.settings import Settings

SHIPPED = load_topics(TOPICS).topics
WEDNESDAY = date(2026, 6, 17)
MONTH = DateWindow(date(2026, 6, 1), date(2026, 6, 30))
IDS = re.compile("<id>http://arxiv.org/abs/(.+)v1</id>")


@pytest.fixture(scope="module")
def recorded() -> RecordedArxiv:
    return RecordedArxiv.sample()


@pytest.fixture(scope="module")
def searching() -> ArxivApi:
    return ArxivApi.sample()


def asked(query: str, **more: str) -> dict[str, str]:
    """The parameters of one request, as gather's client writes them."""
    return {
        "search_query": query,
        "start": "0",
        "max_results": "2000",
        "sortBy": "submittedDate",
        "sortOrder": "ascending",
        **more,
    }


def told(arxiv: RecordedArxiv | ArxivApi, params: dict[str, str]) -> tuple[int, str, str]:
    """The answer from its counts on: before them it names the time and repeats the query, as each reads it."""
    answer = arxiv.answer(params)
    _, counts, rest = answer.body.decode().partition("<opensearch:itemsPerPage>")
    assert counts
    return answer.status, answer.content_type, rest


def said(arxiv: RecordedArxiv, params: dict[str, str]) -> str:
    """What a refusal says."""
    answer = arxiv.answer(params)
    assert answer.status == 400
    [entry] = feedparser.parse(answer.body).entries
    assert entry.title == "Error"
    return str(entry.summary)


def test_the_recording_is_what_arxivs_search_finds_for_the_topics_that_come_with_the_project() -> None:
    assert RECORDING.read_text(encoding="utf-8") == as_file(recorded_topics()), "give `make record-topics`"


@pytest.mark.parametrize("topic", SHIPPED, ids=lambda topic: topic.name)
def test_each_topic_is_answered_as_by_the_search(
    recorded: RecordedArxiv, searching: ArxivApi, topic: Topic
) -> None:
    request = asked(window_query(MONTH, [topic]))
    assert told(recorded, request) == told(searching, request)


@pytest.mark.parametrize(
    "topics", [SHIPPED, SHIPPED[::-1], SHIPPED[: len(SHIPPED) // 2], SHIPPED[3:5]], ids=len
)
def test_topics_joined_in_one_query_are_answered_as_by_the_search(
    recorded: RecordedArxiv, searching: ArxivApi, topics: Sequence[Topic]
) -> None:
    request = asked(window_query(MONTH, topics))
    assert told(recorded, request) == told(searching, request)


@pytest.mark.parametrize("offset", range(0, 20, 3))
def test_a_window_of_one_date_is_answered_as_by_the_search(
    recorded: RecordedArxiv, searching: ArxivApi, offset: int
) -> None:
    day = MONTH.first + timedelta(days=offset)
    request = asked(window_query(DateWindow(day, day), SHIPPED))
    assert told(recorded, request) == told(searching, request)


def test_pages_are_cut_as_by_the_search_and_hold_every_paper_once(
    recorded: RecordedArxiv, searching: ArxivApi
) -> None:
    query = window_query(MONTH, SHIPPED)
    whole = IDS.findall(told(recorded, asked(query))[2])
    pages = [asked(query, start=str(start), max_results="70") for start in range(0, len(whole) + 70, 70)]
    assert [told(recorded, page) for page in pages] == [told(searching, page) for page in pages]
    assert [one for page in pages for one in IDS.findall(told(recorded, page)[2])] == whole
    assert len(whole) == len(set(whole)) > 140


def test_both_ends_of_a_window_are_included() -> None:
    moments = [
        datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 6, 2, tzinfo=UTC),
        datetime(2026, 6, 3, tzinfo=UTC),
        datetime(2026, 6, 3, 0, 0, 1, tzinfo=UTC),
    ]
    papers = [
        ArxivRecord(
            id=f"2606.{number:05d}",
            title="A title",
            summary="An abstract.",
            authors=("A. N. Author",),
            categories=("cs.AI",),
            published=moment,
        )
        for number, moment in enumerate(moments)
    ]
    arxiv = RecordedArxiv(papers[::-1], {"abs:abstract": [paper.id for paper in papers]})
    answer = arxiv.answer(asked("abs:abstract AND submittedDate:[202606020000 TO 202606030000]"))
    assert IDS.findall(answer.body.decode()) == ["2606.00001", "2606.00002"]


@pytest.mark.parametrize(
    "topics",
    [
        "abs:guardrails",
        'abs:"prefix tree"',
        "(abs:guardrail OR abs:another)",
        "(abs:guardrail AND abs:LLM)",
        "(abs:guardrail",
        "abs:guardrail OR abs:guardrail)",
        "()",
        "abs:guardrail ANDNOT abs:LLM",
    ],
)
def test_other_topics_are_refused_as_a_query_with_what_to_do(recorded: RecordedArxiv, topics: str) -> None:
    query = f"{topics} AND submittedDate:[202606170000 TO 202606180000]"
    words = said(recorded, asked(query))
    assert "knows only the topics that come with the project" in words
    assert "`make record-topics`" in words
    assert len(words) <= 200, "gather cuts what arXiv says"


@pytest.mark.parametrize(
    "params",
    [
        {"search_query": "abs:guardrail"},
        {"search_query": "abs:guardrail AND submittedDate:[202613170000 TO 202606180000]"},
        {"search_query": "submittedDate:[202606170000 TO 202606180000]"},
        {"start": "-1"},
        {"max_results": "2001"},
        {"max_results": "0"},
        {"max_results": "many"},
        {"sortBy": "relevance"},
        {"sortOrder": "descending"},
    ],
    ids=str,
)
def test_what_gather_never_asks_for_is_refused_in_plain_words(
    recorded: RecordedArxiv, params: dict[str, str]
) -> None:
    request = asked(window_query(MONTH, SHIPPED)) | params
    assert said(recorded, request).startswith("The replay takes only what gather asks for: ")


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "arxiv_recorded.json"
    file.write_text("{")
    with pytest.raises(InputError, match="`make record-topics`") as refused:
        load_recording(file)
    assert refused.value.where == str(file)


def test_every_recorded_paper_is_one_of_the_sample() -> None:
    assert set().union(*load_recording().values()) <= {paper.id for paper in load_papers()}


def test_an_operators_own_topic_is_one_clear_error_and_the_others_are_gathered(
    replay_settings: Settings, tmp_path: Path
) -> None:
    known = TOPICS.read_text(encoding="utf-8")
    own = tmp_path / "topics.yaml"
    own.write_text(f"{known}\nours:\n  prefix trees: prefix tree\n", encoding="utf-8")
    instance = Instance(replay_settings.model_copy(update={"factory_topics_file": own}))
    with pytest.raises(GatherIncompleteError) as failed:
        instance.gathering.gather([WEDNESDAY], lambda line: None, lambda report: None)
    [gap] = failed.value.report.failures
    assert gap.topics == ("prefix trees",)
    assert "The replay knows only the topics that come with the project." in str(failed.value)
    assert "topics of your own need a live instance" in str(failed.value)
    assert "FACTORY_TOPICS_FILE" in failed.value.fix
    shipped = Instance(replay_settings).gathering.gather([WEDNESDAY], lambda line: None, lambda report: None)
    assert failed.value.report.papers == shipped.papers > 20
