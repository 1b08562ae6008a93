"""What can go wrong with a paper source, by kind; a retry, a split or nothing helps against each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory_assets.domain.errors import SourceError
from factory_assets.network.patience import BusyError, RefusedAccessError, TransientError, UnreachableError

if TYPE_CHECKING:
    from factory_assets.gather.feed import Feed


class BadFeedError(TransientError):
    """The answer is no Atom feed of papers: another document, broken XML, or most of its entries are no papers."""


class EmptyPageError(TransientError):
    """No entry although the feed's own total says that there are some."""


class ShortPageError(TransientError):
    """Not as many entries as the feed's own total says that this page holds; `feed` is what it holds."""

    def __init__(self, what: str, *, fix: str, feed: Feed) -> None:
        super().__init__(what, fix=fix)
        self.feed = feed


class UnstableResultsError(SourceError):
    """The total changed between two pages, or a paper came twice: the pages do not fit together."""


class RefusedQueryError(SourceError):
    """The query was answered with an error: a shorter one may pass."""


class FailedQueryError(TransientError, RefusedQueryError):
    """An error entry with 5xx: arXiv may be overloaded, or may not get through with this query."""


class TooManyHitsError(SourceError):
    """More hits than can be paged through."""


HALVES_DATES = (
    BadFeedError,
    EmptyPageError,
    ShortPageError,
    UnstableResultsError,
    TooManyHitsError,
)
"""What may lie in one date alone, so that the others are asked for without it."""

ENDS_GATHER = (BusyError, UnreachableError, RefusedAccessError)
"""After one of these nothing more is asked for: the next request would fail in the same way."""
