"""An agent's objections to findings of the reader: taken out of its workspace, kept, and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.readings import DISPUTES_FILE, Dispute
from factory_assets.folders import remove_folder
from factory_assets.gates.names import ACCEPTANCE, READING

_MOST_CHARACTERS = 20_000
# The form that the repair prompt asks for: a heading with the number, lines of the quote after `>`, then the reason.
_HEADING = re.compile(r"^#+[ \t]*(\d{1,3})\b.*$", re.MULTILINE)


def is_disputable(refused: Iterable[GateVerdict]) -> bool:
    """Whether a model's word is among what these verdicts refuse: of a finding, or of what a scenario asks for."""
    return any(verdict.gate in {ACCEPTANCE, READING} for verdict in refused)


def take_disputes(workspace: Path) -> str:
    """What the agent has written, as far as it may; whatever lies there is removed, so that it is never committed."""
    path = workspace / DISPUTES_FILE
    text = ""
    if path.is_file() and not path.is_symlink():
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MOST_CHARACTERS)
    if path.is_dir() and not path.is_symlink():
        remove_folder(path)
    else:
        path.unlink(missing_ok=True)
    return text


def read_disputes(text: str) -> Mapping[int, Dispute]:
    """The objections by the number of their finding; the first of a number counts, and one without a quote does not."""
    found: dict[int, Dispute] = {}
    parts = _HEADING.split(text)
    for number, body in zip(parts[1::2], parts[2::2], strict=True):
        lines = [line.strip() for line in body.splitlines()]
        quote = "\n".join(line.removeprefix(">").strip() for line in lines if line.startswith(">"))
        why = "\n".join(line for line in lines if line and not line.startswith(">"))
        if quote:
            found.setdefault(int(number), Dispute(quote=quote, why=why))
    return found
