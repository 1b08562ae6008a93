"""Papers from the archive: held dates without a request, the others as ever, and nothing missing without a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from gather_server import paper, papers_per_day

from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.papers import Paper
from factory_assets.gather.agreement import Difference, differences
from factory_assets.gather.archived import ArchivedSource
from factory_assets.gather.expression import SearchField, Term
from factory_assets.gather.source import Batch
from factory_assets.gather.topics import Topic, TopicSet

FIRST = date(2026, 6, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(4)]
TOPIC = Topic(name="guardrails", domain="safety", expression=Term(SearchField.ABSTRACT, "guardrail"))


@dataclass
class Held:
    """Holds the papers of some dates; `broken` is raised by whoever asks for papers."""

    papers: list[Paper]
    days: set[date]
    broken: InfrastructureError | None = None

    def holds(self, days: Sequence[date]) -> set[date]:
        return self.days & set(days)

    def papers_of(self, first: date, last: date) -> list[Paper]:
        if self.broken is not None:
            raise self.broken
        return [one for one in self.papers if first <= one.day <= last]

    def is_inside(self, one: Paper) -> bool:
        return any(name.startswith("cs.") for name in one.categories)


@dataclass
class Elsewhere:
    """Another source, which notes what it is asked for."""

    asked: list[date] = field(default_factory=list)

    def batches(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
        self.asked += dates
        yield Batch(tuple(dates), (), requests=1)


def batches(held: Held, other: Elsewhere, notices: list[str] | None = None) -> list[Batch]:
    told = [] if notices is None else notices
    return list(ArchivedSource(held, other, told.append).batches(DAYS, [TOPIC]))


def test_held_dates_bring_the_papers_that_match_and_the_others_are_asked_for() -> None:
    papers = papers_per_day(FIRST, 4, 2)
    papers[0] = papers[0].model_copy(update={"abstract": "Of no interest."})
    other, notices = Elsewhere(), list[str]()
    found = batches(Held(papers, {DAYS[0], DAYS[1], DAYS[3]}), other, notices)
    assert [batch.dates for batch in found] == [(DAYS[0], DAYS[1]), (DAYS[3],), (DAYS[2],)]
    assert [len(batch.papers) for batch in found] == [3, 2, 0]
    assert [batch.requests for batch in found] == [0, 0, 1]
    assert other.asked == [DAYS[2]]
    assert notices == ["Not in the archive: 2026-06-03."]


def test_where_all_dates_are_held_nobody_else_is_asked() -> None:
    other = Elsewhere()
    assert len(batches(Held(papers_per_day(FIRST, 4, 2), set(DAYS)), other)) == 1
    assert other.asked == []


def test_an_archive_that_cannot_be_read_is_told_and_its_dates_are_asked_for() -> None:
    other, notices = Elsewhere(), list[str]()
    broken = InfrastructureError("The archive cannot be used: it is cut.", fix="Look at it.")
    batches(Held([], set(DAYS), broken), other, notices)
    assert other.asked == DAYS
    assert notices == [
        "The archive cannot be used: it is cut. Fix: Look at it. What is left is asked of arXiv."
    ]


def test_the_registry_and_the_archive_differ_by_papers_of_the_topics_and_sets_alone() -> None:
    both, late, gone = (paper(number, "2026-06-01T12:00:00Z") for number in range(1, 4))
    outside = paper(4, "2026-06-01T12:00:00Z").model_copy(update={"categories": ("eess.SP",)})
    dull = paper(5, "2026-06-01T12:00:00Z", abstract="Of no interest.")
    held = Held([both, late, dull], {FIRST})
    topics = TopicSet(topics=(TOPIC,))

    def found(*, is_capped: bool) -> list[Difference]:
        return differences(
            [FIRST],
            stored=lambda _: [both, gone, outside],
            held=held,
            topics=topics,
            is_capped=is_capped,
        )

    assert found(is_capped=False) == [Difference(FIRST, (late.arxiv_id,), (gone.arxiv_id,))]
    assert found(is_capped=True) == [Difference(FIRST, (), (gone.arxiv_id,))]
