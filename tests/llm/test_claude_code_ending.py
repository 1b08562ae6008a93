"""How the end of a run is judged: by its fields, whatever its words say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from factory_assets.domain.agents import OutcomeKind
from factory_assets.domain.refusals import Fault, Refusal, classify
from factory_assets.llm.claude_code_ending import Ending, ProgramResult, is_final, judge
from factory_assets.llm.model_access import SeenCalls

LATER = datetime(2026, 6, 3, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 3, 7, tzinfo=UTC)


KEY_REFUSED = Refusal(Fault.CREDENTIAL, "401 x", 401)


def result(
    subtype: str = "success", *, error: bool = True, status: int | None = None, text: str = "x"
) -> ProgramResult:
    return ProgramResult(subtype, error, status, text)


def ending(ended: ProgramResult, api_error: str | None = None, **rest: Any) -> Ending:
    """As a run makes it."""
    refusal = classify(status=ended.api_error_status, kind=api_error or "", words=ended.text, now=NOW)
    return Ending(result=ended, api_refusal=refusal if ended.is_error else None, **rest)


def seen(status: int, words: str = "x", **rest: Any) -> SeenCalls:
    """What a router saw that had this refusal."""
    return SeenCalls(refusal=classify(status=status, words=words, now=NOW), **rest)


@pytest.mark.parametrize(
    ("ended", "api_error", "kind"),
    [
        (result(error=False), None, OutcomeKind.DONE),
        (result("error_max_turns"), None, OutcomeKind.OUT_OF_TURNS),
        (result("error_max_budget_usd"), None, OutcomeKind.OVER_BUDGET),
        (result("error_during_execution"), None, OutcomeKind.AGENT_FAILURE),
        (result(status=401), "authentication_failed", OutcomeKind.AUTHENTICATION),
        (result(status=403), "authentication_failed", OutcomeKind.AUTHENTICATION),
        (result(status=400), "billing_error", OutcomeKind.STOPPED),
        (result(status=402), None, OutcomeKind.STOPPED),
        (result(status=404), "model_not_found", OutcomeKind.STOPPED),
        (
            result(status=400, text="This organization has been disabled."),
            "invalid_request",
            OutcomeKind.STOPPED,
        ),
        (result(status=429), "rate_limit", OutcomeKind.RATE_LIMITED),
        (result(status=500), "server_error", OutcomeKind.INFRASTRUCTURE),
        (result(status=529), "server_error", OutcomeKind.INFRASTRUCTURE),
        (result(status=408), "unknown", OutcomeKind.INFRASTRUCTURE),
        (result(status=400), "invalid_request", OutcomeKind.NOT_UNDERSTOOD),
        (result(status=400, text="messages.3: bad image"), "invalid_request", OutcomeKind.AGENT_FAILURE),
        (result(status=413), "invalid_request", OutcomeKind.AGENT_FAILURE),
        (result(), "unknown", OutcomeKind.INFRASTRUCTURE),
        (result(), None, OutcomeKind.INFRASTRUCTURE),
        (result(), "rate_limit", OutcomeKind.RATE_LIMITED),
        (result("error_during_execution", status=529), "server_error", OutcomeKind.INFRASTRUCTURE),
    ],
)
def test_a_result_is_judged_by_its_fields(
    ended: ProgramResult, api_error: str | None, kind: OutcomeKind
) -> None:
    assert judge(ending(ended, api_error)).kind is kind


def test_words_about_rate_limits_do_not_make_a_run_rate_limited() -> None:
    words = "429 rate limit reached, authentication failed, overloaded"
    assert judge(Ending(result=result(error=False, text=words))).kind is OutcomeKind.DONE
    assert judge(Ending(result=result("error_max_turns", text=words))).kind is OutcomeKind.OUT_OF_TURNS


def test_a_rate_limit_keeps_its_reset_time() -> None:
    assert judge(ending(result(status=429), limit_resets_at=LATER)).until == LATER


def test_a_date_of_return_in_the_words_is_kept() -> None:
    words = (
        "You have reached your specified API usage limits. You will regain access on 2026-06-05 at 00:00 UTC."
    )
    verdict = judge(ending(result(status=400, text=words), seen_calls=seen(400, words)))
    assert verdict.kind is OutcomeKind.STOPPED
    assert verdict.until == datetime(2026, 6, 5, tzinfo=UTC)


@pytest.mark.parametrize(("limit", "silent"), [(90, 90), (90, 45), (3600, 300)])
def test_a_phase_at_whose_end_the_api_said_nothing_is_not_the_agents_failure(
    limit: float, silent: float
) -> None:
    verdict = judge(Ending(timed_out_after=limit, silent_seconds=silent))
    assert verdict.kind is OutcomeKind.INFRASTRUCTURE
    assert f"said nothing in the last {silent} s of the time of {limit} s" in verdict.detail


@pytest.mark.parametrize(("limit", "silent"), [(90, 0), (90, 44), (3600, 299)])
def test_a_phase_that_used_its_time_is_the_agents_failure(limit: float, silent: float) -> None:
    assert judge(Ending(timed_out_after=limit, silent_seconds=silent)).kind is OutcomeKind.AGENT_FAILURE


def test_a_rejected_limit_that_passed_does_not_mark_a_done_run() -> None:
    assert judge(Ending(result=result(error=False), limit_resets_at=LATER)).until is None


def test_a_time_out_is_the_agents_failure_and_names_the_limit() -> None:
    verdict = judge(Ending(timed_out_after=90, failure="exit code -9"))
    assert verdict.kind is OutcomeKind.AGENT_FAILURE
    assert "90 s" in verdict.detail


def test_a_result_outweighs_the_time_out_after_it() -> None:
    assert judge(Ending(result=result(error=False), timed_out_after=90)).kind is OutcomeKind.DONE


def test_a_program_that_died_is_infrastructure_with_its_last_words() -> None:
    verdict = judge(Ending(failure="exit code 1", stderr="cannot start"))
    assert verdict.kind is OutcomeKind.INFRASTRUCTURE
    assert "exit code 1 cannot start" in verdict.detail


def test_a_refused_key_is_not_tried_again() -> None:
    assert is_final(status=401, attempt=1, patience=0)
    assert judge(Ending(refused=KEY_REFUSED, failure="killed")).kind is OutcomeKind.AUTHENTICATION


def test_a_login_that_can_be_renewed_gets_a_second_try() -> None:
    assert not is_final(status=401, attempt=1, patience=1)
    assert is_final(status=401, attempt=2, patience=1)


@pytest.mark.parametrize("status", [None, 429, 500, 529])
def test_other_failures_are_left_to_the_programs_retries(status: int | None) -> None:
    assert not is_final(status=status, attempt=5, patience=0)


REFUSED = result(status=401)
LIMITED = result(status=429)


@pytest.mark.parametrize(
    ("ended", "seen_calls", "kind"),
    [
        (REFUSED, SeenCalls(), OutcomeKind.AGENT_FAILURE),
        (REFUSED, seen(429), OutcomeKind.AGENT_FAILURE),
        (REFUSED, seen(401), OutcomeKind.AUTHENTICATION),
        (REFUSED, seen(401, is_doubted=True), OutcomeKind.INFRASTRUCTURE),
        (LIMITED, SeenCalls(), OutcomeKind.AGENT_FAILURE),
        (LIMITED, seen(401), OutcomeKind.AGENT_FAILURE),
        (LIMITED, seen(429), OutcomeKind.RATE_LIMITED),
        (result(status=400, text="Your credit balance is too low"), SeenCalls(), OutcomeKind.AGENT_FAILURE),
        (
            result(status=400, text="Your credit balance is too low"),
            seen(400, "bad"),
            OutcomeKind.NOT_UNDERSTOOD,
        ),
        (result(status=400, text="bad"), SeenCalls(), OutcomeKind.AGENT_FAILURE),
        (result(error=False), seen(401), OutcomeKind.DONE),
        (result(status=529), SeenCalls(), OutcomeKind.INFRASTRUCTURE),
        (result("error_max_turns"), SeenCalls(), OutcomeKind.OUT_OF_TURNS),
    ],
)
def test_a_refusal_that_stops_more_than_the_phase_must_have_been_seen_by_the_router(
    ended: ProgramResult, seen_calls: SeenCalls, kind: OutcomeKind
) -> None:
    assert judge(ending(ended, seen_calls=seen_calls)).kind is kind


def test_a_run_that_was_stopped_at_a_refusal_is_judged_by_what_the_router_saw_as_well() -> None:
    assert judge(Ending(refused=KEY_REFUSED, seen_calls=SeenCalls())).kind is OutcomeKind.AGENT_FAILURE
    assert judge(Ending(refused=KEY_REFUSED, seen_calls=seen(401))).kind is OutcomeKind.AUTHENTICATION


def test_a_lent_login_that_has_expired_needs_no_refusal_at_the_router() -> None:
    expired = ending(REFUSED, seen_calls=SeenCalls(), credential_expired=True)
    assert judge(expired).kind is OutcomeKind.AUTHENTICATION
    limited = ending(LIMITED, seen_calls=SeenCalls(), credential_expired=True)
    assert judge(limited).kind is OutcomeKind.AGENT_FAILURE


@pytest.mark.parametrize("ended", [None, result(error=False), result(status=400), REFUSED])
def test_a_budget_that_the_router_saw_spent_is_the_end_whatever_the_program_says(
    ended: ProgramResult | None,
) -> None:
    assert judge(Ending(result=ended, seen_calls=SeenCalls(over_budget=True))).kind is OutcomeKind.OVER_BUDGET
