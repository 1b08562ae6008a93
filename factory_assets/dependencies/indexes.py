"""The package registries, asked directly: what they list of a package, told apart from a registry out of reach."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, Field, ValidationError

from factory_assets.dependencies.reputation import Listing
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.indexes import place

if TYPE_CHECKING:
    import httpx

_SECONDS = 60.0
_FIX = "Check this machine's network, and the index: FACTORY_PYPI_URL or pip's, FACTORY_NPM_URL or npm's."
_SIMPLE = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_ANCHOR = re.compile(r"""href=["'][^"'#]*?([^"'#/]+)(?:#sha256=([0-9a-f]{64})|#[^"']*)?["']""")
# A link without a host leads to the index itself.
_LINK = re.compile(r"""(?:href=|"url":)\s*["'](https?://[^"'#\s]+)""")
# An index that mirrors the usual packages has it; all files of an index lie at the same few places.
_EVERYWHERE = "pip"
_PAGES = 3
_ABSENT = frozenset({404, 410})


def on_pypi(url: str, names: Collection[str]) -> dict[str, Listing | None]:
    """What the Python registry lists of each package; None for one that it does not have.

    Raises:
        InfrastructureError: it cannot be reached, or answers neither yes nor no; so for the other registries.
    """
    return _listed(
        {name: f"{url.rstrip('/')}/{canonicalize_name(name)}/" for name in names}, _read_pypi, accept=_SIMPLE
    )


def on_npm(url: str, names: Collection[str]) -> dict[str, Listing | None]:
    """The same of the npm registry: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md."""
    return _listed({name: f"{url.rstrip('/')}/{quote(name, safe='@')}" for name in names}, _read_npm)


def on_crates(url: str, names: Collection[str]) -> dict[str, Listing | None]:
    """The same of a sparse index of crates: https://doc.rust-lang.org/cargo/reference/registry-index.html."""
    return _listed({name: f"{url.rstrip('/')}/{_crate_path(name.lower())}" for name in names}, _read_crates)


def on_go(url: str, modules: Collection[str]) -> dict[str, Listing | None]:
    """The same of a Go module proxy: https://go.dev/ref/mod#goproxy-protocol. What has no tag has one release."""
    return {module: _go_listing(f"{url.rstrip('/')}/{_go_path(module)}") for module in modules}


def file_hashes(url: str, name: str, version: str) -> frozenset[str]:
    """SHA-256 of every file of one release, as the Python registry lists them; empty where it lists none."""
    answer = _get(f"{url.rstrip('/')}/{canonicalize_name(name)}/", accept=_SIMPLE)
    if answer.status_code in _ABSENT:
        return frozenset()
    with _well_formed(url):
        files = _pypi_files(answer)
    return frozenset(
        file.hashes["sha256"]
        for file in files
        if "sha256" in file.hashes and file.version == Version(version)
    )


def file_hosts(url: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Where the Python registry keeps its files, as host:port: read from its pages of a few packages.

    Raises:
        InfrastructureError: as `on_pypi`.
    """
    places: set[str] = set()
    for name in (*names[:_PAGES], _EVERYWHERE):
        answer = _get(f"{url.rstrip('/')}/{canonicalize_name(name)}/", accept=_SIMPLE)
        if answer.status_code not in _ABSENT:
            places |= {place(link) for link in _LINK.findall(answer.text)}
    return tuple(sorted(places - {place(url)}))


class _File(BaseModel):
    filename: str
    hashes: dict[str, str] = {}
    uploaded: datetime | None = Field(None, alias="upload-time")

    @property
    def version(self) -> Version | None:
        """The release that it belongs to."""
        try:
            if self.filename.endswith(".whl"):
                return parse_wheel_filename(self.filename)[1]
            return parse_sdist_filename(self.filename)[1]
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            return None


class _Page(BaseModel):
    """What PEP 691 and PEP 700 say of one project, as far as it is used."""

    files: tuple[_File, ...]


class _Packument(BaseModel):
    versions: dict[str, object] = {}
    time: dict[str, object] = {}


class _Crate(BaseModel):
    """One line of a crate's file: one release. `pubtime` is missing in older indexes."""

    pubtime: datetime | None = None


class _Created(BaseModel):
    created: datetime


class _GoInfo(BaseModel):
    time: datetime = Field(alias="Time")


def _pypi_files(answer: httpx.Response) -> tuple[_File, ...]:
    if "json" in answer.headers.get("content-type", ""):
        return _Page.model_validate_json(answer.content).files
    return tuple(
        _File(filename=unquote(filename), hashes={"sha256": sha} if sha else {})
        for filename, sha in _ANCHOR.findall(answer.text)
    )


def _read_pypi(answer: httpx.Response) -> Listing:
    files = _pypi_files(answer)
    dates = [file.uploaded for file in files if file.uploaded]
    return Listing(len({file.version for file in files} - {None}), min(dates, default=None))


def _read_npm(answer: httpx.Response) -> Listing:
    found = _Packument.model_validate_json(answer.content)
    # A mirror that has no `created` dates its own copies.
    first = _Created.model_validate(found.time).created if "created" in found.time else None
    return Listing(len(found.versions), first)


def _read_crates(answer: httpx.Response) -> Listing:
    lines = [line for line in answer.text.splitlines() if line.strip()]
    dates = [_Crate.model_validate_json(line).pubtime for line in lines]
    return Listing(len(lines), None if None in dates else min(filter(None, dates), default=None))


def _go_listing(base: str) -> Listing | None:
    answer = _get(f"{base}/@v/list")
    tags = {} if answer.status_code in _ABSENT else {_version(tag): tag for tag in answer.text.split()}
    oldest = min((version for version in tags if version), default=None)
    told = _get(f"{base}/@v/{tags[oldest]}.info" if oldest else f"{base}/@latest")
    if told.status_code in _ABSENT:
        return Listing(len(tags)) if tags else None
    with _well_formed(base):
        return Listing(max(len(tags), 1), _GoInfo.model_validate_json(told.content).time)


def _listed(
    addresses: Mapping[str, str], read: Callable[[httpx.Response], Listing], *, accept: str = "*/*"
) -> dict[str, Listing | None]:
    found: dict[str, Listing | None] = {}
    for name, url in addresses.items():
        answer = _get(url, accept=accept)
        with _well_formed(url):
            found[name] = None if answer.status_code in _ABSENT else read(answer)
    return found


@contextmanager
def _well_formed(url: str) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise InfrastructureError(
            f"The registry's answer to {urlsplit(url).path} is malformed: {error.errors()[0]['msg']}.",
            where=place(url),
            fix=_FIX,
        ) from error


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _go_path(module: str) -> str:
    """A module's path as proxies are asked for it: `!` and the small letter for a large one."""
    return "".join(f"!{char.lower()}" if char.isupper() else char for char in module)


def _get(url: str, *, accept: str = "*/*") -> httpx.Response:
    import httpx  # noqa: PLC0415 - every record of a language leads here, and few processes ask

    from factory_assets.network.clients import ask  # noqa: PLC0415 - as above

    where = place(url)
    try:
        answer = ask("GET", url, headers={"accept": accept}, timeout=_SECONDS, follow_redirects=True)
    except httpx.HTTPError as error:
        raise InfrastructureError(
            f"The package registry cannot be reached: {error or type(error).__name__}.",
            where=where,
            fix=_FIX,
        ) from error
    if answer.status_code != 200 and answer.status_code not in _ABSENT:
        raise InfrastructureError(
            f"The package registry answered {answer.status_code} {answer.reason_phrase}.",
            where=where,
            fix=_FIX,
        )
    return answer


def _crate_path(name: str) -> str:
    """Where the sparse index keeps a crate: https://doc.rust-lang.org/cargo/reference/registry-index.html."""
    if len(name) <= 2:
        return f"{len(name)}/{name}"
    return f"3/{name[0]}/{name}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}/{name}"
