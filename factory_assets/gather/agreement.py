"""The registry's papers of a date held against the archive's, by the same topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from factory_assets.domain.papers import Paper
from factory_assets.domain.ports import HeldPapers
from factory_assets.gather.matching import Matcher
from factory_assets.gather.topics import TopicSet


@dataclass(frozen=True)
class Difference:
    """A date on which the two differ: the ids that only the archive has, and those that only the registry has."""

    day: date
    only_archive: tuple[str, ...]
    only_registry: tuple[str, ...]


def differences(
    days: Sequence[date],
    *,
    stored: Callable[[date], Sequence[Paper]],
    held: HeldPapers,
    topics: TopicSet,
    is_capped: bool,
) -> list[Difference]:
    """The dates on which they differ. Papers outside of the archive's sets, and those without a topic, do not count.

    Args:
        days: dates that the archive holds.
        stored: the registry's papers of a date.
        held: the archive's.
        topics: by which both are chosen.
        is_capped: whether the registry keeps only some papers a topic; then it may lack any.
    """
    matcher = Matcher(topics.topics)
    found: list[Difference] = []
    for day in days:
        ours = {paper.arxiv_id for paper in stored(day) if held.is_inside(paper) and matcher.labels(paper)}
        theirs = {paper.arxiv_id for paper in held.papers_of(day, day) if matcher.labels(paper)}
        only_archive = () if is_capped else tuple(sorted(theirs - ours))
        if only_archive or ours - theirs:
            found.append(Difference(day, only_archive, tuple(sorted(ours - theirs))))
    return found
