"""What an error of the model's API means: of one request, of everybody's, or of the account and the model as such.

The one place that tells these apart. It goes by the HTTP status and the API's kind of error first, and by the words
second, because a state of the account comes as status 400 under the kind of a malformed request as well. What it does
not understand, it says so. Forms seen: tests/model_refusals.yaml.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from factory_assets.domain import refusal_words
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.return_times import return_time


class Fault(StrEnum):
    """What is wrong. Those with a `stop` meet whoever asks next as well."""

    CREDENTIAL = "credential refused"
    CREDIT = "out of credit"
    ACCOUNT = "account disabled"
    USAGE_LIMIT = "usage limit reached"
    MODEL = "model not available"
    RATE_LIMIT = "rate limited"
    OUTAGE = "outage"
    TOO_LONG = "prompt too long"
    REQUEST = "request refused"
    NOT_UNDERSTOOD = "not understood"

    @property
    def stop(self) -> WaitCause | None:
        """Why the queue stops for it; None where it concerns one request, or passes by itself."""
        return _STOPS.get(self)


_STOPS = {
    Fault.CREDENTIAL: WaitCause.CREDENTIAL,
    Fault.CREDIT: WaitCause.CREDIT,
    Fault.ACCOUNT: WaitCause.ACCOUNT,
    Fault.USAGE_LIMIT: WaitCause.USAGE_LIMIT,
    Fault.MODEL: WaitCause.MODEL,
}


@dataclass(frozen=True)
class Refusal:
    """What an error means, the server's own words, and when it wants to be asked again (UTC)."""

    fault: Fault
    words: str
    status: int | None = None
    until: datetime | None = None


class ModelStoppedError(FactoryError):
    """The API takes nothing of this account, or nothing for this model, whoever asks; a retry cannot help.

    `cause` says why, `until` when that ends by itself (UTC), where the server named a time.
    """

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", cause: WaitCause, until: datetime | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.cause = cause
        self.until = until


# Kinds of error: the API's own (https://platform.claude.com/docs/en/api/errors), those that Claude Code names in their
# place, and those of gateways that speak for other vendors.
_KINDS = {
    "authentication_error": Fault.CREDENTIAL,
    "authentication_failed": Fault.CREDENTIAL,
    "oauth_org_not_allowed": Fault.CREDENTIAL,
    "permission_error": Fault.CREDENTIAL,
    "billing_error": Fault.CREDIT,
    "insufficient_quota": Fault.CREDIT,
    "budget_exceeded": Fault.USAGE_LIMIT,
    "not_found_error": Fault.MODEL,
    "model_not_found": Fault.MODEL,
    "request_too_large": Fault.TOO_LONG,
    "context_length_exceeded": Fault.TOO_LONG,
    "rate_limit_error": Fault.RATE_LIMIT,
    "rate_limit": Fault.RATE_LIMIT,
    "overloaded_error": Fault.OUTAGE,
    "overloaded": Fault.OUTAGE,
    "api_error": Fault.OUTAGE,
    "server_error": Fault.OUTAGE,
    "timeout_error": Fault.OUTAGE,
}
_STATUSES = {
    401: Fault.CREDENTIAL,
    402: Fault.CREDIT,
    403: Fault.CREDENTIAL,
    413: Fault.TOO_LONG,
    429: Fault.RATE_LIMIT,
}
_PASSING = frozenset({408, 409, 425})


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL)


# In this order.
_IN_WORDS = (
    (Fault.TOO_LONG, _any_of(refusal_words.TOO_LONG)),
    (Fault.CREDIT, _any_of(refusal_words.CREDIT)),
    (Fault.USAGE_LIMIT, _any_of(refusal_words.USAGE_LIMIT)),
    (Fault.ACCOUNT, _any_of(refusal_words.ACCOUNT)),
    (Fault.MODEL, _any_of(refusal_words.MODEL)),
    (Fault.CREDENTIAL, _any_of(refusal_words.CREDENTIAL)),
)
_BY_THE_MINUTE = _any_of(refusal_words.BY_THE_MINUTE)
_OF_ACCOUNT = frozenset({Fault.CREDIT, Fault.ACCOUNT, Fault.USAGE_LIMIT})
# A fault of a field begins with its name, and may go on with what the field held.
_FIELD = re.compile(
    r"^`?(messages|tools|tool_choice|system|model|max_tokens|thinking|output_config|output_format|context_management"
    r"|metadata|stop_sequences|temperature|service_tier|container|mcp_servers|betas|anthropic-beta)\b[\w.`]*:"
)
_OF_FIELD = {"messages": Fault.REQUEST, "model": Fault.MODEL}
_MOST_WORDS = 600


def classify(
    *, status: int | None, kind: str = "", words: str, headers: Mapping[str, str] | None = None, now: datetime
) -> Refusal:
    """Tell what an error of the API means. `kind` is its `error.type`, `words` its message or the whole body.

    Gateways and Claude Code put the API's own error into their message: there that one decides.
    """
    inner_kind, inner = read_error(words)
    kind, words = inner_kind or kind, inner.strip() or words.strip()
    named = return_time(words, headers or {}, now)
    fault = _fault(status, kind, words, headers or {}, named)
    if fault is Fault.CREDIT and named is not None:
        # What comes back by itself is no credit that somebody must add.
        fault = Fault.USAGE_LIMIT
    until = named if fault in {Fault.USAGE_LIMIT, Fault.RATE_LIMIT, Fault.OUTAGE} else None
    return Refusal(fault, words[:_MOST_WORDS], status, until)


def read_error(text: str) -> tuple[str, str]:
    """The kind and the message of an error within a text: of the API's form, or of one that gateways use."""
    found = _json(text)
    error = found.get("error", found) if found is not None else None
    if isinstance(error, str):
        return "", error
    if not isinstance(error, dict):
        return "", text
    message = next((error[name] for name in ("message", "detail") if isinstance(error.get(name), str)), "")
    kinds = [error[name] for name in ("type", "code") if isinstance(error.get(name), str)]
    kind = next((kind for kind in kinds if kind in _KINDS), kinds[0] if kinds else "")
    inner_kind, inner = read_error(message) if "{" in message else ("", message)
    return inner_kind or kind, inner or text


def _json(text: str) -> dict[str, object] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        found = json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None
    is_error = isinstance(found, dict) and ({"error", "message", "detail"} & found.keys())
    return found if is_error else None


def _fault(
    status: int | None, kind: str, words: str, headers: Mapping[str, str], named: datetime | None
) -> Fault:
    told = _KINDS.get(kind) or (_STATUSES.get(status) if status is not None else None)
    if told is Fault.MODEL and status not in {None, 400, 404}:
        told = None
    if told is None and (field := _FIELD.match(words)):
        return _OF_FIELD.get(field[1], Fault.NOT_UNDERSTOOD)
    match told:
        case Fault.RATE_LIMIT:
            return _limited(words, headers)
        case Fault.CREDENTIAL:
            # A page at 403 is a firewall's.
            plain = Fault.NOT_UNDERSTOOD if status == 403 and words.startswith("<") else told
            return _in_words(words, _OF_ACCOUNT | {Fault.MODEL}) or plain
        case None | Fault.OUTAGE:
            return _untold(status, told, words, named)
    return told


def _untold(status: int | None, told: Fault | None, words: str, named: datetime | None) -> Fault:
    """Status and kind say nothing, as with 400 and `invalid_request_error`, or no more than that it failed."""
    if told is Fault.OUTAGE or (status is not None and (status >= 500 or status in _PASSING or status < 400)):
        # A gateway may give a lasting refusal of the API on as a failure of its own; a page is nobody's refusal.
        lasting = None if words.startswith("<") else _in_words(words, _OF_ACCOUNT)
        return lasting or Fault.OUTAGE
    found = _in_words(words)
    if found is not None:
        return found
    if status is None:
        return Fault.OUTAGE
    return Fault.USAGE_LIMIT if named is not None else Fault.NOT_UNDERSTOOD


def _limited(words: str, headers: Mapping[str, str]) -> Fault:
    if headers.get("anthropic-ratelimit-unified-status") == "rejected":
        return Fault.USAGE_LIMIT
    if _BY_THE_MINUTE.search(words):
        return Fault.RATE_LIMIT
    return _in_words(words, _OF_ACCOUNT) or Fault.RATE_LIMIT


def _in_words(words: str, among: frozenset[Fault] | None = None) -> Fault | None:
    for fault, pattern in _IN_WORDS:
        if (among is None or fault in among) and pattern.search(words):
            return fault
    return None


def stopped_error(
    refusal: Refusal, *, where: str, credential: str, model: str, setting: str
) -> ModelStoppedError:
    """The error of a fault with a `stop`.

    `credential` is what the operator would renew, `setting` the one that names `model`.
    """
    assert refusal.fault.stop is not None  # noqa: S101 - the caller has looked
    back = f" Else it ends by itself at {refusal.until:%Y-%m-%d %H:%M} UTC." if refusal.until else ""
    what, fix = {
        Fault.CREDENTIAL: (
            "The model's credential was refused",
            f"Check {credential}: the server refused it.",
        ),
        Fault.CREDIT: (
            "The account has no credit left",
            "Add credit to it: https://platform.claude.com/settings/billing, or the budget of your gateway.",
        ),
        Fault.ACCOUNT: (
            "The account is disabled",
            f"Settle it with Anthropic's support, or set the credential of another account ({credential}).",
        ),
        Fault.USAGE_LIMIT: (
            "The account's usage limit is reached",
            f"Raise it (https://platform.claude.com/settings/limits), or the budget of your gateway.{back}",
        ),
        Fault.MODEL: (
            f"The model {model!r} is not to be had",
            f"Set {setting} to a model that this account can use; where a gateway is asked, to one that it knows.",
        ),
    }[refusal.fault]
    status = f" (HTTP {refusal.status})" if refusal.status else ""
    return ModelStoppedError(
        f"{what}: {refusal.words.rstrip('.')}{status}.",
        where=where,
        fix=fix,
        cause=refusal.fault.stop,
        until=refusal.until,
    )
