"""The bench of researched specs: what it measured stands in RESULTS.md."""

from __future__ import annotations

import re

from bench import bench_ideas
from factory_assets.settings import PROJECT_ROOT


def test_the_results_hold_what_the_bench_measures() -> None:
    rows = [line for line in bench_ideas.run().splitlines() if line.startswith("|")]
    results = (PROJECT_ROOT / "bench" / "RESULTS.md").read_text(encoding="utf-8")
    (section,) = re.findall(
        r"^## A researched spec against a plain one\n(.*?)(?=^## |\Z)", results, re.MULTILINE | re.DOTALL
    )
    assert rows == [line for line in section.splitlines() if line.startswith("|")]
