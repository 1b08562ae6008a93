"""The repositories on GitHub around a candidate: what is maintained and has some stars, with what it says of itself."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Protocol

from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.links import repository, web_page
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Piece, PieceKind
from factory_assets.domain.stemming import GAP, stem, words
from factory_assets.domain.text import single_line, strip_hidden
from factory_assets.ideas.title_words import EMPTY_WORDS
from factory_assets.network.github import GitHubRepository, RepositorySearch, is_legal

MOST = 7
README_CHARS = 2_000
_FEWEST_STARS = 10
_PUSHED_WITHIN = timedelta(days=365)
_PER_PAGE = 15
_MOST_NAMES = 60
_MOST_OF_A_NAME = 100
# How much a search says of what it finds, by what it asks for; then up to half a point by stars.
_BY_PAPER, _BY_NAME, _BY_PHRASE, _BY_THREE, _BY_TWO = 1.0, 0.9, 0.8, 0.7, 0.6
_STAR_WEIGHT, _MANY_STARS = 0.5, 10_000
# FlashAttention, SWE-bench, Qwen3: made names, not words.
_NAME = re.compile(r"^(?=\S*(?:[a-z][A-Z]|\d|[A-Z]{2}))[A-Za-z][\w.+-]{2,39}$")


class RepositoryIndex(Protocol):
    """Where repositories are searched for and read; see network.github.GitHubApi."""

    def search(self, search: str, *, per_page: int) -> RepositorySearch:
        """The repositories that fit best."""
        ...

    def readme(self, full_name: str) -> str | None:
        """A repository's README, if it has one."""
        ...

    def tree(self, repository: GitHubRepository) -> tuple[str, ...]:
        """The names at the top of a repository."""
        ...


@dataclass(frozen=True)
class Search:
    """A search, how it is told, and how much it says of what it finds."""

    asked: str
    told: str
    weight: float


@dataclass(frozen=True)
class _Hit:
    weight: float
    told: str
    page: str
    one: GitHubRepository


@dataclass
class Repositories:
    """Looks for repositories, and reads each only once. `today` is by the clock of the run."""

    index: RepositoryIndex
    today: date
    _read: dict[str, str] = field(default_factory=dict)

    def around(self, paper: Paper, known: Sequence[Piece] = ()) -> tuple[tuple[Piece, ...], tuple[str, ...]]:
        """The best seven as R1 to R7, and what could not be looked up.

        `known` are pieces whose README and tree were read before; they are not read again.
        """
        gaps: dict[str, None] = {}
        found: dict[str, _Hit] = {}
        for search in searches(paper, self.today):
            if len(found) >= MOST:
                break
            try:
                answer = self.index.search(search.asked, per_page=_PER_PAGE)
            except FactoryError as error:
                gaps[f"the search for {search.told}: {single_line(error.what)}"] = None
                continue
            if answer.incomplete_results:
                gaps[f"the search for {search.told}: GitHub broke it off; there may be more"] = None
            for one in answer.items:
                if (page := self._page(one)) and one.full_name not in found:
                    found[one.full_name] = _Hit(search.weight + _by_stars(one), search.told, page, one)
        best = sorted(found.values(), key=lambda hit: (-hit.weight, hit.one.full_name))[:MOST]
        read = {piece.title: piece.text for piece in known}
        pieces = []
        for number, hit in enumerate(best, start=1):
            name = hit.one.full_name
            try:
                text = read.get(name) or self._text(hit.one)
            except FactoryError as error:
                gaps[f"README and files of {name}: {single_line(error.what)}"] = None
                text = _about(hit.one)
            pieces.append(_piece(number, hit, text))
        return tuple(pieces), tuple(gaps)

    def _page(self, one: GitHubRepository) -> str | None:
        """The page of a repository that counts: starred, maintained, and with a name and a link that are whole."""
        pushed = one.pushed_at.date() if one.pushed_at else date.min
        if one.archived or one.stargazers_count < _FEWEST_STARS or pushed < self.today - _PUSHED_WITHIN:
            return None
        try:
            return web_page(one.html_url) if repository(one.full_name) == one.full_name else None
        except InputError:
            return None

    def _text(self, one: GitHubRepository) -> str:
        if one.full_name not in self._read:
            readme = strip_hidden(self.index.readme(one.full_name) or "")[:README_CHARS].strip()
            names = [single_line(name)[:_MOST_OF_A_NAME] for name in self.index.tree(one)]
            listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
            parts = [
                _about(one),
                f"Files: {listed}" if listed else "",
                f"README:\n{readme}" if readme else "",
            ]
            self._read[one.full_name] = "\n\n".join(filter(None, parts))
        return self._read[one.full_name]


def searches(paper: Paper, today: date) -> Iterator[Search]:
    """What is asked for a paper: whoever names it, its tool's name, then what it is about, the narrowest first.

    Each is within what GitHub takes: 256 characters, five operators.
    """
    within = f"stars:>={_FEWEST_STARS} pushed:>={today - _PUSHED_WITHIN} archived:false"
    name, _, rest = paper.title.partition(":")
    phrase, terms = _phrase(paper), _terms(paper)
    asked = [
        (f'"{paper.arxiv_id}" in:readme,description', "its arXiv id", _BY_PAPER),
        *([(f'"{name.strip()}"', name.strip(), _BY_NAME)] if rest and _NAME.fullmatch(name.strip()) else []),
        *([(f'"{phrase}"', f'"{phrase}"', _BY_PHRASE)] if phrase else []),
        *([(" ".join(terms[:3]), " ".join(terms[:3]), _BY_THREE)] if len(terms) > 2 else []),
        *([(" ".join(terms[:2]), " ".join(terms[:2]), _BY_TWO)] if terms else []),
    ]
    for words_asked, told, weight in asked:
        search = f"{words_asked} {within}"
        if is_legal(search):
            yield Search(search, told, weight)


def _title_words(paper: Paper) -> list[str]:
    name, _, rest = single_line(paper.title).partition(":")
    # By a tool's own name nothing is found but the tool.
    found = words((rest if rest and _NAME.fullmatch(name) else paper.title).replace("-", " "))
    return [
        word
        for word in found
        if word.isascii()
        and word.isalpha()
        and len(word) > 2
        and word not in EMPTY_WORDS
        and stem(word) != GAP
    ]


def _phrase(paper: Paper) -> str | None:
    """Two words that follow on each other in the title, and most often in the abstract."""
    said = " ".join(map(stem, words(paper.abstract.replace("-", " "))))
    plain = words(paper.title.replace("-", " "))
    kept = set(_title_words(paper))
    pairs = [(one, two) for one, two in pairwise(plain) if {one, two} <= kept]
    counts = {pair: said.count(f"{stem(pair[0])} {stem(pair[1])}") for pair in pairs}
    best = max(pairs, key=lambda pair: (counts[pair], -plain.index(pair[0])), default=None)
    return " ".join(best) if best else None


def _terms(paper: Paper) -> list[str]:
    """The words of the title that the abstract says most often, of equal ones the longer one."""
    said = Counter(map(stem, words(paper.abstract.replace("-", " "))))
    by_stem: dict[str, str] = {}
    for word in _title_words(paper):
        by_stem.setdefault(stem(word), word)
    return [
        by_stem[key]
        for key in sorted(by_stem, key=lambda key: (-said[key], -len(by_stem[key]), by_stem[key]))
    ]


def _by_stars(one: GitHubRepository) -> float:
    stars = max(one.stargazers_count, 1)
    return _STAR_WEIGHT * min(1.0, math.log10(stars) / math.log10(_MANY_STARS))


def _about(one: GitHubRepository) -> str:
    topics = f"Topics: {', '.join(one.topics)}" if one.topics else ""
    return single_line(f"{one.description or ''} {topics}")[:1_000]


def _piece(number: int, hit: _Hit, text: str) -> Piece:
    return Piece(
        id=f"R{number}",
        kind=PieceKind.REPOSITORY,
        title=hit.one.full_name,
        url=hit.page,
        text=text,
        relation=f"found by {hit.told}",
        weight=round(hit.weight, 2),
        licence=hit.one.spdx,
        stars=hit.one.stargazers_count,
        pushed=hit.one.pushed_at.date() if hit.one.pushed_at else None,
    )
