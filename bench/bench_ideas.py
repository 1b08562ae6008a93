"""What a spec from research costs against one from abstracts alone, by the tokens of both and the price table.

Run it alone with `python -m bench.bench_ideas`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import SecretStr

from factory_assets.analyze.stage import analyze
from factory_assets.domain.agents import Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.full_text import EXCERPT_CHARS
from factory_assets.domain.ideas import DayResearch
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Candidate, Piece, PieceKind, ResearchContext
from factory_assets.gather.matching import Matcher
from factory_assets.gather.topics import load_topics
from factory_assets.ideas.related import MOST as RELATED
from factory_assets.ideas.repositories import MOST as REPOSITORIES
from factory_assets.ideas.repositories import README_CHARS
from factory_assets.ideas.synthesis import Synthesizer, synthesize
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.prices import cost_usd
from factory_assets.llm.routes import Routes
from factory_assets.registry import Registry
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer
from factory_assets.settings import Settings

_DAY = date(2026, 6, 18)
_NOW = datetime(2026, 6, 20, tzinfo=UTC)
_RECORDED = ("2606.19667", "2606.20072", "2606.19881")
# How many of the candidates give a spec. One that gives none is reckoned as one that does, which is too much.
_YIELDS = (1.0, 0.5, 0.25)


@dataclass(frozen=True)
class Cost:
    """What so many specs took."""

    specs: float
    usage: Usage

    def dollars(self, model: str) -> float:
        """Of one of them, by the price table."""
        return cost_usd(model, self.usage) / self.specs


def run() -> str:
    """Ask both ways, and return the section for RESULTS.md."""
    settings = Settings(_env_file=None)
    papers = [record.paper for record in load_papers() if record.paper.day == _DAY]
    matcher = Matcher(load_topics(settings.factory_topics_file).topics)
    read = [paper for paper in papers if matcher.labels(paper)]
    plain = _plain(read, settings)
    researched = _researched(papers, settings)
    return "\n".join(_section(plain, researched, len(read), settings))


def _section(plain: Cost, researched: Cost, papers: int, settings: Settings) -> Iterator[str]:
    model = settings.factory_synthesis_model
    yield "## A researched spec against a plain one"
    yield ""
    yield (
        f"Plain: one analysis of {papers} papers of the topics, for {settings.factory_specs_per_day} specs; its answer"
        " is reckoned from the recorded specs' length. Researched: one question a candidate, over its abstract,"
        f" {RELATED} abstracts, {REPOSITORIES} READMEs of {README_CHARS:,} characters and {EXCERPT_CHARS:,} of a"
        " method section, with the recorded specs and claims as answers. Both by the real prompts against the replay,"
        f" which counts tokens from characters as `make bench` says of a day; prices of {model}. Thinking is in"
        " neither."
    )
    yield ""
    yield "| a spec | tokens in | tokens out | dollars | against plain |"
    yield "|:--|--:|--:|--:|--:|"
    base = plain.dollars(settings.factory_analyze_model)
    yield _row("plain", plain, base, base)
    for share in _YIELDS:
        name = f"researched, {share:.0%} of candidates give one"
        usage = researched.usage
        cost = Cost(researched.specs * share, usage)
        yield _row(name, cost, cost.dollars(model), base)
    again = Cost(researched.specs, researched.usage + _asked_again(researched.usage))
    yield _row("researched, each asked again", again, again.dollars(model), base)


def _row(name: str, cost: Cost, dollars: float, base: float) -> str:
    return (
        f"| {name} | {cost.usage.prompt_tokens / cost.specs:,.0f} | {cost.usage.output_tokens / cost.specs:,.0f}"
        f" | {dollars:.5f} | {dollars / base:.1f} |"
    )


def _asked_again(usage: Usage) -> Usage:
    """A second question has the first one's words, its answer, and what was wrong with it."""
    return Usage(
        calls=usage.calls,
        input_tokens=usage.prompt_tokens + usage.output_tokens,
        output_tokens=usage.output_tokens,
    )


def _plain(papers: Sequence[Paper], settings: Settings) -> Cost:
    with _asking() as (registry, routes):
        report = analyze(
            _DAY,
            papers=papers,
            taken_names=(),
            model=routes,
            model_name=settings.factory_analyze_model,
            prompts_dir=settings.factory_prompts_dir,
            specs_wanted=settings.factory_specs_per_day,
            answers=registry.answers,
            queue=registry.queue,
            ledger=registry.ledger,
            ranks=settings.ranks,
            late_ranks=settings.late_ranks,
            now=lambda: _NOW,
            notify=lambda _line: None,
        )
    wanted = settings.factory_specs_per_day
    longer = wanted / len(report.queued)
    usage = report.usage.model_copy(update={"output_tokens": round(report.usage.output_tokens * longer)})
    return Cost(wanted, usage)


def _researched(papers: Sequence[Paper], settings: Settings) -> Cost:
    by_id = {paper.arxiv_id: paper for paper in papers}
    contexts = tuple(_context(by_id[name], papers) for name in _RECORDED)
    research = DayResearch(
        candidates=tuple(
            Candidate(arxiv_id=name, day=_DAY, score=50, reasons=(), place=place, chosen=True)
            for place, name in enumerate(_RECORDED, start=1)
        ),
        contexts=contexts,
        unread=frozenset(_RECORDED),
    )
    with _asking() as (registry, routes):
        synthesizer = Synthesizer(
            day=_DAY,
            model=routes,
            model_name=settings.factory_synthesis_model,
            prompts_dir=settings.factory_prompts_dir,
            answers=registry.answers,
            queue=registry.queue,
            ledger=registry.ledger,
            papers=lambda ids: [by_id[name] for name in ids if name in by_id],
            most_specs=settings.factory_research_specs,
            ranks=settings.ranks,
            late_ranks=settings.late_ranks,
            now=lambda: _NOW,
            notify=lambda _line: None,
        )
        report = synthesize(research, synthesizer, taken_names=())
    return Cost(len(report.queued), report.usage)


@contextmanager
def _asking() -> Iterator[tuple[Registry, Routes]]:
    """A registry that goes away, and the way to a model that answers as the demo's."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ReplayServer(recordings=Recordings.demo()) as server,
    ):
        api = ClaudeApi(server.url, api_key=SecretStr("made-up"))
        yield Registry(Path(folder) / "registry.duckdb"), Routes([(Route.API, api)], lambda _notice: None)


def _context(paper: Paper, papers: Sequence[Paper]) -> ResearchContext:
    """As large as a context can be; where the demo has no text of its own, abstracts stand for it."""
    others = [other for other in papers if other is not paper][:RELATED]
    prose = "\n".join(other.abstract for other in papers)
    told = (
        "example-owner/prompt-beginnings",
        "example-owner/json-schema-tools",
        "example-owner/covering-cases",
    )
    names = [*told, *(f"example-owner/tool-{number}" for number in range(REPOSITORIES))][:REPOSITORIES]
    pieces = [
        _piece("C1", PieceKind.CANDIDATE, paper.abstract, paper.title, paper.arxiv_id),
        *(
            _piece(f"P{number}", PieceKind.PAPER, other.abstract, other.title, other.arxiv_id)
            for number, other in enumerate(others, start=1)
        ),
        *(
            _piece(f"R{number}", PieceKind.REPOSITORY, prose[:README_CHARS], name, None)
            for number, name in enumerate(names, start=1)
        ),
        _piece("M1", PieceKind.METHOD, prose[:EXCERPT_CHARS], "Method", paper.arxiv_id),
    ]
    return ResearchContext(arxiv_id=paper.arxiv_id, day=_DAY, pieces=tuple(pieces), gaps=(), made_at=_NOW)


def _piece(name: str, kind: PieceKind, text: str, title: str, arxiv_id: str | None) -> Piece:
    return Piece(
        id=name,
        kind=kind,
        title=title,
        url=f"https://example.org/{name}",
        text=text,
        relation="similar",
        weight=1.0,
        licence="MIT",
        arxiv_id=arxiv_id,
    )


if __name__ == "__main__":
    print(run())
