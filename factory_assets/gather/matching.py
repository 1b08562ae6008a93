"""The local matcher: which topics a paper matches, by the same words and stems as arXiv's search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from factory_assets.domain.papers import Paper
from factory_assets.domain.stemming import GAP, stem, stems, words
from factory_assets.gather.expression import AllOf, AnyOf, Expression, SearchField, Term, terms
from factory_assets.gather.topics import Topic


@dataclass(frozen=True)
class _Indexed:
    """A paper's searchable fields: stems between single spaces, categories in lower case."""

    abstract: str
    title: str
    categories: tuple[str, ...]


class _Stems(dict[str, str]):
    """Stems of the words seen so far.

    Stemming is the slow part, and it keeps the first two letters of a longer word: a word that begins like no
    topic's word stays as it is.
    """

    def __init__(self, topics: Iterable[Topic]) -> None:
        super().__init__()
        self._heads = frozenset(
            word[:2] for topic in topics for term in terms(topic.expression) for word in stems(term.text)
        )

    def __missing__(self, word: str) -> str:
        stemmed = stem(word) if len(word) < 5 or word[:2] in self._heads else word
        self[word] = stemmed
        return stemmed


_Test = Callable[[_Indexed], bool]


class Matcher:
    """Labels papers with the topics they match.

    A paper holds few of the words that topics ask for, so only the topics of these few are tried on it.
    """

    def __init__(self, topics: Iterable[Topic]) -> None:
        chosen = tuple(topics)
        self._tests = tuple((topic.name, _compiled(topic.expression)) for topic in chosen)
        self._stems = _Stems(chosen)
        self._always: set[int] = set()
        self._topics_of: dict[str, set[int]] = {}
        for number, topic in enumerate(chosen):
            clues = _clues(topic.expression)
            if clues is None:
                self._always.add(number)
                continue
            for clue in clues:
                self._topics_of.setdefault(clue, set()).add(number)

    def labels(self, paper: Paper) -> tuple[str, ...]:
        """The names of the topics that the paper matches, in the topics' order."""
        abstract, title = self._stemmed(paper.abstract), self._stemmed(paper.title)
        indexed = _Indexed(
            abstract=f" {' '.join(abstract)} ",
            title=f" {' '.join(title)} ",
            categories=tuple(category.lower() for category in paper.categories),
        )
        met = self._topics_of.keys() & {*abstract, *title}
        tried = sorted(self._always.union(*(self._topics_of[clue] for clue in met)))
        return tuple(name for name, matches in map(self._tests.__getitem__, tried) if matches(indexed))

    def _stemmed(self, text: str) -> list[str]:
        return [self._stems[word] for word in words(text)]


def _clues(expression: Expression) -> frozenset[str] | None:
    """Stems of which a paper that matches holds at least one; None where it may hold none of any."""
    if isinstance(expression, Term):
        if expression.field is SearchField.CATEGORY:
            return None
        # Long words are mostly the rare ones.
        return frozenset({max((word for word in stems(expression.text) if word != GAP), key=len)})
    parts = [_clues(part) for part in expression.parts]
    known = [clues for clues in parts if clues is not None]
    if isinstance(expression, AllOf):
        return min(known, key=len, default=None)
    return frozenset[str]().union(*known) if len(known) == len(parts) else None


def _compiled(expression: Expression) -> _Test:
    if isinstance(expression, Term):
        return _compiled_term(expression)
    tests = tuple(_compiled(part) for part in expression.parts)
    if isinstance(expression, AnyOf):
        return lambda paper: any(test(paper) for test in tests)
    return lambda paper: all(test(paper) for test in tests)


def _compiled_term(term: Term) -> _Test:
    if term.field is SearchField.CATEGORY:
        pattern = term.text.lower()
        return lambda paper: any(fnmatchcase(category, pattern) for category in paper.categories)
    found = _phrase_test(stems(term.text))
    if term.field is SearchField.TITLE:
        return lambda paper: found(paper.title)
    return lambda paper: found(paper.abstract)


def _phrase_test(phrase: list[str]) -> Callable[[str], bool]:
    while phrase[0] == GAP:
        phrase = phrase[1:]
    while phrase[-1] == GAP:
        phrase = phrase[:-1]
    if GAP not in phrase:
        needle = f" {' '.join(phrase)} "
        return lambda text: needle in text
    pattern = " ".join("[^ ]+" if word == GAP else re.escape(word) for word in phrase)
    search = re.compile(f" {pattern} ").search
    return lambda text: search(text) is not None
