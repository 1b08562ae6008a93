"""Which backend a call is sent to, by how the calls before it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from factory_assets.router.abilities import Ability
from factory_assets.router.backends import Backend, CallNeeds, CredentialKind, Kind, Model, Use
from factory_assets.router.backends_file import default_backend
from factory_assets.router.health import CallEnding, Health, HealthCall, HealthChoice, Status

PLAIN = CallNeeds(model="claude-haiku-5-5", use=Use.PLAIN, input_tokens=1000, output_tokens=1000)
AGENTS = CallNeeds(model="claude-haiku-5-5", use=Use.AGENTS, abilities=frozenset({Ability.TOOLS}))


@dataclass
class Clock:
    now: datetime = datetime(2026, 6, 17, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def anthropic(name: str = "anthropic") -> Backend:
    return default_backend("https://api.anthropic.com", CredentialKind.NONE).model_copy(update={"name": name})


def local() -> Backend:
    model = Model(
        name="qwen", tier=1, context_tokens=32_000, output_tokens=8_000, stands_in_for=("claude-haiku-5-5",)
    )
    return Backend.model_construct(
        name="local",
        kind=Kind.OPENAI,
        base_url="http://127.0.0.1:1",
        credential_kind=CredentialKind.NONE,
        credential=None,
        any_model=False,
        models=(model,),
    )


@dataclass
class World:
    health: Health
    clock: Clock
    backends: tuple[Backend, ...]

    def chosen(self, needs: CallNeeds = PLAIN, but_not: frozenset[str] = frozenset()) -> str | None:
        choice = self.health.choose(self.backends, needs, but_not=but_not)
        return choice and f"{choice.backend.name}/{choice.model.name}"

    def begin(self, at: int = 0, streams: bool = True) -> HealthCall:
        model = self.backends[at].serving(PLAIN)
        assert model is not None
        call = self.health.begin(HealthChoice(self.backends[at], model), streams=streams)
        assert call is not None
        return call

    def call(self, status: int = 200, ending: CallEnding = CallEnding.WHOLE, **headers: str) -> None:
        call = self.begin()
        call.answered(status, {name.replace("_", "-"): value for name, value in headers.items()})
        call.ended(ending)

    def cut(self) -> None:
        self.begin().ended(CallEnding.CUT)

    @property
    def status(self) -> Status:
        return self.health.status(self.backends[0].name)


@pytest.fixture
def world() -> World:
    clock = Clock()
    return World(Health(clock), clock, (anthropic(), local()))


def test_after_three_failures_in_a_row_calls_spill_over_and_one_of_them_tries_it_again(world: World) -> None:
    assert (world.status, world.chosen()) == (Status.HEALTHY, "anthropic/claude-haiku-5-5")
    world.call(529)
    assert (world.status, world.chosen()) == (Status.DEGRADED, "anthropic/claude-haiku-5-5")
    world.call(500)
    world.cut()
    assert (world.status, world.chosen()) == (Status.DOWN, "local/qwen")
    world.clock.advance(4.9)
    assert world.chosen() == "local/qwen"
    world.clock.advance(0.1)
    assert world.chosen() == "anthropic/claude-haiku-5-5"
    probe = world.begin()
    assert world.chosen() == "local/qwen"
    probe.answered(200, {})
    assert (world.status, world.chosen()) == (Status.DEGRADED, "anthropic/claude-haiku-5-5")
    probe.ended(CallEnding.WHOLE)
    for _ in range(9):
        world.call()
    assert world.status is Status.HEALTHY


def test_only_one_of_many_calls_that_chose_it_tries_a_backend_that_was_down(world: World) -> None:
    for _ in range(3):
        world.cut()
    world.clock.advance(5)
    choice = world.health.choose(world.backends, PLAIN)
    assert choice is not None
    begun = [world.health.begin(choice, streams=True) for _ in range(50)]
    assert sum(call is not None for call in begun) == 1


def test_each_failed_try_makes_the_pause_longer_up_to_five_minutes(world: World) -> None:
    for _ in range(3):
        world.cut()
    pauses = []
    for _ in range(9):
        again = world.health.back_at(world.backends, AGENTS)
        assert again is not None
        pauses.append((again - world.clock.now).total_seconds())
        world.clock.now = again
        world.cut()
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_backend_that_answers_and_cuts_its_answers_off_goes_down_for_longer_each_time(world: World) -> None:
    for _ in range(3):
        world.cut()
    for pause in (5, 10, 20):
        world.clock.advance(pause - 1)
        assert world.chosen() == "local/qwen"
        world.clock.advance(1)
        probe = world.begin()
        world.clock.advance(0.5)
        probe.answered(200, {})
        assert world.status is Status.DEGRADED
        probe.ended(CallEnding.CUT)
        assert world.status is Status.DOWN


def test_once_it_has_been_healthy_again_the_pauses_begin_anew(world: World) -> None:
    for _ in range(2):
        for _ in range(3):
            world.cut()
        assert world.health.back_at(world.backends[:1], PLAIN) == world.clock.now + timedelta(seconds=5)
        world.clock.advance(5)
        for _ in range(11):
            world.call()
        assert world.status is Status.HEALTHY


def test_a_call_counts_once_however_often_it_fails_and_ends(world: World) -> None:
    call = world.begin()
    call.answered(500, {})
    call.ended(CallEnding.CUT)
    call.ended(CallEnding.CUT)
    [row, *_] = world.health.rows(world.backends)
    assert (row.in_flight, row.total_requests, row.total_errors) == (0, 1, 1)
    world.call(500)
    assert world.status is Status.DEGRADED


def test_a_backend_that_fails_every_second_call_goes_down(world: World) -> None:
    for _ in range(4):
        world.call(500)
        world.call()
    assert world.status is Status.DEGRADED
    world.call(500)
    assert world.status is Status.DOWN


@pytest.mark.parametrize("status", [400, 404, 408, 413, 422, 429])
def test_what_a_caller_does_wrong_and_a_rate_limit_count_for_nothing(world: World, status: int) -> None:
    for _ in range(20):
        world.call(status)
    assert world.status is Status.HEALTHY
    assert all(row.total_errors == 0 for row in world.health.rows(world.backends))


def test_a_caller_that_hangs_up_counts_for_nothing(world: World) -> None:
    for _ in range(20):
        world.begin().ended(CallEnding.HUNG_UP)
        world.call(200, CallEnding.HUNG_UP)
    assert world.status is Status.HEALTHY
    [row, *_] = world.health.rows(world.backends)
    assert (row.in_flight, row.total_requests, row.total_errors) == (0, 40, 0)


@pytest.mark.parametrize("status", [400, 401, 429, None])
def test_a_try_that_tells_nothing_leaves_the_next_call_to_try(world: World, status: int | None) -> None:
    for _ in range(3):
        world.cut()
    world.clock.advance(5)
    probe = world.begin()
    if status is not None:
        probe.answered(status, {})
    probe.ended(CallEnding.HUNG_UP if status is None else CallEnding.WHOLE)
    assert (world.status, world.chosen(AGENTS)) == (Status.DOWN, "anthropic/claude-haiku-5-5")


def test_a_try_that_hears_nothing_for_a_minute_does_not_keep_the_next_one_from_trying(world: World) -> None:
    for _ in range(3):
        world.cut()
    world.clock.advance(5)
    silent = world.begin()
    world.clock.advance(59)
    assert world.chosen() == "local/qwen"
    world.clock.advance(1)
    second = world.begin()
    silent.ended(CallEnding.HUNG_UP)
    assert world.chosen() == "local/qwen"
    second.answered(200, {})
    assert world.status is Status.DEGRADED


def test_a_hundred_calls_that_fail_together_lengthen_the_pause_once(world: World) -> None:
    calls = [world.begin() for _ in range(100)]
    for call in calls:
        call.answered(503, {})
        call.ended(CallEnding.WHOLE)
    assert world.health.back_at(world.backends[:1], PLAIN) == world.clock.now + timedelta(seconds=5)


def test_calls_from_before_it_went_down_bring_it_neither_back_nor_down_again(world: World) -> None:
    old = [world.begin() for _ in range(10)]
    for _ in range(3):
        world.cut()
    old[0].answered(200, {})
    old[0].ended(CallEnding.WHOLE)
    assert world.status is Status.DOWN
    world.clock.advance(5)
    world.begin().answered(200, {})
    for call in old[1:]:
        call.ended(CallEnding.CUT)
    assert world.status is Status.DEGRADED


def test_a_backend_that_names_a_time_is_left_alone_until_then_but_not_for_ever(world: World) -> None:
    for _ in range(3):
        world.call(503, retry_after="60", anthropic_ratelimit_unified_reset="1800000000")
    assert world.health.back_at(world.backends[:1], PLAIN) == world.clock.now + timedelta(seconds=60)
    world.clock.advance(60)
    world.call(503, retry_after="86400")
    assert world.health.back_at(world.backends[:1], PLAIN) == world.clock.now + timedelta(minutes=5)


def test_a_redirect_is_a_failure(world: World) -> None:
    for _ in range(3):
        world.call(302)
    assert world.status is Status.DOWN


def test_slow_first_bytes_degrade_a_backend_and_answers_in_one_piece_tell_nothing_of_it(world: World) -> None:
    for streams, seconds, status in (
        (False, 300, Status.HEALTHY),
        (True, 40, Status.DEGRADED),
        (True, 1, Status.HEALTHY),
    ):
        call = world.begin(streams=streams)
        world.clock.advance(seconds)
        call.answered(200, {})
        call.ended(CallEnding.WHOLE)
        assert world.status is status
    [row, *_] = world.health.rows(world.backends)
    assert row.latency_ms == round((40 * 0.7 + 1 * 0.3) * 1000)


def test_a_refused_credential_is_told_once_with_its_fix_and_again_after_it_has_worked(world: World) -> None:
    told = [world.begin().answered(status, {}) for status in (401, 403, 401, 200, 401, 401)]
    assert [error is not None for error in told] == [True, False, False, False, True, False]
    assert "anthropic, https://api.anthropic.com: The backend refuses the credential (HTTP 401)." in str(
        told[0]
    )
    assert "Fix: " in str(told[0])


def test_a_backend_that_refuses_its_credential_is_tried_after_all_others_and_never_left_out(
    world: World,
) -> None:
    world.call(401)
    assert (world.status, world.chosen(), world.chosen(AGENTS)) == (
        Status.HEALTHY,
        "local/qwen",
        "anthropic/claude-haiku-5-5",
    )
    world.clock.advance(600)
    assert world.chosen() == "anthropic/claude-haiku-5-5"


def test_what_no_other_backend_can_do_does_not_spill_over(world: World) -> None:
    for _ in range(3):
        world.cut()
    assert world.chosen(AGENTS) is None
    assert world.health.back_at(world.backends, AGENTS) == world.clock.now + timedelta(seconds=5)


def test_a_backend_that_was_tried_for_this_call_is_not_chosen_again(world: World) -> None:
    assert world.chosen(but_not=frozenset({"anthropic"})) == "local/qwen"
    assert world.chosen(but_not=frozenset({"anthropic", "local"})) is None


def test_what_is_too_large_for_all_goes_to_the_api_that_refuses_it_in_its_own_words(world: World) -> None:
    huge = CallNeeds(
        model="claude-haiku-5-5", use=Use.AGENTS, input_tokens=2_000_000, abilities=frozenset({Ability.TOOLS})
    )
    assert world.chosen(huge) == "anthropic/claude-haiku-5-5"


def test_the_rows_have_the_fields_that_users_of_llm_router_know(world: World) -> None:
    call = world.begin()
    world.clock.advance(2)
    call.answered(200, {})
    [haiku, sonnet, opus, qwen] = [row.model_dump(mode="json") for row in world.health.rows(world.backends)]
    assert {
        name: haiku[name]
        for name in ("model", "provider", "tier", "status", "in_flight", "total_requests", "total_errors")
    } == {
        "model": "claude-haiku-5-5",
        "provider": "anthropic",
        "tier": 1,
        "status": "healthy",
        "in_flight": 1,
        "total_requests": 1,
        "total_errors": 0,
    }
    assert (haiku["latency_ms"], haiku["uptime_sec"], haiku["cost_per_1k_in"]) == (2000, 2, 0.0001)
    assert [row["name"] for row in (sonnet, opus, qwen)] == [
        "anthropic/claude-sonnet-5-5",
        "anthropic/claude-opus-5-5",
        "local/qwen",
    ]


def test_callers_that_make_up_models_do_not_fill_the_memory(world: World) -> None:
    for number in range(1000):
        choice = HealthChoice(world.backends[0], Model(name=f"made-up-{number}", tier=3))
        call = world.health.begin(choice, streams=True)
        assert call is not None
        call.ended(CallEnding.HUNG_UP)
    assert len(world.health.rows(world.backends)) < 120
