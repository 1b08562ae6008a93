"""What Dagster's UI shows of the checks: green, red or grey, by partition and on the page of the checks."""

from __future__ import annotations

import asyncio
from datetime import date

import dagster as dg
import pytest
from dagster_private import AssetCheckExecutionResolvedStatus as Shown
from dagster_private import LoadingContextForTest
from defs_factory import DefsFactory, checks
from defs_fakes import STUBS_FOUND, TESTS_FAILED, paper_on, spec_on

from factory_assets.defs.gate_checks import check_name
from factory_assets.defs.partitions import date_rank_key
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InputError
from factory_assets.gates import ALL_GATES, names_after

WEDNESDAY, THURSDAY = date(2026, 6, 17), date(2026, 6, 18)
BUILT = dg.AssetKey("built_repos")


@pytest.fixture
def analysed(factory: DefsFactory) -> DefsFactory:
    """Two specs of Wednesday in the queue, cache-probe at rank 1 and tree-probe at rank 2."""
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, "cache-probe"), spec_on(WEDNESDAY, "tree-probe")]
    assert factory.run_day("gather", WEDNESDAY).success
    assert factory.run_day("analyze", WEDNESDAY).success
    return factory


def by_partition(factory: DefsFactory, key: str) -> dict[str, Shown | None]:
    """How each gate is shown in the matrix of the partitions; None is missing."""
    graph = factory.defs.resolve_asset_graph()
    partitions = graph.get(BUILT).partitions_def
    keys = {gate: dg.AssetCheckKey(BUILT, check_name(gate)) for gate in ALL_GATES}
    states = factory.instance.event_log_storage.get_asset_check_state(
        [(k, partitions) for k in keys.values()]
    )
    return {
        gate: next(
            (
                status
                for status, subset in states[check].subsets.items()
                if key in subset.subset_value.get_partition_keys()
            ),
            None,
        )
        for gate, check in keys.items()
    }


def latest(factory: DefsFactory, asset: str, *names: str) -> dict[str, Shown]:
    """How the page of the asset's checks shows each of them: by its latest execution."""
    found = {}
    for name in names:
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        (record,) = factory.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        found[name] = asyncio.run(record.resolve_status(LoadingContextForTest(factory.instance)))
    return found


def order(result: dg.ExecuteInProcessResult, asset: str) -> list[str]:
    """Whether the asset or its checks came first in the run."""
    about = []
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            about.append(("made", event.asset_key))
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            about.append(("judged", event.asset_check_evaluation_data.asset_key))
    return [kind for kind, key in about if key == dg.AssetKey(asset)]


def execute_checks(
    factory: DefsFactory, *gates: str, partition: str | None = None
) -> dg.ExecuteInProcessResult:
    """The buttons "Execute" and "Execute all" on the page of the checks."""
    keys = {dg.AssetCheckKey(BUILT, check_name(gate)) for gate in gates}
    job = factory.defs.resolve_job_def("build")
    return job.get_subset(asset_selection=set(), asset_check_selection=keys).execute_in_process(
        instance=factory.instance, partition_key=partition, raise_on_error=False
    )


# What judged


def test_the_gates_of_a_shipped_partition_are_green(analysed: DefsFactory) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    assert set(by_partition(analysed, "2026-06-17|01").values()) == {Shown.SUCCEEDED}
    again = analysed.run_rank("build", WEDNESDAY, 1)
    assert set(by_partition(analysed, "2026-06-17|01").values()) == {Shown.SUCCEEDED}
    assert order(again, "built_repos") == ["made", *["judged"] * len(ALL_GATES)]


def test_the_gates_of_a_rank_without_a_spec_are_green(analysed: DefsFactory) -> None:
    analysed.run_rank("build", WEDNESDAY, 3)
    assert set(by_partition(analysed, "2026-06-17|03").values()) == {Shown.SUCCEEDED}


@pytest.mark.parametrize("job", ["gather", "analyze"])
def test_the_checks_of_papers_and_specs_belong_to_what_they_judge(analysed: DefsFactory, job: str) -> None:
    asset = {"gather": "papers", "analyze": "specs"}[job]
    made, *judged = order(analysed.run_day(job, WEDNESDAY), asset)
    assert made == "made"
    assert set(judged) == {"judged"}


def test_the_checks_of_a_range_of_dates_come_after_all_of_them(factory: DefsFactory) -> None:
    assert order(factory.run_days("gather", WEDNESDAY, THURSDAY), "papers") == ["made"] * 2 + ["judged"] * 5


def test_the_checks_of_a_gather_that_failed_in_part_come_after_the_dates_that_it_brought(
    factory: DefsFactory,
) -> None:
    factory.gathering.broken = frozenset({THURSDAY})
    assert order(factory.run_days("gather", WEDNESDAY, THURSDAY), "papers") == ["made"] + ["judged"] * 5


# What did not judge


def test_after_a_refusal_the_gates_that_judged_are_green_or_red_and_the_others_grey(
    analysed: DefsFactory,
) -> None:
    analysed.building.refused_early = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert not result.success
    judged = dict.fromkeys(names_after(Phase.BUILD), Shown.SUCCEEDED)
    grey = dict.fromkeys(ALL_GATES, Shown.SKIPPED)
    expected = grey | judged | {STUBS_FOUND.gate: Shown.FAILED}
    assert list(expected.values()).count(Shown.SKIPPED) > 5
    assert by_partition(analysed, "2026-06-17|01") == expected
    assert latest(analysed, "built_repos", *map(check_name, ALL_GATES)) == {
        check_name(gate): status for gate, status in expected.items()
    }


def test_a_build_that_failed_without_any_gate_leaves_all_of_them_grey(
    analysed: DefsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InputError("The template is broken.")

    monkeypatch.setattr(analysed.building, "build", fail)
    assert not analysed.run_rank("build", WEDNESDAY, 1).success
    assert set(by_partition(analysed, "2026-06-17|01").values()) == {Shown.SKIPPED}


def test_a_second_attempt_that_is_refused_earlier_does_not_show_what_gates_said_of_the_first(
    analysed: DefsFactory,
) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    analysed.run_rank("build", WEDNESDAY, 1)
    assert by_partition(analysed, "2026-06-17|01")[TESTS_FAILED.gate] is Shown.FAILED
    analysed.building.refused_early = frozenset({"cache-probe"})
    analysed.run_rank("build", WEDNESDAY, 1)
    assert by_partition(analysed, "2026-06-17|01")[TESTS_FAILED.gate] is Shown.SKIPPED


def test_the_checks_of_an_analysis_and_of_a_gather_that_failed_are_grey(
    analysed: DefsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InputError("The topics cannot be read.")

    monkeypatch.setattr(analysed.gathering, "gather", fail)
    analysed.analysis.is_refused = True
    assert not analysed.run_day("gather", WEDNESDAY).success
    assert not analysed.run_day("analyze", WEDNESDAY).success
    names = ("gather_complete", "every_entry_read", "usual_level", "no_late_papers", "agrees_with_archive")
    assert set(latest(analysed, "papers", *names).values()) == {Shown.SKIPPED}
    names = ("all_papers_read", "all_proposals_valid")
    assert set(latest(analysed, "specs", *names).values()) == {Shown.SKIPPED}


def test_the_run_that_greys_checks_out_is_known_by_the_run_that_failed(analysed: DefsFactory) -> None:
    analysed.building.refused_early = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    (grey,) = analysed.instance.get_runs(dg.RunsFilter(job_name="checks_left_out"))
    assert grey.tags["factory/left-out-of"] == result.run_id
    assert grey.status is dg.DagsterRunStatus.SUCCESS


# The buttons


def test_checks_of_one_partition_repeat_what_the_gates_decided(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    analysed.run_rank("build", WEDNESDAY, 1)
    result = execute_checks(analysed, *ALL_GATES, partition=str(date_rank_key(WEDNESDAY, 1)))
    assert result.success
    assert checks(result) == {check_name(gate): gate != TESTS_FAILED.gate for gate in ALL_GATES}
    assert analysed.building.built == ["cache-probe"]


def test_execute_all_names_no_partition_and_tells_the_last_verdict_of_each_gate(
    analysed: DefsFactory,
) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    analysed.building.refused_early = frozenset({"tree-probe"})
    analysed.run_rank("build", WEDNESDAY, 2)
    result = execute_checks(analysed, *ALL_GATES)
    assert result.success
    assert checks(result) == {check_name(gate): gate != STUBS_FOUND.gate for gate in ALL_GATES}
    about = {check.check_name: check.metadata["repo"].value for check in result.get_asset_check_evaluations()}
    assert about == {
        check_name(gate): "tree-probe" if gate in names_after(Phase.BUILD) else "cache-probe"
        for gate in ALL_GATES
    }
    assert analysed.building.built == ["cache-probe", "tree-probe"]


def test_execute_all_before_any_gate_has_judged_is_green_and_says_nothing(factory: DefsFactory) -> None:
    result = execute_checks(factory, *ALL_GATES)
    assert result.success
    assert checks(result) == {}
