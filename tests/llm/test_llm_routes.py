"""Fallback between the router, the API and Claude Code."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from analyze_fakes import FakeModel, answer

from factory_assets.domain.agents import Question, Route
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    InputError,
    RateLimitedError,
)
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.llm.routes import Routes

QUESTION = Question("rules", "papers", {}, "claude-haiku-5-5")
DOWN = InfrastructureError("connection refused", where="http://router")
REFUSED = CredentialError("invalid key", fix="Check ANTHROPIC_API_KEY.")


def test_the_first_route_answers_and_the_others_are_not_asked() -> None:
    second = FakeModel([])
    notices: list[str] = []
    routes = Routes(
        [(Route.ROUTER, FakeModel([answer("a", route=Route.ROUTER)])), (Route.API, second)], notices.append
    )
    assert routes.ask(QUESTION).route is Route.ROUTER
    assert second.questions == []
    assert notices == []


def test_each_route_falls_back_to_the_next_and_says_so() -> None:
    notices: list[str] = []
    routes = Routes(
        [
            (Route.ROUTER, FakeModel([DOWN])),
            (Route.API, FakeModel([REFUSED])),
            (Route.CLAUDE_CODE, FakeModel([answer("c", route=Route.CLAUDE_CODE, notes=("own note",))])),
        ],
        notices.append,
    )
    got = routes.ask(QUESTION)
    assert got.route is Route.CLAUDE_CODE
    assert [note.split(":")[0] for note in got.notes] == [
        "route router failed",
        "route api failed",
        "own note",
    ]
    assert len(notices) == 2
    assert "connection refused" in notices[0]


def test_a_refused_key_is_not_tried_again_but_a_failure_of_the_network_is() -> None:
    router, api = FakeModel([DOWN, "back"]), FakeModel([REFUSED])
    code = FakeModel(["one"])
    routes = Routes(
        [(Route.ROUTER, router), (Route.API, api), (Route.CLAUDE_CODE, code)], lambda _notice: None
    )
    routes.ask(QUESTION)
    assert routes.ask(QUESTION).text == "back"
    assert len(api.questions) == 1
    router.script.append(DOWN)
    code.script.append("two")
    later = routes.ask(QUESTION)
    assert later.text == "two"
    assert len(api.questions) == 1
    assert any("invalid key" in note for note in later.notes)


def test_when_all_fail_the_first_error_is_raised_and_names_the_others() -> None:
    until = datetime(2026, 6, 6, tzinfo=UTC)
    first = RateLimitedError("slow down", until=until)
    routes = Routes(
        [(Route.API, FakeModel([first])), (Route.CLAUDE_CODE, FakeModel([CredentialError("no login")]))],
        lambda _notice: None,
    )
    with pytest.raises(RateLimitedError, match=r"slow down.*claude-code: no login") as caught:
        routes.ask(QUESTION)
    assert caught.value.until == until
    assert first.what == "slow down"


def test_an_account_without_credit_falls_back_is_not_asked_again_and_is_what_is_told() -> None:
    broke = ModelStoppedError("no credit", fix="Add credit.", cause=WaitCause.CREDIT)
    api, code = FakeModel([broke]), FakeModel(["one", DOWN])
    routes = Routes([(Route.API, api), (Route.CLAUDE_CODE, code)], lambda _notice: None)
    assert routes.ask(QUESTION).text == "one"
    with pytest.raises(ModelStoppedError, match=r"no credit.*claude-code: connection refused") as caught:
        routes.ask(QUESTION)
    assert len(api.questions) == 1
    assert (caught.value.cause, caught.value.fix) == (WaitCause.CREDIT, "Add credit.")


def test_a_wrong_question_is_not_asked_elsewhere() -> None:
    second = FakeModel(["never"])
    routes = Routes(
        [(Route.API, FakeModel([InputError("no such model")])), (Route.CLAUDE_CODE, second)],
        lambda _notice: None,
    )
    with pytest.raises(InputError):
        routes.ask(QUESTION)
    assert second.questions == []


def test_no_route_at_all_names_every_credential_that_would_serve() -> None:
    with pytest.raises(FactoryError, match="CLAUDE_CODE_OAUTH_TOKEN"):
        Routes([], lambda _notice: None).ask(QUESTION)
