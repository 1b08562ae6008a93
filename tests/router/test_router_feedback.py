"""What the router is told after each build, and that a router that does not take it costs nothing but a line."""

from __future__ import annotations

import pytest
from defs_fakes import TESTS_FAILED, every_verdict
from llm_server import KEY, Reply, serving
from pydantic import SecretStr

from factory_assets.building.report import BuildReport
from factory_assets.domain.builds import GateVerdict
from factory_assets.gates import ALL_GATES
from factory_assets.instance import Instance
from factory_assets.llm.feedback import Feedback, feedback_on_build, quality_of_build, tell_router
from factory_assets.llm.router import RouterClient
from factory_assets.settings import Mode, Settings

TAKEN = Reply(body={"total_feedback": 1})


def live(settings: Settings, url: str | None) -> Settings:
    return settings.model_copy(
        update={"factory_mode": Mode.LIVE, "llm_router_url": url, "anthropic_api_key": SecretStr(KEY)}
    )


def report(verdicts: tuple[GateVerdict, ...], commit: str | None) -> BuildReport:
    latest = tuple({verdict.gate: verdict for verdict in verdicts}.values())
    return BuildReport(name="cache-probe", attempts=1, verdicts=latest, commit=commit)


@pytest.mark.parametrize(
    ("model", "score", "tier"),
    [
        ("claude-haiku-5-5", 0.17, 1),
        ("claude-sonnet-5-5", 0.5, 2),
        ("claude-opus-5", 0.83, 3),
        ("some-other-model", 0.5, 2),
    ],
)
def test_score_and_tier_follow_the_size_of_the_model(model: str, score: float, tier: int) -> None:
    feedback = feedback_on_build(model=model, quality=0.9)
    assert feedback == Feedback(score=score, tier=tier, quality=0.9)


def test_a_build_that_failed_is_never_as_good_as_one_that_shipped() -> None:
    qualities = [
        quality_of_build(shipped=False, passed=passed, gates=14, findings=0) for passed in (0, 7, 13)
    ]
    assert qualities == [0.0, 0.25, 0.464]
    shipped = [quality_of_build(shipped=True, passed=14, gates=14, findings=found) for found in (0, 2, 50)]
    assert shipped == [1.0, 0.9, 0.6]


def test_a_shipped_and_a_refused_build_are_reported_to_the_router(replay_settings: Settings) -> None:
    said: list[str] = []
    refused = report(every_verdict(TESTS_FAILED), None)
    with serving(TAKEN, TAKEN) as server:
        instance = Instance(live(replay_settings, server.url))
        instance.builds.tell_router(report(every_verdict(), "c0ffee"), said.append)
        instance.builds.tell_router(refused, said.append)
    assert server.paths == ["/v1/feedback", "/v1/feedback"]
    passed = sum(verdict.passed for verdict in refused.verdicts)
    assert passed == len(ALL_GATES) - 1
    assert server.requests == [
        {"score": 0.5, "tier": 2, "quality": 1.0},
        {"score": 0.5, "tier": 2, "quality": round(0.5 * passed / len(ALL_GATES), 3)},
    ]
    assert said == []


@pytest.mark.parametrize("reply", [Reply(500, body="oops"), Reply(404, body={}), Reply(body="no json")])
def test_a_router_that_does_not_take_it_costs_one_line(reply: Reply) -> None:
    said: list[str] = []
    with serving(reply) as server:
        tell_router(RouterClient(server.url), Feedback(0.5, 2, 1.0), said.append)
    (line,) = said
    assert line.startswith("The router was not told how this build ended. ")


def test_nothing_is_reported_without_a_router(replay_settings: Settings) -> None:
    said: list[str] = []
    with serving() as server:
        Instance(live(replay_settings, None)).builds.tell_router(
            report(every_verdict(), "c0ffee"), said.append
        )
        replays = replay_settings.model_copy(update={"llm_router_url": server.url})
        Instance(replays).builds.tell_router(report(every_verdict(), "c0ffee"), said.append)
    assert server.paths == []
    assert said == []


def test_the_digest_of_the_credential_changes_with_it_and_tells_nothing_of_it(
    replay_settings: Settings,
) -> None:
    settings = live(replay_settings, None)
    before = Instance(settings).credential.digest()
    assert before == Instance(settings).credential.digest()
    renewed = settings.model_copy(update={"anthropic_api_key": SecretStr("sk-ant-another")})
    assert Instance(renewed).credential.digest() != before
    assert KEY not in before


def test_a_credential_is_tried_without_cost(replay_settings: Settings) -> None:
    settings = live(replay_settings, None)
    with serving(Reply(body={"data": []}), Reply(401, body={}), Reply(404, body={})) as server:
        here = settings.model_copy(update={"anthropic_base_url": server.url})
        assert [Instance(here).credential.works() for _ in range(3)] == [True, False, None]
    assert all(path.startswith("/v1/models") for path in server.paths)


def test_a_token_of_claude_code_cannot_be_tried_without_cost(replay_settings: Settings) -> None:
    token = {"anthropic_api_key": None, "claude_code_oauth_token": SecretStr("sk-ant-oat-made-up")}
    assert Instance(live(replay_settings, None).model_copy(update=token)).credential.works() is None


def test_behind_a_router_the_routers_key_is_tried(replay_settings: Settings) -> None:
    with serving(Reply(body=[]), Reply(401, body={})) as server:
        instance = Instance(live(replay_settings, server.url))
        assert [instance.credential.works() for _ in range(2)] == [True, False]
    assert server.paths == ["/v1/backends", "/v1/backends"]
