"""The asset graph as a reviewer sees it: a change of it shows here."""

import dagster as dg
import pytest

from factory_assets.build_defs import build_defs
from factory_assets.settings import Mode, Settings


@pytest.fixture
def defs(replay_settings: Settings) -> dg.Definitions:
    return build_defs(replay_settings)


def describe(defs: dg.Definitions) -> dict[str, dict[str, object]]:
    graph = defs.resolve_asset_graph()
    return {
        key.to_user_string(): {
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "partitions": type(node.partitions_def).__name__ if node.partitions_def else None,
            "backfill": node.backfill_policy.max_partitions_per_run if node.backfill_policy else "default",
            "pools": sorted(node.pools or set()),
        }
        for key in sorted(graph.get_all_asset_keys())
        for node in [graph.get(key)]
    }


def test_the_graph_is_the_one_of_the_design(defs: dg.Definitions) -> None:
    assert describe(defs) == {
        "arxiv_oai": {
            "deps": [],
            "group": "archive",
            "kinds": ["arxiv"],
            "partitions": None,
            "backfill": "default",
            "pools": [],
        },
        "arxiv_records": {
            "deps": ["arxiv_oai"],
            "group": "archive",
            "kinds": ["arxiv", "duckdb"],
            "partitions": "DailyPartitionsDefinition",
            "backfill": None,
            "pools": ["archive"],
        },
        "arxiv_api": {
            "deps": [],
            "group": "factory",
            "kinds": ["arxiv"],
            "partitions": None,
            "backfill": "default",
            "pools": [],
        },
        "built_repos": {
            "deps": ["specs"],
            "group": "factory",
            "kinds": ["claude", "git"],
            "partitions": "MultiPartitionsDefinition",
            "backfill": "default",
            "pools": ["builds"],
        },
        "candidates": {
            "deps": ["papers"],
            "group": "ideas",
            "kinds": ["duckdb"],
            "partitions": "DailyPartitionsDefinition",
            "backfill": "default",
            "pools": ["research"],
        },
        "factory_days": {
            "deps": ["built_repos", "mirrored_repos", "papers", "specs"],
            "group": "factory",
            "kinds": ["duckdb"],
            "partitions": "DailyPartitionsDefinition",
            "backfill": None,
            "pools": [],
        },
        "factory_report": {
            "deps": [],
            "group": "factory",
            "kinds": ["duckdb", "matplotlib"],
            "partitions": None,
            "backfill": "default",
            "pools": [],
        },
        "github": {
            "deps": ["mirrored_repos"],
            "group": "factory",
            "kinds": ["github"],
            "partitions": None,
            "backfill": "default",
            "pools": [],
        },
        "mirrored_repos": {
            "deps": ["built_repos"],
            "group": "factory",
            "kinds": ["git", "github"],
            "partitions": "MultiPartitionsDefinition",
            "backfill": 1,
            "pools": ["mirror"],
        },
        "papers": {
            "deps": ["arxiv_api"],
            "group": "factory",
            "kinds": ["arxiv", "duckdb"],
            "partitions": "DailyPartitionsDefinition",
            "backfill": None,
            "pools": ["gather"],
        },
        "research_contexts": {
            "deps": ["arxiv_records", "candidates"],
            "group": "ideas",
            "kinds": ["duckdb", "github"],
            "partitions": "DailyPartitionsDefinition",
            "backfill": "default",
            "pools": ["research"],
        },
        "router_stats": {
            "deps": [],
            "group": "factory",
            "kinds": ["matplotlib"],
            "partitions": None,
            "backfill": "default",
            "pools": [],
        },
        "specs": {
            "deps": ["papers", "research_contexts"],
            "group": "factory",
            "kinds": ["anthropic", "duckdb"],
            "partitions": "DailyPartitionsDefinition",
            "backfill": "default",
            "pools": ["analyze"],
        },
    }


def test_every_asset_explains_itself(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners == ["team:factory"], key
        assert node.tags.get("stage") in {"gather", "ideas", "analyze", "build", "mirror", "report"}, key
        assert node.code_version or not node.is_materializable, key


SPENDING = {"analyze_daily", "build_daily", "queued_specs"}


def running(defs: dg.Definitions) -> set[str]:
    schedules = {
        schedule.name
        for schedule in defs.schedules or []
        if schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    }
    sensors = {
        sensor.name
        for sensor in defs.sensors or []
        if sensor.default_status is dg.DefaultSensorStatus.RUNNING
    }
    return schedules | sensors


def test_jobs_schedules_and_sensors_are_there_and_what_spends_is_stopped(defs: dg.Definitions) -> None:
    assert {job.name for job in defs.jobs or []} == {
        "gather",
        "discover",
        "research",
        "synthesize",
        "ideas",
        "analyze",
        "analyze_by_batch",
        "build",
        "mirror",
    }
    assert {schedule.name: schedule.cron_schedule for schedule in defs.schedules or []} == {
        "gather_hourly": "0 * * * *",
        "analyze_daily": "0 6 * * *",
        "build_daily": "30 6 * * *",
        "mirror_nightly": "0 23 * * *",
        "harvest_daily": "30 5 * * *",
        "research_again": "40 * * * *",
        "report_daily": "0 7 * * *",
        "router_hourly": "30 * * * *",
        "housekeeping_daily": "0 3 * * *",
    }
    assert {sensor.name for sensor in defs.sensors or []} == {
        "queued_specs",
        "imported_specs",
        "day_pages",
        "alerts",
        "settings_in_force",
        "spent_answers",
        "message_batches",
    }
    assert not running(defs) & SPENDING
    # This instance mirrors into a folder, which publishes nothing.
    assert running(defs) == {
        "gather_hourly",
        "mirror_nightly",
        "research_again",
        "report_daily",
        "router_hourly",
        "housekeeping_daily",
        "imported_specs",
        "day_pages",
        "alerts",
        "settings_in_force",
        "spent_answers",
        "message_batches",
    }


def test_the_archive_is_harvested_daily_once_the_operator_wants_it(replay_settings: Settings) -> None:
    wanted = replay_settings.model_copy(update={"factory_archive": True})
    assert "harvest_daily" in running(build_defs(wanted))


def test_mirroring_to_github_waits_for_the_operator(replay_settings: Settings) -> None:
    from pydantic import SecretStr

    live = replay_settings.model_copy(
        update={"factory_mode": Mode.LIVE, "github_token": SecretStr("made-up-token-of-a-test")}
    )
    assert "mirror_nightly" not in running(build_defs(live))
    nowhere = replay_settings.model_copy(update={"factory_mirror_dir": None})
    assert "mirror_nightly" not in running(build_defs(nowhere))


def test_times_and_zone_are_settings(replay_settings: Settings) -> None:
    changed = replay_settings.model_copy(
        update={"factory_build_cron": "15 4 * * 1-5", "factory_timezone": "Europe/Berlin"}
    )
    schedules = {schedule.name: schedule for schedule in build_defs(changed).schedules or []}
    assert schedules["build_daily"].cron_schedule == "15 4 * * 1-5"
    assert {schedule.execution_timezone for schedule in schedules.values()} == {"Europe/Berlin"}


def test_partitions_go_from_the_start_date_to_the_end_date_by_rank(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    dates = graph.get(dg.AssetKey("papers")).partitions_def
    ranks = graph.get(dg.AssetKey("built_repos")).partitions_def
    assert dates is not None
    assert dates.get_partition_keys() == ["2026-06-17", "2026-06-18", "2026-06-19"]
    assert ranks is not None
    assert len(ranks.get_partition_keys()) == 3 * 4
    assert ranks.get_partition_keys()[0] == "2026-06-17|01"


def test_an_instance_without_an_end_has_a_partition_for_today(replay_settings: Settings) -> None:
    from datetime import UTC, datetime

    live = replay_settings.model_copy(update={"factory_end_date": None})
    dates = build_defs(live).resolve_asset_graph().get(dg.AssetKey("papers")).partitions_def
    assert dates is not None
    assert dates.get_last_partition_key() == datetime.now(UTC).date().isoformat()


def test_an_instance_whose_end_is_still_to_come_has_a_partition_for_today(replay_settings: Settings) -> None:
    from datetime import UTC, datetime, timedelta

    today = datetime.now(UTC).date()
    settings = replay_settings.model_copy(update={"factory_end_date": today + timedelta(days=9)})
    dates = build_defs(settings).resolve_asset_graph().get(dg.AssetKey("papers")).partitions_def
    assert dates is not None
    assert dates.get_last_partition_key() == today.isoformat()


def test_no_setting_that_is_a_secret_reaches_the_definitions(replay_settings: Settings) -> None:
    from pydantic import SecretStr

    settings = replay_settings.model_copy(update={"github_token": SecretStr("ghp_very_secret")})
    assert "ghp_very_secret" not in str(describe(build_defs(settings)))


def test_definitions_are_fresh_each_time(replay_settings: Settings) -> None:
    assert build_defs(replay_settings) is not build_defs(replay_settings)
