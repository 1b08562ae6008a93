"""Whether a regular expression is one that says something, and that no text can keep busy for long."""

from __future__ import annotations

import re

LONGEST = 500
_REPEAT = re.compile(r"[*+]|\{(\d*),(\d*)\}|\{(\d+)\}")


def regex_fault(pattern: str) -> str | None:
    """Why a pattern cannot be used; None where it can."""
    if len(pattern) > LONGEST:
        return f"a regular expression has more than {LONGEST} characters"
    try:
        compiled = re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        return f"a regular expression cannot be compiled: {error}"
    if _repeats_repeats(pattern):
        return "a regular expression repeats what repeats itself"
    return "a regular expression is found in nothing, too" if compiled.search("") else None


def _repeats_repeats(pattern: str) -> bool:
    """Whether a group that repeats without end has a part that does.

    See https://www.regular-expressions.info/catastrophic.html.
    """
    groups, at = [False], 0
    while at < len(pattern):
        char = pattern[at]
        closed = char == ")" and len(groups) > 1
        inner = groups.pop() if closed else False
        at = _end_of_class(pattern, at) if char == "[" else at + (2 if char == "\\" else 1)
        if char == "(":
            groups.append(False)
            continue
        repeat = _REPEAT.match(pattern, at)
        endless = repeat is not None and (
            repeat[0] in {"*", "+"} or (repeat[1] is not None and not repeat[2])
        )
        if endless and inner:
            return True
        groups[-1] = groups[-1] or inner or endless
        at = repeat.end() if repeat else at
    return False


def _end_of_class(pattern: str, start: int) -> int:
    """Behind the bracket that closes a class; one that stands first in it is a character of it."""
    at = start + 1 + pattern.startswith("^", start + 1)
    at += pattern.startswith("]", at)
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
