"""What is made from the archive's months follows their files: which have changed, and how one is replaced."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict

from factory_assets.archive.store import Archive


class MonthFile(BaseModel):
    """The size in bytes and the time in nanoseconds of a month's file: what was made from it is of this very file."""

    model_config = ConfigDict(frozen=True)

    size: int
    time: int


def month_files(archive: Archive) -> dict[str, MonthFile]:
    """The files as they are now, by month."""
    stats = ((path.stem, path.stat()) for path in archive.files())
    return {month: MonthFile(size=stat.st_size, time=stat.st_mtime_ns) for month, stat in stats}


def put_in_place(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place and rename it, so that whoever reads it sees a whole one.

    Raises:
        OSError: it cannot be written; what stood there stands there still.
    """
    write_beside(path, write).replace(path)


def write_beside(path: Path, write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file beside its place, wholly or not at all; whoever puts it there renames it.

    Raises:
        OSError: it cannot be written.
    """
    made = path.with_name(f"{path.name}.new")
    try:
        with made.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return made
