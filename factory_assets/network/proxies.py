"""Which proxy an address is asked through: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, read by one rule.

The names and the forms of NO_PROXY are curl's (https://everything.curl.dev/usingcurl/proxies/env.html): a lower-case
name wins over its upper-case one.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from factory_assets.domain.errors import InputError

_PORTS = {"http": 80, "https": 443}
_NAMES = {"http": ("http_proxy", "all_proxy"), "https": ("https_proxy", "all_proxy")}
_NOT_SERVED = re.compile(r"socks\w*", re.IGNORECASE)
_PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]+)(?::(\d+))?")
_BRACKETED = re.compile(r"^\[([^\]]*)\](/\d+)?$")
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+", re.IGNORECASE)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Proxy:
    """A proxy that speaks HTTP; `url` carries its login and must not be shown."""

    scheme: str
    host: str
    port: int
    url: str = field(repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def proxy_for(url: str, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy that an address is to be asked through, or None where it is asked directly; loopback always is.

    Raises:
        InputError: the variable that counts for this address names no proxy that can be used.
    """
    environment = os.environ if environment is None else environment
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 443)
    if is_loopback(host) or _is_excepted(host, port, _value(environment, "no_proxy")[1]):
        return None
    named = variable_for(parts.scheme, environment)
    return read_proxy(*named) if named else None


def variable_for(scheme: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that names the proxy for http or https, as it is spelled, with its value."""
    found = (_value(environment, usual) for usual in _NAMES.get(scheme, _NAMES["https"]))
    return next(((name, value) for name, value in found if value), None)


def read_proxy(name: str, value: str) -> Proxy:
    """The proxy that a variable names; without a scheme, it is http's.

    Raises:
        InputError: it is none, or of a kind that is not served. The text holds no password.
    """
    fix = f"Set {name} to an HTTP proxy, as http://host:port, or take it out of the environment."
    try:
        parts = urlsplit(value if "://" in value else f"http://{value.removeprefix('//')}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if _NOT_SERVED.fullmatch(parts.scheme):
        raise InputError(
            f"{shown(value)} is a SOCKS proxy, and the factory uses HTTP proxies only.", where=name, fix=fix
        )
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or not value.isprintable() or " " in value:
        raise InputError(f"{shown(value)} is no HTTP proxy.", where=name, fix=fix)
    return Proxy(
        scheme=parts.scheme,
        host=host,
        port=port or _PORTS[parts.scheme],
        url=parts.geturl(),
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def shown(value: str) -> str:
    """A proxy's address without its login, for an operator."""
    scheme, mark, rest = value.rpartition("://")
    login, at, place = rest.rpartition("@")
    return repr(f"{scheme}{mark}{'***@' if at and login else ''}{place}")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, which no proxy can reach."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    ip = _address(name)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip is not None and (ip.is_loopback or ip.is_unspecified)


def proxies_named(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that name a proxy, as they are spelled, with their values; NO_PROXY is not one of them."""
    found = (_value(environment, name) for name in ("http_proxy", "https_proxy", "all_proxy"))
    return {name: value for name, value in found if value}


def unread_exceptions(environment: Mapping[str, str]) -> dict[str, list[str]]:
    """What NO_PROXY holds that excepts no host, by the variable's name as it is spelled."""
    name, value = _value(environment, "no_proxy")
    unread = [entry for entry in _entries(value) if not _is_readable(entry)]
    return {name: unread} if unread else {}


def loopback_excepted(environment: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY in both cases with loopback in it, for programs that read it by rules of their own.

    Empty where the environment names no proxy. Dagster's parts talk to each other by gRPC, which reads it too.
    """
    if not proxies_named(environment):
        return {}
    entries = list(_entries(_value(environment, "no_proxy")[1]))
    value = ",".join([*entries, *(name for name in _LOOPBACK if name not in entries)])
    return {"no_proxy": value, "NO_PROXY": value}


def _value(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    spelled = name if name in environment else name.upper()
    return spelled, environment.get(spelled, "").strip()


def _entries(value: str) -> Iterator[str]:
    return (entry for entry in re.split(r"[,\s]+", value) if entry)


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    return any(_excepts(entry, host.lower(), port) for entry in _entries(exceptions))


def _excepts(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    ip, network = _address(host), _network(entry)
    if network is not None:
        return ip is not None and ip.version == network.version and ip in network
    place = _PLACE.fullmatch(entry.rpartition("://")[2].rstrip("/"))
    if place is None or (place[2] and int(place[2]) != port):
        return False
    name = place[1].strip("[]").lower().removeprefix("*").removeprefix(".").rstrip(".")
    if ip is not None or not name:
        return ip is not None and ip == _address(name)
    return host == name or host.endswith(f".{name}")


def _is_readable(entry: str) -> bool:
    if entry == "*" or _network(entry) is not None:
        return True
    place = _PLACE.fullmatch(entry.rpartition("://")[2].rstrip("/"))
    return place is not None and "/" not in place[1] and "*" not in place[1].removeprefix("*.")


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A range, or a single address as a range of one."""
    try:
        return ipaddress.ip_network(_BRACKETED.sub(r"\1\2", text), strict=False)
    except ValueError:
        return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
