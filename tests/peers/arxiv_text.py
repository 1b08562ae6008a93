"""Texts as arXiv's index holds them: the analysers of its Elasticsearch mapping (DocumentMapping.json).

Written apart from the factory's own matcher on purpose: this peer must not share its mistakes.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]

Tokens = list[tuple[int, str]]
"""Indexed words, each with its place; the places of stop words stay empty."""

_STOP_WORDS = frozenset(
    (
        *(
            "a",
            "an",
            "and",
            "are",
            "as",
            "at",
            "be",
            "but",
            "by",
            "for",
            "if",
            "in",
            "into",
            "is",
            "it",
            "no",
        ),
        *("not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this"),
        *("to", "was", "will", "with"),
    )
)
# Lucene's standard tokenizer: letters, digits and underscores; some marks hold words or numbers together.
_LETTER, _DIGIT = r"[^\W\d_]", r"\d"
_LETTER_MARK, _DIGIT_MARK = "['\u2018\u2019.\u00b7:]", "['\u2018\u2019.,;]"
_TOKEN = re.compile(
    rf"\w+(?:(?<={_LETTER}){_LETTER_MARK}(?={_LETTER})\w+|(?<={_DIGIT}){_DIGIT_MARK}(?={_DIGIT})\w+)*"
)
_NAME_MARKS = str.maketrans("", "", ".,;")
_SYLLABLE = re.compile("[aeiouy][^aeiouy]")
_PORTER = snowballstemmer.stemmer("porter")


def english(text: str) -> Tokens:
    """Titles and abstracts: lower case, no stop words, no possessives, Porter's stems."""
    return [(place, stem) for place, word in enumerate(_words(text)) if (stem := _stem(word)) is not None]


def simple(text: str) -> Tokens:
    """Comments: lower case, no stop words."""
    return [(place, word) for place, word in enumerate(_words(text)) if word not in _STOP_WORDS]


def name_parts(name: str) -> list[str]:
    """Author names: split at spaces, dots and commas left out, folded to plain lower-case letters."""
    return folded(name.translate(_NAME_MARKS)).split()


def folded(text: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _words(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


@lru_cache(maxsize=1 << 18)
def _stem(word: str) -> str | None:
    plain = word[:-2] if word.endswith(("'s", "\u2019s")) else word
    if plain in _STOP_WORDS:
        return None
    return str(_PORTER.stemWord(_as_lucene(plain))) if len(plain) > 2 else plain


def _as_lucene(word: str) -> str:
    """Lucene's Porter stemmer knows two endings that snowball's does not: -bli (possibly) and -logi."""
    for ending, base in (("bly", "ble"), ("logy", "log"), ("logies", "log")):
        if word.endswith(ending) and _SYLLABLE.search(word.removesuffix(ending)):
            return word.removesuffix(ending) + base
    return word
