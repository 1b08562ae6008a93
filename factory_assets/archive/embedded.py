"""A space that a model made: vectors by OpenAI's `POST /v1/embeddings`, instead of what is learned from the corpus.

Wire form: https://platform.openai.com/docs/api-reference/embeddings/create, which local servers speak as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from factory_assets.archive.vectors import Floats
from factory_assets.domain.errors import InfrastructureError
from factory_assets.network.service import Service

# As many as common servers take at once, of 2 KB each.
_BATCH = 64
# What is longer than a title and an abstract is cut: models take some hundred words.
_MOST_CHARACTERS = 8_000


class _Vector(BaseModel):
    model_config = ConfigDict(extra="ignore")

    index: int
    embedding: list[float]


class _Vectors(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: list[_Vector]


@dataclass(frozen=True)
class Embedded:
    """The vectors of a model at `url`. Every method raises FactoryError where the server does not give them."""

    service: Service
    url: str
    model: str

    @cached_property
    def digest(self) -> str:
        """What tells this space from any other."""
        return "model-" + hashlib.sha256(f"{self.url}\0{self.model}".encode()).hexdigest()[:16]

    @cached_property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self.vectors(["length"]).shape[1])

    def vectors(self, texts: Sequence[str]) -> Floats:
        """A row of length 1 for each text; of zeros for one without words."""
        rows: list[Floats] = []
        for start in range(0, len(texts), _BATCH):
            rows += self._asked([text[:_MOST_CHARACTERS] for text in texts[start : start + _BATCH]])
        if len({len(row) for row in rows}) > 1:
            raise self._odd("its vectors are of different lengths")
        found = np.array(rows, np.float32).reshape(len(texts), -1)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise self._odd("a vector holds what is no number")
        np.divide(found, lengths, out=found, where=lengths > 0)
        return found

    def _asked(self, texts: Sequence[str]) -> list[Floats]:
        # Servers refuse an empty text.
        asked: list[JsonValue] = [text if text.strip() else "-" for text in texts]
        answer = self.service.post(self.url, {"model": self.model, "input": asked})
        try:
            told = _Vectors.model_validate_json(answer or b"").data
        except ValidationError:
            raise self._odd("its answer holds no vectors") from None
        by_place = {one.index: one.embedding for one in told}
        if by_place.keys() != set(range(len(texts))) or not all(by_place.values()):
            raise self._odd(f"it gave {len(told)} vectors for {len(texts)} texts")
        return [
            np.array(by_place[place], np.float32) * bool(text.strip()) for place, text in enumerate(texts)
        ]

    def _odd(self, why: str) -> InfrastructureError:
        return InfrastructureError(
            f"{self.service.name} cannot be used: {why}.", where=self.url, fix=self.service.fix
        )
