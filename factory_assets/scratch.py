"""Temporary folders of this user alone that are gone when their process is, also when it was killed.

The system's temporary folder is emptied by nobody on many machines, and what lies there can be somebody's code.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from factory_assets.domain.errors import MissingToolError
from factory_assets.folders import remove_folder
from factory_assets.locks import folder_lock, path_lock

# The kernel takes 108 bytes for the name of a socket, and some of these folders hold one.
_LONGEST = 64
_LOCK = "lock"


@contextmanager
def scratch_folder(kind: str = "scratch", *, within: Path | None = None) -> Iterator[Path]:
    """A new folder, empty but for its lock. Those of this kind that killed processes left are removed on the way.

    It lies in the system's temporary folder, or in `within`, which holds nothing else.

    Raises:
        MissingToolError: when the place for such folders belongs to another user.
    """
    base = within or _temporary(kind)
    _make_private(base)
    with folder_lock(base):
        _sweep(base)
        folder = Path(tempfile.mkdtemp(prefix="", dir=base)).resolve()
        held = path_lock(folder / _LOCK).acquire()
    with held:
        try:
            yield folder
        finally:
            # What a program that was not waited for still writes is removed with the next folder.
            with suppress(OSError):
                remove_folder(folder)


def _temporary(kind: str) -> Path:
    temporary = Path(tempfile.gettempdir())
    if len(str(temporary)) > _LONGEST:
        temporary = Path("/tmp")  # noqa: S108 - the folder below is checked to be this user's alone
    return temporary / f"factory-{kind}-{os.geteuid()}"


def _make_private(base: Path) -> None:
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    info = base.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077:
        raise MissingToolError(
            "The factory's temporary folder is not this user's alone.",
            where=str(base),
            fix="Remove it, or set TMPDIR to a folder of your own.",
        )


def _sweep(base: Path) -> None:
    for folder in base.iterdir():
        with suppress(OSError), path_lock(folder / _LOCK, blocking=False):
            remove_folder(folder)
