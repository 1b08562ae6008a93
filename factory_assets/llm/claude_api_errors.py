"""Answers that came and were paid for but cannot be used, and how the API's refusals become typed errors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from factory_assets.domain.agents import Answer
from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    InputError,
    RateLimitedError,
)

_BAD_CREDENTIAL = frozenset({401, 402, 403})


class UnusableAnswerError(FactoryError):
    """The model answered, and the answer is no result. `answer` holds its text and what it cost."""

    def __init__(self, what: str, *, answer: Answer, where: str = "", mend: str = "") -> None:
        super().__init__(what, where=where, mend=mend)
        self.answer = answer


class AnswerCutError(UnusableAnswerError):
    """The answer reached its longest allowed length, or the context was full: ask for less at once."""


class AnswerRefusedError(UnusableAnswerError):
    """The model declined to answer. One paper of many can be the reason."""


def status_error(
    status: int, words: str, *, where: str, model: str, credential: str, headers: Mapping[str, str]
) -> FactoryError:
    """The typed error of an HTTP status. `words` are the server's own, `credential` the setting's name."""
    what = f"{words} (HTTP {status})"
    if status in _BAD_CREDENTIAL:
        return CredentialError(what, where=where, mend=f"Check {credential}: the server refused it.")
    if status == 429:
        until = retry_time(headers, datetime.now(UTC))
        return RateLimitedError(
            what, where=where, mend="Wait, or raise the account's rate limit.", until=until
        )
    if status in {408, 409} or status >= 500 or status < 400:
        return InfrastructureError(what, where=where, mend="Run it again later; https://status.claude.com.")
    return InputError(
        f"The model {model!r} cannot be asked so: {what}",
        where=where,
        mend="Check FACTORY_ANALYZE_MODEL, and ANTHROPIC_BASE_URL or LLM_ROUTER_URL where one is set.",
    )


def retry_time(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When the server wants to be asked again (UTC): `retry-after` in seconds or as a date."""
    raw = headers.get("retry-after", "").strip()
    try:
        return now + timedelta(seconds=float(raw))
    except (ValueError, OverflowError):
        pass
    try:
        moment = parsedate_to_datetime(raw)
    except (ValueError, IndexError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
