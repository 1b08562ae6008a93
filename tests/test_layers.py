"""The direction of imports, and the names that several files must agree on."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from factory_assets.cli import supervisor
from factory_assets.defs import client
from factory_assets.settings import PROJECT_ROOT, Settings, documents


def test_imports_go_one_way() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    result = subprocess.run(
        [str(linter), "--no-cache"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_heavy_packages_are_not_imported_with_the_definitions() -> None:
    heavy = ("anthropic", "apprise", "claude_agent_sdk", "github", "httpx", "sqlalchemy", "matplotlib")
    code = f"import sys, factory_assets.build_defs;print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_what_dagster_does_not_publish_is_imported_in_one_place() -> None:
    private = re.compile(r"^\s*(?:from|import) dagster(?:_graphql)?\.", re.MULTILINE)
    package = PROJECT_ROOT / "factory_assets"
    found = {path.parent.name for path in package.rglob("*.py") if private.search(path.read_text())}
    assert found == {"dagster_private"}


def test_sql_is_written_in_the_registry_and_for_the_files_of_router_and_archive_only() -> None:
    sql = re.compile(r"\b(SELECT\s.*\sFROM|INSERT\s+INTO|UPDATE\s.*\sSET|DELETE\s+FROM)\b")
    package = PROJECT_ROOT / "factory_assets"
    found = [
        str(path)
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in {"archive", "registry", "router"}
        and sql.search(path.read_text())
    ]
    assert found == []


def test_the_code_location_has_one_name_everywhere() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    workspace = yaml.safe_load((PROJECT_ROOT / "workspace.yaml").read_text())
    names = {
        project["tool"]["dagster"]["code_location_name"],
        project["tool"]["dg"]["project"]["code_location_name"],
        workspace["load_from"][0]["python_module"]["location_name"],
        client.LOCATION,
        supervisor.LOCATION,
    }
    assert names == {"factory"}


def test_telemetry_and_the_first_visit_dialog_are_off() -> None:
    instance = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
    assert instance["telemetry"] == {"enabled": False}
    assert instance["nux"] == {"enabled": False}


def test_the_page_and_the_example_file_tell_of_the_settings_as_they_are() -> None:
    page = documents.PAGE.read_text()
    assert documents.with_tables(page) == page, "give `make settings-docs`"
    assert documents.example() == documents.EXAMPLE.read_text(), "give `make settings-docs`"


def test_every_setting_stands_once_in_the_tables_and_in_the_example_file() -> None:
    tables, example = documents.with_tables(documents.PAGE.read_text()), documents.example()
    for name in Settings.model_fields:
        assert tables.count(f"\n| `{name.upper()}` |") == 1, name
        assert example.count(f"\n#{name.upper()}=") == 1, name


def test_the_lock_file_names_exact_versions_and_no_index() -> None:
    lines = (PROJECT_ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+", line)] == []
