"""A month's vectors as a file: a row for each paper, by id, which is read by memory map; and which rows are nearest."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

# A number of a vector of length 1 in fixed point: as small as half precision, more exact, and a float much sooner.
_ONE = 32767
# What is nearer to 0 than this is the noise of rounding.
_NOTHING = 0.001
# As many vectors as stay in a core's cache while they are turned into floats and compared.
_BLOCK = 1024

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.void]


def blank_rows(marks: Mapping[str, int], dimensions: int) -> Rows:
    """A row for each of these papers, in order, with its mark and a vector of zeros."""
    ids = sorted((arxiv_id.encode(), mark) for arxiv_id, mark in marks.items())
    width = max((len(arxiv_id) for arxiv_id, _ in ids), default=1)
    rows = np.zeros(
        len(ids), np.dtype([("id", f"S{width}"), ("mark", "<u8"), ("vector", "<i2", (dimensions,))])
    )
    rows["id"], rows["mark"] = [arxiv_id for arxiv_id, _ in ids], [mark for _, mark in ids]
    return rows


def take_over(rows: Rows, before: Rows) -> npt.NDArray[np.intp]:
    """Give rows the vectors of the same papers with the same marks; the places of those that have none there."""
    known = {pair: place for place, pair in enumerate(_pairs(before))}
    places = np.array([known.get(pair, -1) for pair in _pairs(rows)], np.intp)
    same = places >= 0
    rows["vector"][same] = before["vector"][places[same]]
    return np.flatnonzero(~same)


def fill(rows: Rows, places: npt.NDArray[np.intp], vectors: Floats) -> None:
    """Give rows their vectors, each of length 1 or 0."""
    rows["vector"][places] = np.round(vectors * _ONE)


def write_rows(file: IO[bytes], rows: Rows) -> None:
    """Write rows as `open_rows` reads them."""
    np.save(file, rows, allow_pickle=False)


def open_rows(path: Path) -> Rows:
    """The rows of a file, read as they are used; what is open stays the same when the file is replaced.

    Raises:
        OSError, ValueError: the file cannot be read, or holds something else.
    """
    # An empty file cannot be mapped, and holds no paper's row.
    rows: Rows = np.load(path, mmap_mode="r", allow_pickle=False)
    return rows


def vector_of(months: Mapping[str, Rows], arxiv_id: str) -> Floats | None:
    """A paper's vector; None where no month has the paper."""
    key = arxiv_id.encode()
    for rows in months.values():
        ids = rows["id"]
        place = bisect_left(ids, key)
        if place < len(ids) and ids[place] == key:
            vector: Floats = rows["vector"][place].astype(np.float32) / np.float32(_ONE)
            return vector
    return None


def nearest(
    months: Mapping[str, Rows], vector: Floats, count: int, *, but: str | None = None
) -> list[tuple[float, str, str]]:
    """Cosine, id and month of the papers nearest to a vector of length 1, the nearest first.

    Those that have nothing in common with it are left out, and so is the paper named as `but`.
    """
    cosines = [
        (rows["vector"][start : start + _BLOCK].astype(np.float32) @ vector) / np.float32(_ONE)
        for rows in months.values()
        for start in range(0, len(rows), _BLOCK)
    ]
    if not cosines:
        return []
    all_cosines = np.concatenate(cosines)
    # One more than asked for: it may be the paper itself.
    most = min(count + 1, len(all_cosines))
    best = np.argpartition(all_cosines, len(all_cosines) - most)[-most:]
    ends = np.cumsum([len(rows) for rows in months.values()])
    names = list(months)
    found = []
    for place in best[all_cosines[best] > _NOTHING].tolist():
        number = int(np.searchsorted(ends, place, side="right"))
        rows = months[names[number]]
        arxiv_id = rows["id"][place - int(ends[number])].decode()
        found.append((min(float(all_cosines[place]), 1.0), arxiv_id, names[number]))
    return sorted((hit for hit in found if hit[1] != but), key=lambda hit: (-hit[0], hit[1]))[:count]


def _pairs(rows: Rows) -> zip[tuple[bytes, int]]:
    return zip(rows["id"].tolist(), rows["mark"].tolist(), strict=True)
