"""Where the router of an instance is found: its key and journal in a folder, and the address of the one that runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from factory_assets.router.app import Backend, Router
from factory_assets.router.client import RouterDoor
from factory_assets.router.grants import Grants
from factory_assets.router.journal import Journal
from factory_assets.router.tokens import Signer


@contextmanager
def router_of(folder: Path, backends: Mapping[str, Backend]) -> Iterator[Router]:
    """A router of the instance whose folder this is, for as long as the context lasts.

    Raises:
        InfrastructureError: its journal cannot be written.
    """
    with Journal.open(_journal(folder)) as journal:
        yield Router(
            backends=backends,
            signer=_signer(folder),
            grants=Grants(journal),
            clock=lambda: datetime.now(UTC),
        )


def door_to(folder: Path, url: str) -> RouterDoor:
    """The way to the instance's router at an address."""
    return RouterDoor(url, _signer(folder), _journal(folder))


def find_router(folder: Path) -> RouterDoor | None:
    """The way to the router that has told its address; None where none is there."""
    try:
        url = _address(folder).read_text(encoding="utf-8")
    except OSError:
        return None
    if urlsplit(url).port is None:
        return None
    door = door_to(folder, url)
    return door if door.answers() else None


@contextmanager
def told(folder: Path, url: str) -> Iterator[None]:
    """Tell the address of a router that runs, for as long as the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = _address(folder).with_suffix(f".{os.getpid()}")
    draft.write_text(url, encoding="utf-8")
    draft.replace(_address(folder))
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            _address(folder).unlink()


def _address(folder: Path) -> Path:
    return folder / "address"


def _journal(folder: Path) -> Path:
    return folder / "calls.sqlite"


def _signer(folder: Path) -> Signer:
    return Signer(folder / "key")
