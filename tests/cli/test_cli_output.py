"""What the commands print can be copied, however narrow the terminal is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from registry_samples import LATE_RANKS, NOW, RANKS, spec
from rich.console import Console
from typer.testing import CliRunner

from factory_assets.cli.app import app
from factory_assets.cli.tables import show_checks, show_queue
from factory_assets.doctor.result import CheckResult, Severity
from factory_assets.registry import Registry

LONG = "a-name-of-fifty-letters-as-long-as-a-name-may-be"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_queue_shows_names_whole_at_any_width(tmp_path: Path, width: int) -> None:
    registry = Registry(tmp_path / "registry.duckdb")
    registry.queue.add(NOW.date(), [spec(LONG)], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    said = io.StringIO()
    show_queue(Console(file=said, width=width), registry)
    assert f" {LONG} " in said.getvalue()


def test_the_doctor_shows_paths_whole_on_a_narrow_terminal() -> None:
    path = "/srv/a folder with blanks/" + "deep/" * 30 + "registry.duckdb"
    check = CheckResult(
        name="registry",
        ok=False,
        severity=Severity.ERROR,
        found=f"{path} cannot be read",
        affects=f"all that needs {path}",
        fix=f"chmod u+rw '{path}'",
    )
    said = io.StringIO()
    show_checks(Console(file=said, width=80), [check])
    assert said.getvalue().count(path) == 3


def test_help_groups_the_commands_by_what_they_are_for() -> None:
    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100", "TERM": "dumb"}).output
    places = [said.index(f" {group} ") for group in ("Run a stage", "Look", "Fix", "Operate")]
    assert places == sorted(places)
    assert places[0] < said.index("gather") < places[1] < said.index(" status ") < places[2]
    assert places[2] < said.index(" retry ") < places[3] < said.index(" up ")
