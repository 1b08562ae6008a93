"""Whether what a document shows as output is what came."""

from __future__ import annotations

import re
from itertools import accumulate

# What cannot be the same twice, or on two machines: durations, dates, times of day, and folders of absolute paths.
_VARIES = re.compile(
    r"\d[\d.,]* ?(?:ns|µs|us|ms|s|sec|seconds?|min|minutes?)\b"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?[\d.]*(?:Z|[+-]\d\d:?\d\d)?)?|\b\d\d:\d\d:\d\d[\d.]*"
    r"|(?<![\w./:])(?:/[\w.+-]+)+/"
)
_LEFT_OUT = "..."
_MARKS = ("[...]", "(...)", "[…]", "(…)", "…")


def agrees(shown: str, came: str, again: str | None = None) -> bool:
    """Whether the output that a document shows is the one that came.

    White space does not count, and neither do durations, dates, times of day and the folders of absolute paths; `...`
    stands for anything, and whole lines may be left out before and after what is shown. `again` is the output of a
    second run: what differs between the two is not compared.
    """
    if again is not None and again != came:
        lines = [shown.splitlines(), came.splitlines(), again.splitlines()]
        if len({len(each) for each in lines}) > 1:
            return True
        same = [(one, two) for one, two, three in zip(*lines, strict=True) if two == three]
        return all(agrees(one, two) for one, two in same)
    for mark in _MARKS:
        shown = shown.replace(mark, _LEFT_OUT)
    wanted, left = [_plain(part) for part in shown.split(_LEFT_OUT)], _plain(came)
    if len(wanted) == 1:
        return wanted[0] == left or _is_part(wanted[0], came)
    first, *between, last = wanted
    if not left.startswith(first) or not left[len(first) :].endswith(last):
        return False
    left = left[len(first) : len(left) - len(last)]
    for part in between:
        _, found, left = left.partition(part)
        if part and not found:
            return False
    return True


def _is_part(shown: str, came: str) -> bool:
    """Whether some whole lines in a row are what is shown."""
    lines = [_plain(line) for line in came.splitlines()]
    whole, ends = "".join(lines), {0, *accumulate(map(len, lines))}
    return bool(shown) and any(whole.startswith(shown, at) and at + len(shown) in ends for at in ends)


def _plain(text: str) -> str:
    return "".join(_VARIES.sub("\0", text).split())
