"""Redacting tokens."""

import re
from collections.abc import Iterable, Iterator

_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")


def redact(line: str) -> str:
    """The line with each JSON web token replaced by a word.

    Other kinds of token stay.
    """
    return _JWT.sub("[token]", line)


def redact_all(lines: Iterable[str]) -> Iterator[str]:
    """Each line, redacted."""
    for line in lines:
        yield redact(line)


def count(line: str) -> int:
    """How many tokens stand in a line."""
    return len(_JWT.findall(line))


def is_clean(text: str) -> bool:
    """Whether no line of a text holds a token."""
    return all(count(line) == 0 for line in text.splitlines())
