"""The only way out of a sandbox: what may pass it, and how the program inside finds it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.domain.agents import Reach

# Of a program that asks for very many hosts, the first tell enough.
_MOST_LINES = 50


@dataclass(frozen=True)
class Lines:
    """Readable lines, each once, in order."""

    _lines: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, line: str) -> None:
        """Take a line."""
        with self._lock:
            if len(self._lines) < _MOST_LINES:
                self._lines[line] = None

    @property
    def all(self) -> tuple[str, ...]:
        """All so far."""
        with self._lock:
            return tuple(self._lines)


@dataclass(frozen=True)
class EgressLog:
    """What a program asked for and did not get: refused, or within its reach and not answering."""

    refused: Lines = field(default_factory=Lines)
    unreached: Lines = field(default_factory=Lines)


@dataclass(frozen=True)
class EgressProxy:
    """An open way out, as the program inside finds it: an HTTP proxy and the model API on its own loopback.

    `socket` is where the proxy listens on the host, for a program in a network of its own; without one,
    the proxy listens on this port of the host's loopback itself. `direct` are the hosts that are not asked
    through the proxy: the sandbox's own loopback, unless a registry on the host's is within reach.
    """

    port: int
    log: EgressLog
    direct: tuple[str, ...]
    socket: Path | None = None

    @property
    def url(self) -> str:
        """The address of the model API, and of the proxy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What tells package managers and HTTP libraries of the proxy."""
        both = {"HTTP_PROXY": self.url, "HTTPS_PROXY": self.url, "NO_PROXY": ",".join(self.direct)}
        return {**both, **{name.lower(): value for name, value in both.items()}}


@dataclass(frozen=True)
class EgressRules:
    """What may pass: the hosts within reach, and calls of the model to the router at `model_url`."""

    reach: Reach
    model_url: str | None = None

    def allows(self, host: str, port: int, *, usual_port: int) -> bool:
        """Whether the reach names the host."""
        return self.names_place(host, port) or (port == usual_port and host in self.reach.hosts)

    @property
    def direct(self) -> tuple[str, ...]:
        """The names of loopback that mean the sandbox's own."""
        named = {place.rpartition(":")[0] for place in self.reach.hosts}
        return tuple(name for name in ("127.0.0.1", "localhost") if name not in named)

    def names_place(self, host: str, port: int) -> bool:
        """Whether the reach names this very port, so that the address may be a private one."""
        return f"{host}:{port}" in self.reach.hosts
