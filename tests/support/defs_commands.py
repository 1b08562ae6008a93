"""The `factory` command in this process or as a program, on an instance in a temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from factory_assets.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended; `out` and `err` have their line breaks folded, because tables and texts wrap."""

    code: int
    out: str
    err: str


class Commands:
    """`commands("status", "--from", …)` on the instance at `home`."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self.data = home / "data"
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        with self._monkeypatch.context() as patch:
            # A command sets these for its children; the next one must not see them.
            for name in ("DAGSTER_HOME", "FACTORY_DATA_DIR", "FACTORY_MODE"):
                patch.delenv(name, raising=False)
            for name, value in (self.environment() | environment).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["factory", *arguments])
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        captured = self._capsys.readouterr()
        return Ended(code, _folded(captured.out), _folded(captured.err))

    def program(self, *arguments: str, **environment: str) -> Ended:
        """The same in a process of its own."""
        return self._run(["-m", "factory_assets.cli", *arguments], environment)

    def python(self, code: str, **environment: str) -> Ended:
        """What a program of the instance prints."""
        return self._run(["-c", code], environment)

    def _run(self, arguments: list[str], environment: Mapping[str, str]) -> Ended:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**kept, **self.environment(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, _folded(done.stdout), _folded(done.stderr))

    def environment(self) -> dict[str, str]:
        return {"DAGSTER_HOME": str(self.home), "FACTORY_DATA_DIR": str(self.data), "COLUMNS": "200"}

    def write_replay(self, settings: Mapping[str, str] | None = None) -> None:
        """The `.env` of a replay instance over the demo's dates."""
        values = {
            "FACTORY_MODE": "replay",
            "FACTORY_START_DATE": "2026-06-17",
            "FACTORY_END_DATE": "2026-06-19",
            "FACTORY_RANKS": "4",
            "FACTORY_SPECS_PER_DAY": "3",
            **(settings or {}),
        }
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def _folded(text: str) -> str:
    return " ".join(text.split())
