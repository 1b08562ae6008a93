"""The words by which unfinished work gives itself away."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MARK = r"(?:TODO|FIXME|XXX)"
_LEAD = r"^[\s#/*!;-]*"

_AT_START = re.compile(_LEAD + _MARK + r"\b(?!\.)")
_WITH_COLON = re.compile(_LEAD + _MARK + r"\s*(?:\([^)\n]*\))?\s*:", re.IGNORECASE)
_LATER = re.compile(r"(?<![`'\"\w])" + _MARK + r"(?::|\()")
_QUOTED = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"|'[^'\n]*'")
_EXCUSE = re.compile(
    # White space is folded before, so that no two parts of this compete for it.
    r"^(?:[\w-]+ )*?(?:[\w-]+:? ?)?(?:(?:sorry|error)\b[,:]? ?)?(?:(?:this|the|that) )?"
    r"(?:(?:feature|function|command|option|method|part) )?(?:(?:is|was) )?"
    r"(?:not (?:yet )?implemented(?: yet)?|unimplemented|to be implemented|implement me) ?[.!…]*$",
    re.IGNORECASE,
)
_MENTION = re.compile(_MARK, re.IGNORECASE)
_MEANT = re.compile(
    r"\bnothing\b|\bno-?op\b|\bintentional|\bon purpose\b|\bdeliberate|\bby design\b"
    r"|\b(?:no|not)\b[\w ]{0,30}\b(?:needed|necessary)\b",
    re.IGNORECASE,
)
# Called by others at a moment of their choosing: that there is nothing to do then is usual.
_HOOK = re.compile(
    r"^_*(?:(?:a?close|clean_?up|tear_?down|set_?up|dispose|flush|release|shutdown)(?:_\w+)?$|(?:on|visit|depart|before|after)(?:_|[A-Z])"
    r"|handler$|generic_visit$|pytest_|\w+_hook$)",
)
LOREM = re.compile(r"lorem\s+ipsum\s+dolor", re.IGNORECASE)
UNWRITTEN = re.compile(
    _LEAD + r"(?:[*_`>\[]*)(?:" + _MARK + r"|TBD|coming soon|to be (?:written|added|done|documented)"
    r"|insert [\w ]{3,40} here|your [\w ]{3,30} here)\b[\s:.…!\]*_`]*$|" + _LEAD + _MARK + r"\s*:",
    re.IGNORECASE | re.MULTILINE,
)


def mentions_notes(strings: Iterable[str]) -> bool:
    """Whether a program's own strings speak of such notes, so that it is a tool about them."""
    return any(_MENTION.search(string) for string in strings)


def is_note(comment: str, *, about_notes: bool) -> bool:
    """Whether a comment notes work left to do.

    A tool about such notes has comments that speak of them; there only the plain form with a colon counts.
    """
    lines = [_QUOTED.sub("", line) for line in comment.splitlines()]
    if any(_WITH_COLON.search(line) for line in lines):
        return True
    return not about_notes and any(_AT_START.search(line) or _LATER.search(line) for line in lines)


def is_excuse(words: str) -> bool:
    """Whether a message only says that something is not implemented."""
    return _EXCUSE.search(" ".join(words.split())) is not None


def is_hook(name: str) -> bool:
    """Whether a function is called at a moment, such as an end or an event, at which there may be nothing to do."""
    return _HOOK.search(name) is not None


def is_meant(body: str) -> bool:
    """Whether a body that does nothing says that it is meant so."""
    return _MEANT.search(body) is not None
