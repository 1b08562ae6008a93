"""The network of a watched command: its own loopback, on which every attempt to go elsewhere is refused and seen.

Every address leads to that loopback, so that a connection is refused at once; a socket of the namespace, which the
command cannot touch, sees the packets that were meant for elsewhere, and a resolver there knows no name and keeps
those it was asked for. Without packets there is no attempt: a UDP socket that is only connected is not seen.
"""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from factory_assets.domain.agents import Sighting, SightingKind
from factory_assets.sandbox.namespace_helper import NamespaceHelper

_MOST_SEEN = 50
_TCP, _UDP, _PING = 6, 17, 1
_NO_SUCH_NAME = 0x8183
HELPER = NamespaceHelper()


@dataclass
class Attempts:
    """What the processes of one network namespace try to reach. Made while its first process waits to begin.

    Raises:
        MissingToolError: when this kernel does not let the namespace's owner in.
    """

    pid: int
    _names: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._resolver, self._packets = HELPER.sockets_of(self.pid)
        self._over, self._end = os.pipe()
        self._thread = threading.Thread(target=self._resolve, name="factory-resolver", daemon=True)
        self._thread.start()

    def close(self) -> tuple[Sighting, ...]:
        """What was tried. The command has to have ended; nothing is seen after this."""
        os.close(self._end)
        self._thread.join()
        os.close(self._over)
        places = _places(self._packets)
        self._resolver.close()
        self._packets.close()
        return (
            *(Sighting(SightingKind.ASKED_FOR, name) for name in self._names),
            *(Sighting(SightingKind.CONNECTED, place) for place in places),
        )

    def _resolve(self) -> None:
        """Answer until the end, then what is still unread."""
        self._resolver.setblocking(False)
        while True:
            readable = select.select([self._resolver.fileno(), self._over], [], [])[0]
            with suppress(BlockingIOError):
                while True:
                    question, asker = self._resolver.recvfrom(4096)
                    self._answer(question, asker)
            if self._over in readable:
                return

    def _answer(self, question: bytes, asker: tuple[str, int]) -> None:
        found = _question_in(question)
        if found is None:
            return
        name, asked = found
        if len(self._names) < _MOST_SEEN and not _is_own(name):
            self._names.setdefault(name)
        answer = struct.pack("!2s5H", question[:2], _NO_SUCH_NAME, 1, 0, 0, 0)
        with suppress(OSError):
            self._resolver.sendto(answer + asked, asker)


def _places(packets: socket.socket) -> dict[str, None]:
    """Address and port of each attempt, in order: https://www.rfc-editor.org/rfc/rfc791 and rfc8200."""
    found: dict[str, None] = {}
    packets.setblocking(False)
    with suppress(BlockingIOError):
        while len(found) < _MOST_SEEN:
            place = _place(packets.recv(128))
            if place is not None:
                found.setdefault(place)
    return found


def _place(packet: bytes) -> str | None:
    if len(packet) < 44 and packet[0] >> 4 == 6:
        return None
    if packet[0] >> 4 == 6:
        protocol, address, at = packet[6], f"[{ipaddress.IPv6Address(packet[24:40])}]", 40
    else:
        protocol, address, at = packet[9], str(ipaddress.IPv4Address(packet[16:20])), (packet[0] & 15) * 4
    if protocol == _PING:
        return address
    if protocol in {_TCP, _UDP} and len(packet) >= at + 4:
        return f"{address}:{struct.unpack_from('!H', packet, at + 2)[0]}"
    return None


def _question_in(message: bytes) -> tuple[str, bytes] | None:
    """The name and the whole of a message's first question (RFC 1035, section 4.1); None where there is none."""
    labels, at = [], 12
    while at < len(message) and (length := message[at]):
        labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    end = at + 5
    return (".".join(labels).lower(), message[12:end]) if labels and end <= len(message) else None


def _is_own(name: str) -> bool:
    """Whether a name is this machine's (RFC 6761, section 6.3), or that of one of its own addresses."""
    *_, last = name.split(".")
    own_addresses = (".127.in-addr.arpa", "0.0.0.0.in-addr.arpa")
    return last in {"localhost", "localdomain"} or name.endswith(own_addresses)
