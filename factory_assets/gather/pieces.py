"""A page that breaks as a whole, asked for in ever smaller pieces, so that only the entry that breaks it is missing."""

from __future__ import annotations

from collections.abc import Callable

from factory_assets.gather.failures import BadFeedError
from factory_assets.gather.feed import Feed, UnreadEntry

# More than these are no odd entries but a broken feed.
_MOST_LOST = 3


def feed_of_pieces(ask: Callable[[int, int], Feed], *, start: int, size: int, error: BadFeedError) -> Feed:
    """The page from `start` on without the entries that cannot be sent.

    Args:
        ask: asks for so many entries (second) from a position on (first).
        start: the position of the page's first entry.
        size: how many entries it may hold, more than one.
        error: how the whole page failed; raised where nothing, or too little, can be read in pieces either.
    """
    pieces: list[tuple[int, Feed]] = []
    lost: list[int] = []
    pending = _halves(start, size)
    while pending:
        first, count = pending.pop()
        if pieces and first >= pieces[-1][1].total:
            break
        try:
            pieces.append((first, ask(first, count)))
        except BadFeedError:
            if count > 1:
                pending += _halves(first, count)
                continue
            lost.append(first)
            if len(lost) > (_MOST_LOST if pieces else 1):
                raise error from None
    if not pieces:
        raise error
    unread = [
        UnreadEntry(entry.index + first - start, entry.id, entry.why, entry.after, entry.before)
        for first, piece in pieces
        for entry in piece.unread
    ]
    unread += [UnreadEntry(position - start, "", "its answer is broken", None, None) for position in lost]
    return Feed(
        total=pieces[-1][1].total,
        papers=tuple(paper for _, piece in pieces for paper in piece.papers),
        unread=tuple(unread),
    )


def _halves(first: int, count: int) -> list[tuple[int, int]]:
    """The later half below the earlier one, which is taken first."""
    half = (count + 1) // 2
    return [(first + half, count - half), (first, half)]
