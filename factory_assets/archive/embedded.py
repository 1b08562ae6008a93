"""A space that a model made: vectors by way of the router, instead of what is learned from the corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from factory_assets.archive.vectors import Floats
from factory_assets.domain.errors import InfrastructureError

# As many as common servers take at once, of 2 KB each.
_BATCH = 64
# What is longer than a title and an abstract is cut: models take some hundred words.
_MOST_CHARACTERS = 8_000


class VectorSource(Protocol):
    """Whoever gives texts the vectors of a model."""

    @property
    def model(self) -> str:
        """Its name."""
        ...

    def of(self, batches: Sequence[Sequence[str]]) -> Iterator[list[list[float]]]:
        """The vectors of each batch of texts, in their order.

        Raises:
            FactoryError: they are not given.
        """
        ...


@dataclass(frozen=True)
class Embedded:
    """The vectors of a model. Every method raises FactoryError where they are not given."""

    source: VectorSource

    @cached_property
    def digest(self) -> str:
        """What tells this space from any other: the model, wherever it is served."""
        return f"model-{hashlib.sha256(self.source.model.encode()).hexdigest()[:16]}"

    @cached_property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self.vectors(["length"]).shape[1])

    def vectors(self, texts: Sequence[str]) -> Floats:
        """A row of length 1 for each text; of zeros for one without words."""
        # Servers refuse an empty text.
        asked = [text[:_MOST_CHARACTERS] if text.strip() else "-" for text in texts]
        batches = [asked[start : start + _BATCH] for start in range(0, len(asked), _BATCH)]
        with np.errstate(over="ignore"):
            rows = [np.array(vector, np.float32) for told in self.source.of(batches) for vector in told]
        if len(rows) != len(texts) or len({len(row) for row in rows}) > 1:
            raise self._odd("its vectors are of different lengths, or some are missing")
        found = np.array(rows, np.float32).reshape(len(texts), -1)
        found *= np.array([[bool(text.strip())] for text in texts], np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise self._odd("a vector holds a number that is too large")
        np.divide(found, lengths, out=found, where=lengths > 0)
        return found

    def _odd(self, why: str) -> InfrastructureError:
        return InfrastructureError(
            f"The embeddings of {self.source.model} cannot be used: {why}.",
            where="FACTORY_EMBEDDINGS_MODEL",
            fix="Check that all servers of that name serve the same model.",
        )
