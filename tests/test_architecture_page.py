"""docs/architecture.md names files, modules and functions that exist, and README leads to it."""

from __future__ import annotations

import re

import pytest

from factory_assets.settings import PROJECT_ROOT, Settings

PACKAGE = PROJECT_ROOT / "factory_assets"
PAGE = (PROJECT_ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w./]+)`", PAGE)))
PLACES = [name for name in NAMED if "/" in name or re.search(r"\.(py|md|yaml|toml)$", name)]
FUNCTIONS = sorted(set(re.findall(r"`(\w+)\(\)`", PAGE)))


def defines(text: str, name: str) -> bool:
    return re.search(rf"\bdef {name}\(", text) is not None


@pytest.mark.parametrize("name", PLACES)
def test_the_files_and_packages_that_it_names_exist(name: str) -> None:
    found = [place for place in (PACKAGE / name, PROJECT_ROOT / name) if place.exists()]
    assert [place.is_dir() for place in found] == [name.endswith("/")]


def test_it_names_every_stage_and_the_places_that_join_them() -> None:
    assert {"gather/", "analyze/", "building/", "mirror/", "instance/", "build_defs.py"} <= set(PLACES)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_functions_that_it_names_are_defined_in_the_file_beside_them(name: str) -> None:
    (line,) = [line for line in paragraphs() if f"`{name}()`" in line]
    beside = [PACKAGE / place for place in PLACES if f"`{place}`" in line and place.endswith(".py")]
    files = beside or list(PACKAGE.rglob("*.py"))
    assert any(defines(path.read_text(encoding="utf-8"), name) for path in files)


def paragraphs() -> list[str]:
    """Its items, rows and paragraphs, each as one line."""
    blocks = re.split(r"\n(?=\n|\||\d+\. )", PAGE)
    return [" ".join(block.split()) for block in blocks]


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bFACTORY_[A-Z_]+", PAGE))))
def test_the_settings_that_it_names_exist(name: str) -> None:
    assert name.lower() in Settings.model_fields


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([\w-]+)`", PAGE))))
def test_the_commands_that_it_names_exist(target: str) -> None:
    assert f"\n{target}:" in (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")


def test_readme_leads_to_it() -> None:
    assert "(docs/architecture.md)" in (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
