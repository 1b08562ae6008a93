"""A space in which texts that speak of the same lie near each other, learned from texts alone (TF-IDF, truncated SVD).

scikit-learn finds it; what is found is kept as plain arrays and used without the library, so that another version of
it changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Self

import numpy as np

from factory_assets.archive.vectors import Floats

DIMENSIONS = 256
# What is rarer than the most frequent so many says little of a paper, and each costs a kilobyte.
_MOST_TERMS = 50_000
# Below so many texts a word of a single one counts: there the space is that of the words themselves.
_FEW = 1000
# As good as the usual 5 on the sample (R@1, MRR, categories), and sooner.
_PASSES = 2
# What is longer is cut: addresses and formulas.
_WORD = r"\w{2,40}"
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
        # They take a second to import, and the space is learned seldom.
        from sklearn.decomposition import TruncatedSVD  # type: ignore[import-untyped]  # noqa: PLC0415
        from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]  # noqa: PLC0415

        known = list(texts)
        vectorizer = TfidfVectorizer(
            sublinear_tf=True,
            stop_words="english",
            token_pattern=_WORD,
            dtype=np.float32,
            max_features=_MOST_TERMS,
            min_df=1 if len(known) < _FEW else 2,
        )
        try:
            weighed = vectorizer.fit_transform(known)
        except ValueError:
            # Said of texts without a word; it says so of nothing else that is a list of strings.
            return cls((), np.zeros(0, np.float32), np.zeros((0, 1), np.float32))
        size = min(DIMENSIONS, *weighed.shape)
        # Of a single text nothing varies, and the library warns of the share that it divides by that.
        with np.errstate(invalid="ignore"):
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
        for start in range(0, len(texts) if self.terms else 0, _BATCH):
            found[start : start + _BATCH] = self._projected(texts[start : start + _BATCH])
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

    def _projected(self, texts: Sequence[str]) -> Floats:
        """What TfidfVectorizer and TruncatedSVD make of texts, but for the length of the rows."""
        from scipy.sparse import csr_array  # type: ignore[import-untyped]  # noqa: PLC0415

        place, words = self._places.get, re.compile(_WORD).findall
        places = [
            [number for number in map(place, words(text.lower())) if number is not None] for text in texts
        ]
        rows = np.repeat(np.arange(len(texts)), [len(found) for found in places])
        columns = np.fromiter((number for found in places for number in found), np.int64, len(rows))
        keys, counts = np.unique(rows * len(self.terms) + columns, return_counts=True)
        rows, columns = np.divmod(keys, len(self.terms))
        weighed = (1 + np.log(counts)).astype(np.float32) * self.weights[columns]
        ends = np.searchsorted(rows, np.arange(len(texts) + 1))
        projected: Floats = (
            csr_array((weighed, columns, ends), shape=(len(texts), len(self.terms))) @ self.directions
        )
        return projected

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: number for number, term in enumerate(self.terms)}
