"""What chaos builds: small cases of the corpus, each as often as wanted under names of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from corpus_cases import PAPER_ID, CorpusCase, Verdict, corpus
from corpus_harness import DAY

from factory_assets.domain.papers import LabelledPaper, Paper
from factory_assets.domain.specs import Language, Spec
from factory_assets.languages.names import names_of
from factory_assets.registry import Registry
from factory_assets.replay.recordings_model import Conversation

NOW = datetime(2026, 6, 17, 8, tzinfo=UTC)
_CASES = (
    ("bash", "good-column-sum"),
    ("python", "good-heading-outline"),
    ("bash", "placeholder-functions"),
    ("bash", "good-env-gap"),
    ("python", "review-deletes-tests"),
    ("python", "good-rate-guard"),
)


@dataclass(frozen=True)
class ChaosSpec:
    """One spec that is queued, and how its build has to end: shipped, or refused by a gate."""

    name: str
    gate: str | None

    @property
    def is_good(self) -> bool:
        """Whether it has to ship."""
        return self.gate is None


class SpecSource:
    """Queues specs, each on a date of its own, and writes down what the model does for them."""

    def __init__(self, registry: Registry, recordings: Path) -> None:
        self._registry = registry
        self._recordings = recordings
        self._numbers = itertools.count()
        known = {(str(case.language), case.name): case for case in corpus()}
        self._cases = [known[key] for key in _CASES]
        recordings.mkdir(parents=True)
        paper = Paper(
            arxiv_id=PAPER_ID,
            version=1,
            title="Small Tools for Plain Text",
            abstract="We show that small tools which read plain text are useful.",
            authors=("Ada Lovelace",),
            categories=("cs.CL",),
            comment=None,
            published=NOW,
            updated=NOW,
        )
        registry.papers.upsert([LabelledPaper(paper=paper, topics=("text",))], now=NOW)

    @property
    def cases(self) -> int:
        """How many cases there are: so many specs are all of them."""
        return len(self._cases)

    def queue(self) -> ChaosSpec:
        """One more spec, of the next case."""
        number = next(self._numbers)
        spec, chaos = self._record(self._cases[number % self.cases], _letters(number))
        self._registry.queue.add(
            DAY + timedelta(days=number),
            [spec],
            {PAPER_ID} if number == 0 else set(),
            dropped=0,
            ranks=range(1, 2),
            late_ranks=range(2, 3),
            now=NOW,
        )
        return chaos

    def _record(self, case: CorpusCase, letters: str) -> tuple[Spec, ChaosSpec]:
        old = case.spec.name
        new = f"{old}-{letters}"

        def renamed(text: str) -> str:
            return text.replace(old, new).replace(
                names_of(old, Language.PYTHON).module, names_of(new, Language.PYTHON).module
            )

        spec = Spec.model_validate(json.loads(renamed(case.spec.model_dump_json())))
        told = case.conversation({}).model_dump(mode="json", exclude_unset=True)
        conversation = Conversation.model_validate(json.loads(renamed(json.dumps(told))))
        text = yaml.safe_dump(conversation.model_dump(mode="json", exclude_unset=True), sort_keys=False)
        draft = self._recordings / f"{new}.new"
        draft.write_text(text)
        draft.rename(self._recordings / f"{new}.yaml")
        expect = case.case.expect
        return spec, ChaosSpec(new, expect.gate if expect.verdict is Verdict.FAILED else None)


def _letters(number: int) -> str:
    """a, b, … z, ba, …: names of Python packages and of repos may hold them anywhere."""
    return "".join(_digits(number))


def _digits(number: int) -> Iterator[str]:
    if number >= 26:
        yield from _digits(number // 26)
    yield chr(ord("a") + number % 26)
