"""One rule for every setting: the environment wins over `.env`, in each program that the factory starts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from defs_commands import Commands

from factory_assets.cli.instance import open_instance
from factory_assets.cli.processes import start
from factory_assets.settings import Settings, load_settings

# One that differs from the default for every setting: in `.env`, and in the environment.
VALUES: dict[str, tuple[str, str]] = {
    "github_token": ("ghp_fromthefile0001", "ghp_fromtheenvironment2"),
    "github_user": ("file-user", "environment-user"),
    "factory_data_dir": ("{folder}/file data", "{folder}/environment data"),
    "factory_git_dir": ("/file #1/git", "/environment #2/git"),
    "claude_binary": ("/file/claude", "/environment/claude"),
    "factory_router_key": ("router-key-of-file-0001", "router-key-of-environment-2"),
    "llm_router_url": ("http://file:1", "http://environment:2"),
    "factory_dagster_url": (
        "postgresql://u:password-1@file/dagster",
        "postgresql://u:password-2@environment/dagster",
    ),
    "factory_celery_broker": ("redis://:password-3@file:6379/0", "redis://:password-4@environment:6379/1"),
    "build_workers": ("2", "3"),
    "anthropic_api_key": ("sk-ant-file-0001", "sk-ant-environment-2"),
    "anthropic_auth_token": ("token-of-file-0001", "token-of-environment-2"),
    "claude_code_oauth_token": ("oauth-of-file-0001", "oauth-of-environment-2"),
    "anthropic_base_url": ("http://file:3", "http://environment:4"),
    "factory_mode": ("replay", "live"),
    "factory_arxiv_url": ("http://file:5/q", "http://environment:6/q"),
    "factory_arxiv_text_url": ("http://file:23", "http://environment:24"),
    "factory_archive": ("true", "1"),
    "factory_oai_url": ("http://file:61/oai", "http://environment:62/oai"),
    "factory_oai_sets": ("cs", "math,cs:cs:LG"),
    "factory_github_url": ("http://file:7", "http://environment:8"),
    "factory_start_date": ("2026-06-02", "2026-06-03"),
    "factory_end_date": ("2026-06-20", "2026-06-21"),
    "factory_ranks": ("60", "80"),
    "factory_specs_per_day": ("21", "22"),
    "factory_max_per_topic": ("5", "6"),
    "factory_topics_file": ("/file/topics.yaml", "/environment/topics.yaml"),
    "factory_candidates": ("10", "20"),
    "factory_scoring_file": ("/file/scoring.yaml", "/environment/scoring.yaml"),
    "factory_prompts_dir": ("/file/prompts", "/environment/prompts"),
    "factory_gather_window_days": ("8", "9"),
    "factory_arxiv_interval": ("4.5", "5.5"),
    "factory_mirror_interval": ("31.5", "32.5"),
    "factory_analyze_model": ("file-a", "environment-a"),
    "factory_synthesis_model": ("file-y", "environment-y"),
    "factory_specs_from": ("research", "papers"),
    "factory_research_specs": ("10", "12"),
    "factory_analyze_by": ("batch", "direct"),
    "factory_batch_hours": ("7.5", "8.5"),
    "factory_build_model": ("file-b", "environment-b"),
    "factory_seo_model": ("file-s", "environment-s"),
    "factory_review_model": ("file-r", "environment-r"),
    "factory_reader_model": ("file-d", "environment-d"),
    "factory_reader": ("advise", "off"),
    "factory_acceptance": ("false", "true"),
    "factory_acceptance_model": ("file-e", "environment-e"),
    "factory_backends_file": ("/file/backends.yaml", "/environment/backends.yaml"),
    "factory_reroute": ("1", "0"),
    "factory_lowest_models": ("seo=file-s", "build=environment-b,seo=environment-s"),
    "factory_answer_cache_hours": ("2.5", "3.5"),
    "factory_semantic_stages": ("analyze", "analyze,reader"),
    "factory_archive_space": ("embeddings", "learned"),
    "factory_embeddings_url": ("http://file:19", "http://environment:20"),
    "factory_embeddings_model": ("file-e", "environment-e"),
    "factory_embeddings_threshold": ("0.9", "0.95"),
    "openalex_api_key": ("openalex-of-file-0001", "openalex-of-environment-2"),
    "factory_openalex_url": ("http://file:23", "http://environment:24"),
    "semantic_scholar_api_key": ("s2-of-file-0001", "s2-of-environment-2"),
    "factory_semantic_scholar_url": ("http://file:25", "http://environment:26"),
    "factory_novelty_shares": ("0.5,0.25,0.25", "0.4,0.4,0.2"),
    "factory_novelty_floor": ("0.3", "0.35"),
    "factory_build_turns": ("11", "12"),
    "factory_seo_turns": ("13", "14"),
    "factory_review_turns": ("15", "16"),
    "factory_repo_budget_usd": ("6.5", "7.5"),
    "factory_day_budget_usd": ("61.5", "62.5"),
    "factory_build_budget_usd": ("2.5", "2.25"),
    "factory_seo_budget_usd": ("0.75", "0.25"),
    "factory_review_budget_usd": ("1.25", "1.75"),
    "factory_repair_rounds": ("2", "3"),
    "factory_build_hours": ("14", "15"),
    "factory_phase_minutes": ("61", "62"),
    "factory_gate_minutes": ("11", "12"),
    "factory_pypi_url": ("http://file:9/simple", "http://environment:10/simple"),
    "factory_npm_url": ("http://file:11", "http://environment:12"),
    "factory_sandbox_memory_gb": ("5.5", "6.5"),
    "factory_sandbox_processes": ("513", "514"),
    "factory_sandbox_disk_gb": ("2.5", "3.5"),
    "factory_unsandboxed": ("1", "0"),
    "factory_github_visibility": ("private", "public"),
    "factory_recordings_dir": ("/file/recordings", "/environment/recordings"),
    "factory_mirror_dir": ("/file/mirrored", "/environment/mirrored"),
    "factory_specs_dir": ("/file/specs", "/environment/specs"),
    "factory_registry_url": ("postgresql://file/factory", "postgresql://environment/factory"),
    "idea_engine_postgres_url": ("postgresql://file/ideas", "postgresql://environment/ideas"),
    "factory_keep_days": ("31", "32"),
    "factory_log_store": ("/file/logs", "s3://environment-logs/factory"),
    "aws_endpoint_url": ("http://file:27", "http://environment:28"),
    "aws_region": ("eu-central-1", "eu-west-1"),
    "aws_access_key_id": ("AKIAFROMTHEFILE00001", "AKIAFROMTHEENVIRON02"),
    "aws_secret_access_key": ("secret-key-of-file-0001", "secret-key-of-environment-2"),
    "factory_ui_host": ("127.0.0.2", "::1"),
    "factory_ui_port": ("3001", "3002"),
    "factory_ui_url": ("http://file:13", "http://environment:14"),
    "factory_alert_webhook": ("http://file:15/alert-0001", "http://environment:16/alert-2"),
    "factory_slack_webhook": ("http://file:17/slack-0001", "http://environment:18/slack-2"),
    "factory_alert_urls": ("ntfy://file-topic-0001", "ntfy://environment-2 json://environment:21"),
    "factory_metrics_port": ("9464", "9465"),
    "factory_log_format": ("json", "text"),
    "factory_timezone": ("Europe/Berlin", "Asia/Tokyo"),
    "factory_gather_cron": ("1 * * * *", "@hourly"),
    "factory_analyze_cron": ("1 6 * * *", "2 6 * * *"),
    "factory_build_cron": ("31 6 * * *", "32 6 * * *"),
    "factory_mirror_cron": ("1 23 * * *", "2 23 * * *"),
    "factory_report_cron": ("1 7 * * *", "2 7 * * *"),
    "factory_git_author": ("File <file@localhost>", "Environment <environment@localhost>"),
    "factory_owner": ("team:file", "team:environment"),
}
# As Dagster's command line does it: an `.env` of the working folder is laid over the environment.
_AS_DAGSTER = """
import json, sys
from dagster._cli.utils import _inject_local_env_file
import logging
from factory_assets.settings import Settings, load_settings
with _inject_local_env_file(logging.getLogger("x")):
    loaded = load_settings()
dump = {name: getattr(value, "get_secret_value", lambda: str(value))() for name, value in loaded}
print("LOADED" + json.dumps(dump))
"""


def _plain(settings: Settings) -> dict[str, str]:
    return {
        name: str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
        for name, value in settings
    }


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Set every setting in `.env`, and those that are named in the environment; what is expected then."""
    for name in ("FACTORY_MODE", "FACTORY_DATA_DIR"):
        # Opening an instance sets these, and they are as before afterwards.
        monkeypatch.setenv(name, "")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.chdir(tmp_path)

    def written(in_environment: bool) -> dict[str, str]:
        texts = {name: [value.format(folder=tmp_path) for value in pair] for name, pair in VALUES.items()}
        (home / ".env").write_text("".join(f"{name.upper()}='{text[0]}'\n" for name, text in texts.items()))
        if in_environment:
            for name, text in texts.items():
                monkeypatch.setenv(name.upper(), text[1])
        chosen = {name: text[int(in_environment)] for name, text in texts.items()}
        return _plain(Settings(_env_file=None, **chosen))

    return written


def _loaded_by_child(home: Path) -> dict[str, str]:
    instance = open_instance()
    log = home / "child.log"
    child = start([sys.executable, "-c", _AS_DAGSTER], log=log, cwd=instance.programs_dir)
    assert child.wait(60) == 0, log.read_text()
    text = log.read_text()
    return dict(json.loads(text[text.index("LOADED") + len("LOADED") :]))


def test_every_setting_has_two_values_in_this_test() -> None:
    assert set(VALUES) == set(Settings.model_fields)


@pytest.mark.parametrize("in_environment", [False, True])
def test_every_setting_is_read_here_and_in_what_is_started(
    write: Callable[..., dict[str, str]], tmp_path: Path, *, in_environment: bool
) -> None:
    expected = write(in_environment)
    assert _plain(load_settings()) == expected
    assert _loaded_by_child(tmp_path) == expected


def test_what_env_sets_for_other_programs_counts_here_and_in_what_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., dict[str, str]]
) -> None:
    write(False)
    # Names that are set here are put back afterwards.
    monkeypatch.setenv("HTTPS_PROXY", "")
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("http_proxy", "http://environment:1")
    with (tmp_path / "home" / ".env").open("a") as file:
        file.write("HTTPS_PROXY=http://file:1\nHTTP_PROXY=http://file:2\n")
    instance = open_instance()
    assert os.environ["HTTPS_PROXY"] == "http://file:1"
    look = (
        "import os; print(os.environ['HTTPS_PROXY'], os.environ['http_proxy'], os.environ.get('HTTP_PROXY'))"
    )
    log = tmp_path / "child.log"
    assert start([sys.executable, "-c", look], log=log, cwd=instance.programs_dir).wait(60) == 0
    assert log.read_text().split() == ["http://file:1", "http://environment:1", "None"]


def test_what_was_started_keeps_its_settings_when_env_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., dict[str, str]]
) -> None:
    expected = write(False)
    monkeypatch.setenv("FACTORY_MODE", "replay")
    instance = open_instance()
    log, go = tmp_path / "late.log", tmp_path / "go"
    waits = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\n"
    child = start([sys.executable, "-c", waits + _AS_DAGSTER], log=log, cwd=instance.programs_dir)
    with (tmp_path / "home" / ".env").open("a") as file:
        file.write("FACTORY_RANKS=90\nBUILD_WORKERS=\n")
    go.touch()
    assert child.wait(60) == 0, log.read_text()
    text = log.read_text()
    assert json.loads(text[text.index("LOADED") + len("LOADED") :]) == expected
    assert load_settings().factory_ranks == 90


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    return made


def test_a_relative_dagster_home_is_taken_from_where_the_command_was_given(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = commands.program("status", FACTORY_MODE="replay", DAGSTER_HOME="home")
    assert (ended.code, ended.err) == (0, "")
    assert str(commands.home) in commands.program("prepare", FACTORY_MODE="replay", DAGSTER_HOME="./home").out


@pytest.mark.parametrize("home", ["here", "./here"])
def test_a_user_without_a_home_folder_is_one_clear_error(commands: Commands, home: str) -> None:
    ended = commands.program("status", FACTORY_MODE="replay", HOME=home)
    assert ended.code == 1
    assert "has no home folder" in ended.err
    assert "Set HOME" in ended.err
    assert "Traceback" not in ended.err


def test_a_user_without_passwd_entry_and_home_is_one_clear_error(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", _nobody)
    ended = commands("status", FACTORY_MODE="replay")
    assert ended.code == 1
    assert "has no home folder" in ended.err


def _nobody(_uid: int) -> None:
    raise KeyError


@pytest.mark.end_to_end
def test_a_command_works_in_the_data_folder_of_its_environment(commands: Commands, tmp_path: Path) -> None:
    commands.write_replay(
        {"FACTORY_DATA_DIR": str(commands.home / "of the file"), "FACTORY_ARXIV_INTERVAL": "0"}
    )
    elsewhere = tmp_path / "else where"
    ended = commands.program(
        "gather", "--date", "2026-06-17", FACTORY_MODE="replay", FACTORY_DATA_DIR=str(elsewhere)
    )
    assert (ended.code, ended.err) == (0, "")
    assert (elsewhere / "registry.duckdb").exists()
    assert not (commands.home / "of the file").exists()
