"""How many tests run at a time: by what this process may really use, not by what the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cores import cores


def test_the_cores_that_a_process_may_not_run_on_do_not_count(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert cores(tmp_path / "none") == 1
    finally:
        os.sched_setaffinity(0, before)
    assert cores(tmp_path / "none") == len(before)


@pytest.mark.parametrize(
    ("limit", "share"), [("100000 100000", 1), ("50000 100000", 1), ("1000000 1000", 99)]
)
def test_a_containers_share_of_time_counts_where_it_is_less_than_its_cores(
    limit: str, share: int, tmp_path: Path
) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(f"{limit}\n")
    assert cores(quota) == min(share, len(os.sched_getaffinity(0)))


def test_a_container_without_a_limit_has_all_its_cores(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text("max 100000\n")
    assert cores(quota) == len(os.sched_getaffinity(0))


def test_a_run_has_two_to_eight_workers_unless_it_is_told_another_number(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pytestconfig.hook.pytest_xdist_auto_num_workers
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    assert 2 <= asked(config=pytestconfig) <= 8
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "5")
    assert asked(config=pytestconfig) == 5


def test_tests_that_wait_for_a_daemons_builds_have_a_core_each(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pytestconfig.hook.pytest_xdist_auto_num_workers
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    workers = {}
    for marks in ("end_to_end", "not end_to_end"):
        monkeypatch.setattr(pytestconfig.option, "markexpr", marks)
        workers[marks] = asked(config=pytestconfig)
    assert workers["end_to_end"] == min(max(cores(), 2), 8)
    assert workers["not end_to_end"] == min(max(cores() * 3 // 2, 2), 8)
