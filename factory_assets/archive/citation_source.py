"""What sources of citations have in common: what they are asked, and how their answers are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from factory_assets.domain.citations import LinkedPaper, PaperCitations, SourceCounts, citation_key
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.text import single_line

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")
_LONGEST_TITLE = 500


class CitationSource(Protocol):
    """Someone who knows what papers cite."""

    @property
    def name(self) -> str:
        """By which what it says is kept."""
        ...

    def citations(self, arxiv_ids: Sequence[str], now: Callable[[], datetime]) -> Iterator[PaperCitations]:
        """What it says of these papers, each as soon as it is known; one that it does not know has no counts.

        The ids are those by which citations know papers.

        Raises:
            FactoryError: it cannot be asked, or not any more; what has come before counts.
        """
        ...


def linked(told: Iterable[tuple[str | None, str | None]], *, about: str) -> tuple[LinkedPaper, ...]:
    """Ends of a paper's citations, told by arXiv id and title, as they are kept: papers of arXiv, each once."""
    found: dict[str, LinkedPaper] = {}
    for arxiv_id, title in told:
        key = key_of(arxiv_id or "")
        if key is not None and key != about:
            found.setdefault(key, LinkedPaper(arxiv_id=key, title=clean_title(title)))
    return tuple(found.values())


def key_of(arxiv_id: str) -> str | None:
    """By which citations know the paper that a source means; None where it means none."""
    try:
        return citation_key(arxiv_id.lower())
    except InputError:
        return None


def clean_title(title: str | None) -> str:
    """A title as it may be shown: in one line, without what a reader does not see, and not endless."""
    return single_line((title or "")[: 2 * _LONGEST_TITLE])[:_LONGEST_TITLE]


def not_known(arxiv_id: str, source: str, at: datetime) -> PaperCitations:
    """What is kept of a paper that a source does not know."""
    counts = SourceCounts(arxiv_id=arxiv_id, source=source, fetched_at=at, cited_by=None, references=None)
    return PaperCitations(counts=counts)


def read_answer(form: TypeAdapter[_Answer], body: bytes | None, *, name: str, fix: str) -> _Answer:
    """An answer by its form.

    Raises:
        InfrastructureError: there is no such address, or the answer is cut or of another form.
    """
    if body is None:
        raise InfrastructureError(f"{name} has no such question at this address.", fix=fix)
    try:
        return form.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InfrastructureError(
            f"{name}'s answer is malformed: {f'{place}: ' if place else ''}{first['msg']}.", fix=fix
        ) from error


def in_parts(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The items in their order, so many at a time."""
    held = list(items)
    for start in range(0, len(held), size):
        yield held[start : start + size]
