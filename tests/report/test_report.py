"""The factory's report: its numbers from a real registry, its picture, its page and its asset."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from acceptance_fakes import CONTRACT, SCENARIOS
from registry_samples import spec as make_spec

from factory_assets.domain.acceptance import NOTHING_AGREED, Acceptance, HeldScenario
from factory_assets.domain.builds import GateVerdict, ModelCall, Phase, PhaseRecord, ShippedRepo, Usage
from factory_assets.domain.statistics import Statistics, share
from factory_assets.registry import Registry
from factory_assets.report.page import summary, tables, write_page
from factory_assets.report.plots import plot

DAY = date(2026, 6, 20)
NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / "registry.duckdb")
    specs = [make_spec(name) for name in ("tool-a", "tool-b", "tool-c")]
    ranks = {"ranks": range(1, 4), "late_ranks": range(4, 5)}
    first, second, _ = registry.queue.add(DAY, specs, [], dropped=0, now=NOW - timedelta(days=2), **ranks)
    for queued, dollars in ((first, 1.0), (second, 2.0)):
        registry.builds.start(queued.id, run_id=queued.spec.name, now=NOW)
        for phase in Phase:
            registry.builds.enter_phase(queued.id, phase)
            registry.ledger.record(call(queued.spec.name, phase, dollars / 3))
    registry.builds.finish_phase(first.id, 1, record(Phase.BUILD, 600.0))
    registry.builds.ship(first.id, shipped("tool-a"))
    registry.repos.record_mirror("tool-a", url="file:///x", commit="c" * 40, now=NOW)
    refused = GateVerdict(gate="tests-pass", phase=Phase.REVIEW, passed=False, saw="no")
    registry.builds.record_verdict(second.id, 1, refused, now=NOW)
    registry.builds.fail(second.id, "no")
    return registry


def call(repo: str, phase: Phase, dollars: float) -> ModelCall:
    return ModelCall(
        stage="build",
        partition=f"{DAY}|01",
        repo=repo,
        phase=phase,
        route="api",
        model="sonnet",
        usage=Usage(calls=1, cost_usd=dollars),
        seconds=60.0,
        cache_hit=False,
        outcome="done",
        at=NOW,
    )


def record(phase: Phase, seconds: float) -> PhaseRecord:
    return PhaseRecord(
        phase=phase, commit="c" * 40, model="sonnet", turns=3, usage=Usage(), seconds=seconds, finished_at=NOW
    )


def shipped(name: str) -> ShippedRepo:
    return ShippedRepo(
        name=name,
        language="python",
        problem="p",
        source_url="https://arxiv.org/abs/2606.01234",
        version="v0.1.0",
        commit="c" * 40,
        lines_of_code=100,
        tests_executed=3,
        shipped_at=NOW,
    )


@pytest.fixture
def statistics(registry):
    return registry.reports.statistics(DAY - timedelta(days=6), DAY)


def empty() -> Statistics:
    return Statistics(
        first=DAY,
        last=DAY,
        papers=0,
        analysed=0,
        specs=0,
        days=(),
        spend=(),
        phases=(),
        failed=(),
        waiting=(),
    )


def test_the_numbers_are_what_the_registry_holds(statistics):
    assert (statistics.specs, statistics.shipped, statistics.mirrored) == (3, 1, 1)
    assert [(repo.name, repo.rank, repo.cause) for repo in statistics.failed] == [("tool-b", 2, "tests-pass")]
    assert [(spec.name, spec.cause) for spec in statistics.waiting] == [("tool-c", None)]
    assert [day.day for day in statistics.days][-1] == DAY
    assert len(statistics.days) == 7
    assert (statistics.days[-1].shipped, statistics.days[-1].failed) == (1, 1)
    assert [(line.phase, line.seconds) for line in statistics.phases] == [("build", 600.0)]


def test_the_cost_of_a_shipped_repo_counts_failed_builds_in(statistics):
    assert statistics.cost_per_shipped == pytest.approx(3.0)
    assert statistics.dollars == pytest.approx(3.0)


def test_tokens_are_told_by_stage_with_the_share_that_the_prompt_cache_served(registry):
    for phase, read in ((Phase.BUILD, 9_000), (Phase.SEO, 0)):
        usage = Usage(
            calls=10,
            input_tokens=500,
            cache_write_tokens=500,
            cache_read_tokens=read,
            output_tokens=70,
            cost_usd=9.0,
        )
        registry.ledger.record(call("tool-a", phase, 0.0).model_copy(update={"usage": usage}))
    statistics = registry.reports.statistics(DAY, DAY)
    assert statistics.by_stage["build"].prompt_tokens == 10_000
    (found,) = [table for table in tables(statistics, now=NOW) if table.title == "Tokens by stage"]
    assert found.rows == (
        ("build", "12", "10,000", "90%", "70", "10.00"),
        ("seo", "12", "1,000", "0%", "70", "10.00"),
        ("review", "2", "0", "", "0", "1.00"),
    )


def test_a_failure_without_a_refusing_gate_is_classed_by_how_its_agent_ended(registry):
    waiting = registry.queue.named("tool-c")
    registry.builds.start(waiting.id, run_id="c", now=NOW)
    ended = call("tool-c", Phase.BUILD, 0.1).model_copy(update={"outcome": "out of turns"})
    registry.ledger.record(ended)
    registry.builds.fail(waiting.id, "no")
    assert dict(registry.reports.statistics(DAY, DAY).causes) == {"out of turns": 1, "tests-pass": 1}


def test_what_happened_outside_the_days_is_not_counted(registry):
    earlier = registry.reports.statistics(DAY - timedelta(days=10), DAY - timedelta(days=5))
    assert (earlier.shipped, earlier.failed, earlier.spend, earlier.specs) == (0, (), (), 0)


def test_the_interval_of_the_ship_rate_is_wide_for_few_builds():
    # Wilson's interval for 8 of 10, as in tables of it: 0.490 to 0.943.
    rate, low, high = share(8, 10)
    assert rate == 0.8
    assert (low, high) == (pytest.approx(0.490, abs=0.001), pytest.approx(0.943, abs=0.001))
    assert share(0, 0) is None
    assert share(3, 3)[2] == 1.0


def test_the_picture_is_a_png_and_shows_something(statistics):
    picture = plot(statistics, now=NOW)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > len(plot(empty(), now=NOW))


def test_a_factory_that_did_nothing_has_a_report_too(tmp_path):
    page = write_page(empty(), plot(empty(), now=NOW), folder=tmp_path, now=NOW)
    text = page.read_text()
    assert "no build has ended" in text
    assert "none has shipped" in text


def test_the_asset_can_show_the_dollars_of_a_factory_that_spent_none(tmp_path):
    statistics = Registry(tmp_path / "registry.duckdb").reports.statistics(DAY, DAY)
    assert dg.MetadataValue.float(statistics.dollars).value == 0.0


def test_the_page_holds_the_picture_and_escapes_what_it_shows(tmp_path, statistics):
    hostile = statistics.failed[0].model_copy(update={"cause": "<script>alert(1)</script>"})
    changed = statistics.model_copy(update={"failed": (hostile,)})
    page = write_page(changed, b"picture", folder=tmp_path / "reports", now=NOW)
    text = page.read_text()
    assert page.name == "factory-report-2026-06-20.html"
    assert "data:image/png;base64,cGljdHVyZQ==" in text
    assert "<script>" not in text
    assert "50% (95 per cent interval 9% to 91%)" in text


def test_only_the_last_ninety_pages_are_kept(tmp_path, statistics):
    for back in range(95):
        write_page(statistics, b"", folder=tmp_path / "reports", now=NOW - timedelta(days=94 - back))
    kept = sorted(path.name for path in (tmp_path / "reports").iterdir())
    assert len(kept) == 90
    assert kept[-1] == "factory-report-2026-06-20.html"


def test_scenarios_are_counted_by_who_wrote_them_and_those_that_were_wrong_too(statistics):
    held = tuple(
        HeldScenario(number=number, scenario=scenario, is_example=number <= 3)
        for number, scenario in enumerate(SCENARIOS, start=1)
    )
    sonnet = Acceptance(model="sonnet", contract=CONTRACT, scenarios=held, dropped=2)
    struck = sonnet.disputed(5, struck="The contract leaves it open.")
    opus = NOTHING_AGREED.model_copy(update={"model": "opus", "dropped": 7})
    told = statistics.model_copy(update={"acceptances": (sonnet, struck, opus)})
    (table,) = (each for each in tables(told, now=NOW) if each.title.startswith("Acceptance"))
    assert table.heads == ("scenarios", "opus", "sonnet")
    assert {name: numbers for name, *numbers in table.rows} == {
        "written": ["7", "16"],
        "dropped by the checks": ["7", "4"],
        "counted": ["0", "12"],
        "held out": ["0", "5"],
        "wrong: struck after a dispute": ["0", "1"],
        "specs without any": ["1", "0"],
    }


def test_the_tables_say_what_the_queue_waits_for(statistics):
    by_title = {table.title: table.rows for table in tables(statistics, now=NOW)}
    assert by_title["The oldest of the queue"] == (("tool-c", "2.0", "its turn"),)
    assert by_title["Failures by class"] == (("tests-pass", "1"),)
    assert dict(summary(statistics))["dollars per shipped repo"] == "3.00 (failed builds counted in)"
