"""Importing JSON files: each is queued whole or not at all, then moved to done/ or rejected/."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from factory_assets.domain.errors import InfrastructureError, InputError, StatusError
from factory_assets.domain.imports import ImportCounts, ImportedSpec, ImportStore, Origin
from factory_assets.intake.candidates import RefusedError, check_candidate, read_candidates

LARGEST_FILE = 5_000_000
# A file that somebody is still writing is left for the next look.
STEADY_SECONDS = 2.0


@dataclass(frozen=True)
class FileReport:
    """What became of one file. `reasons` is empty when it was imported; `left` says why it could not be moved."""

    path: Path
    queued: tuple[str, ...] = ()
    unranked: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    left: str = ""

    @property
    def line(self) -> str:
        """One line for an operator."""
        return f"{self.path.name}: {self._outcome}" + (f". {self.left}" if self.left else "")

    @property
    def is_news(self) -> bool:
        """Whether it tells more than that a file that was imported before lies here still."""
        return not self.left or bool(self.queued)

    @property
    def _outcome(self) -> str:
        if self.reasons:
            more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
            return f"rejected: {self.reasons[0]}{more}"
        parts = [f"{len(self.queued)} queued"]
        if self.unranked:
            parts.append(f"{len(self.unranked)} of them wait for a free rank")
        if self.known:
            parts.append(f"{len(self.known)} were here already")
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Where specs go: the store, the import date and the ranks that imports may take."""

    store: ImportStore
    day: date
    late_ranks: range
    now: datetime

    def take_file(self, path: Path) -> FileReport:
        """Import one file and leave it where it is."""
        try:
            specs = _specs_of(path)
            counts = self._queue(specs)
        except RefusedError as error:
            return FileReport(path, reasons=error.reasons)
        return _report(path, counts)

    def take_folder(self, folder: Path, *, steady_seconds: float = STEADY_SECONDS) -> list[FileReport]:
        """Import every JSON file in the folder, oldest first, and move each to done/ or rejected/.

        Beside a rejected file its reasons are written. A run that dies between queueing and moving does the
        file again, which changes nothing; so does the next look where a file could not be moved.

        Raises:
            InputError: there is no such folder.
        """
        if not folder.is_dir():
            raise InputError("There is no such folder.", where=str(folder), mend="Make it, or name another.")
        reports = []
        for path in _steady(folder, steady_seconds):
            report = self.take_file(path)
            try:
                _file_away(report)
            except InfrastructureError as error:
                report = replace(report, left=str(error))
            reports.append(report)
        return reports

    def _queue(self, specs: list[ImportedSpec]) -> ImportCounts:
        try:
            return self.store.import_specs(self.day, specs, late_ranks=self.late_ranks, now=self.now)
        except StatusError as error:
            raise RefusedError((error.what,)) from None


def _specs_of(path: Path) -> list[ImportedSpec]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise RefusedError((f"it has more than {LARGEST_FILE:,} bytes",))
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError((f"it is no UTF-8 text: {error.reason} at byte {error.start}",)) from None
    except OSError as error:
        raise RefusedError((f"it cannot be read: {error.strerror}",)) from None
    candidates = read_candidates(text)
    specs, reasons = [], []
    for number, candidate in enumerate(candidates, start=1):
        try:
            specs.append(check_candidate(candidate, origin=Origin.FILE, source=path.name))
        except RefusedError as error:
            named = candidate.get("name") if isinstance(candidate, dict) else None
            label = named if isinstance(named, str) and named else f"spec {number}"
            reasons += [f"{label}: {reason}" for reason in error.reasons]
    if reasons:
        raise RefusedError(tuple(reasons))
    return specs


def _report(path: Path, counts: ImportCounts) -> FileReport:
    return FileReport(
        path,
        queued=tuple(queued.spec.name for queued in counts.queued),
        unranked=tuple(queued.spec.name for queued in counts.queued if queued.rank is None),
        known=counts.known,
    )


def _steady(folder: Path, seconds: float) -> Iterator[Path]:
    written = [(path.stat().st_mtime, path) for path in folder.glob("*.json") if path.is_file()]
    return (path for at, path in sorted(written) if time.time() - at >= seconds)


def _file_away(report: FileReport) -> None:
    target = report.path.parent / ("rejected" if report.reasons else "done")
    try:
        target.mkdir(exist_ok=True)
        place = _free_name(target, report.path.name)
        if report.reasons:
            text = "".join(f"{reason}\n" for reason in report.reasons)
            place.with_name(f"{place.name}.reasons.txt").write_text(text, encoding="utf-8")
        report.path.replace(place)
    except OSError as error:
        raise InfrastructureError(
            f"The file cannot be moved: {error.strerror}.",
            where=str(report.path),
            mend=f"Let the factory write in {target}; importing the file again changes nothing.",
        ) from error


def _free_name(folder: Path, name: str) -> Path:
    stem, _, suffix = name.rpartition(".")
    place, number = folder / name, 1
    while place.exists():
        number += 1
        place = folder / f"{stem}-{number}.{suffix}"
    return place
