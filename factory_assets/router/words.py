"""A text by its words: what two texts that say the same in nearly the same words have in common, and in which order.

A lexical measure cannot know a synonym from another matter, nor who of two does something to the other but by their
order. So that it never has to: within a clause every word counts, in its order, except for a few that carry nothing
and a few that are known to be interchangeable; the clauses of a sentence may stand in any order; sentences keep
theirs. Numbers, names, symbols, negations and words that turn a statement round are `marks`, which texts that are
alike share one by one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

_APOSTROPHE = "\u2019"
# Words with whatever joins them inside, or one sign. Between them is space and a sentence's punctuation.
_TOKEN = re.compile(
    r"[^\W_]+(?:[-'\u2019./_][^\W_]+)*%?"
    r"|[-.,;:!?](?=\w)"
    r"|[^\w\s.,;:!?()\"'\u201c\u201d\u2018\u2019\u2014\u2013-]"
    r"|_"
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_CLAUSE_END = re.compile(r"[,;:()\u2014\u2013](?=\s|$)|(?<=\s)[(\u2014\u2013]")
_DIGEST_BYTES = 16
# Texts have few words, each many times.
_LONGEST_HELD = 40
_INSIDE = frozenset(f"-'{_APOSTROPHE}./_")


class _Table(BaseModel):
    """Words that are treated apart; see words.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    empty: frozenset[str]
    same: tuple[tuple[str, ...], ...]
    turning: frozenset[str]


_TABLE = _Table.model_validate(
    yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
)
_REPRESENTATIVE = {word: words[0] for words in _TABLE.same for word in words}


@dataclass(frozen=True)
class Words:
    """A text, taken apart.

    `sentences` are those that say anything, each as a digest of its clauses and with how many words count in it;
    `marks` is a digest of all marks, whatever their order.
    """

    sentences: tuple[tuple[bytes, int], ...]
    marks: str

    @classmethod
    def of(cls, text: str) -> Words:
        """Take a text apart."""
        sentences: list[tuple[bytes, int]] = []
        marks: list[str] = []
        for sentence in _SENTENCE_END.split(text):
            is_first = True
            clauses: list[list[str]] = []
            for part in _CLAUSE_END.split(sentence):
                clause: list[str] = []
                for token in _TOKEN.findall(part):
                    read = _read(token) if len(token) <= _LONGEST_HELD else _taken(token)
                    if read.is_mark or (read.is_capital and not is_first):
                        marks.append(token)
                    if read.word:
                        clause.append(read.word)
                    is_first = False
                if clause:
                    clauses.append(clause)
            if clauses:
                said = json.dumps(sorted(clauses)).encode()
                sentences.append((hashlib.sha256(said).digest()[:_DIGEST_BYTES], sum(map(len, clauses))))
        return cls(tuple(sentences), hashlib.sha256(json.dumps(sorted(marks)).encode()).hexdigest())


def overlap(one: Sequence[tuple[bytes, int]], other: Sequence[tuple[bytes, int]]) -> float:
    """How much of the longer of two texts the shorter has, in words, 0 to 1, by their sentences.

    0 unless the shorter has nothing that the longer has not, in the same order: a sentence may be missing, and none
    may be another.
    """
    shorter, longer = sorted((one, other), key=len)
    rest = iter(digest for digest, _ in longer)
    if not all(digest in rest for digest, _ in shorter):
        return 0.0
    most = sum(words for _, words in longer)
    return sum(words for _, words in shorter) / most if most else 0.0


class _Read(NamedTuple):
    """A token: what counts of it in its clause, and whether it is a mark, or one unless it begins a sentence."""

    word: str
    is_mark: bool
    is_capital: bool


def _taken(token: str) -> _Read:
    word = token.lower()
    if not token[0].isalpha() or not all(sign.islower() or sign in _INSIDE for sign in token[1:]):
        # As it is written: of IT and it, one is a name.
        return _Read(token, is_mark=True, is_capital=False)
    if word in _TABLE.empty:
        return _Read("", is_mark=False, is_capital=False)
    is_turning = word in _TABLE.turning or word.endswith(("n't", f"n{_APOSTROPHE}t"))
    return _Read(_REPRESENTATIVE.get(word, word), is_turning, token[0].isupper())


_read = lru_cache(maxsize=20_000)(_taken)
