"""Which dates of change are in the archive, by set, and since when: a file beside the months, written at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from factory_assets.archive import sql
from factory_assets.archive.store import Archive, archive_errors
from factory_assets.domain.archive import is_held


class Catalogue:
    """The catalogue of an archive.

    Every method raises InfrastructureError where the file cannot be read or written.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._file = archive.folder / "catalogue.parquet"

    def note(self, set_spec: str, first: date, last: date, *, asked_at: datetime) -> None:
        """Remember that the records of these dates are in, as arXiv told them from `asked_at` on."""
        with archive_errors(self._file), self._archive.lock(), duckdb.connect(":memory:") as connection:
            connection.execute(sql.CATALOGUE)
            if self._file.exists():
                connection.execute(sql.READ_CATALOGUE, [str(self._file)])
            moment = asked_at.astimezone(UTC).replace(tzinfo=None)
            connection.execute(sql.NOTE_DATES, [set_spec, first, last, moment])
            made = self._file.with_suffix(".new")
            connection.execute(sql.WRITE_CATALOGUE.format(file=sql.quoted(str(made))))
            with made.open("rb") as written:
                os.fsync(written.fileno())
            made.replace(self._file)

    def asked(self, set_spec: str) -> dict[date, datetime]:
        """When each date of a set was asked for last (UTC), by date."""
        with archive_errors(self._file), duckdb.connect(":memory:") as connection:
            if not self._file.exists():
                return {}
            rows = connection.execute(sql.DATES_OF, [str(self._file), set_spec]).fetchall()
        return {day: moment.replace(tzinfo=UTC) for day, moment in rows}

    def last_harvest(self, set_specs: Sequence[str]) -> datetime | None:
        """When the last harvest began that brought all of these sets up to its own day; None before the first."""
        latest: list[datetime] = []
        for set_spec in set_specs:
            current = [moment for day, moment in self.asked(set_spec).items() if moment.date() == day]
            if not current:
                return None
            latest.append(max(current))
        return min(latest, default=None)

    def holds(
        self, days: Sequence[date], set_specs: Sequence[str], *, settled: Sequence[datetime]
    ) -> set[date]:
        """Those of some dates of first submission of which all papers of these sets are in; see is_held."""
        asked = [self.asked(set_spec) for set_spec in set_specs]
        return {
            day
            for day, moment in zip(days, settled, strict=True)
            if asked and all(is_held(day, dates, moment) for dates in asked)
        }

    @property
    def path(self) -> Path:
        """Its file."""
        return self._file
