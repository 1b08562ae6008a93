"""Where the helpers of the tests lie, for programs that tests start."""

from __future__ import annotations

import os
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
PEERS = SUPPORT.with_name("peers")
CORPUS = SUPPORT.parent / "proofs" / "corpus"
TREES = CORPUS / "trees"


def python_path(test: str) -> str:
    """PYTHONPATH of a program that imports helpers and what lies beside this file."""
    return os.pathsep.join(map(str, (Path(test).resolve().parent, SUPPORT, PEERS)))
