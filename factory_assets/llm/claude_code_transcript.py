"""The full conversation of a Claude Code session, kept as a file with every secret taken out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def keep_transcript(home: Path, session_id: str, target: Path, redact: Callable[[str], str]) -> bool:
    """Copy a session's record out of the program's HOME, line by line, complete or not at all.

    The agent could write in that HOME, so only a plain file is taken. False when there is none.
    """
    found = sorted((home / ".claude" / "projects").glob(f"*/{session_id}.jsonl"))
    if not found:
        return False
    try:
        descriptor = os.open(found[0], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = target.with_name(f"{target.name}.new")
    with (
        os.fdopen(descriptor, encoding="utf-8", errors="replace") as source,
        scratch.open("w", encoding="utf-8") as copy,
    ):
        scratch.chmod(0o600)
        for line in source:
            copy.write(redact(line))
    scratch.replace(target)
    return True
