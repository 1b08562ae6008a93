"""Everything else that an operator clicks in the UI, as docs/ui.md tells it: `make browser`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest
from browser_factory import DAYS, REFUSED, SHIPS, Site, serve
from browser_pages import Ui, browser, chromium_program
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.scheduler.instigation import InstigatorStatus

from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.specs import QueuedSpec

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    pytest.importorskip("playwright", reason="the Python package playwright is not installed: `make browser`")
    chromium_program()
    with TemporaryDirectory(prefix="factory-") as folder, serve(Path(folder)) as served:
        yield served


@pytest.fixture(scope="module")
def ui(site: Site) -> Iterator[Ui]:
    with browser(site.url, None) as opened:
        yield opened


@pytest.fixture(scope="module")
def read(site: Site, ui: Ui) -> None:
    """Papers and specs of all three dates."""
    site.finished_backfill(ui.backfill_all_dates("papers", "specs"))


@pytest.fixture(scope="module")
def refused(site: Site, ui: Ui, read: None) -> dg.DagsterRun:
    """The run of a build that a gate refused."""
    return site.finished(ui.materialize("built_repos", *site.partition(REFUSED).split("|")))


def _spec(site: Site, repo: str) -> QueuedSpec:
    queued = site.registry.spec_named(repo)
    assert queued is not None
    return queued


def _statuses(site: Site, name: str) -> set[InstigatorStatus]:
    return {state.status for state in site.instance.all_instigator_state() if state.name == name}


def test_a_range_of_dates_that_is_written_into_the_dialog_is_made_and_no_other(site: Site, ui: Ui) -> None:
    backfill = site.finished_backfill(ui.materialize_range("papers", DAYS[0], DAYS[1]))
    assert backfill.status is BulkActionStatus.COMPLETED_SUCCESS, site.daemon_log()
    assert site.instance.get_materialized_partitions(dg.AssetKey("papers")) == set(DAYS[:2])


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sensors", "queued_specs"), ("schedules", "build_daily"), ("schedules", "gather_hourly")],
)
def test_the_button_that_previews_a_tick_shows_what_it_would_launch_and_changes_nothing(
    site: Site, ui: Ui, read: None, kind: str, name: str
) -> None:
    before = _spec(site, SHIPS), site.registry.launches_asked_for(), len(site.instance.get_runs())
    dialog = ui.preview_tick(kind, name)
    dialog.get_by_text(re.compile(r"[12] run requests")).wait_for()
    assert (_spec(site, SHIPS), site.registry.launches_asked_for(), len(site.instance.get_runs())) == before


@pytest.mark.parametrize(("kind", "name"), [("sensors", "queued_specs"), ("schedules", "build_daily")])
def test_a_sensor_and_a_schedule_are_switched_off_and_on_by_mouse(
    site: Site, ui: Ui, kind: str, name: str
) -> None:
    for status in (InstigatorStatus.STOPPED, InstigatorStatus.RUNNING):
        ui.switch(kind, name)
        site.wait(lambda wanted=status: _statuses(site, name) == {wanted}, f"{name} is not {status}")


def test_the_definitions_are_reloaded_by_a_click(ui: Ui) -> None:
    ui.open("/deployment/locations")
    ui.button("Reload").click()
    ui.sees("Loaded")


def test_a_build_that_is_terminated_by_a_click_gives_its_slot_back_and_waits_a_day(
    site: Site, ui: Ui, read: None
) -> None:
    run_id = ui.materialize("built_repos", *site.partition(SHIPS).split("|"))
    site.wait(lambda: _spec(site, SHIPS).status is BuildStatus.BUILDING, "the build did not begin")
    ui.stop_run(run_id)
    assert site.finished(run_id).status is dg.DagsterRunStatus.CANCELED
    site.wait(lambda: _spec(site, SHIPS).wait_cause is WaitCause.CANCELLED, "it is not put off")
    assert _spec(site, SHIPS).status is BuildStatus.QUEUED


def test_from_failure_builds_a_refused_repo_again(site: Site, ui: Ui, refused: dg.DagsterRun) -> None:
    attempts = _spec(site, REFUSED).attempts
    again = site.finished(ui.re_execute_from_failure(refused.run_id))
    assert again.parent_run_id == refused.run_id
    assert _spec(site, REFUSED).attempts == attempts + 1


def test_a_materialization_that_a_person_reports_is_called_that_on_the_page_of_the_day(
    site: Site, ui: Ui, refused: dg.DagsterRun
) -> None:
    ui.report_by_hand("built_repos", *site.partition(REFUSED).split("|"))

    def told() -> bool | None:
        ui.open_partition("factory_days", DAYS[0])
        ui.sees("Materialized")
        return "by hand" in ui.page.inner_text("body") or None

    site.wait(told, "the page of the day does not tell of it")
    assert _spec(site, REFUSED).status is BuildStatus.FAILED


def test_a_wipe_takes_the_green_away_and_nothing_of_the_papers(site: Site, ui: Ui, read: None) -> None:
    day = date.fromisoformat(DAYS[0])
    before = site.registry.papers_of_day(day)
    assert before
    ui.wipe("papers")
    site.wait(
        lambda: not site.instance.get_materialized_partitions(dg.AssetKey("papers")), "nothing was wiped"
    )
    assert site.registry.papers_of_day(day) == before
