"""The gather stage: ask the source, label, store window by window, report."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import LabelledPaper, UpsertCounts
from factory_assets.domain.ports import PaperStore
from factory_assets.gather.matching import Matcher
from factory_assets.gather.report import (
    DayCount,
    GatherIncompleteError,
    GatherReport,
    day_counts,
    rules_out_silence,
    silence,
)
from factory_assets.gather.source import Batch, Source
from factory_assets.gather.topics import TopicSet
from factory_assets.gather.windows import spans


def _unheard(_part: GatherReport) -> None:
    return


def gather(
    dates: Sequence[date],
    *,
    source: Source,
    topics: TopicSet,
    store: PaperStore,
    now: datetime,
    notify: Callable[[str], None],
    max_per_topic: int | None = None,
    brought: Callable[[GatherReport], None] = _unheard,
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
        brought: gets the report of each batch once it is stored, while the source is asked for the next. None
            comes before a busy date has a paper: without one, dates may be found missing in the end.

    Raises:
        GatherIncompleteError: a request finally failed, or a busy time came back empty; everything that was
            gathered is stored by then.
    """
    if not dates:
        raise InputError("There is no date to gather.", where="gather", fix="Name at least one date.")
    started = time.monotonic()
    matcher = Matcher(topics.topics)
    days: dict[date, DayCount] = {day: DayCount(day=day) for day in sorted(set(dates))}
    parts: list[GatherReport] = []
    untold: list[GatherReport] = []
    for batch in _one_ahead(source.batches(tuple(days), topics.topics)):
        papers = [LabelledPaper(paper=paper, topics=matcher.labels(paper)) for paper in batch.papers]
        kept = papers if max_per_topic is None else newest_per_topic(papers, max_per_topic)
        part = GatherReport(
            days=day_counts(batch.dates, kept, topics),
            domain_of=topics.domain_of,
            stored=store.upsert(kept, now=now) if kept else UpsertCounts(),
            requests=batch.requests,
            seconds=time.monotonic() - started - sum(part.seconds for part in parts),
            failures=batch.gaps,
            unread=batch.unread,
        )
        parts.append(part)
        untold.append(part)
        days.update((count.day, count) for count in part.days)
        missing = f", {len(batch.gaps)} gaps" if batch.gaps else ""
        left_out = f", {len(batch.unread)} entries cannot be read" if batch.unread else ""
        notify(f"{spans(batch.dates)}: papers: {len(kept)}, requests: {batch.requests}{missing}{left_out}.")
        if rules_out_silence(days.values(), now=now):
            for known in untold:
                brought(known)
            untold.clear()
    gaps = [gap for part in parts for gap in part.failures]
    gaps += silence(tuple(days.values()), gaps, topics, now=now)
    report = GatherReport(
        days=tuple(days.values()),
        domain_of=topics.domain_of,
        stored=sum((part.stored for part in parts), UpsertCounts()),
        requests=sum(part.requests for part in parts),
        seconds=time.monotonic() - started,
        failures=tuple(gaps),
        unread=tuple(entry for part in parts for entry in part.unread),
    )
    if report.failures:
        raise GatherIncompleteError(report)
    return report


def _one_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Fetch the next batch while this one is labelled, stored and reported, in the pauses between two requests."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="gather") as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


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
