"""arXiv's query API from a recording: what each topic that comes with the project finds among the sample's papers.

It searches nothing. It takes gather's own query, one recorded topic or several joined by OR and a window of
submittedDate, and refuses every other as arXiv refuses a query. `make record-topics` writes the recording.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.replay.arxiv_atom import Asked, AtomAnswer, error_page, page
from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers

RECORDING = Path(__file__).with_name("arxiv_recorded.json")
"""The ids of the papers that each topic's query finds; the query is without its window of dates."""

# gather shows an operator the first 200 characters of what arXiv says.
_UNKNOWN_TOPIC = (
    "The replay knows only the topics that come with the project. Use these; after a change of topics.yaml give"
    " `make record-topics`; topics of your own need a live instance."
)
_UNKNOWN_FORM = (
    "The replay takes only what gather asks for: topics AND submittedDate:[YYYYMMDDHHMM TO YYYYMMDDHHMM], pages of at"
    " most 2000, sorted by submittedDate, ascending."
)
_ERRORS = "https://arxiv.org/api/errors"
_OR = " OR "
_QUERY = re.compile(r"(?P<topics>.+) AND submittedDate:\[(?P<first>\d{12}) TO (?P<last>\d{12})\]")


class _Request(BaseModel):
    """The parameters as gather writes them."""

    search_query: str
    start: Annotated[int, Field(ge=0)]
    max_results: Annotated[int, Field(gt=0, le=2_000)]
    sortBy: Literal["submittedDate"]  # noqa: N815 - arXiv's name
    sortOrder: Literal["ascending"]  # noqa: N815 - arXiv's name


class _RefusalError(Exception):
    """What the error entry says."""


class RecordedArxiv:
    """Plays `GET /api/query`. Threads may share one.

    Args:
        papers: all that there are.
        found: by each topic's query, the ids of those that it finds.
    """

    def __init__(self, papers: Sequence[ArxivRecord], found: Mapping[str, Collection[str]]) -> None:
        self._papers = sorted(papers, key=lambda paper: (paper.published, paper.id))
        self._times = [paper.published for paper in self._papers]
        self._found = {query: frozenset(ids) for query, ids in found.items()}

    @classmethod
    def sample(cls) -> Self:
        """The player of the papers and topics that come with the package.

        Raises:
            InputError: a file of the package cannot be read.
        """
        return cls(load_papers(), load_recording())

    def answer(self, params: Mapping[str, str]) -> AtomAnswer:
        """The answer to one request, by its decoded parameters."""
        try:
            return AtomAnswer(HTTPStatus.OK, self._page(params))
        except _RefusalError as refusal:
            return AtomAnswer(HTTPStatus.BAD_REQUEST, error_page(str(refusal), link=_ERRORS))

    def _page(self, params: Mapping[str, str]) -> bytes:
        try:
            request = _Request.model_validate(params)
        except ValidationError:
            raise _RefusalError(_UNKNOWN_FORM) from None
        found = self._papers_of(request.search_query)
        asked = Asked(
            search_query=request.search_query,
            id_list="",
            start=request.start,
            max_results=request.max_results,
        )
        end = request.start + request.max_results
        return page(asked, total=len(found), papers=found[request.start : end])

    def _papers_of(self, query: str) -> list[ArxivRecord]:
        """What a query finds, oldest submission first. Both ends of the window are included, as arXiv has it."""
        asked = _QUERY.fullmatch(query)
        if asked is None:
            raise _RefusalError(_UNKNOWN_FORM)
        ids = self._ids(asked["topics"])
        first = bisect_left(self._times, _minute(asked["first"]))
        last = bisect_right(self._times, _minute(asked["last"]))
        return [paper for paper in self._papers[first:last] if paper.id in ids]

    def _ids(self, topics: str) -> frozenset[str]:
        asked = [topics] if topics in self._found else _joined_topics(topics)
        if not self._found.keys() >= set(asked):
            raise _RefusalError(_UNKNOWN_TOPIC)
        return frozenset().union(*(self._found[topic] for topic in asked))


def load_recording(file: Path = RECORDING) -> dict[str, list[str]]:
    """What is recorded: by each topic's query, the ids of the papers that it finds.

    Raises:
        InputError: naming the file.
    """
    try:
        recorded: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The recording of the topics cannot be read: {error}.",
            where=str(file),
            fix="Give `make record-topics`, or restore the file from git.",
        ) from error
    return recorded


def _joined_topics(query: str) -> list[str]:
    """The topics of `(one OR another)`; an OR within a topic stands within parentheses of its own."""
    if not (query.startswith("(") and query.endswith(")")):
        return [query]
    topics: list[str] = []
    for part in query[1:-1].split(_OR):
        if topics and topics[-1].count("(") > topics[-1].count(")"):
            topics[-1] += f"{_OR}{part}"
        else:
            topics.append(part)
    return topics


def _minute(digits: str) -> datetime:
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        raise _RefusalError(_UNKNOWN_FORM) from None
