"""A space in which texts that speak of the same lie near each other, learned from texts alone (TF-IDF, truncated SVD).

It is kept as plain arrays, so that another version of the library that learned it reads it as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import numpy as np

from factory_assets.archive.vectors import Floats

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]

DIMENSIONS = 256
# What is rarer than the most frequent so many says little of a paper, and each costs a kilobyte.
_MOST_TERMS = 50_000
# Below so many texts a word of a single one counts: there the space is that of the words themselves.
_FEW = 1000
# As good as the usual 5 on the sample (R@1, MRR, categories), and sooner.
_PASSES = 2
# Longer ones are addresses and cut formulas.
_WORD = r"(?u)\b\w\w{1,39}\b"
_BATCH = 5000


@dataclass(frozen=True)
class Learned:
    """The words that count, how much each counts, and the direction of each."""

    terms: tuple[str, ...]
    weights: Floats
    directions: Floats

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Learn from texts; the same ones give the same space. What holds no word gives one without directions."""
        from sklearn.decomposition import TruncatedSVD  # type: ignore[import-untyped]  # noqa: PLC0415

        known = list(texts)
        vectorizer = _vectorizer(
            max_features=_MOST_TERMS,
            min_df=1 if len(known) < _FEW else 2,
        )
        try:
            weighed = vectorizer.fit_transform(known)
        except ValueError:
            # Said of texts without a word; it says so of nothing else that is a list of strings.
            return cls((), np.zeros(0, np.float32), np.zeros((0, 1), np.float32))
        size = min(DIMENSIONS, *weighed.shape)
        svd = TruncatedSVD(size, n_iter=_PASSES, random_state=0).fit(weighed)
        return cls(
            tuple(map(str, vectorizer.get_feature_names_out())),
            vectorizer.idf_.astype(np.float32),
            np.ascontiguousarray(svd.components_.T, dtype=np.float32),
        )

    @property
    def dimensions(self) -> int:
        """The length of a vector: DIMENSIONS, or less where it was learned from fewer texts."""
        return int(self.directions.shape[1])

    @cached_property
    def digest(self) -> str:
        """What tells this space from any other."""
        parts = ("\n".join(self.terms).encode(), self.weights.tobytes(), self.directions.tobytes())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]

    def vectors(self, texts: Sequence[str]) -> Floats:
        """A row of length 1 for each text; of zeros where it has no known word."""
        found = np.zeros((len(texts), self.dimensions), np.float32)
        if self.terms:
            for start in range(0, len(texts), _BATCH):
                part = slice(start, start + _BATCH)
                found[part] = self._known.transform(texts[part]) @ self.directions
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        np.divide(found, lengths, out=found, where=lengths > 0)
        return found

    def save(self, file: IO[bytes]) -> None:
        """Write it as `load` reads it."""
        terms = np.frombuffer("\n".join(self.terms).encode(), np.uint8)
        np.savez(file, terms=terms, weights=self.weights, directions=self.directions)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            OSError, ValueError, KeyError, zipfile.BadZipFile: the file cannot be read, or holds something else.
        """
        with np.load(path, allow_pickle=False) as held:
            text = held["terms"].tobytes().decode()
            return cls(tuple(text.split("\n")) if text else (), held["weights"], held["directions"])

    @cached_property
    def _known(self) -> TfidfVectorizer:
        vectorizer = _vectorizer(vocabulary=self.terms)
        vectorizer.idf_ = self.weights
        return vectorizer


def _vectorizer(**asked: object) -> TfidfVectorizer:
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    return TfidfVectorizer(
        sublinear_tf=True, stop_words="english", token_pattern=_WORD, dtype=np.float32, **asked
    )
