"""The simulation meets what is known in closed form."""

from __future__ import annotations

import math
import random

import pytest

from bench.scale_model import (
    Draw,
    Limit,
    Network,
    Regular,
    Servers,
    Use,
    Wait,
    Within,
    at_random,
    demand,
    evenly,
)


def erlang_c(servers: int, load: float) -> float:
    """The probability of waiting in M/M/c, with `load` in erlangs (A. K. Erlang, 1917)."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize(("servers", "share"), [(1, 0.5), (1, 0.8), (3, 0.8)])
def test_random_arrivals_wait_as_long_as_erlang_says(servers: int, share: float) -> None:
    service = 10.0
    rate = share * servers / service
    drawn = random.Random(7)
    network = Network([Servers("desk", servers)])
    seen = network.run(
        at_random(rate, 400_000.0, (Use("desk", service),), seed=3),
        until=400_000.0,
        warm_up=20_000.0,
        within=lambda seconds: drawn.expovariate(1 / seconds),
    )
    expected = erlang_c(servers, rate * service) * service / (servers * (1 - share))
    assert seen.mean_wait("desk") == pytest.approx(expected, rel=0.1)
    assert seen.busy["desk"] == pytest.approx(share, rel=0.03)


def test_little_holds_between_what_is_inside_and_what_comes() -> None:
    network = Network([Servers("slot", 100)])
    steps = (Within("slot", (Wait(600.0),)),)
    seen = network.run(evenly(1_440, 86_400.0, steps), until=86_400.0, warm_up=3_600.0)
    # L = lambda W: a job a minute, each for ten minutes, is ten of the hundred slots.
    assert seen.busy["slot"] == pytest.approx(0.1, rel=0.01)


def test_a_line_of_stations_is_as_fast_as_its_slowest() -> None:
    steps = (Use("daemon", 2.0), Within("slot", (Wait(30.0), Use("core", 9.0))), Draw("creations", 1.0))
    network = Network(
        [Servers("daemon", 1), Servers("slot", 8), Servers("core", 2)], [Limit("creations", 0.2, 12.0)]
    )
    seen = network.run(((0.0, steps) for _ in range(9_000)), until=20_000.0, warm_up=2_000.0)
    # Of 0.5 by the daemon, 0.2 by the creations, 2/9 by the cores and at most 8/39 by the slots.
    assert seen.done / seen.seconds == pytest.approx(0.2, rel=0.01)
    assert seen.fullest == "creations"


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    network = Network([], [Limit("tokens", 100.0, 6_000.0)])
    seen = network.run(((0.0, (Draw("tokens", 3_000.0),)) for _ in range(4)), until=61.0)
    assert seen.in_system == [0.0, 0.0, 30.0, 60.0]


def test_what_is_done_beside_the_jobs_takes_its_share() -> None:
    network = Network([Servers("daemon", 1)], regular=[Regular(60.0, (Use("daemon", 15.0),))])
    seen = network.run((), until=6_000.0)
    assert seen.busy["daemon"] == pytest.approx(0.25, rel=0.02)


def test_what_is_held_when_the_time_is_over_counts_as_far_as_it_went() -> None:
    seen = Network([Servers("slot", 2)]).run([(0.0, (Use("slot", 1e6),))], until=100.0)
    assert seen.busy["slot"] == pytest.approx(0.5)
    assert seen.done == 0


def test_the_demand_of_a_job_is_what_it_holds_and_draws() -> None:
    steps = (Use("daemon", 2.0), Within("slot", (Wait(30.0), Use("core", 9.0), Draw("tokens", 50.0))))
    assert demand(steps) == {"daemon": 2.0, "core": 9.0, "tokens": 50.0, "slot": 39.0}
