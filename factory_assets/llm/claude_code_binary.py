"""The Claude Code program: where it is, and which version."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from factory_assets.domain.errors import MissingToolError
from factory_assets.scratch import scratch_folder

_FIX = "Install claude-agent-sdk again (its wheel carries the program), or name the program in CLAUDE_BINARY."
_VERSION_SECONDS = 60.0


def find_claude_binary(binary: Path | None) -> Path:
    """The program to run: `binary`, or else the one that comes with claude-agent-sdk.

    Raises:
        MissingToolError: when there is none.
    """
    path = binary or _bundled()
    if path is None or not path.is_file():
        raise MissingToolError("There is no Claude Code program.", where=str(path or "claude"), fix=_FIX)
    return path.resolve()


def claude_code_version(path: Path) -> str:
    """The version that the program itself names, such as `2.1.330`.

    Raises:
        MissingToolError: when it does not start.
    """
    with scratch_folder() as home:
        try:
            done = subprocess.run(
                [path, "--version"],
                env={"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "DISABLE_AUTOUPDATER": "1"},
                capture_output=True,
                text=True,
                timeout=_VERSION_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise MissingToolError(
                f"Claude Code does not start: {error}.", where=str(path), fix=_FIX
            ) from error
    return done.stdout.split(" ", 1)[0].strip()


def _bundled() -> Path | None:
    # Found without importing the package, which takes a second.
    package = importlib.util.find_spec("claude_agent_sdk")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "_bundled" / "claude"
