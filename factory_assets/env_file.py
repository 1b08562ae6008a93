"""The `.env` of an instance: read strictly, and written so that it reads back as what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from factory_assets.domain.errors import InputError

# Notepad and others put a byte order mark before the first name.
ENCODING = "utf-8-sig"
_PLAIN = re.compile(r"[\w./:@%+,-]*", re.ASCII)


def read_env_file(path: Path) -> dict[str, str]:
    """What the file sets, by name as it is written; nothing where there is no file.

    A name that is set to nothing is left out, because that means the default.

    Raises:
        InputError: the file is not UTF-8 text, or a line sets nothing and would be ignored in silence.
    """
    text = _text_of(path)
    for line, assignment in _assignments(text):
        if assignment is None:
            # The line itself is not shown: it may hold a secret.
            raise InputError(
                "This line is no assignment.",
                where=f"{path}, line {line}",
                fix="Write NAME=value, close every quote, and begin a comment with #.",
            )
    return {name: value for name, value in _values(text).items() if value}


def names_in(path: Path) -> list[str]:
    """Every name that a line of the file sets, also to nothing."""
    return [name for _, name in _assignments(_text_of(path)) if name is not None]


def with_assignments(path: Path, values: Mapping[str, str]) -> str:
    """The text of the file with what it does not name yet; what stands there is left as it is.

    Raises:
        InputError: a value that cannot be written so that it is read as what it is.
    """
    text = _text_of(path)
    named = {name.upper() for name in names_in(path)}
    missing = {name: value for name, value in values.items() if name.upper() not in named}
    if text and missing and not text.endswith("\n"):
        text += "\n"
    text += "".join(f"{name}={_quoted(value)}\n" for name, value in missing.items())
    found = _values(text)
    for name, value in missing.items():
        if found.get(name) != value:
            raise InputError(
                f"{name} cannot be written so that it reads back as {value!r}.",
                where=str(path),
                fix="Close every quote that stands open in the file, or use a plainer path or value.",
            )
    return text


def _quoted(value: str) -> str:
    """The value as python-dotenv reads it: https://saurabh-kumar.com/python-dotenv/#file-format."""
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    # ${NAME} is replaced in every kind of quotes; a variable without a name has its default, a dollar.
    return "'" + escaped.replace("${", "${:-$}{") + "'"


def _values(text: str) -> dict[str, str]:
    values = dotenv_values(stream=StringIO(text))
    return {name: value for name, value in values.items() if value is not None}


def _assignments(text: str) -> Iterator[tuple[int, str | None]]:
    """Each line that is neither empty nor a comment: its number and the name it sets, None where it sets none."""
    for binding in parse_stream(StringIO(text)):
        original = binding.original.string
        blank = original[: len(original) - len(original.lstrip())]
        line = binding.original.line + blank.count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            yield line, None
        elif binding.key is not None:
            yield line, None if "\0" in original else binding.key


def _text_of(path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding=ENCODING)
    except UnicodeDecodeError as error:
        raise InputError(
            f"The file is not UTF-8 text: {error.reason} at byte {error.start}.",
            where=str(path),
            fix="Save it as UTF-8.",
        ) from None
