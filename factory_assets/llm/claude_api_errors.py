"""Answers that came and were paid for but cannot be used, and what the API's refusals are as typed errors."""

from __future__ import annotations

from factory_assets.domain.agents import Answer
from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    InputError,
    RateLimitedError,
)
from factory_assets.domain.refusals import Fault, Refusal, stopped_error


class UnusableAnswerError(FactoryError):
    """The model answered, and the answer is no result. `answer` holds its text and what it cost."""

    def __init__(self, what: str, *, answer: Answer, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix)
        self.answer = answer


class AnswerCutError(UnusableAnswerError):
    """The answer reached its longest allowed length, or the context was full: ask for less at once."""


class AnswerRefusedError(UnusableAnswerError):
    """The model declined to answer. One paper of many can be the reason."""


class PromptTooLongError(FactoryError):
    """The request was longer than the model or the server takes, and cost nothing: ask for less at once."""


class NoBatchError(FactoryError):
    """There is no such message batch, or no batches at all: what it was to answer is to be asked directly."""


def refused_error(refusal: Refusal, *, where: str, model: str, credential: str, setting: str) -> FactoryError:
    """The typed error of what a server refused.

    `credential` is the setting that holds what it was asked with, `setting` the one that names the model.
    """
    status = f" (HTTP {refusal.status})" if refusal.status else ""
    what = f"{refusal.words}{status}"
    match refusal.fault:
        case Fault.CREDENTIAL:
            return CredentialError(what, where=where, fix=f"Check {credential}: the server refused it.")
        case Fault.CREDIT | Fault.ACCOUNT | Fault.USAGE_LIMIT | Fault.MODEL:
            return stopped_error(refusal, where=where, credential=credential, model=model, setting=setting)
        case Fault.RATE_LIMIT:
            fix = "Wait, or raise the account's rate limit."
            return RateLimitedError(what, where=where, fix=fix, until=refusal.until)
        case Fault.OUTAGE:
            fix = "Run it again later; https://status.claude.com."
            return InfrastructureError(what, where=where, fix=fix)
        case Fault.TOO_LONG:
            return PromptTooLongError(what, where=where, fix="Ask about fewer papers at once.")
    return InputError(
        f"The model {model!r} cannot be asked so: {what}",
        where=where,
        fix=f"Check {setting}, and ANTHROPIC_BASE_URL or LLM_ROUTER_URL where one is set.",
    )
