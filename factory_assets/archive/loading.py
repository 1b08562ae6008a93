"""Loading a snapshot into the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.archive.snapshot import Unread, read_snapshot
from factory_assets.archive.store import Archive
from factory_assets.domain.archive import ArchiveRecord, MergeCounts
from factory_assets.domain.errors import InputError

# Of a file with many odd lines the first tell enough.
_MOST_TOLD = 10


@dataclass(frozen=True)
class LoadReport:
    """What loading a file has changed. `unread` are the first of its `left_out` lines that are no records."""

    counts: MergeCounts
    left_out: int
    unread: tuple[Unread, ...]


@dataclass
class _LeftOut:
    count: int = 0
    first: list[Unread] = field(default_factory=list)

    def passed_over(self, lines: Iterable[ArchiveRecord | Unread]) -> Iterator[ArchiveRecord]:
        for line in lines:
            if isinstance(line, ArchiveRecord):
                yield line
                continue
            self.count += 1
            if len(self.first) < _MOST_TOLD:
                self.first.append(line)


def load_snapshot(path: Path, archive: Archive) -> LoadReport:
    """Merge a snapshot into the archive; lines that are no records are left out and told.

    Raises:
        InputError: the file cannot be read, or no line of it is a record.
        InfrastructureError: the archive cannot be written.
    """
    left_out = _LeftOut()
    counts = archive.merge(left_out.passed_over(read_snapshot(path)))
    if left_out.count and not (counts.new or counts.changed or counts.unchanged):
        first = left_out.first[0]
        raise InputError(
            f"None of its {left_out.count:,} lines is a record; line {first.line}: {first.why}.",
            where=str(path),
            fix="Name a snapshot of arXiv's metadata: one JSON object a line, with id, versions and update_date.",
        )
    return LoadReport(counts, left_out.count, tuple(left_out.first))
