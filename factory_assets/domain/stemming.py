"""Words as arXiv's index sees them: the tokens and stems of its `english` analyser.

arXiv searches titles and abstracts through Elasticsearch's `english` analyser (arXiv/arxiv-search,
`mappings/DocumentMapping.json` and `search/services/index/prepare.py`): words by Unicode's word boundaries,
possessive 's removed, lower case, English stop words dropped with their position kept, Porter's stemmer.
"""

from __future__ import annotations

import re
from threading import Lock

import snowballstemmer  # type: ignore[import-untyped]

GAP = "_"
"""Stands where a stop word was: a phrase over it takes any word in that position."""

# A dot, colon or apostrophe joins letters, a dot, comma or semicolon joins digits (UAX #29, WB6 to WB12).
# Marks come before what is looked for around them: most characters are none, and end the attempt at once.
_WORD = re.compile(
    r"\w+(?:(?:[.:'·\u2018\u2019](?<=[^\W\d_].)(?=[^\W\d_])|[.,;'\u2018\u2019](?<=\d.)(?=\d))\w+)*"
)
_POSSESSIVE = re.compile(r"['\u2019]s(?<=\w..)(?![\w'\u2019])")
# Lucene's ENGLISH_STOP_WORDS_SET.
_STOP_WORDS = frozenset(
    """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these
    they this to was will with
    """.split()  # noqa: SIM905 - as a list it would be thirty-three lines
)
# Lucene's Porter stemmer also takes -bli to -ble and -logi to -log, which snowball's leaves alone.
_BLY = re.compile(r"(?<=[aeiouy])([^aeiouy]\w*)bly$")
_LOGY = re.compile(r"(?<=[aeiouy])([^aeiouy]\w*)log(?:y|ies)$")
_PORTER = snowballstemmer.stemmer("porter")
# It keeps the word it works on in itself, and gathering asks in one thread while it labels in another.
_PORTERS_TURN = Lock()


def words(text: str) -> list[str]:
    """The words of a text in lower case, stop words included, possessives stripped."""
    return _WORD.findall(_POSSESSIVE.sub("", text.lower()))


def stem(word: str) -> str:
    """The stem of one lower-case word, or GAP for a stop word."""
    if word in _STOP_WORDS:
        return GAP
    # Lucene leaves these alone, where snowball's makes u of us.
    if len(word) <= 2:
        return word
    as_lucene = _LOGY.sub(r"\1log", _BLY.sub(r"\1ble", word))
    with _PORTERS_TURN:
        return str(_PORTER.stemWord(as_lucene))


def stems(text: str) -> list[str]:
    """The stems of a text, in order, with GAP in the place of every stop word."""
    return [stem(word) for word in words(text)]
