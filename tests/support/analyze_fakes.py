"""Papers, specs, a scripted model and stores in memory for the tests of the analyze stage."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from factory_assets.analyze.stage import analyze
from factory_assets.domain.agents import Answer, Question, Route, StructuredModel
from factory_assets.domain.analysis_report import AnalysisReport
from factory_assets.domain.builds import BuildStatus, ModelCall, Usage
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.settings import PROJECT_ROOT

PROMPTS = PROJECT_ROOT / "prompts"
DAY = date(2026, 6, 3)
NOW = datetime(2026, 6, 6, 6, 0, tzinfo=UTC)


def paper(number: int = 1, *, title: str = "", abstract: str = "", comment: str | None = None) -> Paper:
    return Paper(
        arxiv_id=f"2606.{number:05d}",
        version=1,
        title=title or f"Paper {number}",
        abstract=abstract or f"We schedule key-value caches, variant {number}.",
        authors=("A. Author",),
        categories=("cs.LG",),
        comment=comment,
        published=datetime(2026, 6, 3, 12, tzinfo=UTC),
        updated=datetime(2026, 6, 3, 12, tzinfo=UTC),
    )


def proposal(name: str, *papers: str, **fields: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "name": name,
        "problem": "Caches are evicted in the wrong order.",
        "source_papers": list(papers) or ["2606.00001"],
        "solution": "Replays a log and prints the better order.",
        "language": "python",
        "files": ["replay.py", "tests/test_replay.py"],
        "estimated_lines": 150,
        "complexity": "low",
        "who_pays": "Serving teams.",
        "integration_point": "A CI step.",
        "moat": "The paper's ordering.",
    }
    return {**spec, **fields}


def specs_json(*proposals: dict[str, Any]) -> str:
    return json.dumps({"specs": list(proposals)})


def answer(text: str, **fields: Any) -> Answer:
    values: dict[str, Any] = {
        "route": Route.API,
        "model": "claude-haiku-5-5",
        "usage": Usage(calls=1, input_tokens=1000, output_tokens=100, cost_usd=0.01),
        "seconds": 1.0,
    }
    return Answer(text=text, **{**values, **fields})


Script = str | Answer | Exception | Callable[[Question], "str | Answer"]


@dataclass
class FakeModel:
    """Answers in order; a callable answers by the question."""

    script: list[Script]
    questions: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Answer:
        self.questions.append(question)
        if not self.script:
            raise AssertionError(f"one question too many:\n{question.prompt[:500]}")
        step = self.script[0] if len(self.script) == 1 and callable(self.script[0]) else self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        result = step(question) if callable(step) else step
        return answer(result) if isinstance(result, str) else result


@dataclass
class FakeStore:
    """Answers, queue and ledger in memory; `events` is the order of what happened."""

    answers: list[tuple[str, str]] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    queued: list[tuple[tuple[Spec, ...], frozenset[str]]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    gone: frozenset[str] = frozenset()
    evidence: dict[str, SpecEvidence] = field(default_factory=dict)

    def keep(self, *, day: date, purpose: str, model: str, prompt_hash: str, text: str, now: datetime) -> int:
        assert len(prompt_hash) == 64
        self.answers.append((purpose, text))
        self.hashes.append(prompt_hash)
        return len(self.answers)

    def to(self, day: date, prompt_hash: str) -> list[str]:
        kept = zip(self.hashes, self.answers, strict=True)
        return [text for digest, (_, text) in kept if digest == prompt_hash][::-1]

    def add(
        self,
        day: date,
        specs: Sequence[Spec],
        analysed: Collection[str],
        *,
        dropped: int,
        ranks: range,
        late_ranks: range,
        now: datetime,
        evidence: Mapping[str, SpecEvidence] | None = None,
    ) -> list[QueuedSpec]:
        self.evidence |= evidence or {}
        self.queued.append((tuple(specs), frozenset(analysed)))
        self.dropped.append(dropped)
        kept = [spec for spec in specs if spec.name not in self.gone]
        return [
            QueuedSpec(
                id=rank, spec=spec, day=day, rank=rank, status=BuildStatus.QUEUED, attempts=0, queued_at=now
            )
            for rank, spec in zip(ranks, kept, strict=False)
        ]

    def record(self, call: ModelCall) -> None:
        self.calls.append(call)


def run_analysis(
    papers: Sequence[Paper],
    model: StructuredModel,
    store: FakeStore,
    *,
    taken: Collection[str] = (),
    wanted: int = 30,
    notices: list[str] | None = None,
    **options: Any,
) -> AnalysisReport:
    return analyze(
        DAY,
        papers=papers,
        taken_names=taken,
        model=model,
        model_name="claude-haiku-5-5",
        prompts_dir=options.pop("prompts_dir", PROMPTS),
        specs_wanted=wanted,
        answers=store,
        queue=store,
        ledger=store,
        ranks=range(1, 31),
        late_ranks=range(31, 41),
        now=lambda: NOW,
        notify=(notices if notices is not None else []).append,
        **options,
    )


def names(report: AnalysisReport) -> list[str]:
    return [queued.spec.name for queued in report.queued]
