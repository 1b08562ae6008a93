"""Edits of a text: those that leave what it says as it is, and those that do not. All of them are mechanical."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Edit = Callable[[str], str]

_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def _pairs(text: str) -> dict[str, str]:
    return {word: other for word, _, other in (pair.partition(":") for pair in text.split())}


# As words.yaml has them, and as a thesaurus has more of them.
_KNOWN = _pairs(
    "show:demonstrate shows:demonstrates using:employing use:utilize used:employed propose:introduce method:approach"
    " methods:approaches large:big often:frequently significantly:substantially novel:new evaluate:assess"
    " evaluation:assessment improves:enhances achieves:attains requires:needs while:whereas"
)
_OTHER = _pairs(
    "results:findings paper:article recent:latest important:significant problem:issue framework:scheme existing:current"
    " tasks:jobs diverse:varied extensive:broad remains:stays complex:intricate strong:powerful design:devise"
)
_OPPOSITES = _pairs(
    "more:less higher:lower lower:higher improves:worsens increases:decreases with:without without:with before:after"
    " after:before best:worst reduces:raises large:small small:large all:some high:low low:high can:cannot strong:weak"
    " new:old effective:ineffective from:to over:under"
)


def _replaced(text: str, words: Mapping[str, str], *, most: int) -> str:
    found = re.compile(r"\b(" + "|".join(words) + r")\b")
    return found.sub(lambda match: words[match.group(1)], text, count=most)


def _without_articles(text: str) -> str:
    return re.sub(r"\b(the|an|a) (?=[a-z])", "", text)


def _clauses_turned(text: str) -> str:
    return " ".join(_turned(sentence) for sentence in _SENTENCE.split(text))


def _turned(sentence: str) -> str:
    first, comma, rest = sentence.partition(", ")
    body, end = (rest[:-1], rest[-1]) if rest.endswith((".", "!", "?")) else (rest, "")
    # What is no clause of its own stays: a comma in an enumeration, a name at the head.
    if not comma or ", " in rest or first[1:2].isupper() or body[:1].isupper():
        return sentence
    return f"{body[:1].upper()}{body[1:]}, {first[:1].lower()}{first[1:]}{end}"


def _words_moved(text: str) -> str:
    """The last two words of each sentence come first."""
    moved = []
    for sentence in _SENTENCE.split(text):
        words = sentence.rstrip(".").split(" ")
        moved.append(" ".join((*words[-2:], *words[:-2])) + ".")
    return " ".join(moved)


def _dropped(text: str, choose: Callable[[list[str]], str]) -> str:
    sentences = _SENTENCE.split(text)
    if len(sentences) == 1:
        return text
    gone = choose(sentences)
    return " ".join(sentence for sentence in sentences if sentence is not gone)


def _negated(text: str) -> str:
    return re.sub(r"\b(is|are|can|does|has|have|to)\b", r"\1 not", text, count=1)


def _other_number(text: str) -> str:
    return re.sub(r"\d+", lambda match: str(int(match.group()) + 1), text, count=1)


def _neighbours_swapped(text: str) -> str:
    """The first two words on both sides of a verb or preposition that tells which is which."""
    pattern = r"\b([a-z]{4,}) (from|to|over|than|into|by|with|for|of|as|on|in) ([a-z]{4,})\b"
    return re.sub(pattern, r"\3 \2 \1", text, count=1)


def _another_word(text: str) -> str:
    words = text.split(" ")
    middle = next((at for at in range(len(words) // 2, len(words)) if words[at].isalpha()), None)
    return " ".join("zebrafish" if at == middle else word for at, word in enumerate(words))


PARAPHRASES: Mapping[str, Edit] = {
    "articles left out": _without_articles,
    "the two clauses of a sentence turned round at its comma": _clauses_turned,
    "the last two words of each sentence put first": _words_moved,
    "common words by synonyms of the table, all of them": lambda text: _replaced(text, _KNOWN, most=0),
    "one common word by a synonym that is not in the table": lambda text: _replaced(text, _OTHER, most=1),
    "the shortest sentence dropped": lambda text: _dropped(text, lambda found: min(found, key=len)),
    "the longest sentence dropped": lambda text: _dropped(text, lambda found: max(found, key=len)),
}
OTHER_MATTERS: Mapping[str, Edit] = {
    "another number": _other_number,
    "a negation put in": _negated,
    "one word by its opposite": lambda text: _replaced(text, _OPPOSITES, most=1),
    "two words swapped round a preposition": _neighbours_swapped,
    "one word by another matter's": _another_word,
}
