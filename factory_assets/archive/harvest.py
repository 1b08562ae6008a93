"""Harvesting: the records that changed on some dates, window by window, from arXiv's lists into the archive."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from filelock import Timeout

from factory_assets.archive.catalogue import Catalogue
from factory_assets.archive.journal import Journal, drop_stale
from factory_assets.archive.oai import EARLIEST, ListRequest, OaiClient, utc_now
from factory_assets.archive.oai_page import ExpiredTokenError, OaiPage
from factory_assets.archive.report import HarvestReport
from factory_assets.archive.store import Archive, archive_errors
from factory_assets.domain.archive import ArchiveRecord, DeletedRecord
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.text import counted
from factory_assets.locks import path_lock

WINDOW_DAYS: Final = 366
"""The most dates that one list is asked for; where its token expires, it is asked for from its first page on."""

_LAST_CHANGES = timedelta(days=1)
_MOST_RESTARTS = 3


def next_first_day(last_harvest: datetime) -> date:
    """From where on the next harvest asks: the start of the last one less a day, since records change meanwhile."""
    return last_harvest.date() - _LAST_CHANGES


class Harvester:
    """Brings dates of change into an archive.

    Args:
        client: asks arXiv.
        archive: where records are kept.
        set_specs: the sets, such as cs and stat.
        notify: gets a line for every page.
        now: the time (UTC), by which dates are over.
        window_days: the most dates that one list is asked for.
    """

    def __init__(
        self,
        client: OaiClient,
        archive: Archive,
        *,
        set_specs: Sequence[str],
        notify: Callable[[str], None],
        now: Callable[[], datetime] = utc_now,
        window_days: int = WINDOW_DAYS,
    ) -> None:
        self._client = client
        self._archive = archive
        self._catalogue = Catalogue(archive)
        self._sets = tuple(set_specs)
        self._notify = notify
        self._now = now
        self._window_days = window_days
        self._folder = archive.folder / "harvest"

    def harvest(self, first: date, last: date) -> Iterator[HarvestReport]:
        """Harvest the records that changed from `first` to `last`; a report once each window is in the archive.

        What was journalled before a kill is gone on from, and nothing of a window is in the archive before all is.

        Raises:
            SourceError: arXiv did not answer, or refused; the windows before are in.
            InputError: not even the first date has come.
            InfrastructureError: a file cannot be written, or another process harvests.
        """
        first, last = max(first, EARLIEST), min(last, self._now().date())
        if first > last:
            raise InputError(
                f"There is no date from {first} to {last} to harvest.",
                where="harvest",
                fix=f"Name dates from {EARLIEST} to today, the earlier one first.",
            )
        with archive_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with path_lock(self._folder.with_suffix(".lock"), blocking=False):
                    drop_stale(self._folder)
                    yield from self._windows(first, last)
            except Timeout:
                raise InfrastructureError(
                    "Another process harvests into this archive.",
                    where=str(self._folder),
                    fix="Wait until it has ended, then run the same again.",
                ) from None
            finally:
                self._client.close()

    def _windows(self, first: date, last: date) -> Iterator[HarvestReport]:
        while first <= last:
            end = min(last, first + timedelta(days=self._window_days - 1))
            yield self._window(first, end)
            first = end + timedelta(days=1)

    def _window(self, first: date, last: date) -> HarvestReport:
        started, asked = time.monotonic(), self._client.requests
        journal = Journal(self._folder, first, last, self._sets)
        restarts = 0
        while (set_spec := journal.unfinished()) is not None:
            try:
                page = self._next_page(journal, ListRequest(set_spec, first, last))
            except ExpiredTokenError as error:
                restarts += 1
                if restarts > _MOST_RESTARTS:
                    raise
                self._notify(f"{error.what} Beginning with the list of {set_spec} again.")
                journal.begin(set_spec, self._now())
                continue
            journal.add(set_spec, page)
            state = journal.state(set_spec)
            held, end = counted(len(page.words), "record", "records"), ", the last one" if state.whole else ""
            self._notify(f"{set_spec}, {first} to {last}: page {state.pages} with {held}{end}.")
        return self._stored(journal, first, last, requests=self._client.requests - asked, started=started)

    def _next_page(self, journal: Journal, asked: ListRequest) -> OaiPage:
        state = journal.state(asked.set_spec)
        if state.asked_at is None or state.token is None:
            journal.begin(asked.set_spec, self._now())
            return self._client.first_page(asked)
        # What changes after midnight moves out of the list, and a page is missed by who goes on.
        if state.asked_at.date() != self._now().date():
            raise ExpiredTokenError(
                f"The list was begun on {state.asked_at.date()}, and tokens expire daily."
            )
        return self._client.next_page(state.token)

    def _stored(
        self, journal: Journal, first: date, last: date, *, requests: int, started: float
    ) -> HarvestReport:
        heard = _Heard()
        counts = self._archive.merge(heard.noting(journal.words()))
        moments = {name: journal.state(name).asked_at or self._now() for name in self._sets}
        for set_spec, asked_at in moments.items():
            self._catalogue.note(set_spec, first, last, asked_at=asked_at)
        report = HarvestReport(
            first=first,
            last=last,
            counts=counts,
            by_day=heard.by_day,
            told_deleted=heard.deleted,
            unread=journal.unread(),
            asked_at=min(moments.values()),
            requests=requests,
            seconds=time.monotonic() - started,
        )
        # Whoever dies before this stores the same once more, which changes nothing.
        journal.remove()
        return report


class _Heard:
    """Counts records on their way into the archive."""

    def __init__(self) -> None:
        self.by_day: Counter[date] = Counter()
        self.deleted = 0
        self._seen: set[tuple[str, date]] = set()

    def noting(
        self, words: Iterator[ArchiveRecord | DeletedRecord]
    ) -> Iterator[ArchiveRecord | DeletedRecord]:
        """The same records."""
        for word in words:
            if (key := (word.arxiv_id, word.changed)) not in self._seen:
                self._seen.add(key)
                self.by_day[word.changed] += 1
                self.deleted += word.deleted
            yield word
