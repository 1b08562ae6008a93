"""What an agent is told of a scenario that is held out from it: its behaviour, less whatever may be a value of it.

The sentence is a model's, so it is read word by word. A plain word is told where the contract says it as well in some
form of it, or where it stands in nothing that goes into the call or has to come of it. Of anything else, such as
numbers, names of files, what is quoted and whole lines, only what the contract itself says is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from factory_assets.domain.acceptance import Contract, Scenario
from factory_assets.domain.stemming import GAP, stem
from factory_assets.domain.text import single_line

LEFT_OUT = "…"
_QUOTED = re.compile(
    r"\"[^\"]+\"|`[^`]+`|(?<!\w)'[^']+'(?!\w)|[\u201c\u201e\u2018\u00ab][^\u201d\u201c\u2019\u00bb]+[\u201d\u201c\u2019\u00bb]"
)
_WORD = re.compile(r"[^\s\"`,;:(){}\[\]<>=|]*[^\s\"'`,;:(){}\[\]<>=|.!?]")
_PLAIN = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_LETTERS = re.compile(r"[^\W\d_]+")
_OUTPUTS = frozenset({"stdout", "stderr"})
_Span = tuple[int, int]


def told_behaviour(scenario: Scenario, contract: Contract) -> str:
    """What the scenario says of its behaviour, in one line without a full stop, with `…` for what is left out."""
    told = single_line(scenario.behaviour).rstrip(".")
    for start, end in sorted(_hidden(told, scenario, contract), reverse=True):
        told = told[:start] + LEFT_OUT + told[end:]
    return re.sub(rf"{LEFT_OUT}(?:\W*{LEFT_OUT})+", LEFT_OUT, told)


def _hidden(sentence: str, scenario: Scenario, contract: Contract) -> set[_Span]:
    """The places of the words that are left out; none of them overlap."""
    known = _words(contract.text)
    given = list(_given(scenario))
    secret = {each for text in given for each in _stems(text)} - {*_stems(contract.text), GAP}
    spans = [found.span() for found in _WORD.finditer(sentence)]
    words = [sentence[start:end].casefold() for start, end in spans]

    def is_told(at: int) -> bool:
        word = words[at]
        if _PLAIN.fullmatch(word):
            return secret.isdisjoint(_stems(word))
        if any(char.isdigit() for char in word):
            return bool(at) and _stands_in([words[at - 1], word], known)
        return word in known

    hidden = {at for at in range(len(words)) if not is_told(at)}
    for quoted in _QUOTED.finditer(sentence):
        within = [
            at for at, (start, end) in enumerate(spans) if quoted.start() < end and start < quoted.end()
        ]
        if not _stands_in([words[at] for at in within], known):
            hidden.update(within)
    for line in (_words(line) for text in given for line in text.splitlines()):
        for at in _places(line, words) if len(line) > 1 and not _stands_in(line, known) else ():
            hidden.update(range(at, at + len(line)))
    return {spans[at] for at in hidden}


def _given(scenario: Scenario) -> Iterator[str]:
    """All texts that go into the call or have to come of it."""
    yield from (*scenario.arguments, scenario.stdin, scenario.snippet)
    for file in scenario.files:
        yield from (file.path, file.text)
    for expected in scenario.expects:
        yield from (expected.value, *({expected.of} - _OUTPUTS))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _stems(text: str) -> Iterator[str]:
    return (stem(word) for word in _LETTERS.findall(text.casefold()))


def _stands_in(part: Sequence[str], whole: Sequence[str]) -> bool:
    return next(_places(part, whole), None) is not None


def _places(part: Sequence[str], whole: Sequence[str]) -> Iterator[int]:
    """Where words follow one another within others as they do here."""
    ends = range(len(whole) - len(part) + 1)
    yield from (at for at in ends if list(whole[at : at + len(part)]) == list(part))
