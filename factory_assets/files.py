"""Files of an instance: writing them whole, and those that grow for weeks: which are old, and cutting long logs."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

LONGEST_LOG = 50_000_000
_KEPT_END = 5_000_000


def files_older_than(
    folder: Path, before: datetime, *, remove: bool, but: Collection[Path] = ()
) -> list[Path]:
    """The files below `folder` that were last written before this time; with `remove` they are gone.

    Those of `but` are not among them.
    """
    old = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and path not in but
        and datetime.fromtimestamp(path.stat().st_mtime, UTC) < before
    ]
    if remove:
        for path in old:
            path.unlink(missing_ok=True)
    return old


def shorten_logs(folder: Path, *, remove: bool) -> list[Path]:
    """The logs of more than 50 MB; with `remove` they are cut to their last 5 MB.

    The program that writes a log goes on appending to the same file, so it is cut in place.
    """
    long = [path for path in sorted(folder.glob("*.log")) if path.stat().st_size > LONGEST_LOG]
    if remove:
        for path in long:
            with path.open("r+b") as log:
                log.seek(-_KEPT_END, os.SEEK_END)
                end = log.read()
                log.seek(0)
                log.write(end)
                log.truncate()
    return long


def write_whole(path: Path, text: str, *, mode: int) -> None:
    """Write it so that other programs, which read these files at any time, find all of it or none."""
    scratch = path.with_name(f"{path.name}-new")
    scratch.unlink(missing_ok=True)
    scratch.touch(mode=mode)
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
