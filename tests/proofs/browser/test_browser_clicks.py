"""Everything else that an operator clicks in the UI, as docs/ui.md tells it: `make browser`.

The tests share one factory that builds one repo at a time, and go on in this order where they take up what an earlier
one has left: builds are slow. The sensor that launches builds is off but where a test waits for its tick.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest
from browser_factory import DAYS, REFUSED, SHIPS, Site, serve
from browser_pages import Ui, browser, chromium_program
from dagster_private import InstigatorStatus

from factory_assets.defs.dagster_private.core import BulkActionStatus
from factory_assets.defs.queue import put_off_cancelled
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.specs import QueuedSpec

pytestmark = pytest.mark.browser

SENSOR = "queued_specs"
ALL_ASSETS = ("papers", "specs", "built_repos", "mirrored_repos")
POOL = "builds"
# Long enough that a build is still at work when its page has been opened and a button clicked.
PAUSE = 15


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    pytest.importorskip("playwright", reason="the Python package playwright is not installed: `make browser`")
    chromium_program()
    with (
        TemporaryDirectory(prefix="factory-") as folder,
        serve(Path(folder), workers=1, pause_seconds=PAUSE) as served,
    ):
        yield served


@pytest.fixture(scope="module")
def ui(site: Site) -> Iterator[Ui]:
    with browser(site.url, None) as opened:
        yield opened


@pytest.fixture(scope="module")
def cancelled(site: Site, ui: Ui) -> str:
    """The id of a backfill of all four assets that was cancelled while one repo was built and one waited for it."""
    backfill_id = ui.backfill_all_dates(*ALL_ASSETS)
    site.wait(lambda: _status(site, SHIPS) is BuildStatus.BUILDING, "no build began")
    site.wait(lambda: len(site.builds()) == 2, "the other build was not queued")
    ui.cancel_backfill(backfill_id)
    site.finished_backfill(backfill_id)
    return backfill_id


@pytest.fixture
def queued(site: Site, cancelled: str) -> None:
    """Specs that could be launched, as `factory retry` leaves them."""
    _retry(site, SHIPS, REFUSED)


@pytest.fixture(scope="module")
def launched(site: Site, ui: Ui, cancelled: str) -> dict[str, dg.DagsterRun]:
    """The runs, by repo, that the preview of the sensor has launched. They stay queued: the pool has no slot."""
    _retry(site, SHIPS, REFUSED)
    before = {run.run_id for run in site.builds()}
    ui.limit_pool(POOL, 0)
    ui.launch_previewed("sensors", SENSOR, "2 run requests")
    runs = site.wait(
        lambda: [run for run in site.builds() if run.run_id not in before], "nothing was launched"
    )
    return {run.tags["factory/repo"]: run for run in runs}


@pytest.fixture(scope="module")
def refused(site: Site, ui: Ui, launched: dict[str, dg.DagsterRun]) -> dg.DagsterRun:
    """The run of a build that a gate refused."""
    ui.limit_pool(POOL, 1)
    return site.finished(launched[REFUSED].run_id)


def _status(site: Site, repo: str) -> BuildStatus | None:
    queued = site.registry.queue.named(repo)
    return queued.status if queued is not None else None


def _spec(site: Site, repo: str) -> QueuedSpec:
    queued = site.registry.queue.named(repo)
    assert queued is not None
    return queued


def _retry(site: Site, *repos: str) -> None:
    put_off_cancelled(site.instance, site.registry, datetime.now(UTC), busy={})
    for repo in repos:
        site.registry.queue.requeue(_spec(site, repo).id)


def _statuses(site: Site, name: str) -> set[InstigatorStatus]:
    return {state.status for state in site.instance.all_instigator_state() if state.name == name}


@contextmanager
def _switched_on(site: Site, ui: Ui, name: str) -> Iterator[None]:
    """The sensor is on, switched by mouse, and has had a tick."""
    ui.switch("sensors", name)
    site.wait(lambda: _statuses(site, name) == {InstigatorStatus.RUNNING}, f"{name} is not on")
    before = site.ticks(name)
    site.wait(lambda: site.ticks(name) > before, f"{name} had no tick")
    try:
        yield
    finally:
        ui.switch("sensors", name)
        site.wait(lambda: _statuses(site, name) == {InstigatorStatus.STOPPED}, f"{name} is not off")


def _waits_a_day(site: Site, repo: str) -> bool:
    spec = _spec(site, repo)
    if spec.wait_cause is not WaitCause.CANCELLED or spec.not_before is None:
        return False
    return timedelta(hours=23, minutes=30) < spec.not_before - datetime.now(UTC) <= timedelta(hours=24)


def test_a_range_of_dates_that_is_written_into_the_dialog_is_made_and_no_other(site: Site, ui: Ui) -> None:
    backfill = site.finished_backfill(ui.materialize_range("papers", DAYS[0], DAYS[1]))
    assert backfill.status is BulkActionStatus.COMPLETED_SUCCESS, site.daemon_log()
    assert site.instance.get_materialized_partitions(dg.AssetKey("papers")) == set(DAYS[:2])
    runs = site.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill.backfill_id}))
    assert len(runs) == 1


def test_the_launchpad_makes_one_date_with_nothing_filled_in_but_the_date(site: Site, ui: Ui) -> None:
    run = site.finished(ui.launchpad("papers", DAYS[0]))
    assert (run.status, run.tags["dagster/partition"]) == (dg.DagsterRunStatus.SUCCESS, DAYS[0])


def test_the_daemons_and_the_pool_of_the_builds_are_seen(ui: Ui) -> None:
    ui.open("/deployment/daemons")
    for name in ("Sensors", "Backfill", "Scheduler", "Run queue", "Monitoring"):
        ui.sees(name)
    assert "Not running" not in ui.page.inner_text("body")
    ui.open("/deployment/concurrency")
    ui.page.get_by_role("link", name=POOL).click()
    ui.sees("No matching runs in queue.")


def test_a_cancelled_backfill_stops_its_builds_frees_their_slots_and_its_specs_wait_a_day(
    site: Site, ui: Ui, cancelled: str
) -> None:
    backfill = site.instance.get_backfill(cancelled)
    assert backfill is not None
    assert backfill.status is BulkActionStatus.CANCELED
    assert [run.status for run in site.builds()] == [dg.DagsterRunStatus.CANCELED] * 2
    # Dagster calls a run cancelled before its worker has said the last word.
    site.wait(
        lambda: {_status(site, repo) for repo in (SHIPS, REFUSED)} == {BuildStatus.QUEUED},
        "what was cancelled does not wait in the queue",
    )
    ui.open(f"/deployment/concurrency/{POOL}")
    ui.sees("No matching runs in progress.")
    ui.sees("No matching runs in queue.")
    told = site.command("status")
    assert SHIPS in told
    assert "building" not in told
    with _switched_on(site, ui, SENSOR):
        for repo in (SHIPS, REFUSED):
            site.wait(lambda name=repo: _waits_a_day(site, name), f"{repo} is not put off by a day")
    assert len(site.builds()) == 2


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sensors", SENSOR), ("schedules", "build_daily"), ("schedules", "gather_hourly")],
)
def test_the_button_that_previews_a_tick_shows_what_it_would_launch_and_changes_nothing(
    site: Site, ui: Ui, queued: None, kind: str, name: str
) -> None:
    before = _spec(site, SHIPS), site.registry.launches.asked_for(), len(site.builds())
    dialog = ui.preview_tick(kind, name)
    dialog.get_by_text(re.compile(r"[12] run requests")).wait_for()
    assert (_spec(site, SHIPS), site.registry.launches.asked_for(), len(site.builds())) == before


def test_a_schedule_is_switched_on_and_off_by_mouse(site: Site, ui: Ui) -> None:
    for status in (InstigatorStatus.RUNNING, InstigatorStatus.STOPPED):
        ui.switch("schedules", "build_daily")
        site.wait(
            lambda wanted=status: _statuses(site, "build_daily") == {wanted}, f"build_daily is not {status}"
        )


def test_what_a_sensors_preview_shows_is_launched_by_its_button_and_by_no_tick_again(
    site: Site, ui: Ui, launched: dict[str, dg.DagsterRun]
) -> None:
    assert set(launched) == {SHIPS, REFUSED}
    before = len(site.builds())
    with _switched_on(site, ui, SENSOR):
        pass
    assert len(site.builds()) == before
    # The limit that was set by hand holds.
    statuses = [site.instance.get_run_by_id(run.run_id).status for run in launched.values()]
    assert statuses == [dg.DagsterRunStatus.QUEUED] * 2


def test_a_build_that_is_terminated_by_a_click_gives_its_slot_back_and_waits_a_day(
    site: Site, ui: Ui, launched: dict[str, dg.DagsterRun]
) -> None:
    run_id = launched[SHIPS].run_id
    ui.limit_pool(POOL, 1)
    site.wait(lambda: _status(site, SHIPS) is BuildStatus.BUILDING, "the build did not begin")
    ui.stop_run(run_id)
    assert site.finished(run_id).status is dg.DagsterRunStatus.CANCELED
    assert _status(site, SHIPS) is BuildStatus.QUEUED
    with _switched_on(site, ui, SENSOR):
        site.wait(lambda: _waits_a_day(site, SHIPS), "it is not put off by a day")
    # The other one has the slot now.
    assert site.finished(launched[REFUSED].run_id).status is dg.DagsterRunStatus.FAILURE


def test_what_a_schedules_preview_shows_is_launched_by_its_button_and_by_no_tick_again(
    site: Site, ui: Ui, refused: dg.DagsterRun
) -> None:
    _retry(site, SHIPS)
    before = {run.run_id for run in site.builds()}
    ui.limit_pool(POOL, 0)
    ui.launch_previewed("schedules", "build_daily", "1 run requests")
    (run,) = site.wait(
        lambda: [run for run in site.builds() if run.run_id not in before], "nothing was launched"
    )
    assert run.tags["factory/repo"] == SHIPS
    with _switched_on(site, ui, SENSOR):
        pass
    assert {run.run_id for run in site.builds()} == {*before, run.run_id}
    ui.limit_pool(POOL, 1)
    assert site.finished(run.run_id).status is dg.DagsterRunStatus.SUCCESS
    assert _status(site, SHIPS) is BuildStatus.SHIPPED


def test_one_check_alone_is_not_executed_and_the_page_says_why(site: Site, ui: Ui, cancelled: str) -> None:
    said = ui.why_a_check_is_not_executed("built_repos", "tests_pass")
    assert said == "Executing checks on their own for partitioned assets is not yet supported"


def test_from_failure_a_backfill_makes_again_only_what_it_has_not_made(
    site: Site, ui: Ui, cancelled: str, refused: dg.DagsterRun
) -> None:
    attempts = _spec(site, REFUSED).attempts
    ui.act_on_backfill(cancelled, "Re-execute from failure")
    (again,) = site.wait(
        lambda: [
            backfill
            for backfill in site.instance.get_backfills()
            if backfill.tags.get("dagster/parent_backfill_id") == cancelled
        ],
        "no backfill was launched",
    )
    site.finished_backfill(again.backfill_id)
    runs = site.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": again.backfill_id}))
    assert not any(dg.AssetKey("papers") in (run.asset_selection or ()) for run in runs)
    assert {run.tags["factory/repo"] for run in runs if "factory/repo" in run.tags} == {SHIPS, REFUSED}
    assert _spec(site, REFUSED).attempts == attempts + 1


def test_from_failure_builds_a_refused_repo_again(site: Site, ui: Ui, refused: dg.DagsterRun) -> None:
    attempts = _spec(site, REFUSED).attempts
    again = site.finished(ui.re_execute_from_failure(refused.run_id))
    assert again.parent_run_id == refused.run_id
    assert _spec(site, REFUSED).attempts == attempts + 1


def test_a_materialization_that_a_person_reports_is_called_that_on_the_page_of_the_day(
    site: Site, ui: Ui, refused: dg.DagsterRun
) -> None:
    ui.report_by_hand("built_repos", *site.partition(REFUSED).split("|"))

    def told() -> bool:
        ui.open_partition("factory_days", DAYS[0])
        ui.sees("Materialized")
        return "by hand" in ui.page.inner_text("body")

    site.wait(told, "the page of the day does not tell of it")
    assert _spec(site, REFUSED).status is BuildStatus.FAILED


def test_a_wipe_takes_the_green_away_and_nothing_of_the_papers(site: Site, ui: Ui, cancelled: str) -> None:
    day = date.fromisoformat(DAYS[0])
    before = site.registry.papers.of_day(day)
    assert before
    ui.wipe("papers")
    site.wait(
        lambda: not site.instance.get_materialized_partitions(dg.AssetKey("papers")), "nothing was wiped"
    )
    assert site.registry.papers.of_day(day) == before


def test_the_definitions_are_reloaded_by_a_click(ui: Ui) -> None:
    ui.open("/deployment/locations")
    ui.button("Reload").click()
    ui.sees("Loaded")
