"""What the soak is fed: real papers of the sample on simulated dates, specs for each date, and their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from build_fakes import Act
from build_material import DOCUMENTS, FILES, does_nothing, writes

from factory_assets.domain.announcements import announced_at
from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language, Spec
from factory_assets.gather.matching import Matcher
from factory_assets.gather.topics import load_topics
from factory_assets.languages.names import names_of
from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Analysis
from factory_assets.settings import Settings

PAPERS_A_DAY = 8
SPECS_A_DAY = 3
# What is submitted later in the day is announced a day later: arXiv's cut-off is 14:00 US Eastern.
_CUT_OFF_UTC = 18
_REFUSED_EVERY, _LIMITED_EVERY = 7, 5


@dataclass(frozen=True)
class SoakSpec:
    """One spec, and what its agent does: refused by a gate, or first put off by a rate limit, or neither."""

    spec: Spec
    day: date
    is_refused: bool
    is_limited: bool

    @property
    def acts(self) -> dict[Phase, Act]:
        """What the agent does in each phase."""
        return {
            Phase.BUILD: writes(self._named(FILES[self.spec.language])),
            Phase.SEO: writes(self._named(DOCUMENTS)),
            Phase.REVIEW: does_nothing,
        }

    def _named(self, files: Mapping[str, str]) -> dict[str, str]:
        name = self.spec.name
        named = {
            path.replace("word_count", names_of(name, Language.PYTHON).module).replace(
                "word-count", name
            ): text.replace("word_count", names_of(name, Language.PYTHON).module).replace("word-count", name)
            for path, text in files.items()
        }
        if self.is_refused:
            named = {path: _with_a_wrong_test(text) for path, text in named.items()}
        return named


class SoakSource:
    """Papers and specs of the simulated dates."""

    def __init__(self, first: date, days: int) -> None:
        self.days = [first + timedelta(days=number) for number in range(days)]
        self._papers = {
            day: tuple(papers) for day, papers in zip(self.days, _shifted(self.days), strict=True)
        }
        specs = (
            self._spec(day, index, number * SPECS_A_DAY + index)
            for number, day in enumerate(self.days)
            for index in range(SPECS_A_DAY)
        )
        self.specs = {soak.spec.name: soak for soak in specs}

    @property
    def papers(self) -> int:
        """How many papers there are in all."""
        return sum(len(papers) for papers in self._papers.values())

    def visible(self, now: datetime) -> list[ArxivRecord]:
        """What arXiv has announced by now."""
        return [
            record
            for papers in self._papers.values()
            for record in papers
            if _shown_at(record.published) <= now
        ]

    def recordings(self) -> Recordings:
        """What the model finds in the papers of each date."""
        return Recordings.of(
            *(
                Analysis(date=day, specs=tuple(soak.spec for soak in self.specs.values() if soak.day == day))
                for day in self.days
            )
        )

    def _spec(self, day: date, index: int, number: int) -> SoakSpec:
        language = Language.PYTHON if number % 2 else Language.BASH
        name = f"word-count-{_letters(number)}"
        paper = self._papers[day][index]
        spec = Spec(
            name=name,
            problem="Developers guess how long a prompt is.",
            source_papers=(paper.id,),
            solution="Count the words of a text as the paper does.",
            language=language,
            files=(f"bin/{name}",)
            if language is Language.BASH
            else (f"{names_of(name, Language.PYTHON).module}/cli.py",),
            estimated_lines=120,
            complexity="low",
            who_pays="Teams with a prompt budget",
            integration_point="A pipe in CI",
            moat="None of the copies reads streams",
        )
        return SoakSpec(
            spec,
            day,
            is_refused=number % _REFUSED_EVERY == 3,
            is_limited=number % _LIMITED_EVERY == _LIMITED_EVERY - 1,
        )


def _shifted(days: Sequence[date]) -> Iterator[list[ArxivRecord]]:
    matcher = Matcher(load_topics(Path(Settings.model_fields["factory_topics_file"].default)).topics)
    matching = (record for record in load_papers() if matcher.labels(record.paper))
    number = 0
    for day in days:
        papers = []
        for _ in range(PAPERS_A_DAY):
            record = next(matching)
            number += 1
            published = datetime.combine(day, record.published.timetz())
            changes = {
                "id": f"{day:%y%m}.{number:05d}",
                "published": published,
                "updated": None,
                "version": 1,
            }
            papers.append(record.model_copy(update=changes))
        yield papers


def _shown_at(published: datetime) -> datetime:
    last = published - timedelta(days=1) if published.hour < _CUT_OFF_UTC else published
    return announced_at(last.date())


def _with_a_wrong_test(text: str) -> str:
    return text.replace('count_words)" 2', 'count_words)" 3').replace('["a"] == 2', '["a"] == 3')


def _letters(number: int) -> str:
    """aa, ab, …: package names and repo names may hold them anywhere."""
    return chr(ord("a") + number // 26) + chr(ord("a") + number % 26)
