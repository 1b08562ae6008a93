"""Synthesis: a date's research in, specs in the queue out, each with what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from factory_assets.domain.agents import Purpose, StructuredModel
from factory_assets.domain.analysis_report import AnalysisReport, DroppedSpec
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.ideas import DayResearch, EvidenceQueue, KnownPapers
from factory_assets.domain.papers import Paper
from factory_assets.domain.ports import AnswerStore, CallLedger
from factory_assets.domain.research import Piece, PieceKind
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.domain.text import counted
from factory_assets.ideas.asking import Made, Material, NotMade, make_spec
from factory_assets.llm.asking import Asker, UnreadableAnswerError, one_line
from factory_assets.llm.claude_api_errors import AnswerRefusedError, PromptTooLongError, UnusableAnswerError
from factory_assets.llm.day_books import DayBooks
from factory_assets.llm.prompts import Prompts

STAGE = "synthesize"
SETTING = "FACTORY_SYNTHESIS_MODEL"


@dataclass(frozen=True, kw_only=True)
class Synthesizer:
    """What makes specs from evidence, for one date.

    `papers` finds papers by id. `most_specs` is how many one run makes at most.
    """

    day: date
    model: StructuredModel
    model_name: str
    prompts_dir: Path
    answers: AnswerStore
    queue: EvidenceQueue
    ledger: CallLedger
    papers: KnownPapers
    most_specs: int
    ranks: range
    late_ranks: range
    now: Callable[[], datetime]
    notify: Callable[[str], None]

    def asker(self) -> Asker:
        """Whoever asks; its answers are kept under the date, and its calls booked under the stage."""
        return Asker(
            about=str(self.day),
            purpose=Purpose(STAGE),
            model=self.model,
            model_name=self.model_name,
            setting=SETTING,
            books=DayBooks(self.day, self.answers, self.ledger, self.now, STAGE),
            notify=self.notify,
        )


@dataclass
class Synthesis:
    """What has come of some material so far."""

    made: list[tuple[Made, Material]] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    dropped: list[DroppedSpec] = field(default_factory=list)
    asked: int = 0

    @property
    def names(self) -> set[str]:
        """The names that its specs have taken."""
        return {made.spec.name for made, _ in self.made}

    def take(self, result: Made | NotMade, material: Material) -> str:
        """Take what came of one candidate; returns what an operator should know of it."""
        self.settled += material.candidate
        if isinstance(result, Made):
            self.made.append((result, material))
            without = "; ".join(result.unsupported)
            return f"{result.spec.name}: left out of its evidence: {without}" if without else ""
        if result.declined:
            return f"{material.label}: no spec: {result.reasons[0]}"
        self.dropped.append(DroppedSpec(name=result.name, reasons=result.reasons))
        return ""


def synthesize(
    research: DayResearch, synthesizer: Synthesizer, *, taken_names: Collection[str]
) -> AnalysisReport:
    """Make specs of a date's candidates in their order, and queue them with what they rest on.

    A paper counts as analysed once the choice was made with it in view: it was scored, and was asked about, or was not
    chosen, or stood behind the candidates that had filled the run. What came after the choice, has no context yet or
    was not answered stays unread.

    Every raw answer is kept before it is read, and specs, evidence and the marks on papers are one transaction at
    the end: whatever fails before leaves all papers unread, and what was answered is not paid for again.

    Raises:
        InputError: a template, or the model's name.
        CredentialError, RateLimitedError, InfrastructureError: no route to a model answered.
        UnusableAnswerError, PromptTooLongError, UnreadableAnswerError: not one candidate was answered.
    """
    started = synthesizer.now()
    asker = synthesizer.asker()
    material = [
        Material("synthesize", str(synthesizer.day), (each.arxiv_id,), each.pieces, each.gaps)
        for each in research.ready
    ]
    done = make_specs(material, synthesizer, asker, taken_names=taken_names)
    behind = [each.candidate[0] for each in material[done.asked :]]
    if behind:
        asker.note(
            f"{counted(len(behind), 'candidate', 'candidates')} not asked about, because the run had its"
            f" {synthesizer.most_specs} specs (FACTORY_RESEARCH_SPECS): {', '.join(behind)}"
        )
    for papers, why in ((research.waiting, "have no research yet"), (research.unscored, "came later")):
        if papers:
            asker.note(f"{counted(len(papers), 'paper', 'papers')} stay unread, which {why}")
    analysed = {*done.settled, *done.refused, *behind, *research.passed_over}
    left = [*done.unread, *research.waiting]
    return queue_made(
        done, synthesizer, asker, analysed=analysed, unread=left, papers=done.asked, started=started
    )


def make_specs(
    material: Sequence[Material], synthesizer: Synthesizer, asker: Asker, *, taken_names: Collection[str]
) -> Synthesis:
    """Ask about each in turn, until there are as many specs as one run makes. Raises as `synthesize`."""
    prompts = Prompts(synthesizer.prompts_dir)
    done = Synthesis()
    failure: FactoryError | None = None
    for each in material:
        if len(done.made) == synthesizer.most_specs:
            break
        done.asked += 1
        more = done.asked < len(material)
        try:
            result = make_spec(
                each, asker=asker, prompts=prompts, taken={*taken_names, *done.names}, more=more
            )
        except AnswerRefusedError as error:
            done.refused += each.candidate
            asker.note(f"{each.label}: declined, which counts as analysed: {one_line(error)}")
        except (UnusableAnswerError, PromptTooLongError, UnreadableAnswerError) as error:
            failure = error
            done.unread += each.candidate
            asker.note(f"{each.label}: no answer, left for the next run: {one_line(error)}")
        else:
            if note := done.take(result, each):
                asker.note(note)
    if failure is not None and not done.settled and not done.refused:
        raise failure
    return done


def queue_made(
    done: Synthesis,
    synthesizer: Synthesizer,
    asker: Asker,
    *,
    analysed: Collection[str],
    unread: Sequence[str],
    papers: int,
    started: datetime,
) -> AnalysisReport:
    """Queue what was made, in one transaction with what it rests on and the marks on the papers."""
    specs = [made.spec for made, _ in done.made]
    evidence = {
        made.spec.name: made.evidence.model_copy(
            update={"papers": _papers(made.spec, material.pieces, synthesizer)}
        )
        for made, material in done.made
    }
    queued: list[QueuedSpec] = synthesizer.queue.add(
        synthesizer.day,
        specs,
        analysed,
        dropped=len(done.dropped),
        ranks=synthesizer.ranks,
        late_ranks=synthesizer.late_ranks,
        now=synthesizer.now(),
        evidence=evidence,
    )
    synthesizer.notify(
        f"{synthesizer.day} {counted(len(queued), 'researched spec', 'researched specs')} queued from"
        f" {counted(papers, 'candidate', 'candidates')}, ${asker.usage.cost_usd:.4f}"
    )
    return AnalysisReport(
        day=synthesizer.day,
        papers=papers,
        queued=tuple(queued),
        dropped=tuple(done.dropped),
        refused=tuple(done.refused),
        unread=tuple(unread),
        usage=asker.usage,
        routes=tuple(dict.fromkeys(str(answer.route) for answer in asker.answers)),
        models=tuple(dict.fromkeys(answer.model for answer in asker.answers)),
        notes=tuple(asker.notes),
        answer_ids=tuple(asker.answer_ids),
        cache_hits=sum(answer.cache_hit for answer in asker.answers),
        seconds=(synthesizer.now() - started).total_seconds(),
    )


def _papers(spec: Spec, pieces: Sequence[Piece], synthesizer: Synthesizer) -> tuple[Paper, ...]:
    """All papers that a spec rests on, so that its repo can name them wherever they came from."""
    known = {paper.arxiv_id: paper for paper in synthesizer.papers(spec.source_papers)}
    now = synthesizer.now()
    return tuple(known.get(paper) or _from_pieces(paper, pieces, now) for paper in spec.source_papers)


def _from_pieces(arxiv_id: str, pieces: Sequence[Piece], now: datetime) -> Paper:
    """A paper of which no more is known than its pieces say; its page names the authors.

    A section of its full text is never taken for its abstract, which is published.
    """
    about = [piece for piece in pieces if piece.arxiv_id == arxiv_id]
    abstracts = [piece for piece in about if piece.kind in {PieceKind.CANDIDATE, PieceKind.PAPER}]
    return Paper(
        arxiv_id=arxiv_id,
        version=1,
        title=(abstracts or about)[0].title,
        abstract=abstracts[0].text if abstracts else "",
        authors=(),
        categories=(),
        comment=None,
        published=now,
        updated=now,
    )
