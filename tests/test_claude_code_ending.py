"""How the end of a run is judged: by its fields, whatever its words say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from factory_assets.domain.agents import OutcomeKind
from factory_assets.llm.claude_code_ending import AtDoor, Ending, Result, is_final, judge

LATER = datetime(2026, 6, 3, 12, tzinfo=UTC)


def result(
    subtype: str = "success", *, error: bool = True, status: int | None = None, text: str = "x"
) -> Result:
    return Result(subtype, error, status, text)


@pytest.mark.parametrize(
    ("ended", "api_error", "kind"),
    [
        (result(error=False), None, OutcomeKind.DONE),
        (result("error_max_turns"), None, OutcomeKind.OUT_OF_TURNS),
        (result("error_max_budget_usd"), None, OutcomeKind.OVER_BUDGET),
        (result("error_during_execution"), None, OutcomeKind.AGENT_FAILURE),
        (result(status=401), "authentication_failed", OutcomeKind.AUTHENTICATION),
        (result(status=403), "authentication_failed", OutcomeKind.AUTHENTICATION),
        (result(status=400), "billing_error", OutcomeKind.AUTHENTICATION),
        (result(status=429), "rate_limit", OutcomeKind.RATE_LIMITED),
        (result(status=500), "server_error", OutcomeKind.INFRASTRUCTURE),
        (result(status=529), "server_error", OutcomeKind.INFRASTRUCTURE),
        (result(status=408), "unknown", OutcomeKind.INFRASTRUCTURE),
        (result(status=400), "invalid_request", OutcomeKind.AGENT_FAILURE),
        (result(), "unknown", OutcomeKind.INFRASTRUCTURE),
        (result(), None, OutcomeKind.INFRASTRUCTURE),
        (result(), "rate_limit", OutcomeKind.RATE_LIMITED),
        (result("error_during_execution", status=529), "server_error", OutcomeKind.INFRASTRUCTURE),
    ],
)
def test_a_result_is_judged_by_its_fields(ended: Result, api_error: str | None, kind: OutcomeKind) -> None:
    assert judge(Ending(result=ended, api_error=api_error)).kind is kind


def test_words_about_rate_limits_do_not_make_a_run_rate_limited() -> None:
    words = "429 rate limit reached, authentication failed, overloaded"
    assert judge(Ending(result=result(error=False, text=words))).kind is OutcomeKind.DONE
    assert judge(Ending(result=result("error_max_turns", text=words))).kind is OutcomeKind.OUT_OF_TURNS


def test_a_rate_limit_keeps_its_reset_time() -> None:
    ending = Ending(result=result(status=429), limit_resets_at=LATER)
    assert judge(ending).until == LATER


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
    assert judge(Ending(refused="401 x", failure="killed")).kind is OutcomeKind.AUTHENTICATION


def test_a_login_that_can_be_renewed_gets_a_second_try() -> None:
    assert not is_final(status=401, attempt=1, patience=1)
    assert is_final(status=401, attempt=2, patience=1)


@pytest.mark.parametrize("status", [None, 429, 500, 529])
def test_other_failures_are_left_to_the_programs_retries(status: int | None) -> None:
    assert not is_final(status=status, attempt=5, patience=0)


REFUSED = result(status=401)
LIMITED = result(status=429)


@pytest.mark.parametrize(
    ("ended", "door", "kind"),
    [
        (REFUSED, AtDoor(), OutcomeKind.AGENT_FAILURE),
        (REFUSED, AtDoor(rate_limited=True), OutcomeKind.AGENT_FAILURE),
        (REFUSED, AtDoor(credential_refused=True, credential_doubted=True), OutcomeKind.AUTHENTICATION),
        (REFUSED, AtDoor(credential_doubted=True), OutcomeKind.INFRASTRUCTURE),
        (LIMITED, AtDoor(), OutcomeKind.AGENT_FAILURE),
        (LIMITED, AtDoor(credential_refused=True), OutcomeKind.AGENT_FAILURE),
        (LIMITED, AtDoor(rate_limited=True), OutcomeKind.RATE_LIMITED),
        (result(error=False), AtDoor(credential_refused=True, rate_limited=True), OutcomeKind.DONE),
        (result(status=529), AtDoor(), OutcomeKind.INFRASTRUCTURE),
        (result("error_max_turns"), AtDoor(), OutcomeKind.OUT_OF_TURNS),
    ],
)
def test_a_refusal_that_stops_more_than_the_phase_must_have_been_seen_at_the_door(
    ended: Result, door: AtDoor, kind: OutcomeKind
) -> None:
    assert judge(Ending(result=ended, door=door)).kind is kind


def test_a_run_that_was_stopped_at_a_refusal_is_judged_by_its_door_as_well() -> None:
    assert judge(Ending(refused="401 x", door=AtDoor())).kind is OutcomeKind.AGENT_FAILURE
    seen = AtDoor(credential_refused=True)
    assert judge(Ending(refused="401 x", door=seen)).kind is OutcomeKind.AUTHENTICATION


def test_a_lent_login_that_has_expired_needs_no_refusal_at_the_door() -> None:
    ending = Ending(result=REFUSED, door=AtDoor(), credential_expired=True)
    assert judge(ending).kind is OutcomeKind.AUTHENTICATION
    assert judge(Ending(result=LIMITED, door=AtDoor(), credential_expired=True)).kind is (
        OutcomeKind.AGENT_FAILURE
    )


@pytest.mark.parametrize("ended", [None, result(error=False), result(status=400), REFUSED])
def test_a_budget_that_the_door_saw_spent_is_the_end_whatever_the_program_says(ended: Result | None) -> None:
    assert judge(Ending(result=ended, door=AtDoor(over_budget=True))).kind is OutcomeKind.OVER_BUDGET
