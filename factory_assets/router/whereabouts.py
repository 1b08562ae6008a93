"""Where the router of an instance is found: its key and journal in a folder, and the address of the one that runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from factory_assets.files import write_whole
from factory_assets.router.client import RouterAccess
from factory_assets.router.tokens import Signer

_MODE = 0o600
_FOLDER_MODE = 0o700


@dataclass(frozen=True)
class Whereabouts:
    """The router's folder of an instance, and the key of its tokens where several hosts share one."""

    folder: Path
    shared_key: SecretStr | None = None

    def prepare(self) -> None:
        """Make the folder, or make it this user's alone: what was asked and answered lies there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(_FOLDER_MODE)

    @property
    def signer(self) -> Signer:
        """What issues and reads its tokens."""
        return Signer(self.folder / "key", self.shared_key)

    @property
    def journal(self) -> Path:
        """What its calls have come to."""
        return self.folder / "calls.sqlite"

    @property
    def answers(self) -> Path:
        """Answers to be given again."""
        return self.folder / "answers.sqlite"

    @property
    def state(self) -> Path:
        """What sessions were given, and what feedback has taught."""
        return self.folder / "state.sqlite"

    @property
    def windows(self) -> Path:
        """How full a subscription's windows are."""
        return self.folder / "windows.json"

    def access_to(self, url: str) -> RouterAccess:
        """The way to the router at an address."""
        return RouterAccess(url, self.signer, self.journal)

    def find(self) -> RouterAccess | None:
        """The way to the router that has told its address; None where none is there."""
        try:
            url = self._address.read_text(encoding="utf-8")
        except OSError:
            return None
        if urlsplit(url).port is None:
            return None
        access = self.access_to(url)
        return access if access.answers() else None

    @contextmanager
    def told(self, url: str) -> Iterator[None]:
        """Tell the address of a router that runs, for as long as the context lasts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._address, url, mode=_MODE)
        # For a reader of /metrics, who is given the name of a file.
        write_whole(self.folder / "control.token", self.signer.control(), mode=_MODE)
        try:
            yield
        finally:
            with suppress(OSError):
                if self._address.read_text(encoding="utf-8") == url:
                    self._address.unlink()

    @property
    def _address(self) -> Path:
        return self.folder / "address"
