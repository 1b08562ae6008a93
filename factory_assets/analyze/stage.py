"""The analyze stage: a day's papers in, ranked and validated specs in the queue out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from pathlib import Path

from factory_assets.analyze.batches import BATCH_TOKENS
from factory_assets.analyze.choosing import rank, repair, validate
from factory_assets.analyze.reading import first_requests, read_papers
from factory_assets.domain.agents import Purpose, Question, StructuredModel
from factory_assets.domain.analysis_report import AnalysisReport
from factory_assets.domain.papers import Paper
from factory_assets.domain.ports import AnswerStore, CallLedger, SpecQueue
from factory_assets.domain.text import counted
from factory_assets.llm.asking import Asker
from factory_assets.llm.day_books import DayBooks
from factory_assets.llm.prompts import Prompts

PURPOSE = Purpose("analyze")
SETTING = "FACTORY_ANALYZE_MODEL"


def first_questions(
    day: date,
    *,
    papers: Sequence[Paper],
    model_name: str,
    prompts_dir: Path,
    specs_wanted: int,
    answers: AnswerStore,
    batch_tokens: int = BATCH_TOKENS,
) -> list[Question]:
    """What `analyze` asks first of these papers, so that it can be asked beforehand; not what has its answer already.

    Raises:
        InputError: a template cannot be used.
    """
    requests = first_requests(
        papers,
        about=str(day),
        prompts=Prompts(prompts_dir),
        specs_wanted=specs_wanted,
        batch_tokens=batch_tokens,
    )
    asked = [
        (request, request.question(model_name, reminder="", setting=SETTING, purpose=PURPOSE))
        for request in requests
    ]
    return [question for request, question in asked if not answers.to(day, request.digest(question))]


def analyze(
    day: date,
    *,
    papers: Sequence[Paper],
    taken_names: Collection[str],
    model: StructuredModel,
    model_name: str,
    prompts_dir: Path,
    specs_wanted: int,
    answers: AnswerStore,
    queue: SpecQueue,
    ledger: CallLedger,
    ranks: range,
    late_ranks: range,
    now: Callable[[], datetime],
    notify: Callable[[str], None],
    batch_tokens: int = BATCH_TOKENS,
) -> AnalysisReport:
    """Analyse the papers of a day that were not analysed before; none at all is a day with zero specs.

    Every raw answer is stored before it is read, every call is in the ledger, and the specs are queued and
    the papers marked in one transaction at the end: whatever fails before leaves all papers unanalysed.

    Raises:
        InputError: a template, the model's name, or an answer that could not be read twice.
        CredentialError, RateLimitedError, InfrastructureError: no route to a model answered.
        UnusableAnswerError: every answer was cut off or refused.
    """
    started = now()
    asker = Asker(
        about=str(day),
        purpose=PURPOSE,
        model=model,
        model_name=model_name,
        setting=SETTING,
        books=DayBooks(day, answers, ledger, now),
        notify=notify,
    )
    if not papers:
        queue.add(day, [], [], dropped=0, ranks=ranks, late_ranks=late_ranks, now=started)
        return AnalysisReport(day=day, papers=0)
    prompts = Prompts(prompts_dir)
    reading = read_papers(
        papers, asker=asker, prompts=prompts, specs_wanted=specs_wanted, batch_tokens=batch_tokens
    )
    chosen = validate(reading.proposals, taken_names)
    repair(chosen, asker=asker, prompts=prompts)
    specs = rank(chosen, asker=asker, prompts=prompts, specs_wanted=specs_wanted)
    unread = set(reading.unread)
    analysed = [paper.arxiv_id for paper in papers if paper.arxiv_id not in unread]
    queued = queue.add(
        day,
        specs,
        analysed,
        dropped=len(chosen.dropped),
        ranks=ranks,
        late_ranks=late_ranks,
        now=now(),
    )
    new, read = counted(len(queued), "spec", "specs"), counted(len(analysed), "paper", "papers")
    notify(f"{day} {new} queued from {read}, ${asker.usage.cost_usd:.4f}")
    for name in {spec.name for spec in specs} - {item.spec.name for item in queued}:
        chosen.drop(name, "the registry held that name already when it was queued")
    return AnalysisReport(
        day=day,
        papers=len(papers),
        batches=reading.batches,
        queued=tuple(queued),
        dropped=tuple(chosen.dropped),
        refused=tuple(reading.refused),
        unread=tuple(reading.unread),
        usage=asker.usage,
        routes=tuple(dict.fromkeys(str(answer.route) for answer in asker.answers)),
        models=tuple(dict.fromkeys(answer.model for answer in asker.answers)),
        notes=tuple(asker.notes),
        answer_ids=tuple(asker.answer_ids),
        cache_hits=sum(answer.cache_hit for answer in asker.answers),
        seconds=(now() - started).total_seconds(),
    )
