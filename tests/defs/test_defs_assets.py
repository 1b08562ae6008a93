"""The four assets through Dagster: what is green, what is red, and what an operator reads on it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster_private import AssetCheckExecutionResolvedStatus, LoadingContextForTest
from defs_factory import DefsFactory, DefsRuns, checks, failure_of, metadata
from defs_fakes import TESTS_FAILED, paper_on, spec_on
from pydantic import SecretStr
from registry_samples import spec

from factory_assets.build_defs import build_defs
from factory_assets.defs.gate_checks import check_name
from factory_assets.defs.partitions import date_rank_key
from factory_assets.domain.builds import BuildStatus, Phase, WaitCause
from factory_assets.domain.errors import InfrastructureError
from factory_assets.gates import ALL_GATES, names_after
from factory_assets.gather.source import Unread
from factory_assets.instance import Instance
from factory_assets.settings import Mode, Settings

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 19)
_OTHER_CHECKS = {
    "every_entry_read": True,
    "usual_level": True,
    "no_late_papers": True,
    "agrees_with_archive": True,
}


@pytest.fixture
def analysed(factory: DefsFactory) -> DefsFactory:
    """Two specs of Wednesday in the queue, cache-probe at rank 1 and tree-probe at rank 2."""
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, "cache-probe"), spec_on(WEDNESDAY, "tree-probe")]
    assert factory.run_day("gather", WEDNESDAY).success
    assert factory.run_day("analyze", WEDNESDAY).success
    return factory


# papers


def test_papers_that_came_after_the_analysis_are_a_warning_until_they_are_read(analysed: DefsFactory) -> None:
    analysed.gathering.papers[WEDNESDAY].append(paper_on(WEDNESDAY, 2))
    assert checks(analysed.run_day("gather", WEDNESDAY)) == {
        "gather_complete": True,
        "every_entry_read": True,
        "usual_level": True,
        "no_late_papers": False,
        "agrees_with_archive": True,
    }
    analysed.run_day("analyze", WEDNESDAY)
    assert checks(analysed.run_day("gather", WEDNESDAY))["no_late_papers"]


def test_papers_of_one_date_show_what_an_operator_wants_to_see(factory: DefsFactory) -> None:
    factory.gathering.papers[WEDNESDAY] = [
        paper_on(WEDNESDAY, 1, title="Keys | and\nvalues"),
        paper_on(WEDNESDAY, 2),
    ]
    result = factory.run_day("gather", WEDNESDAY)
    shown = metadata(result, "papers")
    assert (shown["papers"], shown["new on these dates"], shown["updated on these dates"]) == (2, 2, 0)
    assert shown["dagster/row_count"] == 2
    assert "| | kv-cache | 2 |" in str(shown["papers per topic and domain"])
    assert "[2606.17001](https://arxiv.org/abs/2606.17001) | Keys \\| and values |" in str(shown["titles"])
    assert checks(result) == {"gather_complete": True, **_OTHER_CHECKS}
    assert factory.materialized("papers") == {"2026-06-17"}


def test_a_range_of_dates_is_gathered_in_one_run_with_a_data_version_for_each(factory: DefsFactory) -> None:
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in (WEDNESDAY, THURSDAY)}
    result = factory.run_days("gather", WEDNESDAY, FRIDAY)
    assert result.success
    assert factory.gathering.asked == [(WEDNESDAY, THURSDAY, FRIDAY)]
    assert factory.materialized("papers") == {"2026-06-17", "2026-06-18", "2026-06-19"}
    assert metadata(result, "papers", "2026-06-18")["papers"] == 1
    assert metadata(result, "papers", "2026-06-19")["papers"] == 0
    keys = ("2026-06-17", "2026-06-18", "2026-06-19")
    assert len({factory.data_version("papers", key) for key in keys}) == 3


def test_a_date_of_a_range_says_which_dates_came_with_it_and_the_check_what_the_run_brought(
    factory: DefsFactory,
) -> None:
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in (WEDNESDAY, THURSDAY, FRIDAY)}
    factory.gathering.early = frozenset({WEDNESDAY, THURSDAY})
    result = factory.run_days("gather", WEDNESDAY, FRIDAY)
    assert metadata(result, "papers", "2026-06-17")["dates asked for together"] == "2026-06-17 to 2026-06-18"
    assert metadata(result, "papers", "2026-06-19")["dates asked for together"] == "2026-06-17 to 2026-06-19"
    complete = next(
        check for check in result.get_asset_check_evaluations() if check.check_name == "gather_complete"
    )
    assert {name: value.value for name, value in complete.metadata.items()}["papers in this run"] == 3


def test_dates_that_were_whole_before_a_gather_broke_off_stay_green_and_what_they_miss_is_asked_for_again(
    factory: DefsFactory,
) -> None:
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in (WEDNESDAY, THURSDAY)}
    factory.gathering.early = frozenset({WEDNESDAY})
    factory.gathering.unread = (Unread(entry="2606.17002v1", why="no title", dates=(WEDNESDAY,)),)
    factory.gathering.ends = InfrastructureError("The disk is full.")
    result = factory.run_days("gather", WEDNESDAY, THURSDAY)
    assert not result.success
    assert factory.materialized("papers") == {"2026-06-17"}
    assert set(factory.registry.gathers.incomplete_dates()) == {WEDNESDAY}


def test_a_date_has_the_same_data_version_whether_it_came_alone_or_in_a_range(factory: DefsFactory) -> None:
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in (WEDNESDAY, THURSDAY)}
    factory.run_days("gather", WEDNESDAY, THURSDAY)
    in_range = factory.data_version("papers", "2026-06-18")
    factory.run_day("gather", THURSDAY)
    assert factory.data_version("papers", "2026-06-18") == in_range


def test_a_date_is_fresh_after_it_was_gathered_alone_or_in_a_range(factory: DefsFactory) -> None:
    factory.run_days("gather", WEDNESDAY, THURSDAY)
    factory.run_day("gather", FRIDAY)
    assert not factory.is_stale("papers", "2026-06-18")
    assert not factory.is_stale("papers", "2026-06-19")


def test_one_date_that_changes_makes_no_other_date_stale(factory: DefsFactory) -> None:
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in (WEDNESDAY, THURSDAY)}
    factory.run_days("gather", WEDNESDAY, THURSDAY)
    factory.run_day("analyze", WEDNESDAY)
    factory.run_day("analyze", THURSDAY)
    factory.gathering.papers[THURSDAY].append(paper_on(THURSDAY, 2))
    factory.run_days("gather", WEDNESDAY, THURSDAY)
    assert not factory.is_stale("specs", "2026-06-17")
    assert factory.is_stale("specs", "2026-06-18")
    factory.run_day("analyze", THURSDAY)
    assert not factory.is_stale("specs", "2026-06-18")


def test_a_gather_that_failed_in_part_is_red_and_keeps_only_the_complete_dates(factory: DefsFactory) -> None:
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in (WEDNESDAY, THURSDAY, FRIDAY)}
    factory.gathering.broken = frozenset({THURSDAY})
    result = factory.run_days("gather", WEDNESDAY, FRIDAY)
    assert not result.success
    assert checks(result) == {"gather_complete": False, **_OTHER_CHECKS}
    assert factory.materialized("papers") == {"2026-06-17", "2026-06-19"}
    text, shown = failure_of(result)
    assert "2026-06-18" in text
    assert "503 Service Unavailable" in text
    assert "Gather again later" in str(shown["what to do"])
    assert "| | kv-cache | 2 |" in str(shown["gathered all the same"])


def test_a_single_date_that_failed_is_not_green(factory: DefsFactory) -> None:
    factory.gathering.broken = frozenset({THURSDAY})
    result = factory.run_day("gather", THURSDAY)
    assert not result.success
    assert checks(result) == {"gather_complete": False, **_OTHER_CHECKS}
    assert factory.materialized("papers") == set()


# specs


def test_a_day_without_papers_ends_green_with_no_spec(factory: DefsFactory) -> None:
    factory.run_day("gather", FRIDAY)
    result = factory.run_day("analyze", FRIDAY)
    assert result.success
    shown = metadata(result, "specs")
    assert (shown["dagster/row_count"], shown["papers read in this run"]) == (0, 0)
    assert shown["route"] == "no model call"
    assert [shown[name] for name in ("specs", "exists already?", "dropped")] == ["none"] * 3
    assert factory.registry.analyses.days() == {FRIDAY}


def test_specs_show_rank_repo_and_paper_and_lead_to_the_page_of_their_day(factory: DefsFactory) -> None:
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    names = ("cache-probe", "tree-probe", "key-probe", "late-probe")
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, name) for name in names]
    factory.run_day("gather", WEDNESDAY)
    result = factory.run_day("analyze", WEDNESDAY)
    shown = metadata(result, "specs")
    paper = "[2606.17001](https://arxiv.org/abs/2606.17001)"
    assert str(shown["specs"]).splitlines() == [
        "| rank | repo | language | paper | written from |",
        "| --- | --- | --- | --- | --- |",
        f"| 01 | cache-probe | python | {paper} | papers |",
        f"| 02 | tree-probe | python | {paper} | papers |",
        f"| 03 | key-probe | python | {paper} | papers |",
        f"| waiting | late-probe | python | {paper} | papers |",
    ]
    assert shown["what became of them"] == (
        "[factory_days, 2026-06-17](/assets/factory_days?view=partitions&partition=2026-06-17)"
    )
    assert shown["new specs in this run"] == 4
    assert (shown["dollars"], shown["input tokens"], shown["requests"]) == (0.25, 900, 1)
    assert shown["route"] == "api; router failed: 503"
    assert "Bad Name | a name is lower case" in str(shown["dropped"])


def test_analysing_again_without_new_papers_leaves_the_repos_up_to_date(analysed: DefsFactory) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    analysed.run_day("analyze", WEDNESDAY)
    assert not analysed.is_stale("built_repos", "2026-06-17|01")


# built_repos


def test_a_rank_without_a_spec_is_green_at_once_and_its_checks_do_not_apply(analysed: DefsFactory) -> None:
    result = analysed.run_rank("build", WEDNESDAY, 3)
    assert result.success
    assert metadata(result, "built_repos") == {"outcome": "no spec"}
    assert checks(result) == {check_name(gate): True for gate in ALL_GATES}
    assert analysed.building.built == []


def test_a_repo_that_ships_is_green_with_its_numbers_and_every_gate_passed(analysed: DefsFactory) -> None:
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert result.success
    shown = metadata(result, "built_repos", "2026-06-17|01")
    assert shown["outcome"] == "shipped"
    assert shown["repo"] == "cache-probe"
    assert shown["source"] == "https://arxiv.org/abs/2606.17001"
    assert (shown["commit"], shown["version"]) == ("commit-of-cache-probe", "0.1.0")
    assert (shown["lines of code"], shown["tests executed"], shown["attempt"]) == (140, 6, 1)
    assert (shown["dollars"], shown["seconds"], shown["input tokens"]) == (0.25, 12.5, 900)
    assert "| build | claude-sonnet-5-5 | 7 | 0.2500 | 12.5 | commit-of-bu |" in str(shown["phases"])
    assert "| tests-pass | passed |" in str(shown["gates"])
    assert shown["protections"] == "PID namespace"
    assert checks(result) == {check_name(gate): True for gate in ALL_GATES}


def test_a_refused_repo_is_red_and_says_which_gate_what_it_saw_and_what_to_do(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert not result.success
    assert analysed.materialized("built_repos") == set()
    text, shown = failure_of(result)
    assert "The gate tests-pass refused" in text
    assert TESTS_FAILED.saw in text
    assert TESTS_FAILED.saw in str(shown["what"])
    assert shown["where"] == "cache-probe, phase review"
    assert shown["what to do"] == TESTS_FAILED.fix
    assert shown["repo"] == "cache-probe"
    assert "| tests-pass | refused |" in str(shown["gates"])
    queued = analysed.registry.queue.named("cache-probe")
    assert queued is not None
    assert queued.error_log == text


def test_the_verdicts_of_a_refused_repo_are_recorded_before_it_fails(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert checks(result) == {check_name(gate): gate != TESTS_FAILED.gate for gate in ALL_GATES}
    (verdict,) = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert verdict.partition == "2026-06-17|01"
    assert TESTS_FAILED.saw in str(verdict.metadata["saw"].value)
    assert "in short" not in verdict.metadata
    kinds = [event.event_type for event in result.all_events]
    last_check = max(i for i, kind in enumerate(kinds) if kind is dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    assert last_check < kinds.index(dg.DagsterEventType.STEP_FAILURE)


def test_a_refused_repo_that_is_launched_again_ships_with_its_second_attempt(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    analysed.run_rank("build", WEDNESDAY, 1)
    analysed.building.refused = frozenset()
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert metadata(result, "built_repos")["attempt"] == 2
    assert checks(result)["tests_pass"]


def observed(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    """What the run observed of the repo instead of materializing it."""
    (event,) = [
        event for event in result.all_events if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    ]
    observation = event.asset_observation_data.asset_observation
    assert observation.partition == "2026-06-17|01"
    return {name: value.value for name, value in observation.metadata.items()}


def resolved_checks(factory: DefsFactory, run: str) -> dict[str, object]:
    """How Dagster's UI shows each check of the partition after this run."""
    statuses = {}
    for gate in ALL_GATES:
        key = dg.AssetCheckKey(dg.AssetKey("built_repos"), check_name(gate))
        (record,) = factory.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record.run_id == run
        loading = LoadingContextForTest(factory.instance)
        statuses[gate] = asyncio.run(record.resolve_status(loading))
    return statuses


def test_a_deferred_build_is_green_and_leaves_its_partition_missing(analysed: DefsFactory) -> None:
    analysed.building.deferred = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert result.success
    assert analysed.materialized("built_repos") == set()
    shown = observed(result)
    assert (shown["outcome"], shown["why"], shown["until"]) == (
        "deferred",
        "rate limit",
        "2026-06-22 06:00 UTC",
    )
    assert shown["what to do"] == "Nothing: it is launched again by itself."
    assert shown["repo"] == "cache-probe"
    assert analysed.tags(result)["factory/outcome"] == "deferred"
    queued = analysed.registry.queue.named("cache-probe")
    assert queued is not None
    assert (queued.status, queued.attempts) == (BuildStatus.QUEUED, 0)


def test_of_a_deferred_build_only_the_gates_that_judged_have_checks_and_none_counts_as_failed(
    analysed: DefsFactory,
) -> None:
    analysed.building.deferred = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    judged = set(names_after(Phase.BUILD))
    assert checks(result) == {check_name(gate): True for gate in judged}
    assert resolved_checks(analysed, result.run_id) == {
        gate: AssetCheckExecutionResolvedStatus.SUCCEEDED
        if gate in judged
        else AssetCheckExecutionResolvedStatus.SKIPPED
        for gate in ALL_GATES
    }


def test_a_refused_credential_stops_the_queue_and_fails_no_repo(analysed: DefsFactory) -> None:
    analysed.credential.value = "expired"
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert result.success
    assert observed(result)["why"] == "credential"
    (hold,) = analysed.registry.holds.standing()
    assert hold.credential == "digest of expired"
    assert "401 invalid x-api-key" in hold.reason
    assert "ANTHROPIC_API_KEY" in hold.fix
    assert pool(analysed) == 0


def test_an_analysis_whose_credential_is_refused_is_red_and_stops_the_queue_too(
    analysed: DefsFactory,
) -> None:
    analysed.analysis.is_refused = True
    result = analysed.run_day("analyze", WEDNESDAY)
    assert not result.success
    assert [hold.credential for hold in analysed.registry.holds.standing()] == ["digest of good"]
    assert pool(analysed) == 0


@pytest.mark.parametrize(
    ("cause", "held", "slots"),
    [
        (WaitCause.CREDIT, WaitCause.CREDIT, 0),
        (WaitCause.USAGE_LIMIT, WaitCause.USAGE_LIMIT, 0),
        (WaitCause.MODEL, WaitCause.ANALYSIS_MODEL, None),
    ],
)
def test_an_analysis_that_the_api_refuses_stops_what_would_be_refused_as_well(
    analysed: DefsFactory, cause: WaitCause, held: WaitCause, slots: int | None
) -> None:
    analysed.analysis.stopped_by = cause
    assert not analysed.run_day("analyze", WEDNESDAY).success
    (hold,) = analysed.registry.holds.standing()
    assert (hold.cause, hold.reason) == (held, "Refused.")
    assert "credential" not in hold.fix
    assert pool(analysed) == slots


def pool(factory: DefsFactory) -> int | None:
    """How many builds may run at once."""
    limits = factory.instance.event_log_storage.get_pool_limits()
    return next((limit.limit for limit in limits if limit.name == "builds"), None)


@pytest.mark.parametrize(
    ("rank", "refused", "outcome"), [(1, False, "shipped"), (1, True, "failed"), (3, False, "no spec")]
)
def test_the_list_of_runs_shows_how_each_build_ended(
    analysed: DefsFactory, rank: int, refused: bool, outcome: str
) -> None:
    analysed.building.refused = frozenset({"cache-probe"} if refused else ())
    assert analysed.tags(analysed.run_rank("build", WEDNESDAY, rank))["factory/outcome"] == outcome


def test_a_gate_that_refuses_is_an_error_not_a_warning(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    severities = {check.severity for check in result.get_asset_check_evaluations()}
    assert severities == {dg.AssetCheckSeverity.ERROR}


def test_a_run_of_automation_that_finds_its_spec_failed_builds_nothing_and_keeps_the_partition_red(
    analysed: DefsFactory,
) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    first = analysed.run_rank("build", WEDNESDAY, 1)
    result = analysed.run("build", date_rank_key(WEDNESDAY, 1), {"factory/attempts-before": "0"})
    assert analysed.building.built == ["cache-probe"]
    assert not result.success
    assert checks(result) == checks(first)
    text, shown = failure_of(result)
    assert TESTS_FAILED.saw in text
    assert "`factory retry cache-probe`" in str(shown["what to do"])
    assert analysed.tags(result)["factory/outcome"] == "failed"


def test_a_run_of_automation_whose_spec_was_put_off_since_builds_nothing(analysed: DefsFactory) -> None:
    (queued, *_) = analysed.registry.queue.specs()
    analysed.registry.builds.defer(
        queued.id, cause=WaitCause.CANCELLED, until=datetime.now(UTC) + timedelta(days=1), reason="Cancelled."
    )
    result = analysed.run("build", date_rank_key(WEDNESDAY, 1), {"factory/attempts-before": "0"})
    assert result.success
    assert analysed.building.built == []
    assert "It was put off" in str(observed(result)["why"])
    assert analysed.tags(result)["factory/outcome"] == "not started"


def test_checks_alone_say_what_the_gates_decided_before_and_build_nothing(analysed: DefsFactory) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    gate = dg.AssetCheckKey(dg.AssetKey("built_repos"), check_name(TESTS_FAILED.gate))
    job = analysed.defs.resolve_job_def("build")
    result = job.get_subset(asset_selection=set(), asset_check_selection={gate}).execute_in_process(
        instance=analysed.instance, partition_key=date_rank_key(WEDNESDAY, 1)
    )
    assert checks(result) == {check_name(TESTS_FAILED.gate): True}
    assert analysed.building.built == ["cache-probe"]


def test_what_has_shipped_is_never_built_again(analysed: DefsFactory) -> None:
    first = metadata(analysed.run_rank("build", WEDNESDAY, 1), "built_repos")
    version = analysed.data_version("built_repos", "2026-06-17|01")
    result = analysed.run_rank("build", WEDNESDAY, 1)
    shown = metadata(result, "built_repos")
    assert analysed.building.built == ["cache-probe"]
    assert shown["note"] == "Shipped before; nothing was done."
    assert (shown["commit"], shown["version"]) == (first["commit"], first["version"])
    assert analysed.data_version("built_repos", "2026-06-17|01") == version
    assert checks(result) == {check_name(gate): True for gate in ALL_GATES}


@pytest.mark.parametrize("job", ["build", "mirror"])
def test_a_run_from_the_ui_gets_the_tags_by_which_it_is_found(analysed: DefsFactory, job: str) -> None:
    result = analysed.run_rank(job, WEDNESDAY, 2)
    tags = analysed.tags(result)
    assert {name: tags[name] for name in tags if name.startswith("factory/")} == {
        "factory/repo": "tree-probe",
        "factory/papers": "2606.17001",
        "factory/date": "2026-06-17",
        "factory/rank": "02",
        **({"factory/outcome": "shipped"} if job == "build" else {}),
    }
    found = analysed.instance.get_runs(dg.RunsFilter(tags={"factory/repo": "tree-probe"}, job_name=job))
    assert [run.run_id for run in found] == [result.run_id]


def test_a_run_without_a_spec_carries_no_repo(analysed: DefsFactory) -> None:
    result = analysed.run_rank("build", WEDNESDAY, 4)
    assert "factory/repo" not in analysed.tags(result)


# mirrored_repos


def test_a_rank_without_a_spec_is_mirrored_as_nothing(analysed: DefsFactory) -> None:
    result = analysed.run_rank("mirror", WEDNESDAY, 3)
    assert metadata(result, "mirrored_repos") == {"outcome": "no spec"}
    assert analysed.tags(result)["factory/outcome"] == "no spec"
    assert analysed.mirroring.published == []


def test_what_has_not_shipped_is_not_mirrored_and_says_to_build_it_first(analysed: DefsFactory) -> None:
    result = analysed.run_rank("mirror", WEDNESDAY, 1)
    assert not result.success
    text, shown = failure_of(result)
    assert "cache-probe: It is queued, not shipped" in text
    assert shown["what to do"] == "Materialize built_repos for this partition first."
    assert analysed.mirroring.published == []
    assert analysed.materialized("mirrored_repos") == set()


def test_a_mirrored_repo_shows_where_it_is_and_the_second_time_nothing_changes(analysed: DefsFactory) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    first = metadata(analysed.run_rank("mirror", WEDNESDAY, 1), "mirrored_repos", "2026-06-17|01")
    assert first == {
        "outcome": "created",
        "repo": "cache-probe",
        "mirror": "https://github.com/example/cache-probe",
        "source": "https://arxiv.org/abs/2606.17001",
        "papers": "[2606.17001](https://arxiv.org/abs/2606.17001)",
        "commit": "commit-of-cache-probe",
        "seconds": 0.5,
    }
    version = analysed.data_version("mirrored_repos", "2026-06-17|01")
    second = metadata(analysed.run_rank("mirror", WEDNESDAY, 1), "mirrored_repos")
    assert second["outcome"] == "unchanged"
    assert analysed.data_version("mirrored_repos", "2026-06-17|01") == version


def test_an_imported_repo_is_mirrored_and_shows_where_its_idea_came_from(factory: DefsFactory) -> None:
    idea = "https://example.org/ideas/7"
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec("cache-probe", source_papers=(), source_url=idea)]
    for job in ("gather", "analyze"):
        factory.run_day(job, WEDNESDAY)
    for job in ("build", "mirror"):
        assert factory.run_rank(job, WEDNESDAY, 1).success
    shown = metadata(factory.run_rank("mirror", WEDNESDAY, 1), "mirrored_repos")
    assert (shown["source"], shown["papers"]) == (idea, "none: the spec was imported")


# The machine and its settings, through the real instance


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def with_real(factory: DefsFactory, settings: Settings, *stages: str) -> DefsRuns:
    """The same instance and registry, with these stages as they are in earnest."""
    fakes: dict[str, object] = {
        "gathering": factory.gathering,
        "scouting": factory.scouting,
        "builds": factory.building,
        "credential": factory.credential,
        "mirroring": factory.mirroring,
    }
    parts = Instance(settings, **{name: fake for name, fake in fakes.items() if name not in stages})
    overrides = {"registry": factory.registry, "instance": parts}
    return DefsRuns(build_defs(settings, overrides), factory.instance)


def test_a_malformed_topics_file_is_one_clear_failure(
    factory: DefsFactory, replay_settings: Settings, tmp_path: Path
) -> None:
    topics = tmp_path / "topics.yaml"
    topics.write_text("domains: [")
    settings = replay_settings.model_copy(update={"factory_topics_file": topics})
    text, shown = failure_of(with_real(factory, settings, "gathering").run_day("gather", WEDNESDAY))
    assert text.startswith(f"{topics}: ")
    assert shown["where"] == str(topics)
    assert shown["what to do"]


def assert_waits_for_a_tool(factory: DefsFactory, result: dg.ExecuteInProcessResult, words: str) -> None:
    """The run is green, and the spec waits an hour, untouched, with these words."""
    assert result.success
    assert factory.tags(result)["factory/outcome"] == "deferred"
    queued = factory.registry.queue.named("cache-probe")
    assert queued is not None
    assert (queued.status, queued.attempts, queued.wait_cause) == ("queued", 0, WaitCause.TOOLCHAIN)
    assert words in (queued.error_log or "")
    (hold,) = factory.registry.holds.standing()
    assert hold.cause is WaitCause.TOOLCHAIN
    assert words.partition(" Fix: ")[0] in str(hold)
    assert "Then `factory resume`; by itself the queue goes on at" in str(hold)
    assert queued.not_before is not None
    assert queued.not_before > datetime.now(UTC) + timedelta(minutes=59)
    assert factory.registry.ledger.usage(repo="cache-probe").calls == 0


def test_a_missing_git_keeps_the_spec_queued_and_is_named(
    analysed: DefsFactory, replay_settings: Settings, programs: Path
) -> None:
    result = with_real(analysed, replay_settings, "builds", "credential").run_rank("build", WEDNESDAY, 1)
    words = "git is not installed. Fix: Install git; `factory doctor` checks it."
    assert_waits_for_a_tool(analysed, result, words)


def test_a_live_instance_builds_nothing_without_a_sandbox(
    analysed: DefsFactory, replay_settings: Settings, programs: Path
) -> None:
    (programs / "git").symlink_to("/bin/true")
    live = replay_settings.model_copy(
        update={"factory_mode": Mode.LIVE, "anthropic_api_key": SecretStr("sk-ant-made-up")}
    )
    result = with_real(analysed, live, "builds", "credential").run_rank("build", WEDNESDAY, 1)
    assert_waits_for_a_tool(analysed, result, "Install the package bubblewrap")
    assert_waits_for_a_tool(analysed, result, "FACTORY_UNSANDBOXED=1")


def test_a_missing_claude_code_keeps_the_spec_queued_and_is_named(
    analysed: DefsFactory, replay_settings: Settings, tmp_path: Path
) -> None:
    without = replay_settings.model_copy(update={"claude_binary": tmp_path / "no-claude"})
    result = with_real(analysed, without, "builds", "credential").run_rank("build", WEDNESDAY, 1)
    assert_waits_for_a_tool(analysed, result, "There is no Claude Code program.")
    assert_waits_for_a_tool(analysed, result, "CLAUDE_BINARY")


def test_a_live_instance_without_a_place_to_mirror_to_names_both(
    analysed: DefsFactory, replay_settings: Settings
) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    live = replay_settings.model_copy(update={"factory_mode": Mode.LIVE, "factory_mirror_dir": None})
    text, _ = failure_of(with_real(analysed, live, "mirroring").run_rank("mirror", WEDNESDAY, 1))
    assert "There is nowhere to mirror to." in text
    assert "GITHUB_TOKEN" in text
    assert "FACTORY_MIRROR_DIR" in text
