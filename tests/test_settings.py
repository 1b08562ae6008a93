"""Settings: where they come from, and what a wrong one says."""

import re
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from factory_assets.domain.errors import InputError
from factory_assets.settings import PROJECT_ROOT, Settings, documents, load_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def test_defaults_are_those_of_the_design(home: Path) -> None:
    settings = load_settings()
    assert settings.factory_data_dir == PROJECT_ROOT / ".factory" / "live"
    assert settings.git_dir == settings.factory_data_dir / "git"
    assert settings.build_workers == 1
    assert (settings.ranks, settings.late_ranks) == (range(1, 31), range(31, 41))


def test_the_environment_wins_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".env").write_text("BUILD_WORKERS=2\nFACTORY_UI_PORT=3001\n")
    monkeypatch.setenv("BUILD_WORKERS", "3")
    settings = load_settings()
    assert (settings.build_workers, settings.factory_ui_port) == (3, 3001)


def test_an_empty_line_in_the_file_means_the_default(home: Path) -> None:
    (home / ".env").write_text("ANTHROPIC_API_KEY=\nFACTORY_GIT_DIR=\n")
    settings = load_settings()
    assert settings.anthropic_api_key is None
    assert settings.factory_git_dir is None


def test_a_wrong_value_names_the_file_the_setting_and_the_fix(home: Path) -> None:
    (home / ".env").write_text("BUILD_WORKERS=many\n")
    with pytest.raises(InputError) as raised:
        load_settings()
    assert str(home / ".env") in str(raised.value)
    assert "BUILD_WORKERS" in str(raised.value)
    assert "docs/settings.md" in raised.value.fix


def test_specs_that_do_not_fit_the_ranks_are_refused(home: Path) -> None:
    (home / ".env").write_text("FACTORY_RANKS=4\nFACTORY_SPECS_PER_DAY=4\n")
    with pytest.raises(InputError, match="FACTORY_SPECS_PER_DAY"):
        load_settings()


def test_a_day_budget_in_which_no_build_could_start_is_refused(home: Path) -> None:
    (home / ".env").write_text("FACTORY_DAY_BUDGET_USD=4\n")
    with pytest.raises(InputError, match=r"less than FACTORY_REPO_BUDGET_USD \(5\), so that no build"):
        load_settings()


def test_a_credential_that_was_copied_with_an_ellipsis_is_refused_and_not_shown(home: Path) -> None:
    (home / ".env").write_text('ANTHROPIC_API_KEY="sk-ant-api03-abcdefgh\u2026"\n', encoding="utf-8")
    with pytest.raises(InputError, match="ANTHROPIC_API_KEY") as raised:
        load_settings()
    assert "a character outside ASCII" in str(raised.value)
    assert "abcdefgh" not in str(raised.value)


@pytest.mark.parametrize(
    "urls", ["ntfy://topic secret-part", "json://[secret-part", "secret-part,json://host"]
)
def test_alert_urls_of_which_one_is_none_are_refused_and_not_shown(home: Path, urls: str) -> None:
    (home / ".env").write_text(f'FACTORY_ALERT_URLS="{urls}"\n')
    with pytest.raises(InputError, match=r"FACTORY_ALERT_URLS is not valid: word \d is no URL") as raised:
        load_settings()
    assert "secret-part" not in str(raised.value)


def test_alert_urls_stand_with_blanks_between(home: Path) -> None:
    (home / ".env").write_text('FACTORY_ALERT_URLS=" ntfy://one  json://two/a,b "\n')
    assert load_settings().alert_urls == (SecretStr("ntfy://one"), SecretStr("json://two/a,b"))


def test_a_misspelt_setting_is_refused_with_the_right_name(home: Path) -> None:
    (home / ".env").write_text("FACTORY_DAY_BUDGT_USD=10\n")
    with pytest.raises(InputError, match="FACTORY_DAY_BUDGT_USD") as raised:
        load_settings()
    assert "FACTORY_DAY_BUDGET_USD" in raised.value.fix


@pytest.mark.parametrize(
    ("line", "meant"), [("GITHUB_TOKN=x", "GITHUB_TOKEN"), ("build_worker=2", "BUILD_WORKERS")]
)
def test_a_name_close_to_a_setting_is_refused_with_the_right_name(home: Path, line: str, meant: str) -> None:
    (home / ".env").write_text(f"{line}\n")
    with pytest.raises(InputError, match=line.split("=", maxsplit=1)[0]) as raised:
        load_settings()
    assert raised.value.fix == f"Did you mean {meant}?"


def test_names_of_other_programs_in_the_file_are_let_be(home: Path) -> None:
    (home / ".env").write_text("GH_TOKEN=x\nexport HTTPS_PROXY='http://proxy:3128'\n# a comment\n\n")
    assert load_settings().github_token is None


def test_a_misspelt_setting_in_the_environment_is_warned_of(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FACTORY_UI_PROT", "3001")
    assert load_settings().factory_ui_port == 3000
    assert "there is no setting FACTORY_UI_PROT. Did you mean FACTORY_UI_PORT?" in caplog.text


@pytest.mark.parametrize("name", ["FACTORY_API_KEY", "FACTORY_BOY_SEED", "FACTORY_", "FACTORY_TOKEN"])
def test_what_other_programs_call_theirs_in_the_environment_is_let_be(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    load_settings()
    assert caplog.text == ""


@pytest.mark.parametrize("line", ["BUILD_WORKERS: 2", "BUILD_WORKERS", "=2", "GITHUB_TOKEN='ghp_secret"])
def test_a_line_that_is_no_assignment_is_refused_by_its_number(home: Path, line: str) -> None:
    (home / ".env").write_text(f"# Mine.\nFACTORY_UI_PORT=3001\n\n\n{line}\n")
    with pytest.raises(InputError, match="no assignment") as raised:
        load_settings()
    assert raised.value.where == f"{home / '.env'}, line 5"
    assert "NAME=value" in raised.value.fix
    assert "ghp_secret" not in str(raised.value)


def test_a_file_that_is_not_utf_8_is_refused(home: Path) -> None:
    (home / ".env").write_bytes("FACTORY_GIT_AUTHOR=Zoë <z@example.com>\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8") as raised:
        load_settings()
    assert raised.value.where == str(home / ".env")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FACTORY_TIMEZONE", "Mars/Olympus"),
        ("FACTORY_TIMEZONE", "America"),
        ("FACTORY_TIMEZONE", "../UTC"),
        ("FACTORY_END_DATE", "2026-05-31"),
        ("FACTORY_OWNER", "the-factory"),
        ("FACTORY_OWNER", "team:"),
        ("FACTORY_GIT_AUTHOR", "Ada"),
        ("FACTORY_GIT_AUTHOR", "<ada@example.com>"),
        ("FACTORY_GIT_AUTHOR", "Ada <ada@example.com"),
        ("FACTORY_BUILD_CRON", "0 25 * * *"),
        ("LLM_ROUTER_URL", "localhost:4000"),
        ("FACTORY_NOVELTY_SHARES", "0.5,0.5,0.5"),
        ("FACTORY_NOVELTY_SHARES", "1.0"),
        ("ANTHROPIC_BASE_URL", "https://"),
        ("FACTORY_ARXIV_URL", "ftp://export.arxiv.org/api/query"),
        ("FACTORY_GITHUB_URL", "http://git hub/api"),
        ("FACTORY_GITHUB_URL", "http://github:port/api"),
    ],
)
def test_a_value_that_would_fail_only_later_is_refused_by_name(home: Path, name: str, value: str) -> None:
    (home / ".env").write_text(f'{name}="{value}"\n')
    with pytest.raises(InputError, match=f"{name} is not valid") as raised:
        load_settings()
    assert raised.value.where == str(home / ".env")


@pytest.mark.parametrize("owner", ["team:factory", "team:the factory", "ops@example.com"])
def test_an_owner_that_is_let_through_is_one_for_dagster(home: Path, owner: str) -> None:
    (home / ".env").write_text(f'FACTORY_OWNER="{owner}"\n')
    assert list(dg.AssetSpec("papers", owners=[load_settings().factory_owner]).owners) == [owner]


def test_good_zones_dates_and_addresses_are_taken(home: Path) -> None:
    (home / ".env").write_text(
        "FACTORY_TIMEZONE=Europe/Berlin\nFACTORY_START_DATE=2026-06-17\nFACTORY_END_DATE=2026-06-17\n"
        "LLM_ROUTER_URL=http://127.0.0.1:4000\n"
    )
    settings = load_settings()
    assert settings.factory_timezone == "Europe/Berlin"
    assert settings.factory_end_date == settings.factory_start_date
    assert settings.llm_router_url == "http://127.0.0.1:4000"


def test_an_unknown_mode_is_refused_by_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTORY_MODE", "test")
    with pytest.raises(InputError, match="live or replay"):
        load_settings()


def test_no_error_text_holds_a_secret(home: Path) -> None:
    (home / ".env").write_text("ANTHROPIC_API_KEY=sk-ant-very-secret\nBUILD_WORKERS=0\n")
    with pytest.raises(InputError) as raised:
        load_settings()
    assert "very-secret" not in str(raised.value)
    (home / ".env").write_text("ANTHROPIC_API_KEY=sk-ant-very-secret\n")
    assert "very-secret" not in repr(load_settings())


def test_the_example_file_with_every_line_in_force_says_the_defaults(home: Path) -> None:
    lines = documents.example().splitlines()
    assignments = [line.removeprefix("#") for line in lines if re.match("#[A-Z]", line)]
    (home / ".env").write_text("\n".join(assignments))
    assert len(assignments) == len(Settings.model_fields)
    assert load_settings() == Settings(_env_file=None)
