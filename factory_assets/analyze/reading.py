"""Has the model read a day's papers: batch by batch, in halves where a request or an answer was too long or refused."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from factory_assets.analyze.answers import SPECS_SCHEMA, read_specs
from factory_assets.analyze.batches import candidates_wanted, make_batches, paper_text
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.papers import Paper
from factory_assets.domain.tokens import tokens_of
from factory_assets.llm.asking import Asker, Request, one_line
from factory_assets.llm.claude_api_errors import AnswerRefusedError, PromptTooLongError, UnusableAnswerError
from factory_assets.llm.prompts import Prompts

# Thirty specs are about 14,000 tokens, and the model's thinking counts as well.
MAX_OUTPUT_TOKENS = 32_000
# Enough to find one refused paper among 250, and a bound to what a stubborn model can cost.
MAX_SPLITS = 8


@dataclass(frozen=True)
class Piece:
    """Papers for one request. `label` is batch 1/2, and 1/2.a for its first half."""

    label: str
    papers: tuple[Paper, ...]
    wanted: int

    @property
    def ids(self) -> frozenset[str]:
        """The arXiv ids that the model is shown."""
        return frozenset(paper.arxiv_id for paper in self.papers)

    def halves(self) -> tuple[Piece, Piece]:
        """The same papers in two requests, each for half as many specs."""
        middle = (len(self.papers) + 1) // 2
        wanted = math.ceil(self.wanted / 2)
        return (
            Piece(f"{self.label}.a", self.papers[:middle], wanted),
            Piece(f"{self.label}.b", self.papers[middle:], wanted),
        )


@dataclass
class PaperReading:
    """What came of it: the proposals of each piece, and the papers that gave none because of an error."""

    batches: int
    proposals: list[tuple[Piece, list[JsonValue]]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_papers(
    papers: Sequence[Paper], *, asker: Asker, prompts: Prompts, specs_wanted: int, batch_tokens: int
) -> PaperReading:
    """Ask about all papers.

    A paper that alone is refused is set aside for good; what is still unread after MAX_SPLITS halvings
    stays for the next analysis.

    Raises:
        UnusableAnswerError, PromptTooLongError: not one request was answered.
        FactoryError: as `Asker.ask`; nothing is queued then, and all papers stay unanalysed.
    """
    instructions = prompts.instructions("analyze")
    waiting = deque(_pieces(papers, instructions, specs_wanted, batch_tokens))
    reading = PaperReading(batches=len(waiting))
    splits = 0
    failure: FactoryError | None = None
    while waiting:
        piece = waiting.popleft()
        try:
            request = _request(piece, asker.about, prompts, instructions)
            proposals = asker.ask(request, read_specs, more=bool(waiting))
        except (UnusableAnswerError, PromptTooLongError) as error:
            failure = error
            # What was too long to be asked has cost nothing.
            is_free = isinstance(error, PromptTooLongError)
            if is_free and len(piece.papers) == 1 and not reading.proposals:
                # Not even one fits beside the instructions: no number of halves fixes that.
                raise
            if len(piece.papers) > 1 and (is_free or splits < MAX_SPLITS):
                splits += not is_free
                asker.note(f"{piece.label}: {one_line(error)} Asked again in halves.")
                waiting.extendleft(reversed(piece.halves()))
            else:
                _set_aside(piece, error, reading, asker)
        else:
            reading.proposals.append((piece, proposals))
    if failure is not None and not reading.proposals and reading.unread:
        raise failure
    return reading


def first_requests(
    papers: Sequence[Paper], *, about: str, prompts: Prompts, specs_wanted: int, batch_tokens: int
) -> list[Request]:
    """What `read_papers` asks first, before any answer has come."""
    instructions = prompts.instructions("analyze")
    pieces = _pieces(papers, instructions, specs_wanted, batch_tokens)
    return [_request(piece, about, prompts, instructions) for piece in pieces]


def _pieces(papers: Sequence[Paper], instructions: str, specs_wanted: int, batch_tokens: int) -> list[Piece]:
    batches = make_batches(papers, budget=max(1, batch_tokens - static_tokens(instructions)))
    wanted = candidates_wanted(specs_wanted, len(batches))
    return [
        Piece(f"batch {number}/{len(batches)}", tuple(batch), wanted)
        for number, batch in enumerate(batches, start=1)
    ]


def static_tokens(instructions: str) -> int:
    """What a request takes before its first paper: the rules, the schema and the lines around the papers."""
    return tokens_of(instructions) + tokens_of(str(SPECS_SCHEMA)) + 500


def _request(piece: Piece, about: str, prompts: Prompts, instructions: str) -> Request:
    texts = [paper_text(paper) for paper in piece.papers]

    def prompt(reminder: str) -> str:
        return prompts.request(
            "analyze", day=about, papers=texts, specs_wanted=piece.wanted, reminder=reminder
        )

    return Request(
        piece.label,
        instructions,
        prompt,
        SPECS_SCHEMA,
        MAX_OUTPUT_TOKENS,
        about="papers",
        unordered="paper",
    )


def _set_aside(piece: Piece, error: FactoryError, reading: PaperReading, asker: Asker) -> None:
    alone = len(piece.papers) == 1 and isinstance(error, AnswerRefusedError)
    (reading.refused if alone else reading.unread).extend(paper.arxiv_id for paper in piece.papers)
    fate = "counts as analysed" if alone else "left for the next analysis"
    ids = ", ".join(paper.arxiv_id for paper in piece.papers)
    asker.note(f"{piece.label}: no answer about {ids} ({fate}): {one_line(error)}")
