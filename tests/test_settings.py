"""Settings: where they come from, and what a wrong one says."""

from pathlib import Path

import pytest

from factory_assets.domain.errors import InputError
from factory_assets.settings import PROJECT_ROOT, Settings, load_settings


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


def test_a_wrong_value_names_the_file_the_setting_and_the_mend(home: Path) -> None:
    (home / ".env").write_text("BUILD_WORKERS=many\n")
    with pytest.raises(InputError) as raised:
        load_settings()
    assert str(home / ".env") in str(raised.value)
    assert "BUILD_WORKERS" in str(raised.value)
    assert "README.md" in raised.value.mend


def test_specs_that_do_not_fit_the_ranks_are_refused(home: Path) -> None:
    (home / ".env").write_text("FACTORY_RANKS=4\nFACTORY_SPECS_PER_DAY=4\n")
    with pytest.raises(InputError, match="FACTORY_SPECS_PER_DAY"):
        load_settings()


def test_a_misspelt_setting_is_refused_with_the_right_name(home: Path) -> None:
    (home / ".env").write_text("FACTORY_DAY_BUDGT_USD=10\n")
    with pytest.raises(InputError, match="FACTORY_DAY_BUDGT_USD") as raised:
        load_settings()
    assert "FACTORY_DAY_BUDGET_USD" in raised.value.mend


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
