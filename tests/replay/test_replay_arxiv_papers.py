"""The papers that come with the package: which they are, and what is said of a file that is malformed."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from factory_assets.domain.errors import InputError
from factory_assets.replay.arxiv_papers import SAMPLE_FILE, load_papers


def test_the_sample_holds_three_whole_days_a_holiday_and_some_of_others() -> None:
    days = Counter(paper.published.date() for paper in load_papers())
    assert [days[date(2026, 6, day)] for day in (16, 17, 18, 19)] == [220, 189, 243, 0]
    assert all(days[date(2026, 6, day)] >= 30 for day in (3, 4, 5))
    assert len(days) > 15


def test_the_sample_stays_small() -> None:
    assert SAMPLE_FILE.stat().st_size < 700_000


def test_a_malformed_sample_names_file_line_and_field(tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl.gz"
    good = load_papers()[0].model_dump(mode="json")
    lines = [json.dumps(good), json.dumps(good | {"published": "yesterday"})]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(InputError, match=r"papers\.jsonl\.gz, line 2: published is not valid"):
        load_papers(file)


def test_a_file_that_is_no_gzip_is_named(tmp_path: Path) -> None:
    file = tmp_path / "papers.jsonl.gz"
    file.write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        load_papers(file)
