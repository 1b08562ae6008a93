"""What the stage asks of a paper source, arXiv or another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.papers import Paper
from factory_assets.gather.topics import Topic


class Gap(BaseModel):
    """What could not be gathered: the dates, the names of the topics, and why."""

    model_config = ConfigDict(frozen=True)

    dates: tuple[date, ...]
    topics: tuple[str, ...]
    error: str
    fix: str


class Unread(BaseModel):
    """One entry that the source sent and that cannot be read: its id or position, why, and the dates it may be of."""

    model_config = ConfigDict(frozen=True)

    entry: str
    why: str
    dates: tuple[date, ...]


@dataclass(frozen=True)
class Batch:
    """Some of the dates asked for: their papers, oldest first and each once, and what is missing of them.

    A date is in one batch only, so that what depends on all of its papers can be decided there. `requests`
    counts every request since the batch before, retries too.
    """

    dates: tuple[date, ...]
    papers: tuple[Paper, ...]
    requests: int
    gaps: tuple[Gap, ...] = ()
    unread: tuple[Unread, ...] = ()


class Source(Protocol):
    """Wherever papers come from."""

    def batches(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
        """Every paper first submitted on one of the UTC dates that matches a topic, batch by batch.

        What finally fails is a gap of a batch, never an exception and never a paper less without a word. One entry
        that cannot be read is named in `unread`, and costs no other entry.
        """
        ...
