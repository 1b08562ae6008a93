"""Importing JSON files: each is queued whole or not at all, then moved to done/ or rejected/."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from pydantic import JsonValue

from factory_assets.domain.builds import BudgetLimits
from factory_assets.domain.errors import InfrastructureError, InputError, StatusError
from factory_assets.domain.imports import ImportCounts, ImportedSpec, Origin
from factory_assets.domain.ports import ImportStore
from factory_assets.domain.sizes import beyond_day
from factory_assets.intake.candidates import ImportRefusedError, check_candidate, read_candidates

LARGEST_FILE = 5_000_000
# A file that somebody is still writing is left for the next look.
STEADY_SECONDS = 2.0


@dataclass(frozen=True)
class FileReport:
    """What became of one file. `reasons` is empty when it was imported; `left` says why it could not be moved.

    `further` are the fields that the factory does not know; they are kept beside the specs. `late_ranks` are those
    that imports may take.
    """

    path: Path
    queued: tuple[str, ...] = ()
    unranked: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    left: str = ""
    late_ranks: range = range(0)
    further: tuple[str, ...] = ()

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
            parts.append(
                f"{len(self.unranked)} of them wait for a free rank ({waiting_words(self.late_ranks)})"
            )
        if self.known:
            parts.append(f"{len(self.known)} were here already")
        if self.further:
            parts.append(f"kept beside them: {', '.join(self.further)}")
        return ", ".join(parts)


def waiting_words(late_ranks: range) -> str:
    """Why imported specs wait for a rank, and until when."""
    last = late_ranks.stop - 1
    return (
        f"a date has ranks {late_ranks.start} to {last} for imports and late analyses, the last quarter of"
        f" FACTORY_RANKS, which is {last}; they get the free ones of the next dates, or set it higher"
    )


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Where specs go: the store, the import date and the ranks that imports may take.

    `limits` are the budgets that a build must fit into; None where nobody has set any.
    """

    store: ImportStore
    day: date
    late_ranks: range
    now: datetime
    limits: BudgetLimits | None = None

    def check(self, candidate: JsonValue, *, origin: Origin, source: str) -> ImportedSpec:
        """One candidate as a spec that this factory can build.

        Raises:
            RefusedError: with every reason.
        """
        imported = check_candidate(candidate, origin=origin, source=source)
        if self.limits is not None:
            lines = imported.spec.estimated_lines
            reason = beyond_day(lines, repo_usd=self.limits.repo_usd, day_usd=self.limits.day_usd)
            if reason:
                raise ImportRefusedError((f"estimated_lines: {reason}",))
        return imported

    def queue(self, specs: list[ImportedSpec]) -> ImportCounts:
        """Queue all of them or none.

        Raises:
            RefusedError: other specs have their names.
        """
        try:
            return self.store.queue(self.day, specs, late_ranks=self.late_ranks, now=self.now)
        except StatusError as error:
            raise ImportRefusedError((error.what,)) from None

    def take_file(self, path: Path) -> FileReport:
        """Import one file and leave it where it is."""
        try:
            specs = self._specs_of(path)
            counts = self.queue(specs)
        except ImportRefusedError as error:
            return FileReport(path, reasons=error.reasons)
        return _report(path, counts, specs, self.late_ranks)

    def take_folder(self, folder: Path, *, steady_seconds: float = STEADY_SECONDS) -> list[FileReport]:
        """Import every JSON file in the folder, oldest first, and move each to done/ or rejected/.

        Beside a rejected file its reasons are written. A run that dies between queueing and moving does the
        file again, which changes nothing; so does the next look where a file could not be moved.

        Raises:
            InputError: there is no such folder.
        """
        if not folder.is_dir():
            raise InputError("There is no such folder.", where=str(folder), fix="Make it, or name another.")
        reports = []
        for path in _steady(folder, steady_seconds):
            report = self.take_file(path)
            try:
                _file_away(report)
            except InfrastructureError as error:
                report = replace(report, left=str(error))
            reports.append(report)
        return reports

    def preview_folder(self, folder: Path) -> list[str]:
        """What `take_folder` would do with each file, in a line each; nothing is queued or moved.

        Whether another spec has a name is seen only where specs are queued.
        """
        return [self._preview(path) for path in _steady(folder, STEADY_SECONDS)]

    def _preview(self, path: Path) -> str:
        try:
            names = [item.spec.name for item in self._specs_of(path)]
        except ImportRefusedError as error:
            return FileReport(path, reasons=error.reasons).line
        return f"{path.name}: to be queued at the next tick: {', '.join(names)}"

    def _specs_of(self, path: Path) -> list[ImportedSpec]:
        specs, reasons = [], []
        for number, candidate in enumerate(read_candidates(_text_of(path)), start=1):
            try:
                specs.append(self.check(candidate, origin=Origin.FILE, source=path.name))
            except ImportRefusedError as error:
                named = candidate.get("name") if isinstance(candidate, dict) else None
                label = named if isinstance(named, str) and named else f"spec {number}"
                reasons += [f"{label}: {reason}" for reason in error.reasons]
        if reasons:
            raise ImportRefusedError(tuple(reasons))
        return specs


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ImportRefusedError((f"it has more than {LARGEST_FILE:,} bytes",))
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ImportRefusedError((f"it is no UTF-8 text: {error.reason} at byte {error.start}",)) from None
    except OSError as error:
        raise ImportRefusedError((f"it cannot be read: {error.strerror}",)) from None


def _report(path: Path, counts: ImportCounts, specs: list[ImportedSpec], late_ranks: range) -> FileReport:
    return FileReport(
        path,
        queued=tuple(queued.spec.name for queued in counts.queued),
        unranked=tuple(queued.spec.name for queued in counts.queued if queued.rank is None),
        known=counts.known,
        further=tuple(dict.fromkeys(key for spec in specs for key in spec.further)),
        late_ranks=late_ranks,
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
            fix=f"Let the factory write in {target}; importing the file again changes nothing.",
        ) from error


def _free_name(folder: Path, name: str) -> Path:
    stem, _, suffix = name.rpartition(".")
    place, number = folder / name, 1
    while place.exists():
        number += 1
        place = folder / f"{stem}-{number}.{suffix}"
    return place
