"""The factory through its UI, by clicking as an operator does: `make browser`; `make screenshots` for README."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest
from browser_factory import DAYS, REFUSED, SHIPS, Site, serve
from browser_pages import Ui, browser, chromium_program, place

from factory_assets.defs.dagster_private.core import BulkActionStatus
from factory_assets.domain.builds import BuildStatus
from factory_assets.gates import ALL_GATES
from factory_assets.settings import PROJECT_ROOT

pytestmark = pytest.mark.browser

HEIGHT_OF_LINEAGE = 1350
IDEAS = ("candidates", "research_contexts")
NODES = ("arxiv_api", "papers", "specs", "built_repos", "mirrored_repos", "github")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    pytest.importorskip("playwright", reason="the Python package playwright is not installed: `make browser`")
    chromium_program()
    # The pictures show the folder, so it gets a short name.
    with TemporaryDirectory(prefix="factory-") as folder, serve(Path(folder)) as served:
        yield served


@pytest.fixture(scope="module")
def ui(site: Site) -> Iterator[Ui]:
    pictures: Path | None = None
    if os.environ.get("SCREENSHOTS"):
        pictures = PROJECT_ROOT / "docs" / "img"
    with browser(site.url, pictures) as opened:
        yield opened


@pytest.fixture(scope="module")
def backfilled(site: Site, ui: Ui) -> str:
    """The id of a backfill of papers and specs over all three dates, launched by clicking, that has ended."""
    return site.finished_backfill(ui.backfill_all_dates("papers", "specs")).backfill_id


@pytest.fixture(scope="module")
def built(site: Site, ui: Ui, backfilled: str) -> dict[str, dg.DagsterRun]:
    """By repo, the ended runs that build the one that ships and the one that is refused, launched by clicking."""
    launched = {
        repo: ui.materialize("built_repos", *site.partition(repo).split("|")) for repo in (SHIPS, REFUSED)
    }
    return {repo: site.finished(run_id) for repo, run_id in launched.items()}


def test_the_lineage_reads_from_arxiv_on_the_left_to_the_mirror_on_the_right(ui: Ui) -> None:
    ui.open_lineage()
    lefts = [place(ui.node(name))["x"] for name in NODES]
    assert lefts == sorted(set(lefts))
    ui.node("factory_report").wait_for()


@pytest.mark.parametrize(
    ("asset", "says", "setting"),
    [
        ("papers", "Papers first submitted to arXiv on this date", "FACTORY_GATHER_CRON"),
        ("built_repos", "built by Claude Code in three phases", "BUILD_WORKERS"),
        ("factory_days", "A day at a glance", "FACTORY_RANKS"),
        ("factory_report", "ship rate, cost per shipped repo", "FACTORY_REPORT_CRON"),
    ],
)
def test_an_assets_page_explains_it_and_names_its_owner_and_its_setting(
    ui: Ui, asset: str, says: str, setting: str
) -> None:
    ui.open(f"/assets/{asset}?view=overview")
    ui.sees(says)
    ui.sees(setting)
    ui.sees("factory")


def test_a_date_is_materialized_by_clicking(site: Site, ui: Ui) -> None:
    run = site.finished(ui.materialize("papers", DAYS[0]))
    assert run.status is dg.DagsterRunStatus.SUCCESS, site.daemon_log()
    assert site.instance.get_materialized_partitions(dg.AssetKey("papers")) >= {DAYS[0]}
    ui.open_partition("papers", DAYS[0])
    ui.sees("new on these dates")
    ui.sees("papers per topic and domain")


def test_a_backfill_launched_by_clicking_over_three_dates_ends_green(
    site: Site, ui: Ui, backfilled: str
) -> None:
    backfill = site.instance.get_backfill(backfilled)
    assert backfill is not None
    assert backfill.status is BulkActionStatus.COMPLETED_SUCCESS, site.daemon_log()
    for asset in ("papers", "specs"):
        assert site.instance.get_materialized_partitions(dg.AssetKey(asset)) == set(DAYS)
    ui.open(f"/runs/b/{backfilled}")
    ui.sees("papers")
    ui.sees("specs")
    ui.sees("100%")
    ui.shot("backfill", height=380)


def test_a_shipped_partition_shows_its_repo_verdict_cost_and_links(
    site: Site, ui: Ui, built: dict[str, dg.DagsterRun]
) -> None:
    assert built[SHIPS].status is dg.DagsterRunStatus.SUCCESS
    ui.open_partition("built_repos", site.partition(SHIPS))
    for text in (SHIPS, "shipped", "dollars in all", "bare repository"):
        ui.sees(text)
    assert ui.page.get_by_role("link", name="https://arxiv.org/abs/").first.get_attribute("href")
    ui.shot("built-repo")


def test_a_shipped_partition_shows_without_a_click_what_each_judge_saw_scenario_by_scenario(
    site: Site, ui: Ui, built: dict[str, dg.DagsterRun]
) -> None:
    story = site.registry.stories.of_repo(SHIPS)
    assert story is not None
    agreed = story.acceptance
    assert agreed is not None
    ui.open_partition("built_repos", site.partition(SHIPS))
    passed, held_out = len(agreed.active), len(agreed.held_out)
    assert 0 < held_out < passed
    ui.sees(f"all {passed} scenarios passed, {held_out} of them held out; written by {agreed.model}")
    for held in agreed.scenarios:
        ui.sees(f"scenario {held.number}, {'example' if held.is_example else 'held out'}")
        ui.sees(f"passed: {held.scenario.title}. {held.scenario.behaviour}")
    for text in ("gates passed; 22 tests executed", "the reader found 2, of which none was confirmed"):
        ui.sees(text)
    for gate in ALL_GATES:
        ui.sees(gate)
    ui.shot_whole("built-repo-whole", last="Show tags")


def test_a_red_partition_leads_to_the_gate_that_refused_it(
    site: Site, ui: Ui, built: dict[str, dg.DagsterRun]
) -> None:
    assert built[REFUSED].status is dg.DagsterRunStatus.FAILURE
    ui.open_partition("built_repos", site.partition(REFUSED))
    ui.sees("failed, and did not materialize this asset.")
    ui.button("View logs").click()
    ui.sees("Gate tests-pass refused")
    ui.sees("Fix: Build the repo again")
    ui.shot("refused-repo")
    ui.button("Done").click()
    ui.button("View all historical events").click()
    ui.sees("Historical events for")
    ui.page.get_by_text(site.partition(REFUSED), exact=True).last.click()
    ui.sees("refused by")
    ui.sees(REFUSED)
    ui.sees("dollars in all")


def test_the_page_of_a_day_says_what_became_of_each_spec_and_why(
    ui: Ui, built: dict[str, dg.DagsterRun]
) -> None:
    ui.open_partition("factory_days", DAYS[0])
    for text in (SHIPS, "22 tests executed", REFUSED, "tests-pass: "):
        ui.sees(text)
    ui.shot("factory-day")
    ui.page.get_by_role("link", name="run", exact=True).last.click()
    ui.page.wait_for_url(f"**/runs/{built[REFUSED].run_id}*")


def test_a_red_partition_is_re_executed_by_clicking_as_a_fresh_attempt(
    site: Site, ui: Ui, built: dict[str, dg.DagsterRun]
) -> None:
    again = site.finished(ui.re_execute_run(built[REFUSED].run_id))
    assert again.parent_run_id == built[REFUSED].run_id
    # Recorded to fail, it fails again, but it really was built again.
    assert again.status is dg.DagsterRunStatus.FAILURE
    queued = site.registry.queue.named(REFUSED)
    assert queued is not None
    assert (queued.status, queued.attempts) == (BuildStatus.FAILED, 2)


def test_gates_that_did_not_judge_are_skipped_and_executing_all_checks_ends_green(
    site: Site, ui: Ui, built: dict[str, dg.DagsterRun]
) -> None:
    ui.open("/assets/built_repos?view=checks&checkDetail=tests_pass")
    ui.sees("what to do")
    ui.sees("`make test` in a fresh clone ended with 2")
    ui.sees("tests_notice")
    ui.sees("Skipped")
    ui.shot_whole("checks", last="tree_safe")
    again = site.finished(ui.execute_all_checks("built_repos"))
    assert again.status is dg.DagsterRunStatus.SUCCESS, site.daemon_log()
    assert len(again.asset_check_selection or ()) == len(ALL_GATES)


def test_a_click_makes_the_report_and_its_plots_are_seen(
    site: Site, ui: Ui, built: dict[str, dg.DagsterRun]
) -> None:
    assert site.finished(ui.materialize("factory_report")).status is dg.DagsterRunStatus.SUCCESS
    ui.open("/assets/factory_report?view=overview")
    ui.page.get_by_text("[Show Markdown]").first.click()
    picture = ui.page.get_by_alt_text("the factory at a glance")
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
    ui.shot("factory-report")


def test_the_lineage_shows_what_is_green_and_what_is_red(ui: Ui, built: dict[str, dg.DagsterRun]) -> None:
    # Wide enough for Dagster to draw the nodes with what is in them.
    ui.page.set_viewport_size({"width": 2600, "height": HEIGHT_OF_LINEAGE})
    ui.open_lineage()
    ui.sees("(1 failed)")
    ui.sees("100% filled")
    nodes = (*NODES, "factory_days", "factory_report", "router_stats", "arxiv_records", *IDEAS)
    assert [name for name in nodes if not ui.whole_node(name)] == []
    ui.shot("asset-graph", height=HEIGHT_OF_LINEAGE)
    ui.page.set_viewport_size({"width": 1440, "height": 900})


def test_the_automation_page_says_when_each_schedule_runs(ui: Ui) -> None:
    ui.open("/automation")
    for name in ("gather_hourly", "analyze_daily", "build_daily", "mirror_nightly", "report_daily"):
        ui.sees(name)
    ui.page.get_by_text("Scheduled").nth(5).wait_for()
    ui.page.get_by_text("Standard sensor").nth(2).wait_for()
    ui.sees("Scheduled At 06:30 AM UTC")
    ui.shot_whole("automation", last="spent_answers")
