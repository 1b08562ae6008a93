"""docs/costs.md shows what the bench measured and what the price table says, and no other figures in its tables."""

from __future__ import annotations

import re

import pytest

from bench.bench_day import TITLE, prices
from factory_assets.replay.messages import MODELS
from factory_assets.settings import PROJECT_ROOT, Settings

PAGE = (PROJECT_ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
RESULTS = (PROJECT_ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")


def tables(text: str) -> list[str]:
    """The tables of a Markdown text, each as it stands."""
    return [match[0].strip() for match in re.finditer(r"(?:^\|.*\n)+", text, re.MULTILINE)]


def measured() -> str:
    """What the bench says of a day."""
    (section,) = re.findall(rf"^{re.escape(TITLE)}\n(.*?)(?=^## |\Z)", RESULTS, re.MULTILINE | re.DOTALL)
    return str(section)


def test_the_page_has_every_table_of_the_bench_as_it_was_measured() -> None:
    assert len(tables(measured())) == 5
    assert [table for table in tables(measured()) if table not in tables(PAGE)] == []


def test_the_prices_on_the_page_are_those_that_calls_are_booked_at() -> None:
    shown = [line for line in PAGE.splitlines() if line.startswith(tuple(f"| {model} |" for model in MODELS))]
    assert shown == prices()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bFACTORY_[A-Z_]+", PAGE))))
def test_the_settings_that_it_names_exist(name: str) -> None:
    assert name.lower() in Settings.model_fields
