"""A part of the corpus for a run that has not the time for all of it: another one for each seed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from zlib import crc32

SHARE_SETTINGS = ("CORPUS_SHARE", "CORPUS_SEED")


@dataclass(frozen=True)
class Share:
    """One part of so many; the seed says which tests are in it."""

    of: int
    seed: str

    def __str__(self) -> str:
        return f"CORPUS_SHARE={self.of} CORPUS_SEED={self.seed}"


SHARE = Share(int(os.environ.get("CORPUS_SHARE", "1")), os.environ.get("CORPUS_SEED", "1"))


def in_share(test: str, share: Share) -> bool:
    """Whether a test is in the share: every worker of a run, and every later run, decides the same."""
    return crc32(f"{share.seed} {test}".encode()) % share.of == 0
