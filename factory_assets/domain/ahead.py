"""Making the next of something ready while the one before is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made in another thread while the one before is worked on; never two of them ahead."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(_next, items)
        while made := coming.result():
            coming = pool.submit(_next, items)
            yield from made


def _next(items: Iterator[Item]) -> tuple[Item, ...]:
    # Empty at the end: a StopIteration does not pass through a future.
    return tuple(islice(items, 1))
