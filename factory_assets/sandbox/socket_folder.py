"""Folders for the proxies' sockets: short names, this user's alone, gone when their worker is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from factory_assets.scratch import scratch_folder


def socket_folder() -> AbstractContextManager[Path]:
    """A new folder for one socket. Folders that killed workers left behind are removed on the way.

    Raises:
        MissingToolError: when the place for such folders belongs to another user.
    """
    return scratch_folder("sockets")
