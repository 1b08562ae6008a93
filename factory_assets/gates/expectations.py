"""Whether an output is what a scenario asks for, and in words what it is instead.

It is as lenient as a reader of the contract would be: white space at the end, the order of keys, further keys and how
JSON is laid out are nobody's fault. What is compared was written by hostile programs, so it is bounded in time.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from difflib import unified_diff
from itertools import islice

from factory_assets.domain.acceptance import Expectation, Form
from factory_assets.gates.patterns import is_found

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_AS_PRINTED = 1e-9
_MOST_LINES, _LONGEST_LINE = 40, 200
_DEEPEST = 100


def mismatch(expectation: Expectation, got: str) -> str | None:
    """What is not as asked for, with what came; None where all is."""
    wanted = expectation.value
    match expectation.form:
        case Form.EXACT:
            return _differs(wanted, got) if got.rstrip() != wanted.rstrip() else None
        case Form.CONTAINS:
            return None if wanted.strip("\n") in got else _lacks(f"a part that is {wanted!r}", got)
        case Form.REGEX:
            return None if is_found(wanted, got) else _lacks(f"a match of {wanted!r}", got)
        case Form.JSON:
            return _json_mismatch(wanted, got, expectation.tolerance)
        case Form.NUMBER:
            return _number_mismatch(wanted, got, expectation.tolerance)


def label_and_number(value: str) -> tuple[str, float] | None:
    """The text before the number that a value ends with, and the number; None where it ends with none."""
    found = [match for match in NUMBER.finditer(value) if not value[match.end() :].strip()]
    if not found:
        return None
    return value[: found[-1].start()], float(found[-1][0])


def _json_mismatch(wanted: str, got: str, tolerance: float) -> str | None:
    try:
        whole = json.loads(got)
    except (ValueError, RecursionError) as error:
        return _lacks(f"JSON ({error})", got)
    fault = next(_missing(json.loads(wanted), whole, tolerance, "$", 0), None)
    return None if fault is None else f"{fault}\n{_shown(got)}"


def _missing(wanted: object, got: object, tolerance: float, at: str, depth: int) -> Iterator[str]:
    """What the JSON that came lacks of the JSON that was asked for."""
    if depth > _DEEPEST:
        yield f"{at} is nested too deep"
    elif isinstance(wanted, dict):
        if not isinstance(got, dict):
            yield f"{at} is no object"
            return
        for key, value in wanted.items():
            if key in got:
                yield from _missing(value, got[key], tolerance, f"{at}.{key}", depth + 1)
            else:
                yield f"{at} has no key {key}"
    elif isinstance(wanted, list):
        if not isinstance(got, list) or len(got) != len(wanted):
            yield f"{at} is no list of {len(wanted)}"
            return
        for number, (one, other) in enumerate(zip(wanted, got, strict=True)):
            yield from _missing(one, other, tolerance, f"{at}[{number}]", depth + 1)
    elif not _same(wanted, got, tolerance):
        came = f"no {type(wanted).__name__}" if isinstance(got, dict | list) else json.dumps(got)
        yield f"{at} is {_one_line(came)}, not {_one_line(json.dumps(wanted))}"


def _same(wanted: object, got: object, tolerance: float) -> bool:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return isinstance(got, int | float) and not isinstance(got, bool) and _is_near(wanted, got, tolerance)
    return type(wanted) is type(got) and wanted == got


def _is_near(wanted: float, got: float, tolerance: float) -> bool:
    try:
        return math.isclose(wanted, got, rel_tol=_AS_PRINTED, abs_tol=tolerance)
    except OverflowError:
        return wanted == got


def _number_mismatch(value: str, got: str, tolerance: float) -> str | None:
    split = label_and_number(value)
    if split is None:
        return f"{value!r} ends with no number"
    label, wanted = split
    words = _folded(label).rstrip(" :=|")
    text = _folded(got)
    numbers = [(found.start(), float(found[0])) for found in NUMBER.finditer(text)]
    after = (bisect_left(numbers, (end,)) for end in _ends(words, text))
    if any(at < len(numbers) and _is_near(wanted, numbers[at][1], tolerance) for at in after):
        return None
    beside = f"{wanted} (within {tolerance}) after {words!r}" if words else f"{wanted} (within {tolerance})"
    return _lacks(beside, got)


def _ends(words: str, text: str) -> Iterator[int]:
    """Where the words end in the text, each time that they stand there as words of their own."""
    if not words:
        yield 0
        return
    at = text.find(words)
    while at >= 0:
        if not (at and text[at - 1].isalnum() and words[0].isalnum()):
            yield at + len(words)
        at = text.find(words, at + 1)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _differs(wanted: str, got: str) -> str:
    one, other = (list(islice(_lines(text), _MOST_LINES)) for text in (wanted, got))
    diff = unified_diff(one, other, "asked for", "came", lineterm="")
    return "\n".join(diff) or f"it differs after its {_MOST_LINES}th line"


def _lacks(what: str, got: str) -> str:
    return f"there is not {_one_line(what)} in\n{_shown(got)}"


def _shown(text: str) -> str:
    return "\n".join(islice(_lines(text), _MOST_LINES)) or "(nothing)"


def _lines(text: str) -> Iterator[str]:
    return (_one_line(line) for line in text.rstrip().split("\n"))


def _one_line(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…"
