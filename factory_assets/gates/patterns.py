"""The regular expressions of scenarios, searched by RE2: in time that grows with the text, whatever the expression.

The texts are what hostile programs print. See https://github.com/google/re2/wiki/Syntax for what RE2 takes.
"""

from __future__ import annotations

import re

import re2  # type: ignore[import-untyped]

LONGEST, MOST_STEPS = 500, 1_000
"""In characters, and in steps of RE2's program, of which each may be taken at each byte: a count repeats them."""


def pattern_fault(pattern: str) -> str | None:
    """Why a pattern cannot be a scenario's; None where it can."""
    read = _read(pattern)
    if isinstance(read, str):
        return read
    return "a regular expression is found in nothing, too" if read.search(b"") else None


def is_found(pattern: str, text: str) -> bool:
    """Whether a pattern matches somewhere in a text, line by line; one that cannot be read matches nowhere."""
    read = _read(pattern)
    return not isinstance(read, str) and read.search(text.encode("utf-8", "replace")) is not None


def _read(pattern: str) -> re2._Regexp | str:
    """RE2's reading of it, or why it has none. Python's `re` has to take it, too: published runners have no other."""
    if len(pattern) > LONGEST:
        return f"a regular expression has more than {LONGEST} characters"
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        read = re2.compile(f"(?m){pattern}".encode("utf-8", "replace"), options)
        re.compile(pattern, re.MULTILINE | re.ASCII)
    except re2.error as error:
        return f"a regular expression is none of RE2's: {error.args[0].decode('utf-8', 'replace')}"
    except (re.error, OverflowError, RecursionError) as error:
        return f"a regular expression is none of Python's: {error}"
    if read.programsize > MOST_STEPS:
        return f"a regular expression counts too far: it has more than {MOST_STEPS:,} steps"
    return read
