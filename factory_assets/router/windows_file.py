"""How full the subscription's windows are, in a file that every process of the instance may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from factory_assets.files import write_whole
from factory_assets.router.windows import Windows

_MODE = 0o600


@dataclass
class WindowsFile:
    """The state in a file, written when something new is told."""

    file: Path
    _state: Windows | None = None

    def read(self) -> Windows:
        """What is known; nothing where there is no file, or none that can be read."""
        if self._state is None:
            try:
                self._state = Windows.restored(self.file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError):
                self._state = Windows()
        return self._state

    def heard(self, credential: str, headers: Mapping[str, str], now: datetime) -> None:
        """Take in what an answer's headers tell."""
        before = self.read()
        self._state = before.heard(credential, headers, now)
        if self._state is not before:
            write_whole(self.file, self.text(), mode=_MODE)

    def text(self) -> str:
        """The state as JSON."""
        return self.read().model_dump_json()
