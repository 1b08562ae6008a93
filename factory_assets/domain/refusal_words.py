"""The words by which a state of the account is known where status and kind of an error do not tell it: patterns.

Each group is tried as a whole, in the order of domain/refusals.py. Forms seen: tests/model_refusals.yaml.
"""

from __future__ import annotations

_WHOSE = "organi[sz]ation|account|workspace|subscription|project|team|tenant|api key"
_OFF = "disabled|suspended|deactivated|banned|blocked|terminated|closed|archived|locked|on hold|restricted"
_MONEY = "credits?|funds?|balance|quota|extra usage"
_ABSENT = (
    "not found|not exist|not available|unavailable|not supported|unsupported|not allowed|not a valid|no longer"
    "|invalid|unknown|no such|not have access|no access|not have permission|retired|deprecated|end.of.life|sunset"
    "|discontinued"
)

TOO_LONG = (
    r"(?:prompt|input) is too long",
    r"too many (?:input )?tokens",
    r"tokens? > \d+ max",
    r"context[_ ](?:window|length|limit)",
    r"maximum context",
    r"request (?:entity )?too large",
    r"exceeds? the maximum (?:size|number of tokens|length)",
)
CREDIT = (
    r"credit balance",
    rf"(?:insufficient|not enough|out of|no (?:more|remaining)|add|purchase|buy) (?:\w+ ){{0,2}}(?:{_MONEY})",
    r"exceeded your current quota",
    r"balance is (?:too low|insufficient|negative)",
    r"(?:extra usage|usage credits)",
    r"\b(?:payment|billing|unpaid|past due|overdue|invoice|prepaid)\b",
)
USAGE_LIMIT = (
    r"regain access",
    r"\b(?:usage|spend(?:ing)?|monthly|weekly|daily|hour|session|quota|plan|opus|sonnet)s? limits?\b",
    r"hit your .{0,30}limit",
    r"limit reached",
    r"limits? will reset",
    r"(?:budget|quota|usage) (?:has been |was |is )?(?:exceeded|exhausted|reached|used up)",
    r"(?:exceeded|crossed|over|reached) .{0,30}(?:budget|allowance|usage cap)",
    r"allowance has been reached",
    r"exceededbudget",
)
ACCOUNT = (
    rf"\b(?:{_WHOSE})\b.{{0,60}}\b(?:{_OFF})\b",
    rf"\b(?:{_OFF})\b.{{0,40}}\b(?:{_WHOSE})\b",
)
MODEL = (
    rf"\bmodels?\b.{{0,80}}\b(?:{_ABSENT})\b",
    rf"\b(?:{_ABSENT})\b.{{0,60}}\bmodels?\b",
    r"issue with the selected model",
    r"no healthy deployments? for",
)
CREDENTIAL = (
    r"only authori[sz]ed for use with",
    r"(?:invalid|incorrect|expired|revoked|missing) (?:\w+[- ]){0,2}(?:key|token|credentials?)",
    r"(?:key|token|credentials?|login) (?:is |has |was |been ){1,3}(?:invalid|expired|revoked|refused|deleted)",
    r"oauth authentication",
    r"not authenticated",
    r"\bunauthori[sz]ed\b",
    r"access has been revoked",
)
# These make a limit one of the moment.
BY_THE_MINUTE = (r"rate limit", r"per[- ](?:minute|second)", r"concurren")
