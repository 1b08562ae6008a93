"""Records of an archive of any size, made from the sample's papers: no two say the same, and they use rare words too.

An abstract is made of the sentences of two papers of the sample. Some of its words are given endings, the same ones
seldom, so that the words of a million records are as many and as unequal as those of real ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count, product
from math import sqrt
from pathlib import Path

from factory_assets.domain.archive import ArchiveRecord
from factory_assets.replay.arxiv_papers import SAMPLE_FILE, ArxivRecord, load_papers

MONTHS = 120
_FIRST_YEAR, _LAST = 2016, date(2026, 1, 31)
_ENDINGS = ["".join(parts) for parts in product("bdfgklmnprstvz", "aeiou", "lmnrst", ("", "ia", "on", "ex"))]
_RARE_WORDS = 8


@dataclass(frozen=True)
class _Source:
    title: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]
    paper: ArxivRecord


def sample(path: Path = SAMPLE_FILE) -> list[ArxivRecord]:
    """The papers of a sample."""
    return list(load_papers(path))


def made_records(many: int) -> Iterator[ArchiveRecord]:
    """So many records of ten years, in which each month has more than the one before; the same ones each time."""
    sources, chance, places = _sources(), random.Random(0), [count(1) for _ in range(MONTHS)]
    for number in range(many):
        month = int(MONTHS * sqrt(number / many))
        yield _record(number, month, next(places[month]), sources, chance)


def changed_records(many: int, of: int, *, months: int) -> Iterator[ArchiveRecord]:
    """What a day brings to an archive `of` so many: a third new ones of the last month, the others changes.

    Those changed are of `months` months, the last ones but one, in equal parts.
    """
    sources, chance = _sources(), random.Random(1)
    last = 90_000
    for number in range(many // 3):
        yield _record(of + number, MONTHS - 1, last + number, sources, chance)
    for number in range(many - many // 3):
        month = MONTHS - 2 - number % (months - 1)
        yield _record(number, month, 1 + number // (months - 1), sources, chance, changed=True)


def _sources() -> list[_Source]:
    return [
        _Source(
            tuple(paper.title.split()),
            tuple(tuple(sentence.split()) for sentence in paper.summary.split(". ")),
            paper,
        )
        for paper in sample()
    ]


def _record(
    number: int,
    month: int,
    place: int,
    sources: list[_Source],
    chance: random.Random,
    *,
    changed: bool = False,
) -> ArchiveRecord:
    one, other = sources[number % len(sources)], sources[chance.randrange(len(sources))]
    kept = [
        sentence
        for source in (one, other)
        for sentence in source.sentences
        if chance.random() < (0.7 if source is one else 0.3)
    ]
    words = [word for sentence in kept or one.sentences for word in sentence]
    for _ in range(_RARE_WORDS):
        # The lower the number, the more often it comes: as words do.
        ending = _ENDINGS[int(len(_ENDINGS) * chance.random() ** 3)]
        words[chance.randrange(len(words))] += ending
    title = list(one.title)
    title[chance.randrange(len(title))] = chance.choice(other.title)
    year, of_year = _FIRST_YEAR + month // 12, month % 12 + 1
    submitted = datetime(year, of_year, 1, tzinfo=UTC) + timedelta(minutes=place % 40_000)
    # Checked already, each of the sample's: a million of them are to be made in a moment.
    return ArchiveRecord.model_construct(
        arxiv_id=f"{year % 100:02}{of_year:02}.{place:05}",
        version=2 if changed else 1,
        title=" ".join(title),
        abstract=" ".join(words),
        authors=one.paper.authors,
        categories=one.paper.categories,
        comment=one.paper.comment,
        journal_ref=None,
        doi=None,
        licence="http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
        submitted=submitted,
        updated=None,
        changed=_LAST if changed else submitted.date(),
    )
