"""arXiv as a source: dates and topics as the fewest queries that arXiv answers in full."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from factory_assets.domain.errors import SourceError
from factory_assets.domain.papers import Paper
from factory_assets.gather.answer import AGAIN, ArxivAnswer
from factory_assets.gather.client import PAGE_SIZE, ArxivClient, ArxivPatience, utc_now
from factory_assets.gather.expression import joined_query
from factory_assets.gather.failures import (
    ENDS_GATHER,
    HALVES_DATES,
    BadFeedError,
    RefusedQueryError,
    ShortPageError,
    TooManyHitsError,
    UnstableResultsError,
)
from factory_assets.gather.feed import Feed
from factory_assets.gather.pieces import feed_of_pieces
from factory_assets.gather.source import Batch, Gap, Unread
from factory_assets.gather.topics import Topic
from factory_assets.gather.windows import FIRST_DAYS, MAX_HITS, DateWindow, contiguous, next_days
from factory_assets.network.patience import Backoff, RefusedAccessError
from factory_assets.network.politeness import Turns

_REFUSALS_IN_A_ROW = 3
"""Single topics refused one after the other until it is taken for arXiv's fault and not the topics'."""


_FAILURES_IN_A_ROW = 7
"""Single dates that failed one after the other until it is taken for arXiv's fault and not the dates'."""
_AT_ONCE = ArxivPatience(fault=Backoff(first=0.0, longest=0.0, tries=1))


@dataclass
class _Harvest:
    """What one window brings, filled while its queries are asked."""

    window: DateWindow
    papers: dict[str, Paper] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    hits: int = 0
    gaps: list[Gap] = field(default_factory=list)
    ended: SourceError | None = None

    def add(self, answer: ArxivAnswer, topics: Sequence[Topic]) -> None:
        self.papers.update(
            (paper.arxiv_id, paper) for paper in answer.papers if self.window.holds(paper.published)
        )
        self.unread += answer.unread
        if answer.short is not None:
            self.miss(topics, answer.short, since=self.window.first)

    def miss(self, topics: Sequence[Topic], error: SourceError, *, since: date) -> None:
        dates = tuple(day for day in self.window.dates if day >= since)
        self.gaps.append(_gap(dates, topics, error))


class ArxivSource:
    """Papers from arXiv's query API.

    Args:
        url: the query API.
        politeness: the turns in which arXiv is asked.
        user_agent: names the project to arXiv.
        notify: gets one readable line for every wait and every split.
    """

    def __init__(
        self,
        *,
        url: str,
        politeness: Turns,
        user_agent: str,
        notify: Callable[[str], None],
        patience: ArxivPatience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._notify = notify
        self._refusals = self._failures = 0
        self._patience = patience or ArxivPatience()
        self._in_parts = self._patience.in_parts()
        self._client = ArxivClient(
            url=url,
            politeness=politeness,
            user_agent=user_agent,
            patience=self._patience,
            notify=notify,
            sleep=sleep,
            now=now,
        )

    def batches(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
        """Window by window; see Source."""
        try:
            yield from self._windows(dates, topics)
        finally:
            self._client.close()

    def _windows(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
        pending = list(reversed(contiguous(dates)))
        suspect: set[DateWindow] = set()
        days = FIRST_DAYS
        asked = self._client.requests
        while pending:
            window, *rest = pending.pop().cut(days)
            pending += rest
            try:
                harvest = self._gather(
                    window, topics, self._in_parts if window in suspect else self._patience
                )
            except HALVES_DATES as error:
                self._notify(f"{window}: {error.what} Halving the dates.")
                pending += reversed(window.halves())
                suspect.update(window.halves())
                continue
            days = next_days(days=window.days, hits=harvest.hits)
            if harvest.ended is not None and pending:
                unasked = tuple(day for later in reversed(pending) for day in later.dates)
                harvest.gaps.append(_gap(unasked, topics, harvest.ended))
                pending.clear()
            papers = sorted(harvest.papers.values(), key=lambda paper: (paper.published, paper.arxiv_id))
            spent, asked = self._client.requests - asked, self._client.requests
            yield Batch(
                window.dates,
                tuple(papers),
                requests=spent,
                gaps=tuple(harvest.gaps),
                unread=tuple(dict.fromkeys(harvest.unread)),
            )

    def _gather(self, window: DateWindow, topics: Sequence[Topic], patience: ArxivPatience) -> _Harvest:
        """Everything of one window; a query that arXiv refuses is asked again by halves of its topics.

        Raises:
            SourceError: one of HALVES_DATES; the window is more than one day and has to be halved.
        """
        harvest = _Harvest(window)
        groups = [tuple(topics)]
        while groups:
            group = groups.pop()
            answer = ArxivAnswer(window)
            try:
                harvest.hits += self._stable_pages(group, answer, patience)
                self._failures = self._refusals = 0
            except (RefusedQueryError, TooManyHitsError) as error:
                if isinstance(error, TooManyHitsError) and window.days > 1:
                    raise
                if len(group) > 1:
                    middle = len(group) // 2
                    groups += [group[middle:], group[:middle]]
                    self._notify(f"{window}: {error.what} Halving the {len(group)} topics.")
                    continue
                harvest.miss(group, error, since=window.first)
                self._count_refusal(harvest, error)
            except SourceError as error:
                if isinstance(error, HALVES_DATES) and window.days > 1:
                    raise
                harvest.miss(group, error, since=answer.reached(error))
                harvest.ended = error if isinstance(error, ENDS_GATHER) else None
                if isinstance(error, HALVES_DATES):
                    self._count_failure(harvest, error)
            harvest.add(answer, group)
            if harvest.ended is not None:
                left = [topic for rest in reversed(groups) for topic in rest]
                if left:
                    harvest.miss(left, harvest.ended, since=window.first)
                break
        return harvest

    def _count_refusal(self, harvest: _Harvest, error: SourceError) -> None:
        self._refusals += 1
        if self._refusals >= _REFUSALS_IN_A_ROW:
            harvest.ended = RefusedAccessError(
                f"arXiv refused {self._refusals} single topics one after the other, the last with: {error.what}",
                fix=error.fix,
            )

    def _count_failure(self, harvest: _Harvest, error: SourceError) -> None:
        self._failures += 1
        if self._failures >= _FAILURES_IN_A_ROW:
            harvest.ended = RefusedAccessError(
                f"{self._failures} single dates failed one after the other, the last with: {error.what}",
                fix=error.fix,
            )

    def _stable_pages(self, topics: Sequence[Topic], answer: ArxivAnswer, patience: ArxivPatience) -> int:
        """All pages, once more from the start where they do not fit together; returns the hits."""
        try:
            return self._pages(topics, answer, patience)
        except UnstableResultsError as error:
            self._notify(f"{answer.window}: {error.what} Asking for the window once more.")
            answer.clear()
            return self._pages(topics, answer, patience)

    def _pages(self, topics: Sequence[Topic], answer: ArxivAnswer, patience: ArxivPatience) -> int:
        query = window_query(answer.window, topics)
        feed = self._page(query, 0, answer, patience)
        total = feed.total
        if total >= MAX_HITS:
            raise TooManyHitsError(f"arXiv counts {total} papers, too many to page through.", fix=_NARROW)
        answer.add(feed, start=0)
        for start in range(PAGE_SIZE, total, PAGE_SIZE):
            feed = self._page(query, start, answer, patience)
            if feed.total != total:
                raise UnstableResultsError(f"The total changed from {total} to {feed.total}.", fix=AGAIN)
            answer.add(feed, start=start)
        answer.check(total)
        return total

    def _page(self, query: str, start: int, answer: ArxivAnswer, patience: ArxivPatience) -> Feed:
        """One page. On a single date it is taken although it is short, or in pieces where it is broken."""
        try:
            return self._client.page(query, start=start, patience=patience)
        except ShortPageError as error:
            if answer.window.days > 1:
                raise
            answer.short = error
            return error.feed
        except BadFeedError as error:
            if answer.window.days > 1 or self._failures:
                raise
            self._notify(f"{answer.window}: {error.what} Looking for the entry that breaks it.")
            return feed_of_pieces(
                lambda first, size: self._client.page(query, start=first, size=size, patience=_AT_ONCE),
                start=start,
                size=PAGE_SIZE,
                error=error,
            )


_NARROW = "Make the topic narrower in the topics file (FACTORY_TOPICS_FILE)."


def window_query(window: DateWindow, topics: Sequence[Topic]) -> str:
    """The raw query for a window. arXiv's range takes whole minutes and includes both ends, so it goes up to
    the next midnight; the papers of that very minute belong to the next day and are left out on arrival.
    """
    dates = f"submittedDate:[{window.start:%Y%m%d%H%M} TO {window.end:%Y%m%d%H%M}]"
    return f"{joined_query([topic.expression for topic in topics])} AND {dates}"


def _gap(dates: tuple[date, ...], topics: Sequence[Topic], error: SourceError) -> Gap:
    return Gap(dates=dates, topics=tuple(topic.name for topic in topics), error=error.what, fix=error.fix)
