"""What the pages of one query bring, read or not, and whether they add up to what arXiv counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from factory_assets.domain.errors import SourceError
from factory_assets.domain.papers import Paper
from factory_assets.gather.failures import ShortPageError, UnstableResultsError
from factory_assets.gather.feed import Feed, UnreadEntry
from factory_assets.gather.source import Unread
from factory_assets.gather.windows import DateWindow

AGAIN = "Gather these dates again."


@dataclass
class ArxivAnswer:
    """The pages of one query over a window, filled as they come, oldest first. `short` is why some are too short."""

    window: DateWindow
    papers: list[Paper] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    short: ShortPageError | None = None
    _unread_entries: int = 0

    def clear(self) -> None:
        """Forget all pages."""
        self.papers.clear()
        self.unread.clear()
        self.short = None
        self._unread_entries = 0

    def add(self, feed: Feed, *, start: int) -> None:
        """The page that begins at position `start`."""
        last = self.papers[-1].day if self.papers else None
        self._unread_entries += len(feed.unread)
        for entry in feed.unread:
            if dates := self._dates(entry, last):
                name = entry.id or f"entry {entry.index} of the page from {start} on"
                self.unread.append(Unread(entry=name, why=entry.why, dates=dates))
        self.papers += feed.papers

    def check(self, total: int) -> None:
        """Compare with what arXiv counts; a page that stays short is told otherwise.

        Raises:
            UnstableResultsError: a paper came twice, or more came than are counted.
        """
        distinct = len({paper.arxiv_id for paper in self.papers})
        if self.short is None and not distinct <= total <= distinct + self._unread_entries:
            raise UnstableResultsError(f"arXiv counts {total} papers but sent {distinct}.", fix=AGAIN)

    def reached(self, error: SourceError) -> date:
        """The first day that may be incomplete: pages come oldest first, so earlier days are whole."""
        inside = [paper.day for paper in self.papers if self.window.holds(paper.published)]
        unstable = isinstance(error, UnstableResultsError)
        return self.window.first if unstable or not inside else inside[-1]

    def _dates(self, entry: UnreadEntry, last: date | None) -> tuple[date, ...]:
        """The days of the window that it may be of; none where it is of a neighbouring one."""
        first = entry.after or last or self.window.first
        final = entry.before or self.window.last
        return tuple(day for day in self.window.dates if min(first, final) <= day <= max(first, final))
