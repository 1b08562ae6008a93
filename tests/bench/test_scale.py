"""The simulated factory: held to what was measured, and docs/scale.md shows what it says."""

from __future__ import annotations

import re

import pytest

from bench.figures import cell
from bench.scale import (
    BEGIN,
    END,
    LADDER,
    LARGE,
    PAGE,
    PICTURES,
    calibration_table,
    ceilings_table,
    figures_table,
)
from bench.scale_factory import TIERS, calibrated, ceilings, saturated, steps_of, tokens_of
from bench.scale_model import demand

SHOWN = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def test_the_machine_that_was_measured_is_met_within_a_twentieth() -> None:
    for workers, measured, simulated in calibrated():
        assert simulated == pytest.approx(measured, rel=0.05), workers


def test_a_repo_takes_the_tokens_that_a_day_in_dollars_has_of_it() -> None:
    calls, _, written = tokens_of(("build",))
    assert calls == cell("## A factory day in dollars", "build", "calls") / 30
    assert demand(steps_of(LARGE))["Sonnet tokens out"] == pytest.approx(
        tokens_of(("acceptance", "build", "review"))[2]
    )
    assert written > 1_000


@pytest.mark.parametrize("setup", [LADDER[0], LADDER[1]], ids=lambda setup: setup.name)
def test_a_setup_ships_as_much_as_what_is_full_first_lets_through(setup: object) -> None:
    seen = saturated(setup, hours=24.0)
    assert seen.done * 86_400 / seen.seconds == pytest.approx(min(ceilings(setup).values()), rel=0.1)


def test_a_higher_tier_lets_more_through_by_as_much_as_its_limit() -> None:
    second, fourth = (ceilings(LARGE.but(tier=tier))["Sonnet tokens in"] for tier in (TIERS[0], TIERS[2]))
    assert fourth / second == pytest.approx(2_000_000 / 450_000)


@pytest.mark.parametrize("table", [figures_table, calibration_table, lambda: ceilings_table(LARGE)])
def test_the_page_shows_what_the_figures_of_today_give(table: object) -> None:
    assert "\n".join(table()) in SHOWN


def test_the_pages_pictures_are_there() -> None:
    names = re.findall(r"\(img/([\w-]+\.svg)\)", SHOWN)
    assert len(names) == 2
    assert all((PICTURES / name).read_text(encoding="utf-8").startswith("<?xml") for name in names)
