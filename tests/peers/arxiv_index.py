"""An index of papers: which of them a query finds, field by field, as arXiv's index would.

Left out, because the sample has no such data or no right query needs it: DOI, journal and report number (they
find nothing), names of categories (`all:` knows only their ids), TeX, relevance.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from arxiv_grammar import Binary, Field, GrammarTerm, Negation, Operator, Query
from arxiv_text import english, name_parts, simple
from arxiv_words import SearchError, WordIndex, no_leading_wildcard, unquoted, wildcard

from factory_assets.replay.arxiv_papers import ArxivRecord

Found = frozenset[int]
"""Numbers of papers, in the order that the index was given them."""


class PaperIndex:
    """Finds papers. Papers that share all their texts, as in a made-up year, are analysed once."""

    def __init__(self, papers: Sequence[ArxivRecord]) -> None:
        self._papers = papers
        self._everything = frozenset(range(len(papers)))
        self._by_time = sorted(range(len(papers)), key=lambda number: papers[number].published)
        self._times = [papers[number].published for number in self._by_time]
        self._by_id = {paper.id: number for number, paper in enumerate(papers)}
        self._texts = _Texts()
        self._known: dict[GrammarTerm, Found] = {}
        for number, paper in enumerate(papers):
            self._texts.add(number, paper)

    def find(self, query: Query) -> Found:
        """The papers that a query finds.

        Raises:
            SearchError: where arXiv answers 500.
        """
        if isinstance(query, GrammarTerm):
            if query not in self._known:
                self._known[query] = self._term(query)
            return self._known[query]
        if isinstance(query, Negation):
            if not isinstance(query.query, GrammarTerm):
                raise SearchError("ANDNOT at the front takes a single term")
            return self._everything - self.find(query.query)
        return self._chain(query)

    def with_ids(self, ids: Iterable[str]) -> Found:
        """The papers of an id list; an id with a version finds that version only."""
        return frozenset(number for arxiv_id in ids if (number := self._number(arxiv_id)) is not None)

    def _chain(self, query: Binary) -> Found:
        """`a AND b OR c …` from its end, without a level of recursion for each operand."""
        links: list[tuple[Operator, Found]] = []
        rest: Query = query
        while isinstance(rest, Binary):
            links.append((rest.operator, self.find(rest.left)))
            rest = rest.right
        found = self.find(rest)
        unions: list[Found] = []
        for operator, left in reversed(links):
            if operator is Operator.OR:
                unions.append(left)  # joined at once: a long chain of ORs is the usual query
                continue
            found = found.union(*unions)
            unions.clear()
            found = left & found if operator is Operator.AND else left - found
        return found.union(*unions)

    def _term(self, term: GrammarTerm) -> Found:
        if not term.value.strip():
            return self._everything
        if term.field is Field.SUBMITTED:
            return self._submitted(term.value)
        if term.field is Field.IDENTIFIER:
            return self._identified(term.value)
        found = self._texts.find(term.field, term.value)
        return found | self._identified(term.value) if term.field is Field.ALL else found

    def _submitted(self, value: str) -> Found:
        try:
            first, last = (
                datetime.strptime(part.strip(), "%Y%m%d%H%M").replace(tzinfo=UTC)
                for part in unquoted(value).split("TO")
            )
        except ValueError as error:
            raise SearchError(f"submittedDate:{value}: {error}") from None
        return frozenset(self._by_time[bisect_left(self._times, first) : bisect_right(self._times, last)])

    def _identified(self, value: str) -> Found:
        matches = wildcard(value)
        if matches is not None:
            return frozenset(number for arxiv_id, number in self._by_id.items() if matches(arxiv_id))
        # arXiv puts backslashes before hyphens and slashes here: old ids are not found this way.
        return frozenset() if re.search("[-/]", value) else self.with_ids([value])

    def _number(self, arxiv_id: str) -> int | None:
        plain, _, version = arxiv_id.partition("v")
        number = self._by_id.get(plain)
        if number is None or version not in {"", str(self._papers[number].version)}:
            return None
        return number


class _Texts:
    """The searchable texts, and the papers that have them."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], list[int]] = {}
        self._owners: list[list[int]] = []
        self._words = {
            field: WordIndex() for field in (Field.TITLE, Field.ABSTRACT, Field.COMMENT, Field.AUTHOR)
        }
        self._categories = WordIndex()
        self._archives = WordIndex()

    def add(self, number: int, paper: ArxivRecord) -> None:
        key = (paper.title, paper.summary, paper.comment, paper.authors, paper.categories)
        owners = self._numbers.get(key)
        if owners is not None:
            owners.append(number)
            return
        owners = self._numbers[key] = [number]
        text = len(self._owners)
        self._owners.append(owners)
        self._words[Field.TITLE].add(text, english(paper.title))
        self._words[Field.ABSTRACT].add(text, english(paper.summary))
        self._words[Field.COMMENT].add(text, simple(paper.comment or ""))
        self._words[Field.AUTHOR].add(
            text, [(place, part) for place, author in enumerate(paper.authors) for part in name_parts(author)]
        )
        self._categories.add(text, [(0, category.lower()) for category in paper.categories])
        self._archives.add(text, [(0, category.lower().partition(".")[0]) for category in paper.categories])

    def find(self, field: Field, value: str) -> Found:
        return frozenset(number for text in self._found(field, value) for number in self._owners[text])

    def _found(self, field: Field, value: str) -> set[int]:
        if field in {Field.TITLE, Field.ABSTRACT}:
            return self._words[field].search(value, english)
        if field is Field.COMMENT:
            return self._words[field].search(value, simple)
        if field is Field.AUTHOR:
            return self._names(value)
        if field is Field.CATEGORY:
            return set(self._categories.like(unquoted(value).lower()))
        return self._anywhere(value) if field is Field.ALL else set()

    def _anywhere(self, value: str) -> set[int]:
        if value == "*":
            raise SearchError("Query cannot start with a wildcard")
        category = unquoted(value).lower()
        return set().union(
            *(self._found(field, value) for field in self._words),
            self._categories.places(category),
            self._archives.places(category),
        )

    def _names(self, value: str) -> set[int]:
        """All the parts of a name, in whatever order, within one author."""
        index = self._words[Field.AUTHOR]
        parts = name_parts(unquoted(value))
        return index.in_a_row([(0, index.like(no_leading_wildcard(part))) for part in parts])
