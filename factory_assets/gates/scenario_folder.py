"""The folder in which one call of a repo's program works: laid out by the factory, read back without following links.

It holds what the program sees as its own folder, and beside that what goes into it and what comes out of it.
"""

from __future__ import annotations

import os
import posixpath
import shlex
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.errors import InputError
from factory_assets.folders import fresh_folder

MOST_BYTES = 200_000
"""The largest output, and the largest file, that is looked at."""

_OWN, _IN, _OUT, _ERR = "work", "in", "out", "err"
_NO_LINKS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class ScenarioFolder:
    """A folder that is made anew for each call."""

    folder: Path

    def lay(self, files: Mapping[str, str], *, stdin: str, linked: Mapping[str, Path]) -> None:
        """Make it, with these files, and links to folders where no file of this name lies.

        Raises:
            InputError: a path leads out of it, or cannot be made.
        """
        own = fresh_folder(self.folder) / _OWN
        own.mkdir()
        (self.folder / _IN).write_bytes(stdin.encode("utf-8", "replace"))
        for path, text in files.items():
            if not is_inside(path):
                raise InputError("The path of a file leads out of its folder.", where=path)
            try:
                (own / path).parent.mkdir(parents=True, exist_ok=True)
                (own / path).write_bytes(text.encode("utf-8", "replace"))
            except (OSError, ValueError) as error:
                raise InputError(f"A file cannot be laid out: {error}.", where=path) from error
        for name, target in linked.items():
            with suppress(FileExistsError):
                (own / name).symlink_to(target)

    def script(self, argv: tuple[str, ...]) -> str:
        """What calls the program in its folder, with pipes of its own for what it prints, and ends as it ends.

        Of what it prints one byte more is kept than is looked at.
        """
        own, given, out, err = (shlex.quote(str(self.folder / name)) for name in (_OWN, _IN, _OUT, _ERR))
        keep = f"head -c {MOST_BYTES + 1}"
        ends = 'exit "${PIPESTATUS[0]}"'
        call = f"{{ {shlex.join(argv)} <{given} 2>&3 3>&- | {keep} >{out} 3>&-; {ends}; }}"
        return f"cd {own} && {call} 3>&1 | {keep} >{err}; {ends}"

    @property
    def stdout(self) -> str | None:
        """What was printed; None where it is more than is looked at."""
        return self._read(_OUT)

    @property
    def stderr(self) -> str | None:
        """The same of what was complained."""
        return self._read(_ERR)

    def file(self, path: str) -> str | None:
        """A file that was written; None where there is no plain file, or one that is too large."""
        return self._read(f"{_OWN}/{path}") if is_inside(path) else None

    def _read(self, path: str) -> str | None:
        # Whatever ran here may have put a link, a pipe or a folder in the place of anything below.
        *folders, name = path.split("/")
        held: list[int] = []
        try:
            held.append(os.open(self.folder, _NO_LINKS | os.O_DIRECTORY))
            for folder in folders:
                held.append(os.open(folder, _NO_LINKS | os.O_DIRECTORY, dir_fd=held[-1]))
            held.append(os.open(name, _NO_LINKS, dir_fd=held[-1]))
            if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
                return None
            data = _read_up_to(held[-1], MOST_BYTES + 1)
        except (OSError, ValueError):
            return None
        finally:
            for descriptor in held:
                os.close(descriptor)
        return None if len(data) > MOST_BYTES else data.decode("utf-8", "replace")


def is_inside(path: str) -> bool:
    """Whether a path names a file below the folder that it is relative to, and no hidden one."""
    parts = path.split("/")
    return path == posixpath.normpath(path) and not any(not part or part.startswith(".") for part in parts)


def _read_up_to(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := os.read(descriptor, size - len(data))):
        data += piece
    return data
