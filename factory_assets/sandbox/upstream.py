"""Connections from the host's proxy to the world outside: to addresses that were checked, through the host's own
proxy where it needs one.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import h11

from factory_assets.domain.errors import InputError
from factory_assets.network.proxies import Proxy, proxy_for
from factory_assets.network.trust import tls_context
from factory_assets.sandbox.http_heads import HEAD_BYTES, BadHeadError, encoded, read_head, status_in

_CONNECT_SECONDS = 30.0
_CLOSE_SECONDS = 5.0
# Not `ipaddress.is_private`, which also refuses what some networks translate public names to.
_INSIDE = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.168.0.0/16", "255.255.255.255/32", "::/127", "64:ff9b::/96", "fc00::/7", "fe80::/10"),
        ),
    )
)


class RefusedAddressError(Exception):
    """A name leads to an address of this machine or of a private network."""


@dataclass(frozen=True)
class Connection:
    """Both ways of a connection; closed when its context ends."""

    reader: StreamReader
    writer: StreamWriter

    async def close(self) -> None:
        """Close it, whatever state it is in."""
        self.writer.close()
        with suppress(OSError, TimeoutError):
            await asyncio.wait_for(self.writer.wait_closed(), _CLOSE_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def connect(host: str, port: int, *, private: bool) -> Connection:
    """Connect to a host; `private` says whether it may have a private address.

    Raises:
        OSError: when it cannot be reached.
        RefusedAddressError: when its address is a private one and must not be.
    """
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            proxy = _own_proxy(host, port)
            if proxy is None:
                return await _connect_directly(host, port, private=private)
            return await _connect_through(proxy, host, port)
    except TimeoutError as error:
        raise ConnectionError(f"no answer within {_CONNECT_SECONDS:.0f} s") from error


async def _connect_directly(host: str, port: int, *, private: bool) -> Connection:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and any(map(_leads_inside, addresses)):
        raise RefusedAddressError("its address is a private one")
    failure: OSError | None = None
    for address in addresses:
        try:
            reader, writer = await asyncio.open_connection(address, port, limit=HEAD_BYTES)
        except OSError as error:
            failure = failure or error
        else:
            return Connection(reader, writer)
    raise failure or ConnectionError("it has no address")


async def _connect_through(proxy: Proxy, host: str, port: int) -> Connection:
    reader, writer = await asyncio.open_connection(
        proxy.host,
        proxy.port,
        limit=HEAD_BYTES,
        ssl=_tls() if proxy.scheme == "https" else None,
    )
    headers = [("Host", f"{host}:{port}")]
    if proxy.username:
        login = f"{proxy.username}:{proxy.password}".encode()
        headers.append(("Proxy-Authorization", f"Basic {base64.b64encode(login).decode()}"))
    asked = h11.Request(method="CONNECT", target=f"{host}:{port}", headers=headers)
    writer.write(encoded(asked))
    try:
        status, reason = status_in(await read_head(reader), asked)
    except BadHeadError:
        raise ConnectionError("this machine's own proxy closed the connection") from None
    if status != 200:
        raise ConnectionError(f"this machine's own proxy refused it with {status} {reason}")
    return Connection(reader, writer)


def _own_proxy(host: str, port: int) -> Proxy | None:
    """The proxy that this machine itself uses for a host; of those of https, since all go through a tunnel."""
    place = f"[{host}]" if ":" in host else host
    try:
        return proxy_for(f"https://{place}:{port}")
    except InputError as error:
        raise ConnectionError(str(error)) from error


def _leads_inside(address: str) -> bool:
    """Whether an address is this machine's or one of a private network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_multicast or any(ip in network for network in _INSIDE if network.version == ip.version)


def _tls() -> ssl.SSLContext:
    try:
        return tls_context()
    except InputError as error:
        raise ConnectionError(str(error)) from error
