"""How a Claude Code run ended, judged by the program's fields and what the router saw, never by its prose alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from factory_assets.domain.agents import OutcomeKind
from factory_assets.domain.refusals import Fault, Refusal
from factory_assets.llm.model_access import SeenCalls

_REFUSED = frozenset({401, 403})
_SUBTYPES = {
    "error_max_turns": OutcomeKind.OUT_OF_TURNS,
    "error_max_budget_usd": OutcomeKind.OVER_BUDGET,
}
_KINDS = {
    Fault.CREDENTIAL: OutcomeKind.AUTHENTICATION,
    Fault.CREDIT: OutcomeKind.STOPPED,
    Fault.ACCOUNT: OutcomeKind.STOPPED,
    Fault.USAGE_LIMIT: OutcomeKind.STOPPED,
    Fault.MODEL: OutcomeKind.STOPPED,
    Fault.RATE_LIMIT: OutcomeKind.RATE_LIMITED,
    Fault.OUTAGE: OutcomeKind.INFRASTRUCTURE,
    Fault.TOO_LONG: OutcomeKind.AGENT_FAILURE,
    Fault.REQUEST: OutcomeKind.AGENT_FAILURE,
    Fault.NOT_UNDERSTOOD: OutcomeKind.NOT_UNDERSTOOD,
}
# A stream carries pings while the model thinks, so no long thought is as silent as this.
_LONGEST_SILENCE = 300.0


@dataclass(frozen=True)
class ProgramResult:
    """The fields of the program's last message that say how it ended."""

    subtype: str
    is_error: bool
    api_error_status: int | None
    text: str


@dataclass(frozen=True)
class Ending:
    """All that is known about the end of a run.

    `api_refusal` is the API error that the program's result tells of, `limit_resets_at` the time of a rejected rate
    limit, `refused` the refusal of the credential at which the run was stopped, `silent_seconds` for how long the
    API had said nothing of an answer that was waited for, `failure` what the SDK raised, `stopped` the limit at which
    it was stopped, `stderr` the program's last words there. `seen_calls` is what the router saw, where there is one;
    code that the agent runs can write what the program is taken to say. `credential_expired` is known without the
    program: the time of a lent login was over.
    """

    result: ProgramResult | None = None
    api_refusal: Refusal | None = None
    limit_resets_at: datetime | None = None
    refused: Refusal | None = None
    timed_out_after: float | None = None
    silent_seconds: float = 0.0
    stopped: str | None = None
    failure: str | None = None
    stderr: str = ""
    seen_calls: SeenCalls | None = None
    credential_expired: bool = False


@dataclass(frozen=True)
class EndingVerdict:
    """What an ending means. `until` is the reset time of a rate limit, `refusal` what the API refused."""

    kind: OutcomeKind
    detail: str
    until: datetime | None = None
    refusal: Refusal | None = None


def judge(ending: Ending) -> EndingVerdict:
    """Tell what an ending means. What stops more than this phase must be borne out by what the router saw."""
    if ending.seen_calls is None:
        return _judge(ending)
    if ending.seen_calls.over_budget:
        return EndingVerdict(
            OutcomeKind.OVER_BUDGET, "The budget is used up; no further call of the model passed."
        )
    verdict = _judge(ending)
    if verdict.refusal is None or verdict.kind is OutcomeKind.INFRASTRUCTURE:
        return verdict
    if verdict.kind is OutcomeKind.AUTHENTICATION and ending.credential_expired:
        return verdict
    return _as_seen(verdict.refusal, ending.seen_calls, ending.limit_resets_at)


def _as_seen(told: Refusal, seen_calls: SeenCalls, resets_at: datetime | None) -> EndingVerdict:
    seen = seen_calls.refusal
    if seen is None or (told.status, told.fault) not in {
        (seen.status, told.fault),
        (told.status, seen.fault),
    }:
        said = f"Claude Code's output tells of a refusal ({told.fault}) that the model API never gave"
        return EndingVerdict(OutcomeKind.AGENT_FAILURE, f"{said}: {told.words}")
    if seen_calls.is_doubted:
        said = "What the model API had accepted in this run was refused"
        return EndingVerdict(OutcomeKind.INFRASTRUCTURE, f"{said}: {seen.words}")
    return _of_refusal(seen, resets_at)


def _judge(ending: Ending) -> EndingVerdict:
    """A result that arrived outweighs what happened after it."""
    if ending.result is not None:
        return _judge_result(ending.result, ending)
    if ending.refused is not None:
        return _of_refusal(ending.refused, None)
    if ending.timed_out_after is not None:
        limit = f"{ending.timed_out_after:g} s"
        if ending.silent_seconds >= min(ending.timed_out_after / 2, _LONGEST_SILENCE):
            said = f"The model API said nothing in the last {ending.silent_seconds:.0f} s of the time of {limit}."
            return EndingVerdict(OutcomeKind.INFRASTRUCTURE, said)
        return EndingVerdict(
            OutcomeKind.AGENT_FAILURE, f"The agent ran past its time of {limit} and was stopped."
        )
    if ending.stopped is not None:
        return EndingVerdict(OutcomeKind.AGENT_FAILURE, f"The agent was stopped: {ending.stopped}.")
    words = " ".join(part for part in (ending.failure, ending.stderr) if part)
    return EndingVerdict(OutcomeKind.INFRASTRUCTURE, f"Claude Code ended without a result. {words}".strip())


def _judge_result(result: ProgramResult, ending: Ending) -> EndingVerdict:
    if result.subtype in _SUBTYPES:
        return EndingVerdict(_SUBTYPES[result.subtype], result.text)
    if not result.is_error and result.subtype == "success":
        return EndingVerdict(OutcomeKind.DONE, result.text)
    if (result.subtype != "success" and result.api_error_status is None) or ending.api_refusal is None:
        return EndingVerdict(OutcomeKind.AGENT_FAILURE, f"{result.subtype}: {result.text}")
    return _of_refusal(ending.api_refusal, ending.limit_resets_at)


def _of_refusal(refusal: Refusal, resets_at: datetime | None) -> EndingVerdict:
    kind = _KINDS[refusal.fault]
    if refusal.fault in {Fault.RATE_LIMIT, Fault.USAGE_LIMIT}:
        refusal = replace(refusal, until=refusal.until or resets_at)
    return EndingVerdict(kind, refusal.words, refusal.until, refusal)


def is_final(*, status: int | None, attempt: int, patience: int) -> bool:
    """Whether a failed call that the program means to try again is already the end.

    The program tries even a refused key ten times over three minutes. `patience` is the number of refusals to
    bear: a login that can be renewed gets a second try.
    """
    return status in _REFUSED and attempt > patience
