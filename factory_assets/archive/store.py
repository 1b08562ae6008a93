"""The archive's files: one of Parquet for each month of first submission, written whole and put in place at once.

A reader sees a month as it was or as it is. A writer that dies leaves the months that it had put in place and a
folder that the next writer removes; the same records a second time change nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path

import duckdb
from filelock import BaseFileLock
from pydantic import TypeAdapter

from factory_assets.archive import sql
from factory_assets.domain.archive import (
    ArchiveRecord,
    ArchiveStats,
    DeletedRecord,
    MergeCounts,
)
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.papers import likely_months
from factory_assets.locks import path_lock

_BATCH = 20_000
_RECORDS = TypeAdapter(list[ArchiveRecord])
_WORKING = "at work"
_MONTH_FILE = re.compile(r"\d{4}-\d\d\.parquet", re.ASCII)
# A million records are read and written in so much; the rest goes to the disk.
_MEMORY = "1GB"


class Archive:
    """The records under `folder`, which is made at the first write.

    Every method raises InfrastructureError where a file cannot be read or written, such as on a full disk.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def merge(self, words: Iterable[ArchiveRecord | DeletedRecord]) -> MergeCounts:
        """Add new records and put later ones in the place of those that are held; months without news stay untouched.

        Of two records of one paper the one that arXiv changed later stays, of equal dates the one that comes now.
        A deleted record keeps what was known of it, and is nothing where nothing was. A paper never leaves the month
        in which it is held.
        """
        with self._writing() as (working, connection):
            connection.execute(sql.STAGE)
            coming, place = iter(words), 0
            while batch := [word.model_dump_json() for word in islice(coming, _BATCH)]:
                connection.execute(sql.FILL, [batch, sql.FORM, place])
                place += len(batch)
            connection.execute(sql.PLACE.format(source=sql.from_files(self.files())))
            months = [str(month) for (month,) in connection.execute(sql.PLACED_MONTHS).fetchall()]
            return sum((self._merge_month(connection, working, month) for month in months), MergeCounts())

    def read(self, arxiv_ids: Sequence[str], *, months: Iterable[str] | None = None) -> list[ArchiveRecord]:
        """The records of these papers that are held, by id; of these months alone, where some are named."""
        if months is not None:
            return self._of(months, arxiv_ids)
        missing, found = set(arxiv_ids), list[ArchiveRecord]()
        likely = [months for months in map(likely_months, arxiv_ids) if months]
        for likeliest in (
            {first for first, _ in likely},
            {second for _, second in likely},
            {file.stem for file in self.files()},
        ):
            if missing:
                found += self._of(likeliest, sorted(missing))
                missing -= {record.arxiv_id for record in found}
        return sorted(found, key=lambda record: record.arxiv_id)

    def recent(
        self, count: int, *, category: str | None = None, since: datetime | None = None
    ) -> list[ArchiveRecord]:
        """The papers first submitted last, the last one first; of a category and since a time, where named."""
        return self._select(sql.RECENT, [count, category, since and _naive(since)])

    def count_since(self, moment: datetime) -> int:
        """How many papers were first submitted since then."""
        files = self.files()
        if not files:
            return 0
        with archive_errors(self.folder), self._connected() as connection:
            self._view(connection, files)
            return int(connection.execute(sql.SINCE, [_naive(moment)]).fetchall()[0][0])

    def of_dates(self, first: date, last: date) -> list[ArchiveRecord]:
        """The papers first submitted on these UTC dates, both included, and not deleted since; the oldest first."""
        months = (f"{first:%Y-%m}", f"{last:%Y-%m}")
        files = [file for file in self.files() if months[0] <= file.stem <= months[1]]
        return self._select(sql.OF_DATES, [first, last + timedelta(days=1)], files=files)

    def of_month(self, month: str) -> list[ArchiveRecord]:
        """The papers first submitted in a month, such as 2026-06, by id; the deleted ones too."""
        held = self._file(month)
        return self._select(sql.ALL, [], files=[held]) if held.exists() else []

    def marks(self, month: str) -> dict[str, int]:
        """By id, for each paper of a month that is not deleted, a number that changes with title, abstract or authors.

        It is below 2**64.
        """
        held = self._file(month)
        if not held.exists():
            return {}
        with archive_errors(self.folder), self._connected() as connection:
            self._view(connection, [held])
            return dict(connection.execute(sql.MARKS).fetchall())

    def drawn(self, count: int) -> list[ArchiveRecord]:
        """At most so many papers, drawn evenly from all months; the same ones as long as the archive holds the same."""
        return self._select(sql.DRAWN, [count])

    def count(self) -> int:
        """How many papers are held."""
        files = self.files()
        if not files:
            return 0
        with archive_errors(self.folder), self._connected() as connection:
            self._view(connection, files)
            return int(connection.execute(sql.COUNT).fetchall()[0][0])

    def stats(self) -> ArchiveStats:
        """What is held."""
        files = self.files()
        if not files:
            return ArchiveStats()
        with archive_errors(self.folder), self._connected() as connection:
            self._view(connection, files)
            records, deleted, changed, first, last = connection.execute(sql.TOTALS).fetchall()[0]
            by_category = dict(connection.execute(sql.BY_CATEGORY).fetchall())
            size = sum(path.stat().st_size for path in files)
        return ArchiveStats(
            records=records,
            deleted=deleted,
            months=len(files),
            first_month=files[0].stem,
            last_month=files[-1].stem,
            last_changed=changed,
            first_submitted=first,
            last_submitted=last,
            bytes_on_disk=size,
            by_category=by_category,
        )

    def _merge_month(self, connection: duckdb.DuckDBPyConnection, working: Path, month: str) -> MergeCounts:
        held, made = self._file(month), working / f"{month}.parquet"
        connection.execute(sql.HELD.format(source=sql.from_files([held] if held.exists() else [])))
        connection.execute(sql.NEWS, [month])
        new, changed, deleted, unchanged = connection.execute(sql.COUNTS).fetchall()[0]
        if not (new or changed or deleted):
            return MergeCounts(unchanged=unchanged)
        connection.execute(sql.WRITE.format(file=sql.quoted(str(made))))
        with made.open("rb") as written:
            os.fsync(written.fileno())
        made.replace(held)
        return MergeCounts(new=new, changed=changed, deleted=deleted, unchanged=unchanged, months=1)

    @contextmanager
    def _writing(self) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
        working = self.folder / _WORKING
        with archive_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.lock():
                shutil.rmtree(working, ignore_errors=True)
                working.mkdir()
                try:
                    config: dict[str, str | bool | int | float | list[str]] = {
                        "memory_limit": _MEMORY,
                        "temp_directory": str(working),
                        "preserve_insertion_order": True,
                    }
                    with duckdb.connect(str(working / "staged.duckdb"), config=config) as connection:
                        # Never committed, so that nothing is written twice: three times as fast.
                        connection.begin()
                        yield working, connection
                finally:
                    shutil.rmtree(working, ignore_errors=True)

    def lock(self) -> BaseFileLock:
        """The lock of whoever writes here."""
        return path_lock(self.folder / "archive.lock")

    def _file(self, month: str) -> Path:
        return self.folder / f"{month}.parquet"

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        # Opening one takes longer than most questions.
        # It keeps nothing of the files, which are replaced while it is open.
        return duckdb.connect(
            ":memory:",
            config={
                "memory_limit": _MEMORY,
                # Else what does not fit is put into whatever folder the process runs in.
                "temp_directory": str(Path(tempfile.gettempdir()) / "software-factory-archive"),
                "enable_external_file_cache": False,
            },
        )

    def _connected(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own, with its own view of the files: threads ask at the same time."""
        return self._database.cursor()

    def _of(self, months: Iterable[str], arxiv_ids: Sequence[str]) -> list[ArchiveRecord]:
        files = [file for file in map(self._file, months) if file.exists()]
        return self._select(sql.BY_ID, [list(arxiv_ids)], files=files)

    def _select(
        self, query: str, values: Sequence[object], *, files: Sequence[Path] | None = None
    ) -> list[ArchiveRecord]:
        files = self.files() if files is None else files
        if not files:
            return []
        with archive_errors(self.folder), self._connected() as connection:
            self._view(connection, files)
            found = connection.execute(query, values)
            names = [column[0] for column in found.description or ()]
            return _RECORDS.validate_python([dict(zip(names, row, strict=True)) for row in found.fetchall()])

    def files(self) -> list[Path]:
        """A file for each month that is held, the first one first."""
        if not self.folder.exists():
            return []
        with os.scandir(self.folder) as entries:
            names = sorted(entry.name for entry in entries)
        return [self.folder / name for name in names if _MONTH_FILE.fullmatch(name)]

    def _view(self, connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
        connection.execute(sql.RECORDS.format(source=sql.from_files(files)))


def _naive(moment: datetime) -> datetime:
    # The files hold UTC without saying so.
    return moment.astimezone(UTC).replace(tzinfo=None)


@contextmanager
def archive_errors(folder: Path) -> Iterator[None]:
    """Within it, what its files refuse is raised as InfrastructureError."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise InfrastructureError(
            f"The archive cannot be used: {error}",
            where=str(folder),
            fix="Look at the free space and the permissions there. What was stored stays; run the same again.",
        ) from error
