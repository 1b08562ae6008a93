"""What is to be kept elsewhere: it stays here until it was sent, and is sent again when it has grown."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.errors import FactoryError
from factory_assets.domain.redaction import Redactor
from factory_assets.files import write_whole
from factory_assets.keeping.places import Place
from factory_assets.scratch import scratch_folder


@dataclass(frozen=True)
class Kind:
    """Files of one kind: those below `folder` that fit the pattern, under this name in the place.

    With `of_host` each file's name tells the host too: two that work on one repo, one after the other, number their
    files alike.
    """

    name: str
    folder: Path
    pattern: str
    of_host: bool = False


@dataclass(frozen=True)
class Sent:
    """How many files were sent, how many are still to be, and why."""

    files: int = 0
    waiting: int = 0
    problem: str = ""


@dataclass
class Outbox:
    """The files of one host, and where they are kept beside it.

    Args:
        kinds: what is sent.
        place: where to.
        marks: folder of what is known to have been sent.
        redactor: makes what takes the secrets out of whatever leaves.
        host: this one's name.
    """

    kinds: Sequence[Kind]
    place: Place
    marks: Path
    redactor: Callable[[], Redactor]
    host: str

    def send(self) -> Sent:
        """Send what has not been sent, the oldest first; never fails.

        The first file that cannot be sent ends it: a place that is away is away for all, and whoever asks is not to
        wait for each of them.
        """
        waiting, count = self.waiting(), 0
        for name, file in waiting:
            try:
                self._send(name, file)
            except (FactoryError, OSError) as error:
                return Sent(count, len(waiting) - count, str(error))
            count += 1
        return Sent(count)

    def waiting(self) -> list[tuple[str, Path]]:
        """What is to be sent, each with its name in the place, the oldest first."""
        found = [
            (name, file, state.st_mtime_ns)
            for name, file in self._files()
            if (state := _state(file)) is not None and self._mark_of(state) != self._marked(name)
        ]
        return [(name, file) for name, file, _ in sorted(found, key=lambda one: one[2])]

    def forget_gone(self) -> None:
        """Forget the marks of files that are no longer here."""
        known = {name for name, _ in self._files()}
        for mark in [path for path in self.marks.rglob("*") if path.is_file()]:
            if mark.relative_to(self.marks).as_posix() not in known:
                mark.unlink(missing_ok=True)

    def _send(self, name: str, file: Path) -> None:
        state = _state(file)
        if state is None:
            return
        redact = self.redactor()
        with scratch_folder() as folder:
            clean = folder / "clean"
            with (
                os.fdopen(
                    os.open(file, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8", errors="replace"
                ) as source,
                clean.open("w", encoding="utf-8") as copy,
            ):
                clean.chmod(0o600)
                for line in source:
                    copy.write(redact(line))
            self.place.put(name, clean)
        mark = self.marks / name
        mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # As it was before it was read: what came in between is sent next time.
        write_whole(mark, self._mark_of(state), mode=0o600)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for kind in self.kinds:
            for file in sorted(kind.folder.glob(kind.pattern)):
                if file.is_file() and not file.is_symlink():
                    yield self._name(kind, file), file

    def _name(self, kind: Kind, file: Path) -> str:
        path = file.relative_to(kind.folder)
        own = f"{path.stem}.{_plain(self.host)}{path.suffix}" if kind.of_host else path.name
        return (Path(kind.name) / path.with_name(own)).as_posix()

    def _mark_of(self, state: os.stat_result) -> str:
        return json.dumps(
            {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "to": self.place.address("")}
        )

    def _marked(self, name: str) -> str:
        try:
            return (self.marks / name).read_text(encoding="utf-8")
        except OSError:
            return ""


def _state(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None


def _plain(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", host) or "host"
