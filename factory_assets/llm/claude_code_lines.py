"""One readable line per event of a Claude Code run, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_WIDTH = 110
# The argument that tells most about a tool's call, where it has one of these.
_TELLING = (
    "file_path",
    "notebook_path",
    "command",
    "pattern",
    "url",
    "query",
    "description",
    "prompt",
    "skill",
)


def tool_line(tool: str, arguments: Mapping[str, object], workspace: Path) -> str:
    """Such as `Write src/app.py` or `Bash make test`."""
    values = (arguments.get(name) for name in _TELLING)
    told = next((value for value in values if isinstance(value, str) and value), "")
    return one_line(f"{tool} {told.replace(f'{workspace}/', '')}")


def one_line(text: str) -> str:
    """The text on a single line, shortened, without control characters."""
    flat = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return flat if len(flat) <= _WIDTH else f"{flat[: _WIDTH - 1]}…"
