"""`.env` reads back as what was written, whatever the paths and values are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from dotenv import dotenv_values

from factory_assets.cli.instance import write_env
from factory_assets.domain.errors import InputError
from factory_assets.env_file import names_in, read_env_file

HOSTILE = [
    "plain", "with blank", "a #comment", "#first", "it's", 'the "quoted"', "$HOME", "${HOME}", "a${b:-c}d", "100%s",
    "back\\slash", "end\\", "\\'", "Zoë/日本", " leading", "trailing ", "a=b", "`id`", "$(id)", "tab\there", "!x", ";x",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_value_is_read_back_as_it_was_written_by_us_and_by_dagster(tmp_path: Path, name: str) -> None:
    home = tmp_path / name.strip()
    write_env(home, {"DAGSTER_HOME": f"/srv/{name}", "BUILD_WORKERS": "2"})
    assert read_env_file(home / ".env") == {"DAGSTER_HOME": f"/srv/{name}", "BUILD_WORKERS": "2"}
    assert dotenv_values(home / ".env")["DAGSTER_HOME"] == f"/srv/{name}"


def test_a_file_with_an_open_quote_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GITHUB_USER='me\n")
    with pytest.raises(InputError):
        write_env(tmp_path, {"DAGSTER_HOME": "/srv/it's"})
    assert (tmp_path / ".env").read_text() == "GITHUB_USER='me\n"


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfBUILD_WORKERS=2\r\nGITHUB_USER='me'\r\n")
    assert read_env_file(tmp_path / ".env") == {"BUILD_WORKERS": "2", "GITHUB_USER": "me"}
    assert names_in(tmp_path / ".env") == ["BUILD_WORKERS", "GITHUB_USER"]
