"""The HTTP clients: each asks by the proxy and the certificates that one rule gives it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

import httpx
from pydantic import JsonValue

from factory_assets.network.proxies import Proxy, proxy_for
from factory_assets.network.trust import tls_context, trust

if TYPE_CHECKING:
    import httpx2

# As the SDK does: an answer that is thought over for minutes must not lose its connection to a router in between.
KEPT_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5), ("TCP_KEEPIDLE", 60))
        if hasattr(socket, name)
    ),
]


def http_client(
    *,
    timeout: httpx.Timeout | float,
    headers: Mapping[str, str] | None = None,
    follow_redirects: bool = False,
) -> httpx.Client:
    """A client for whatever it is asked; a request raises InputError where `check_way` would."""
    return httpx.Client(
        transport=_Routed(),
        trust_env=False,
        timeout=timeout,
        headers=headers,
        follow_redirects=follow_redirects,
    )


def way_to(url: str) -> tuple[Proxy | None, ssl.SSLContext | None]:
    """The proxy that an address is asked through, if any, and what TLS on the way is checked with.

    Raises:
        InputError: as `check_way`.
    """
    secure, proxy = _route(url)
    return proxy, _tls(secure, proxy) or None


def ask(
    method: str,
    url: str,
    *,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: JsonValue = None,
    follow_redirects: bool = False,
) -> httpx.Response:
    """One request by a client of its own; `timeout` in seconds.

    Raises:
        InputError: as `check_way`.
        httpx.HTTPError, httpx.InvalidURL: no answer.
    """
    with http_client(timeout=timeout, headers=headers, follow_redirects=follow_redirects) as client:
        return client.request(method, url, params=query, json=body)


def check_way(url: str) -> None:
    """Refuse what the environment names for the way to an address, where it cannot serve.

    Raises:
        InputError: naming the variable: a proxy of a kind that is not served, certificates that are not there.
    """
    way_to(url)


def anthropic_client(base_url: str) -> httpx2.Client:
    """The HTTP client of the anthropic SDK for a server.

    Raises:
        InputError: as `check_way`: the SDK would call it a failure of the connection.
    """
    import httpx2  # noqa: PLC0415  comes with anthropic, whose import takes a second
    from anthropic import DefaultHttpxClient  # noqa: PLC0415

    ways = _Ways(
        lambda tls, proxy: httpx2.HTTPTransport(
            verify=tls, proxy=proxy, trust_env=False, socket_options=KEPT_ALIVE
        )
    )

    class Routed(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return ways.of(str(request.url)).handle_request(request)

        def close(self) -> None:
            ways.close()

    check_way(base_url)
    return DefaultHttpxClient(transport=Routed(), trust_env=False)


def route_pygithub(api_url: str) -> str | bool:
    """Make PyGithub ask by the same rules; the bundle of certificates for its `verify`.

    Raises:
        InputError: as `check_way`.
    """
    from github.Requester import (  # noqa: PLC0415  a second to import
        HTTPRequestsConnectionClass,
        HTTPSRequestsConnectionClass,
        Requester,
    )

    class Plain(HTTPRequestsConnectionClass):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[arg-type]
            self.session.trust_env = False
            self.session.proxies.update(_proxies(f"http://{self.host}:{self.port}"))

    class Secure(HTTPSRequestsConnectionClass):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[arg-type]
            self.session.trust_env = False
            self.session.proxies.update(_proxies(f"https://{self.host}:{self.port}"))

    check_way(api_url)
    Requester.injectConnectionClasses(Plain, Secure)
    # Plain http has no use for them, so that a bundle which is gone is no fault there.
    return str(trust().place) if api_url.startswith("https:") else True


def git_config(url: str) -> dict[str, str]:
    """What makes git ask an address by the same rules; it may hold the proxy's password.

    Raises:
        InputError: as `check_way`.
    """
    proxy = proxy_for(url)
    # An empty one keeps git from asking the environment.
    config = {"http.proxy": proxy.url if proxy else ""}
    if url.startswith("https:"):
        chosen = trust()
        config |= {"http.sslCAInfo": str(chosen.bundle)} if chosen.bundle else {}
        config |= {"http.sslCAPath": str(chosen.folder)} if chosen.folder else {}
    return config


class _Closes(Protocol):
    def close(self) -> None: ...


_Transport = TypeVar("_Transport", bound=_Closes)


class _Ways(Generic[_Transport]):
    """A transport for each way that was asked for; `make` gets what TLS is checked with and the proxy's address."""

    def __init__(self, make: Callable[[ssl.SSLContext | bool, str | None], _Transport]) -> None:
        self._make = make
        self._made: dict[tuple[bool, Proxy | None], _Transport] = {}

    def of(self, url: str) -> _Transport:
        """The transport for an address; found for each request, so that redirects go their own way."""
        secure, proxy = way = _route(url)
        if way not in self._made:
            self._made[way] = self._make(_tls(secure, proxy), proxy.url if proxy else None)
        return self._made[way]

    def close(self) -> None:
        """Close them all."""
        for transport in self._made.values():
            transport.close()


class _Routed(httpx.BaseTransport):
    def __init__(self) -> None:
        self._ways = _Ways(lambda tls, proxy: httpx.HTTPTransport(verify=tls, proxy=proxy, trust_env=False))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._ways.of(str(request.url)).handle_request(request)

    def close(self) -> None:
        self._ways.close()


def _route(url: str) -> tuple[bool, Proxy | None]:
    return url.startswith("https:"), proxy_for(url)


def _tls(secure: bool, proxy: Proxy | None) -> ssl.SSLContext | Literal[False]:
    # Loading the certificates takes a while, and plain http has no use for them.
    return tls_context() if secure or (proxy is not None and proxy.scheme == "https") else False


def _proxies(url: str) -> dict[str, str]:
    proxy = proxy_for(url)
    return {"http": proxy.url, "https": proxy.url} if proxy else {}
