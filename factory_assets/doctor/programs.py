"""Starting programs to see whether they are there, work, and are new enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.scratch import scratch_folder

_SECONDS = 20.0
_NUMBERS = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Trial:
    """How a program answered: the first line it printed, or why it did not start or failed."""

    works: bool
    said: str

    @property
    def version(self) -> tuple[int, ...]:
        """The first dotted number in what it said; empty where there is none."""
        found = _NUMBERS.search(self.said)
        return tuple(int(part) for part in found[0].split(".")) if found else ()


@dataclass(frozen=True)
class Programs:
    """The programs of a search path. `more` is added to their environment, which holds no secrets."""

    search_path: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    def find(self, program: str) -> str | None:
        """Where a program is, or None."""
        return shutil.which(program, path=self.search_path)

    def attempt(self, argv: Sequence[str]) -> Trial:
        """Run a command that should end at once and see what it says."""
        program = self.find(argv[0])
        if program is None:
            return Trial(works=False, said=f"{argv[0]} is not installed")
        # Programs that keep state in the home, such as Claude Code, must not leave any behind; rustup however
        # finds its toolchains there, so the real home is named where it looks.
        with scratch_folder() as home:
            return _start([program, *argv[1:]], self._environment(str(home)))

    def _environment(self, home: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("CARGO_HOME", "RUSTUP_HOME") if name in os.environ}
        return {
            "PATH": self.search_path or os.environ.get("PATH", os.defpath),
            "HOME": home,
            "LC_ALL": "C",
            "CARGO_HOME": str(Path.home() / ".cargo"),
            "RUSTUP_HOME": str(Path.home() / ".rustup"),
            "GOTOOLCHAIN": "local",
            **kept,
            **self.more,
        }


def _start(argv: Sequence[str], environment: Mapping[str, str]) -> Trial:
    try:
        done = subprocess.run(
            argv,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except OSError as failure:
        return Trial(works=False, said=f"{argv[0]} does not start: {failure.strerror or failure}")
    except subprocess.TimeoutExpired:
        return Trial(works=False, said=f"{argv[0]} did not answer within {_SECONDS:.0f} seconds")
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines() or [""]
    if done.returncode != 0:
        words = (done.stderr.strip() or lines[0]).splitlines()
        return Trial(works=False, said=f"{argv[0]} ended with {done.returncode}: {words[0] if words else ''}")
    return Trial(works=True, said=lines[0])
