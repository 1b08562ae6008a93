"""The four assets through Dagster: what is green, what is red, and what an operator reads on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from defs_factory import DefsFactory, DefsRuns, checks, failure_of, metadata
from defs_fakes import TESTS_FAILED, paper_on, spec_on
from pydantic import SecretStr

from factory_assets.build.gates import ALL_GATES
from factory_assets.build_defs import build_defs
from factory_assets.defs.built_repos import check_name
from factory_assets.domain.builds import BuildStatus
from factory_assets.settings import Mode, Settings

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 19)


@pytest.fixture
def factory(replay_settings: Settings) -> Iterator[DefsFactory]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield DefsFactory(replay_settings, instance)


@pytest.fixture
def analysed(factory: DefsFactory) -> DefsFactory:
    """Two specs of Wednesday in the queue, cache-probe at rank 1 and tree-probe at rank 2."""
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, "cache-probe"), spec_on(WEDNESDAY, "tree-probe")]
    assert factory.run_day("gather", WEDNESDAY).success
    assert factory.run_day("analyze", WEDNESDAY).success
    return factory


# papers


def test_papers_of_one_date_show_what_an_operator_wants_to_see(factory: DefsFactory) -> None:
    factory.gathering.papers[WEDNESDAY] = [
        paper_on(WEDNESDAY, 1, title="Keys | and\nvalues"),
        paper_on(WEDNESDAY, 2),
    ]
    result = factory.run_day("gather", WEDNESDAY)
    shown = metadata(result, "papers")
    assert (shown["papers"], shown["new in this run"], shown["updated in this run"]) == (2, 2, 0)
    assert shown["dagster/row_count"] == 2
    assert "| | kv-cache | 2 |" in str(shown["papers per topic and domain"])
    assert "[2606.17001](https://arxiv.org/abs/2606.17001) | Keys \\| and values |" in str(shown["titles"])
    assert checks(result) == {"gather_complete": True}
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
    assert checks(result) == {"gather_complete": False}
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
    assert checks(result) == {"gather_complete": False}
    assert factory.materialized("papers") == set()


# specs


def test_a_day_without_papers_ends_green_with_no_spec(factory: DefsFactory) -> None:
    factory.run_day("gather", FRIDAY)
    result = factory.run_day("analyze", FRIDAY)
    assert result.success
    shown = metadata(result, "specs")
    assert (shown["dagster/row_count"], shown["papers read in this run"]) == (0, 0)
    assert shown["route"] == "no model call"
    assert factory.registry.analysed_days() == {FRIDAY}


def test_specs_show_rank_repo_paper_and_verdict_so_far(factory: DefsFactory) -> None:
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    names = ("cache-probe", "tree-probe", "key-probe", "late-probe")
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, name) for name in names]
    factory.run_day("gather", WEDNESDAY)
    result = factory.run_day("analyze", WEDNESDAY)
    shown = metadata(result, "specs")
    paper = "[2606.17001](https://arxiv.org/abs/2606.17001)"
    assert str(shown["specs"]).splitlines() == [
        "| rank | repo | language | paper | verdict so far |",
        "| --- | --- | --- | --- | --- |",
        f"| 01 | cache-probe | python | {paper} | queued |",
        f"| 02 | tree-probe | python | {paper} | queued |",
        f"| 03 | key-probe | python | {paper} | queued |",
        f"| waiting | late-probe | python | {paper} | queued |",
    ]
    assert shown["new specs in this run"] == 4
    assert (shown["dollars"], shown["input tokens"], shown["requests"]) == (0.25, 900, 1)
    assert shown["route"] == "api; router failed: 503"
    assert "Bad Name | a name is lower case" in str(shown["dropped"])


def test_the_verdicts_so_far_follow_the_builds(analysed: DefsFactory) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    shown = metadata(analysed.run_day("analyze", WEDNESDAY), "specs")
    assert "| cache-probe | python | [2606.17001](https://arxiv.org/abs/2606.17001) | shipped |" in str(
        shown["specs"]
    )


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
    assert shown["paper"] == "https://arxiv.org/abs/2606.17001"
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
    assert shown["what to do"] == TESTS_FAILED.mend
    assert shown["repo"] == "cache-probe"
    assert "| tests-pass | failed |" in str(shown["gates"])
    queued = analysed.registry.spec_named("cache-probe")
    assert queued is not None
    assert queued.error_log == text


def test_the_verdicts_of_a_refused_repo_are_recorded_before_it_fails(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert checks(result) == {check_name(gate): gate != TESTS_FAILED.gate for gate in ALL_GATES}
    (verdict,) = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert verdict.partition == "2026-06-17|01"
    assert TESTS_FAILED.saw in str(verdict.metadata["saw"].value)
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


def test_a_deferred_build_is_red_and_stays_queued(analysed: DefsFactory) -> None:
    analysed.building.deferred = frozenset({"cache-probe"})
    result = analysed.run_rank("build", WEDNESDAY, 1)
    assert not result.success
    assert failure_of(result)[1]["what to do"] == "Nothing: it is launched again by itself."
    queued = analysed.registry.spec_named("cache-probe")
    assert queued is not None
    assert (queued.status, queued.attempts) == (BuildStatus.QUEUED, 0)


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
        "paper": "https://arxiv.org/abs/2606.17001",
        "papers": "2606.17001",
        "commit": "commit-of-cache-probe",
        "seconds": 0.5,
    }
    version = analysed.data_version("mirrored_repos", "2026-06-17|01")
    second = metadata(analysed.run_rank("mirror", WEDNESDAY, 1), "mirrored_repos")
    assert second["outcome"] == "unchanged"
    assert analysed.data_version("mirrored_repos", "2026-06-17|01") == version


# The machine and its settings, through the real gateways


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
        "registry": factory.registry,
        "gathering": factory.gathering,
        "building": factory.building,
        "mirroring": factory.mirroring,
    }
    overrides = {name: fake for name, fake in fakes.items() if name not in stages}
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


def test_a_missing_git_is_named_by_the_asset_that_needs_it(
    analysed: DefsFactory, replay_settings: Settings, programs: Path
) -> None:
    result = with_real(analysed, replay_settings, "building").run_rank("build", WEDNESDAY, 1)
    text, shown = failure_of(result)
    assert text == "git is not installed. To mend it: Install git; `factory doctor` checks it."
    assert shown["repo"] == "cache-probe"
    queued = analysed.registry.spec_named("cache-probe")
    assert queued is not None
    assert (queued.status, queued.attempts) == (BuildStatus.QUEUED, 0)


def test_a_live_instance_builds_nothing_without_a_sandbox(
    analysed: DefsFactory, replay_settings: Settings, programs: Path
) -> None:
    (programs / "git").symlink_to("/bin/true")
    live = replay_settings.model_copy(
        update={"factory_mode": Mode.LIVE, "anthropic_api_key": SecretStr("sk-ant-made-up")}
    )
    text, _ = failure_of(with_real(analysed, live, "building").run_rank("build", WEDNESDAY, 1))
    assert "bubblewrap" in text
    assert "FACTORY_UNSANDBOXED=1" in text


def test_a_live_instance_without_a_place_to_mirror_to_names_both(
    analysed: DefsFactory, replay_settings: Settings
) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    live = replay_settings.model_copy(update={"factory_mode": Mode.LIVE, "factory_mirror_dir": None})
    text, _ = failure_of(with_real(analysed, live, "mirroring").run_rank("mirror", WEDNESDAY, 1))
    assert "There is nowhere to mirror to." in text
    assert "GITHUB_TOKEN" in text
    assert "FACTORY_MIRROR_DIR" in text
