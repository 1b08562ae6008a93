"""The package registries, asked directly: whether a package exists, told apart from a registry out of reach."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from factory_assets.domain.errors import InfrastructureError
from factory_assets.network.clients import ask

_SECONDS = 60.0
_MEND = "Check this machine's network, and the index: FACTORY_PYPI_URL or pip's, FACTORY_NPM_URL or npm's."
_SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
_ANCHOR = re.compile(r"""href=["'][^"'#]*?([^"'#/]+)#sha256=([0-9a-f]{64})["']""")
# A link without a host leads to the index itself.
_LINK = re.compile(r"""(?:href=|"url":)\s*["'](https?://[^"'#\s]+)""")
# An index that mirrors the usual packages has it; all files of an index lie at the same few places.
_EVERYWHERE = "pip"
_PAGES = 3
_ABSENT = frozenset({404, 410})


def host_of(url: str) -> str:
    """The host of an address with its port: so named, it may be a mirror on a private network."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (80 if parts.scheme == 'http' else 443)}"


def normal_name(name: str) -> str:
    """A Python distribution's name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def absent_from_pypi(url: str, names: Collection[str]) -> frozenset[str]:
    """The names that the Python registry does not have.

    Raises:
        InfrastructureError: when it cannot be reached or answers neither yes nor no; so for the other registries.
    """
    return _absent({name: f"{url.rstrip('/')}/{normal_name(name)}/" for name in names})


def absent_from_npm(url: str, names: Collection[str]) -> frozenset[str]:
    """The names that the npm registry does not have."""
    return _absent({name: f"{url.rstrip('/')}/{quote(name, safe='@')}" for name in names})


def absent_from_crates(url: str, names: Collection[str]) -> frozenset[str]:
    """The crates that the registry's sparse index does not have."""
    return _absent({name: f"{url.rstrip('/')}/{_crate_path(name.lower())}" for name in names})


def file_hashes(url: str, name: str, version: str) -> frozenset[str]:
    """SHA-256 of every file of one release, as the Python registry lists them; empty where it lists none."""
    answer = _get(f"{url.rstrip('/')}/{normal_name(name)}/", accept=f"{_SIMPLE_JSON}, text/html;q=0.1")
    if answer.status_code in _ABSENT:
        return frozenset()
    if "json" not in answer.headers.get("content-type", ""):
        listed = _ANCHOR.findall(answer.text)
    else:
        try:
            page = _Page.model_validate_json(answer.content)
        except ValidationError as error:
            raise InfrastructureError(
                f"The registry's answer on {name} is malformed: {error.errors()[0]['msg']}.",
                where=url,
                mend=_MEND,
            ) from error
        listed = [(file.filename, file.hashes.get("sha256", "")) for file in page.files]
    return frozenset(sha for filename, sha in listed if sha and _is_of_release(filename, name, version))


def file_hosts(url: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Where the Python registry keeps its files, as host:port: read from its pages of a few packages.

    Raises:
        InfrastructureError: as `absent_from_pypi`.
    """
    places: set[str] = set()
    for name in (*names[:_PAGES], _EVERYWHERE):
        answer = _get(f"{url.rstrip('/')}/{normal_name(name)}/", accept=f"{_SIMPLE_JSON}, text/html;q=0.1")
        if answer.status_code not in _ABSENT:
            places |= {host_of(link) for link in _LINK.findall(answer.text)}
    return tuple(sorted(places - {host_of(url)}))


class _File(BaseModel):
    filename: str
    hashes: dict[str, str] = {}


class _Page(BaseModel):
    """What PEP 691 says of one project, as far as it is used."""

    files: tuple[_File, ...]


def _is_of_release(filename: str, name: str, version: str) -> bool:
    stem = filename.removesuffix(".tar.gz").removesuffix(".zip").removesuffix(".whl")
    parts = stem.split("-")
    if filename.endswith(".whl"):
        return len(parts) >= 5 and normal_name(parts[0]) == normal_name(name) and parts[1] == version
    return normal_name(stem) == normal_name(f"{name}-{version}")


def _absent(addresses: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name for name, url in addresses.items() if _get(url).status_code in _ABSENT)


def _get(url: str, *, accept: str = "*/*") -> httpx.Response:
    where = host_of(url)
    try:
        answer = ask("GET", url, headers={"accept": accept}, timeout=_SECONDS, follow_redirects=True)
    except httpx.HTTPError as error:
        raise InfrastructureError(
            f"The package registry cannot be reached: {error or type(error).__name__}.",
            where=where,
            mend=_MEND,
        ) from error
    if answer.status_code != 200 and answer.status_code not in _ABSENT:
        raise InfrastructureError(
            f"The package registry answered {answer.status_code} {answer.reason_phrase}.",
            where=where,
            mend=_MEND,
        )
    return answer


def _crate_path(name: str) -> str:
    """Where the sparse index keeps a crate: https://doc.rust-lang.org/cargo/reference/registry-index.html."""
    if len(name) <= 2:
        return f"{len(name)}/{name}"
    return f"3/{name[0]}/{name}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}/{name}"
