"""Answers to questions that are not the same but alike: which answer of the past would do, if any.

Off unless it is asked for. Two questions are compared by the part alone that their caller has named, within one group:
the same owner, model, system prompt, schema and template, and the same numbers, names and negations in the named part.
No threshold bounds what a comparison gets wrong (vCache, arXiv:2502.03771), so that what must not differ is no matter
of a threshold: it is in the group. The comparison by words says alike only of what the same words say; the one by
embeddings, of a model that the operator names, finds more, and errs.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import sqrt
from typing import Protocol

from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.cache import Place
from factory_assets.router.canonical import CanonicalQuestion
from factory_assets.router.grants import Live
from factory_assets.router.words import Words, overlap

_SENTENCE = struct.Struct(">16sH")
_MOST_WORDS = 0xFFFF


class Likeness(Protocol):
    """A way to compare two texts. `name` tells its traits from those of other ways."""

    @property
    def name(self) -> str:
        """Which way it is, with all that its traits depend on."""
        ...

    @property
    def threshold(self) -> float:
        """From which score on two texts are alike."""
        ...

    async def traits(self, text: str, words: Words, live: Live) -> bytes | None:
        """What is compared of a text, which has these words; None where it cannot be told.

        What that costs is the grant's.
        """
        ...

    def score(self, one: bytes, other: bytes) -> float:
        """How alike two texts are, by their traits, up to 1."""
        ...


@dataclass(frozen=True)
class Semantic:
    """Finds the answer to a question that is alike."""

    likeness: Likeness

    async def place(self, question: CanonicalQuestion, live: Live) -> Place | None:
        """Where the answer to a question belongs; None for one that names no part, or cannot be compared."""
        if not question.variable:
            return None
        # 90,000 tokens take a moment, for which other calls do not wait.
        words = await asyncio.to_thread(Words.of, question.variable)
        traits = await self.likeness.traits(question.variable, words, live)
        if traits is None:
            return None
        same = (question.frame, self.likeness.name, words.marks)
        return Place(hashlib.sha256("\0".join(same).encode()).hexdigest(), traits)

    def nearest(self, place: Place, others: Iterable[tuple[str, bytes]]) -> str | None:
        """The key of the question that is most alike among those of the same group; None where none is enough."""
        scored = ((self.likeness.score(place.traits, traits), key) for key, traits in others)
        best, key = max(scored, key=lambda pair: pair[0], default=(0.0, None))
        return key if best >= self.likeness.threshold else None


@dataclass(frozen=True)
class Lexical:
    """By words alone: `threshold` is how much of the longer text the shorter one has, at least."""

    threshold: float = 0.9

    @property
    def name(self) -> str:
        """See `Likeness`."""
        return "words 1"

    async def traits(self, text: str, words: Words, live: Live) -> bytes | None:  # noqa: ARG002 - as in Likeness
        """The text's sentences."""
        return b"".join(_SENTENCE.pack(digest, min(count, _MOST_WORDS)) for digest, count in words.sentences)

    def score(self, one: bytes, other: bytes) -> float:
        """See `words.overlap`."""
        if len(one) % _SENTENCE.size or len(other) % _SENTENCE.size:
            return 0.0
        return overlap(list(_SENTENCE.iter_unpack(one)), list(_SENTENCE.iter_unpack(other)))


class Vectors(Protocol):
    """The vectors of a model."""

    @property
    def model(self) -> str:
        """Its name."""
        ...

    async def of(self, text: str, live: Live) -> list[float]:
        """The vector of a text, which the grant pays for.

        Raises:
            NoVectorError: there is none now.
        """
        ...


class NoVectorError(Exception):
    """A text was given no vector; the message says why."""


@dataclass
class Embeddings:
    """By the vectors of a model; the score is their cosine.

    There is no threshold that fits all models: measure yours. A model that does not answer costs the comparison
    alone, and `notify` is told once for each reason.
    """

    vectors: Vectors
    threshold: float
    notify: Callable[[str], None]
    _told: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """See `Likeness`."""
        return f"embeddings {self.vectors.model}"

    async def traits(self, text: str, words: Words, live: Live) -> bytes | None:  # noqa: ARG002 - as in Likeness
        """The text's vector, of length 1."""
        try:
            vector = await self.vectors.of(text, live)
        except NoVectorError as error:
            self._tell(str(error))
            return None
        length = sqrt(sum(value * value for value in vector))
        return array("f", [value / length for value in vector]).tobytes() if length else None

    def score(self, one: bytes, other: bytes) -> float:
        """The cosine of two vectors; 0 for those of different lengths."""
        if len(one) != len(other) or len(one) % array("f").itemsize:
            return 0.0
        first, second = array("f", one), array("f", other)
        return sum(a * b for a, b in zip(first, second, strict=True))

    def _tell(self, reason: str) -> None:
        if reason in self._told:
            return
        self._told.add(reason)
        told = InfrastructureError(
            f"Questions cannot be compared by embeddings: {reason}. Only identical ones share answers meanwhile.",
            where=self.vectors.model,
            fix="Check the server of that model, FACTORY_EMBEDDINGS_URL or the backends file.",
        )
        self.notify(str(told))
