"""The log: one entry a line, blank lines and '#' comments left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time

_LINE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)\s+(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)\s+(?P<project>\S+)(?:\s+(?P<note>.*))?$"
)


class BadLine(ValueError):
    """A line that is no entry."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")
        self.number = number


@dataclass(frozen=True)
class Entry:
    day: date
    start: time
    end: time
    project: str
    note: str = ""

    @property
    def minutes(self) -> int:
        """Minutes between start and end; an entry over midnight counts to the end of the night."""
        begin = self.start.hour * 60 + self.start.minute
        finish = self.end.hour * 60 + self.end.minute
        if finish < begin:
            finish += 24 * 60
        return finish - begin


def parse(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries of a log.

    Raises:
        BadLine: a line is neither an entry nor a comment.
    """
    for number, raw in enumerate(lines, start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        match = _LINE.match(line)
        if match is None:
            raise BadLine(number, f"not an entry: {line!r}")
        try:
            yield Entry(
                day=date.fromisoformat(match["day"]),
                start=time.fromisoformat(match["start"]),
                end=time.fromisoformat(match["end"]),
                project=match["project"],
                note=match["note"] or "",
            )
        except ValueError as error:
            raise BadLine(number, str(error)) from error
