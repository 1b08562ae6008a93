"""How a Claude Code run ended, judged by the program's structured fields and its door, never by its prose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from factory_assets.domain.agents import OutcomeKind

_REFUSED = frozenset({401, 403})
_SUBTYPES = {
    "error_max_turns": OutcomeKind.OUT_OF_TURNS,
    "error_max_budget_usd": OutcomeKind.OVER_BUDGET,
}
_ERRORS = {
    "authentication_failed": OutcomeKind.AUTHENTICATION,
    "billing_error": OutcomeKind.AUTHENTICATION,
    "rate_limit": OutcomeKind.RATE_LIMITED,
    "invalid_request": OutcomeKind.AGENT_FAILURE,
}


@dataclass(frozen=True)
class Result:
    """The fields of the program's last message that say how it ended."""

    subtype: str
    is_error: bool
    api_error_status: int | None
    text: str


@dataclass(frozen=True)
class AtDoor:
    """What the model API answered, seen outside the sandbox, where no code of an agent can make it up.

    A credential is doubted when a call with it was refused although others were accepted.
    """

    over_budget: bool = False
    credential_refused: bool = False
    credential_doubted: bool = False
    rate_limited: bool = False

    def bears_out(self, kind: OutcomeKind) -> bool:
        """Whether such an end can be true."""
        if kind is OutcomeKind.AUTHENTICATION:
            return self.credential_refused
        return self.rate_limited or kind is not OutcomeKind.RATE_LIMITED


@dataclass(frozen=True)
class Ending:
    """All that is known about the end of a run.

    `api_error` is the kind of the last API error that the program named, `limit_resets_at` the time of a
    rejected rate limit, `refused` the refusal of the credential at which the run was stopped, `failure` what
    the SDK raised, `stopped` the limit at which it was stopped, `stderr` the program's last words there. `door` is
    what its door saw, where there is one; code that the agent runs can write what the program is taken to say.
    `credential_expired` is known without the program: the time of a lent login was over.
    """

    result: Result | None = None
    api_error: str | None = None
    limit_resets_at: datetime | None = None
    refused: str | None = None
    timed_out_after: float | None = None
    stopped: str | None = None
    failure: str | None = None
    stderr: str = ""
    door: AtDoor | None = None
    credential_expired: bool = False


@dataclass(frozen=True)
class Verdict:
    """What an ending means. `until` is the reset time of a rate limit."""

    kind: OutcomeKind
    detail: str
    until: datetime | None = None


def judge(ending: Ending) -> Verdict:
    """Tell what an ending means. What stops more than this phase must be borne out by the door."""
    if ending.door is None:
        return _judge(ending)
    if ending.door.over_budget:
        return Verdict(OutcomeKind.OVER_BUDGET, "The budget is used up; no further call of the model passed.")
    verdict = _judge(ending)
    refused = verdict.kind is OutcomeKind.AUTHENTICATION
    if ending.door.bears_out(verdict.kind) or (refused and ending.credential_expired):
        return verdict
    if refused and ending.door.credential_doubted:
        said = "A credential that the model API had accepted in this run was refused"
        return Verdict(OutcomeKind.INFRASTRUCTURE, f"{said}: {verdict.detail}")
    said = f"Claude Code's output tells of a refusal ({verdict.kind}) that the model API never gave"
    return Verdict(OutcomeKind.AGENT_FAILURE, f"{said}: {verdict.detail}")


def _judge(ending: Ending) -> Verdict:
    """A result that arrived outweighs what happened after it."""
    if ending.result is not None:
        return _judge_result(ending.result, ending)
    if ending.refused is not None:
        return Verdict(OutcomeKind.AUTHENTICATION, f"The API refused the credential: {ending.refused}.")
    if ending.timed_out_after is not None:
        limit = f"{ending.timed_out_after:g} s"
        return Verdict(OutcomeKind.AGENT_FAILURE, f"The agent ran past its time of {limit} and was stopped.")
    if ending.stopped is not None:
        return Verdict(OutcomeKind.AGENT_FAILURE, f"The agent was stopped: {ending.stopped}.")
    words = " ".join(part for part in (ending.failure, ending.stderr) if part)
    return Verdict(OutcomeKind.INFRASTRUCTURE, f"Claude Code ended without a result. {words}".strip())


def _judge_result(result: Result, ending: Ending) -> Verdict:
    if result.subtype in _SUBTYPES:
        return Verdict(_SUBTYPES[result.subtype], result.text)
    if not result.is_error and result.subtype == "success":
        return Verdict(OutcomeKind.DONE, result.text)
    if result.subtype != "success" and result.api_error_status is None:
        return Verdict(OutcomeKind.AGENT_FAILURE, f"{result.subtype}: {result.text}")
    kind = _kind_of(result.api_error_status, ending.api_error)
    until = ending.limit_resets_at if kind is OutcomeKind.RATE_LIMITED else None
    return Verdict(kind, result.text, until)


def _kind_of(status: int | None, error: str | None) -> OutcomeKind:
    if error == "billing_error" or status in _REFUSED:
        return OutcomeKind.AUTHENTICATION
    if status == 429:
        return OutcomeKind.RATE_LIMITED
    if status is None:
        return _ERRORS.get(error or "", OutcomeKind.INFRASTRUCTURE)
    if status == 408 or status >= 500:
        return OutcomeKind.INFRASTRUCTURE
    # Any other 4xx: the API understood the request and will not have it.
    return OutcomeKind.AGENT_FAILURE if status >= 400 else OutcomeKind.INFRASTRUCTURE


def is_final(*, status: int | None, attempt: int, patience: int) -> bool:
    """Whether a failed call that the program means to try again is already the end.

    The program tries even a refused key ten times over three minutes. `patience` is the number of refusals to
    bear: a login that can be renewed gets a second try.
    """
    return status in _REFUSED and attempt > patience
