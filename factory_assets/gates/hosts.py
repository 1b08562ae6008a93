"""Which hosts a text names by URLs, and which are nobody's: reserved for documents and tests."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

# https://www.rfc-editor.org/rfc/rfc2606 and rfc6761
_RESERVED = "example test invalid localhost example.com example.net example.org"
_NAMES = {tuple(name.split(".")) for name in _RESERVED.split()}
# https://www.rfc-editor.org/rfc/rfc5737 and rfc3849
_NETWORKS = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
# https://www.rfc-editor.org/rfc/rfc3986: no URL holds the first, and no name of a host the second.
_AROUND, _BEHIND = re.compile(r"[\s\"<>\\^`{|}]+"), re.compile(r"[!$&'()*+,;=]")


def hosts_named(text: str) -> Iterator[str]:
    """The host of each URL that is written out, in lower case."""
    for word in _AROUND.split(text):
        for rest in word.split("://")[1:]:
            try:
                host = urlsplit(f"//{rest}").hostname or ""
            except ValueError:
                # What cannot be read as a URL reaches nobody.
                continue
            if name := _BEHIND.split(host)[0]:
                yield name


def is_nobodys(host: str) -> bool:
    """Whether everybody may name a host: an example's, this machine's, or one that never is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = tuple(host.rstrip(".").split("."))
        return labels[-1:] in _NAMES or labels[-2:] in _NAMES
    return address.is_loopback or is_for_documents(address)


def is_for_documents(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of those that documents name, where nobody is."""
    return any(address in network for network in _NETWORKS)
