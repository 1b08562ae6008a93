"""Make's own functions over file names, evaluated against a tree: enough to know which tests a Makefile lists."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable

_CALL = re.compile(
    r"\$[({](wildcard|sort|strip|notdir|basename|addprefix|addsuffix|patsubst|filter|filter-out)\s+([^(){}$]*)[)}]"
)
_CHANGED = re.compile(r"\$[({]([\w.-]+):([^=(){}\s]*)=([^(){}\s]*)[)}]")
_ROUNDS = 8


def list_files(text: str, paths: Iterable[str]) -> str:
    """The text with those calls of make's functions replaced whose arguments are plain; others stay as they are."""
    known = sorted(paths)
    for _ in range(_ROUNDS):
        new = _CALL.sub(lambda match: _called(match[1], match[2], known), text)
        if new == text:
            break
        text = new
    return text


def with_patterns(text: str) -> str:
    """`$(NAME:a=b)` in its long form, which says the same: $(patsubst %a,%b,$(NAME))."""
    return _CHANGED.sub(
        lambda match: f"$(patsubst {_pattern(match[2])},{_pattern(match[3])},$({match[1]}))", text
    )


def stem(pattern: str, word: str) -> str | None:
    """What `%` stands for where a word is of a pattern; None where it is not."""
    before, percent, after = pattern.partition("%")
    if not percent:
        return "" if word == pattern else None
    if len(word) < len(before) + len(after) or not (word.startswith(before) and word.endswith(after)):
        return None
    return word[len(before) : len(word) - len(after)]


def _pattern(suffix: str) -> str:
    return suffix if "%" in suffix else f"%{suffix}"


def _called(name: str, arguments: str, known: list[str]) -> str:
    first, *more = (part.strip() for part in arguments.split(","))
    words = (more[-1] if more else first).split()
    match name:
        case "wildcard":
            found = [path for rule in first.split() for path in known if _matches(path, rule)]
        case "sort":
            found = sorted(set(words))
        case "notdir":
            found = [posixpath.basename(word) for word in words]
        case "basename":
            found = [posixpath.splitext(word)[0] for word in words]
        case "addprefix":
            found = [f"{first}{word}" for word in words]
        case "addsuffix":
            found = [f"{word}{first}" for word in words]
        case "patsubst":
            found = [_replaced(first, more[0], word) for word in words]
        case "filter" | "filter-out":
            fits = [any(stem(rule, word) is not None for rule in first.split()) for word in words]
            found = [word for word, fit in zip(words, fits, strict=True) if fit is (name == "filter")]
        case _:
            found = words
    return " ".join(found)


def _matches(path: str, rule: str) -> bool:
    """As a shell matches: a star does not go over a slash."""
    parts, rules = path.split("/"), rule.removeprefix("./").split("/")
    return len(parts) == len(rules) and all(map(fnmatch.fnmatchcase, parts, rules))


def _replaced(pattern: str, new: str, word: str) -> str:
    found = stem(pattern, word)
    return word if found is None else new.replace("%", found)
