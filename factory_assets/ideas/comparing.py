"""The blind comparison: a model judges researched specs against plain ones, and is not told which is which."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel

from factory_assets.domain.agents import Purpose
from factory_assets.domain.comparing import Comparison, Judgement, Offered, Pair, Side, SpecFinding
from factory_assets.domain.readings import FindingKind, Severity
from factory_assets.ideas.showing import as_data
from factory_assets.ideas.synthesis import Synthesizer
from factory_assets.llm.asking import Asker, Request, UnreadableAnswerError, one_line, read_form, schema_of
from factory_assets.llm.claude_api_errors import PromptTooLongError, UnusableAnswerError
from factory_assets.llm.day_books import DayBooks
from factory_assets.llm.prompts import Prompts

TEMPLATE = STAGE = "compare"
_MAX_OUTPUT_TOKENS = 8_000
_MOST_PAPERS, _LONGEST_ABSTRACT = 6, 2_500


class _Found(BaseModel):
    kind: Literal[
        FindingKind.MISSING,
        FindingKind.NOT_THERE,
        FindingKind.WRONG,
        FindingKind.UNMEASURED,
        FindingKind.EMPTY_TEST,
        FindingKind.UNSAFE,
    ]
    severity: Severity
    why: str


class _Answer(BaseModel):
    a: list[_Found]
    b: list[_Found]
    better: Literal["A", "B", "neither is better"]
    why: str


ANSWER_SCHEMA = schema_of(_Answer)


@dataclass(frozen=True)
class _Laid:
    """A pair in the order in which it is shown."""

    pair: Pair
    a: Side

    @property
    def b(self) -> Side:
        return Side.PLAIN if self.a is Side.RESEARCHED else Side.RESEARCHED

    def offered(self, side: Side) -> Offered:
        return self.pair.researched if side is Side.RESEARCHED else self.pair.plain


def compare(pairs: Sequence[Pair], synthesizer: Synthesizer, *, seed: int) -> Comparison:
    """Have each pair judged; the order in each is drawn by `seed`. What was answered before is not asked again.

    Raises:
        FactoryError: no route to a model answers; what was answered until then is kept.
    """
    prompts, dollars = Prompts(synthesizer.prompts_dir), 0.0
    judgements: list[Judgement] = []
    unjudged: list[str] = []
    for pair in pairs:
        # By the researched spec's own date, so that the answer is found again whatever it is compared with.
        queued = pair.researched.queued
        asker = _asker(synthesizer, queued.day or queued.queued_at.date())
        laid = laid_out(pair, seed)
        try:
            answer = asker.ask(_request(laid, asker.about, prompts), _read)
        except (UnusableAnswerError, PromptTooLongError, UnreadableAnswerError) as error:
            unjudged.append(f"{pair.researched.name} and {pair.plain.name}: {one_line(error)}")
        else:
            judgements.append(_judgement(laid, answer))
        dollars += asker.usage.cost_usd
    return Comparison(
        seed=seed,
        model=synthesizer.model_name,
        judgements=tuple(judgements),
        unjudged=tuple(unjudged),
        dollars=dollars,
    )


def laid_out(pair: Pair, seed: int) -> _Laid:
    """The pair in an order that the seed and its names decide: the same whatever else is compared with it."""
    drawn = random.Random(f"{seed} {pair.researched.name} {pair.plain.name}").random()  # noqa: S311 - no secret
    return _Laid(pair, Side.RESEARCHED if drawn < 0.5 else Side.PLAIN)


def _read(text: str) -> _Answer:
    return read_form(_Answer, text)


def _asker(synthesizer: Synthesizer, day: date) -> Asker:
    return Asker(
        about=str(day),
        purpose=Purpose(STAGE),
        model=synthesizer.model,
        model_name=synthesizer.model_name,
        setting="FACTORY_READER_MODEL",
        books=DayBooks(day, synthesizer.answers, synthesizer.ledger, synthesizer.now, STAGE),
        notify=synthesizer.notify,
    )


def _request(laid: _Laid, day: str, prompts: Prompts) -> Request:
    a, b = laid.offered(laid.a), laid.offered(laid.b)

    def prompt(reminder: str) -> str:
        return prompts.request(
            TEMPLATE,
            day=day,
            pair=f"{a.name} {b.name}",
            a=_shown(a),
            b=_shown(b),
            papers=_shown_papers(laid.pair),
            reminder=reminder,
        )

    label = f"compare {a.name} and {b.name}"
    return Request(label, prompts.instructions(TEMPLATE), prompt, ANSWER_SCHEMA, _MAX_OUTPUT_TOKENS)


def _shown(offered: Offered) -> str:
    """A spec in the same words whichever route it has come by; its papers are shown apart."""
    spec = offered.queued.spec
    lines = [
        f"Name: {spec.name}",
        f"Problem: {spec.problem}",
        f"Solution: {spec.solution}",
        f"Language: {spec.language}, about {spec.estimated_lines} lines, complexity {spec.complexity}",
        f"Files: {', '.join(spec.files)}",
        f"Who pays: {spec.who_pays}",
        f"Integration point: {spec.integration_point}",
        f"Moat: {spec.moat}",
    ]
    return as_data("\n".join(" ".join(line.split()) for line in lines))


def _shown_papers(pair: Pair) -> str:
    """The abstracts of both, each once and by their ids, so that nothing tells how many papers one rests on."""
    by_id = {paper.arxiv_id: paper for paper in (*pair.researched.papers, *pair.plain.papers)}
    papers = [by_id[name] for name in sorted(by_id)][:_MOST_PAPERS]
    lines = [f"{paper.title}. {paper.abstract[:_LONGEST_ABSTRACT]}" for paper in papers]
    return as_data("\n".join(" ".join(line.split()) for line in lines))


def _judgement(laid: _Laid, answer: _Answer) -> Judgement:
    sides = {"A": laid.a, "B": laid.b}
    found = {laid.a: answer.a, laid.b: answer.b}
    return Judgement(
        researched=laid.pair.researched.name,
        plain=laid.pair.plain.name,
        alike=laid.pair.alike,
        better=sides.get(answer.better),
        findings={
            side: tuple(
                SpecFinding(kind=each.kind, severity=each.severity, why=each.why) for each in found[side]
            )
            for side in Side
        },
        why=answer.why,
    )
