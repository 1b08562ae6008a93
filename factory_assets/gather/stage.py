"""The gather stage: ask the source, label, store window by window, report."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime

from factory_assets.domain.ahead import one_ahead
from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import LabelledPaper, UpsertCounts
from factory_assets.domain.ports import PaperStore
from factory_assets.gather.matching import Matcher
from factory_assets.gather.report import DayCount, GatherIncompleteError, GatherReport, day_counts, silence
from factory_assets.gather.source import Gap, Source, Unread
from factory_assets.gather.topics import TopicSet
from factory_assets.gather.windows import spans


def gather(
    dates: Sequence[date],
    *,
    source: Source,
    topics: TopicSet,
    store: PaperStore,
    now: datetime,
    notify: Callable[[str], None],
    max_per_topic: int | None = None,
) -> GatherReport:
    """Gather every paper first submitted on one of these UTC dates that matches a topic.

    Args:
        dates: the dates, in any order.
        source: where papers come from.
        topics: what to look for.
        store: keeps each batch as it comes, so that a later failure loses nothing.
        now: the time written into new rows, and by which arXiv has announced a date or not.
        notify: gets one line per batch.
        max_per_topic: keep only so many papers per topic and date, the newest; None keeps all.

    Raises:
        GatherIncompleteError: a request finally failed, or a busy time came back empty; everything that was
            gathered is stored by then.
    """
    if not dates:
        raise InputError("There is no date to gather.", where="gather", mend="Name at least one date.")
    started = time.monotonic()
    matcher = Matcher(topics.topics)
    days: dict[date, DayCount] = {day: DayCount(day=day) for day in sorted(set(dates))}
    stored = UpsertCounts()
    requests = 0
    gaps: list[Gap] = []
    unread: list[Unread] = []
    # Labelling and storing take about as long as a pause between two requests.
    for batch in one_ahead(source.batches(tuple(days), topics.topics)):
        papers = [LabelledPaper(paper=paper, topics=matcher.labels(paper)) for paper in batch.papers]
        kept = papers if max_per_topic is None else newest_per_topic(papers, max_per_topic)
        if kept:
            stored += store.upsert_papers(kept, now=now)
        days.update((count.day, count) for count in day_counts(batch.dates, kept, topics))
        requests += batch.requests
        gaps += batch.gaps
        unread += batch.unread
        missing = f", {len(batch.gaps)} gaps" if batch.gaps else ""
        left_out = f", {len(batch.unread)} entries cannot be read" if batch.unread else ""
        notify(f"{spans(batch.dates)}: papers: {len(kept)}, requests: {batch.requests}{missing}{left_out}.")
    gaps += silence(tuple(days.values()), gaps, topics, now=now)
    report = GatherReport(
        days=tuple(days.values()),
        domain_of=topics.domain_of,
        stored=stored,
        requests=requests,
        seconds=time.monotonic() - started,
        failures=tuple(gaps),
        unread=tuple(unread),
    )
    if report.failures:
        raise GatherIncompleteError(report)
    return report


def newest_per_topic(papers: Sequence[LabelledPaper], limit: int) -> list[LabelledPaper]:
    """The papers that are among the `limit` newest of their date in at least one of their topics.

    A paper without a label belongs to no topic, so no limit applies to it.
    """
    taken: defaultdict[tuple[date, str], int] = defaultdict(int)
    kept: set[str] = set()
    for labelled in sorted(papers, key=lambda one: one.paper.published, reverse=True):
        places = [(labelled.paper.day, topic) for topic in labelled.topics]
        if not places or any(taken[place] < limit for place in places):
            kept.add(labelled.paper.arxiv_id)
        for place in places:
            taken[place] += 1
    return [labelled for labelled in papers if labelled.paper.arxiv_id in kept]
