"""One field of many texts: which of them hold a word, a pattern or a phrase."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from arxiv_text import Tokens, folded

Places = Mapping[int, set[int]]
"""Text by text, the places in it."""


class SearchError(Exception):
    """The query is in the language, but arXiv's search breaks on it: it answers 500."""


class WordIndex:
    """Where each word stands in each text."""

    def __init__(self) -> None:
        self._places: dict[str, dict[int, set[int]]] = {}

    def add(self, text: int, tokens: Tokens) -> None:
        """Put in one text, by its number."""
        for place, word in tokens:
            self._places.setdefault(word, {}).setdefault(text, set()).add(place)

    def search(self, value: str, analysed: Callable[[str], Tokens]) -> set[int]:
        """A quoted value is a phrase; of any other, all words anywhere in the field; wildcards match stems.

        Raises:
            SearchError: where arXiv answers 500.
        """
        if value.startswith('"'):
            return self.in_a_row([(place, self.places(word)) for place, word in analysed(unquoted(value))])
        if wildcard(value) is not None:
            return set(self.like(no_leading_wildcard(folded(value))))
        words = [set(self.places(word)) for _, word in analysed(value)]
        return set.intersection(*words) if words else set()

    def places(self, word: str) -> Places:
        """Where one word stands."""
        return self._places.get(word, {})

    def like(self, pattern: str) -> Places:
        """Where the words of a pattern stand."""
        matches = wildcard(pattern)
        if matches is None:
            return self.places(pattern)
        found: dict[int, set[int]] = {}
        for word, texts in self._places.items():
            if matches(word):
                for text, places in texts.items():
                    found.setdefault(text, set()).update(places)
        return found

    @staticmethod
    def in_a_row(words: Sequence[tuple[int, Places]]) -> set[int]:
        """The texts that hold all the words, at the distances from each other that their offsets have."""
        if not words:
            return set()
        (first, found), *others = words
        starts = {text: {place - first for place in places} for text, places in found.items()}
        for offset, other in others:
            starts = {
                text: rest
                for text, places in starts.items()
                if text in other and (rest := places & {place - offset for place in other[text]})
            }
        return set(starts)


def unquoted(value: str) -> str:
    """A phrase without its quotation marks."""
    return value[1:-1] if len(value) > 1 and value.startswith('"') and value.endswith('"') else value


def wildcard(pattern: str) -> Callable[[str], object] | None:
    """A test for words of a pattern with * and ?, or None where it has neither."""
    if "*" not in pattern and "?" not in pattern:
        return None
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")).fullmatch


def no_leading_wildcard(pattern: str) -> str:
    """The pattern, unless it starts with a wildcard; a lone * is any word.

    Raises:
        SearchError: as arXiv's search refuses it.
    """
    if pattern != "*" and pattern.startswith(("*", "?")):
        raise SearchError("'*' or '?' not allowed as first character in WildcardQuery")
    return pattern
