"""The commands that take specs from outside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from factory_assets.cli.instance import OpenedInstance
from factory_assets.domain.errors import InputError
from factory_assets.intake.folder import FileReport, waiting_words


def import_path(instance: OpenedInstance, path: Path, console: Console) -> bool:
    """Import one file, left where it is, or every JSON file of a folder, moved to done/ or rejected/.

    Returns:
        Whether nothing was rejected and nothing had to be left where it is.
    """
    intake = instance.parts.intake.at(datetime.now(UTC))
    if path.is_dir():
        reports = intake.take_folder(path, steady_seconds=0)
    elif path.is_file():
        reports = [intake.take_file(path)]
    else:
        raise InputError(
            "There is no such file or folder.", where=str(path), fix="Name a JSON file or a folder."
        )
    if not reports:
        console.print(f"{path} holds no *.json file.", highlight=False)
    for report in reports:
        _show(report, console)
    return not any(report.reasons or report.left for report in reports)


def import_from_database(instance: OpenedInstance, console: Console) -> bool:
    """Import the candidates of the idea engine that are ready.

    Returns:
        Whether none was refused.
    """
    from factory_assets.intake.database import import_candidates
    from factory_assets.registry.candidates import open_candidates

    url = instance.settings.idea_engine_postgres_url
    if url is None:
        raise InputError(
            "There is no address of the idea engine's database.",
            where="IDEA_ENGINE_POSTGRES_URL",
            fix="Set it in .env, as postgresql://user:password@host/database.",
        )
    intake = instance.parts.intake.at(datetime.now(UTC))
    with open_candidates(url.get_secret_value()) as source:
        report = import_candidates(source, intake)
    console.print(
        f"{len(report.queued)} queued, {len(report.known)} were here already,"
        f" {len(report.refused)} refused and left as they are.",
        highlight=False,
        soft_wrap=True,
    )
    if report.unranked:
        words = f"  {len(report.unranked)} of them wait for a free rank ({waiting_words(intake.late_ranks)})."
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    for row_id in report.pending:
        console.print(f"  candidate {row_id} has no spec yet.", markup=False, highlight=False, soft_wrap=True)
    for row_id, reasons in report.refused:
        for reason in reasons:
            console.print(f"  candidate {row_id}: {reason}", markup=False, highlight=False, soft_wrap=True)
    return not report.refused


def _show(report: FileReport, console: Console) -> None:
    console.print(report.line, markup=False, highlight=False, soft_wrap=True)
    for reason in report.reasons[1:]:
        console.print(f"  {reason}", markup=False, highlight=False, soft_wrap=True)
