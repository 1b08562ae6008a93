"""The archive as a source: the papers of the dates that it holds, without a request; of the others from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.ports import HeldPapers
from factory_assets.gather.matching import Matcher
from factory_assets.gather.source import Batch, Source
from factory_assets.gather.topics import Topic
from factory_assets.gather.windows import DateWindow, contiguous, spans

# All papers of a month are held in memory at once, before the topics are looked for.
_MOST_DAYS = 31


class ArchivedSource:
    """Papers of held dates by the local matcher, and of the other dates from `other`. Implements Source.

    An archive that cannot be read is told, and stands in nobody's way.
    """

    def __init__(self, held: HeldPapers, other: Source, notify: Callable[[str], None]) -> None:
        self._held = held
        self._other = other
        self._notify = notify

    def batches(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
        """The held dates first; see Source."""
        matcher, left = Matcher(topics), set(dates)
        try:
            for window in _windows(self._held.holds(dates)):
                papers = self._held.papers_of(window.first, window.last)
                batch = Batch(
                    window.dates, tuple(paper for paper in papers if matcher.labels(paper)), requests=0
                )
                left.difference_update(window.dates)
                yield batch
        except InfrastructureError as error:
            self._notify(f"{error} What is left is asked of arXiv.")
        if left:
            if len(left) < len(set(dates)):
                self._notify(f"Not in the archive: {spans(left)}.")
            yield from self._other.batches(sorted(left), topics)


def _windows(held: set[date]) -> Iterator[DateWindow]:
    pending = list(reversed(contiguous(held)))
    while pending:
        window, *rest = pending.pop().cut(_MOST_DAYS)
        pending += rest
        yield window
