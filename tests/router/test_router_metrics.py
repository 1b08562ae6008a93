"""The page that Prometheus reads, as its own parser reads it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from factory_assets.domain.builds import Usage
from factory_assets.router.backends import Backend, CallNeeds, CredentialKind, Use
from factory_assets.router.backends_file import default_backend
from factory_assets.router.health import CallEnding, Health
from factory_assets.router.limits import LimitRow
from factory_assets.router.metrics import Metrics
from factory_assets.router.shapes import CallFacts, Outcome

NEEDS = CallNeeds(model="claude-haiku-5-5", use=Use.PLAIN)
CALL = CallFacts(
    outcome=Outcome.ANSWERED,
    model="claude-haiku-5-5",
    phase="build",
    seconds=3.0,
    first_byte_seconds=0.4,
    usage=Usage(
        calls=1, input_tokens=5, output_tokens=7, cache_read_tokens=11, cache_write_tokens=13, cost_usd=0.25
    ),
    saved_usd=0.5,
)


def named(sample: Sample) -> str:
    labels = [sample.labels[name] for name in sorted(sample.labels)]
    return " | ".join([sample.name.removeprefix("factory_router_"), *labels])


@dataclass
class World:
    """A router with one backend, whose page is read."""

    backend: Backend = field(
        default_factory=lambda: default_backend("https://api.anthropic.com", CredentialKind.NONE)
    )
    health: Health = field(default_factory=lambda: Health(lambda: datetime(2026, 6, 17, 8, tzinfo=UTC)))
    limits: list[LimitRow] = field(default_factory=list)
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = Metrics(
            models={"claude-haiku-5-5"},
            phases={"build"},
            backends=lambda: self.health.rows([self.backend]),
            limits=lambda: self.limits,
        )

    def read(self) -> dict[str, float]:
        """Every sample by its name, without the router's prefix, and the values of its labels by their names."""
        page, kind = self.metrics.page()
        assert kind.startswith("text/plain")
        return {
            named(sample): sample.value
            for family in text_string_to_metric_families(page.decode())
            for sample in family.samples
            if not sample.name.endswith("_created")
        }


@pytest.fixture
def world() -> World:
    return World()


def test_a_call_is_counted_with_its_outcome_tokens_dollars_and_times(world: World) -> None:
    world.metrics.ended(CALL)
    world.metrics.ended(replace(CALL, usage=Usage(), cache_hit=True))
    world.metrics.ended(replace(CALL, usage=Usage(), joined=True, outcome=Outcome.HUNG_UP, saved_usd=0.0))
    read = world.read()
    assert read["calls_total | claude-haiku-5-5 | answered | build"] == 2
    assert read["calls_total | claude-haiku-5-5 | hung up | build"] == 1
    assert read["spent_dollars_total | claude-haiku-5-5 | build"] == 0.25
    assert read["saved_dollars_total | claude-haiku-5-5 | build"] == 1.0
    assert read["cache_hits_total | claude-haiku-5-5 | build"] == 1
    assert read["joined_calls_total | claude-haiku-5-5 | build"] == 1
    tokens = {key: value for key, value in read.items() if key.startswith("tokens_total")}
    assert tokens == {
        "tokens_total | input | claude-haiku-5-5 | build": 5,
        "tokens_total | output | claude-haiku-5-5 | build": 7,
        "tokens_total | cache read | claude-haiku-5-5 | build": 11,
        "tokens_total | cache write | claude-haiku-5-5 | build": 13,
    }
    assert read["call_seconds_sum | claude-haiku-5-5"] == 9.0
    assert read["call_seconds_bucket | 2.5 | claude-haiku-5-5"] == 0
    assert read["call_seconds_bucket | 5.0 | claude-haiku-5-5"] == 3
    assert read["first_byte_seconds_bucket | 0.5 | claude-haiku-5-5"] == 3


def test_a_call_without_an_answer_has_no_time_to_its_first_byte(world: World) -> None:
    world.metrics.ended(replace(CALL, outcome=Outcome.FAILED, first_byte_seconds=None))
    read = world.read()
    assert read["calls_total | claude-haiku-5-5 | failed | build"] == 1
    assert not any(key.startswith("first_byte") for key in read)


def test_names_that_callers_make_up_do_not_make_the_page_longer(world: World) -> None:
    world.metrics.ended(replace(CALL, model="made-up", phase="made-up"))
    before = len(world.read())
    for number in range(300):
        world.metrics.ended(replace(CALL, model=f'made-up-{number}"\n', phase=f"p{number}"))
    read = world.read()
    assert len(read) == before
    assert read["calls_total | other | answered | other"] == 301
    assert read["spent_dollars_total | other | other"] == 0.25 * 301


def test_the_state_of_the_backends_is_that_of_the_moment(world: World) -> None:
    choice = world.health.choose([world.backend], NEEDS)
    assert choice is not None
    call = world.health.begin(choice, streams=True)
    assert call is not None
    read = world.read()
    assert read["in_flight | anthropic"] == 1
    assert (read["backend_status | anthropic | healthy"], read["backend_status | anthropic | down"]) == (1, 0)
    call.ended(CallEnding.CUT)
    for _ in range(3):
        again = world.health.begin(choice, streams=True)
        if again is not None:
            again.ended(CallEnding.CUT)
    read = world.read()
    assert read["in_flight | anthropic"] == 0
    assert (read["backend_status | anthropic | healthy"], read["backend_status | anthropic | down"]) == (0, 1)


def test_the_room_is_the_least_that_is_left_and_each_line_is_counted_once(world: World) -> None:
    def limit(model: str, kind: str, remaining: int, waiting: int) -> LimitRow:
        return LimitRow(
            backend="anthropic",
            model=model,
            kind=kind,
            limit=100,
            remaining=remaining,
            whole_at=datetime(2026, 6, 17, tzinfo=UTC),
            waiting=waiting,
            held_until=None,
        )

    world.limits = [
        limit("claude-haiku-5-5", "requests", 50, 3),
        limit("claude-haiku-5-5", "input-tokens", 10, 3),
        limit("made-up-1", "requests", 75, 1),
        limit("made-up-2", "requests", 25, 2),
    ]
    read = world.read()
    assert read["rate_limit_room_ratio | anthropic | requests | claude-haiku-5-5"] == 0.5
    assert read["rate_limit_room_ratio | anthropic | input-tokens | claude-haiku-5-5"] == 0.1
    assert read["rate_limit_room_ratio | anthropic | requests | other"] == 0.25
    assert read["waiting | anthropic | claude-haiku-5-5"] == 3
    assert read["waiting | anthropic | other"] == 3


def test_two_routers_in_one_process_count_apart(world: World) -> None:
    world.metrics.ended(CALL)
    assert not any(key.startswith("calls_total") for key in World().read())
