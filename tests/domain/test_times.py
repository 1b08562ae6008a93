"""What is taken as a cron expression or a time zone is what Dagster takes, and it comes."""

from __future__ import annotations

import pytest
from dagster_private import is_valid_cron_string

from factory_assets.domain.times import check_cron, check_zone


@pytest.mark.parametrize(
    "expression",
    ["30 6 * * *", "@daily", "0 0 * jan mon-fri", "0 0 * * mon#1", "0 0 L * *", "0 0 29 2 *", "*/15 * * * 0-7"],
)  # fmt: skip
def test_what_dagster_runs_by_is_taken(expression: str) -> None:
    check_cron(expression)
    assert is_valid_cron_string(expression)


@pytest.mark.parametrize(
    "expression",
    ["0 25 * * *", "99 99 * * *", "0 * * * * *", "*/0 * * * *", "0 0 1W * *", "", "* * * *", "@reboot", "0 0 * * 8",
     "0 0 31 2 *", "0 6 * * * * 2026", "daily"],
)  # fmt: skip
def test_what_dagster_refuses_is_refused(expression: str) -> None:
    assert not is_valid_cron_string(expression)
    with pytest.raises(ValueError, match=r"cron expression|never comes"):
        check_cron(expression)


@pytest.mark.parametrize("expression", ["0 0 30,31 2 *", "0 0 31 4,6 *"])
def test_a_date_that_no_month_has_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="never comes"):
        check_cron(expression)


@pytest.mark.parametrize("name", ["localtime", "Factory", "Mars/Olympus", "", "../UTC"])
def test_a_zone_without_a_place_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        check_zone(name)
