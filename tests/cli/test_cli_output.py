"""What the commands print can be copied, however narrow the terminal is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from acceptance_fakes import CONTRACT, SCENARIOS
from registry_samples import LATE_RANKS, NOW, RANKS, spec
from rich.console import Console
from typer.testing import CliRunner

from factory_assets.cli.app import app
from factory_assets.cli.tables import show_checks, show_judges, show_queue
from factory_assets.doctor.result import CheckResult, Severity
from factory_assets.domain.acceptance import Acceptance, HeldScenario, ScenarioResult
from factory_assets.domain.builds import Phase
from factory_assets.domain.novelty import judge
from factory_assets.registry import Registry

LONG = "a-name-of-fifty-letters-as-long-as-a-name-may-be"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_queue_shows_names_whole_at_any_width(tmp_path: Path, width: int) -> None:
    registry = Registry(tmp_path / "registry.duckdb")
    registry.queue.add(NOW.date(), [spec(LONG)], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    said = io.StringIO()
    show_queue(Console(file=said, width=width), registry)
    assert f" {LONG} " in said.getvalue()


def test_what_acceptance_reader_and_novelty_said_of_each_repo_is_told_in_a_line(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.duckdb")
    registry.queue.add(
        NOW.date(), [spec("byte-window")], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW
    )
    (queued,) = registry.queue.specs()
    held = tuple(
        HeldScenario(number=number, scenario=scenario, is_example=number <= 3)
        for number, scenario in enumerate(SCENARIOS, start=1)
    )
    agreed = Acceptance(model="sonnet", contract=CONTRACT, scenarios=held)
    registry.builds.record_acceptance(queued.id, agreed, now=NOW)
    registry.builds.start(queued.id, run_id="run", now=NOW)
    results = [ScenarioResult(number=number, fault=None, happened="as asked") for number in range(1, 7)]
    registry.builds.record_results(queued.id, 1, commit="c", phase=Phase.REVIEW, results=results, now=NOW)
    said = io.StringIO()
    show_judges(Console(file=said, width=200), registry)
    assert said.getvalue() == ""
    registry.builds.fail(queued.id, "no")
    show_judges(Console(file=said, width=200), registry)
    (line,) = (line for line in said.getvalue().splitlines() if "byte-window" in line)
    for told in ("not looked up", "all 6 scenarios passed, 3 of them held out", "not asked"):
        assert told in line
    registry.novelty.record(queued.id, judge([], floor=0.4, now=NOW))
    show_judges(Console(file=said, width=200), registry)
    assert "proceed, 1.00" in said.getvalue()


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
