"""Scanning the history of a repository for the factory's own secrets and for any that the rules know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from factory_assets.domain.redaction import REDACTED, Redactor
from factory_assets.secret_scan.examples import without_examples
from factory_assets.secret_scan.forms import Finder
from factory_assets.secret_scan.history import LARGEST_OBJECT, History, HistoryEntry, Repository
from factory_assets.secret_scan.rules import RuleFind, RuleScanner
from factory_assets.secret_scan.unpack import TooMuchError, unpack
from factory_assets.secret_scan.views import BASE64, is_binary_with_words, is_name

OWN_SECRET = "a secret of this factory"  # noqa: S105 - a rule's name
NOT_LOOKED_INTO = "too large to be looked into"
COMMIT_MESSAGE = "(commit or tag)"

MOST_LISTED = 20

_SHOWN = 4
# What most keys of other services begin with, and how private keys and addresses with passwords look.
_SUSPICIOUS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:AKIA|ASIA|AIza|ghp_|gho_|ghs_|ghu_|github_pat_|glpat-|sk-|sk_live_|rk_live_|"
    rb"xox[abprs]-|hf_|npm_|pypi-|eyJ[A-Za-z0-9_-]{10})|://[^\s/:@]{1,60}:[^\s/@]{4,}@"
)
_NAMES = "names"
_IN_ADDRESS = "credential-uri"
_LONGEST_EXAMPLE = 10


@dataclass(frozen=True)
class Leak:
    """One find. `line` is 0 where there is none; `excerpt` is the find's first characters, four at most."""

    commit: str
    path: str
    line: int
    rule: str
    excerpt: str

    @property
    def is_own(self) -> bool:
        """Whether it is one of the factory's own secrets."""
        return self.rule == OWN_SECRET

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        return f"{self.path}{line}: {self.rule} ({self.excerpt}) in commit {self.commit[:12]}"


class HistoryScanner(Protocol):
    """Whatever looks for secrets in a history."""

    def scan(self, git_dir: Path, *revisions: str) -> tuple[Leak, ...]:
        """Everything found in what the revisions reach.

        Raises:
            InfrastructureError: git or the scanner failed; nothing is known then.
        """
        ...

    def scan_quickly(self, git_dir: Path, *revisions: str) -> tuple[Leak, ...]:
        """The factory's own secrets, and whatever at first sight could be another's.

        Nothing leaves the machine on the word of this look.

        Raises:
            InfrastructureError: git or the scanner failed; nothing is known then.
        """
        ...


@dataclass(frozen=True, eq=False)
class _File:
    """What the rules get to see: a blob, a member of one, or another reading of it.

    Of another reading, `origin` is what it was made from, whose finds are not told twice.
    """

    commit: str
    path: bytes
    data: bytes
    origin: _File | None = None


class SecretScanner:
    """Looks through every commit, blob, tag and file name. Objects found clean once are not looked at again.

    Args:
        secrets: the factory's own, as they are; values too short or too ordinary to be recognised are skipped.
        rules: the rule-based scanner.
    """

    def __init__(self, secrets: Iterable[str], rules: RuleScanner) -> None:
        own = tuple(secrets)
        self._finder = Finder(own)
        self._redact = Redactor(own)
        self._rules = rules
        self._clean: set[str] = set()
        self._unsuspicious: set[str] = set()

    def scan(self, git_dir: Path, *revisions: str) -> tuple[Leak, ...]:
        """Every find, the factory's own secrets first.

        Raises:
            InfrastructureError: git or the scanner failed; nothing is known then.
        """
        repository = Repository(git_dir)
        history = repository.history(revisions)
        fresh = [entry for entry in history.entries if entry.object_id not in self._clean]
        small = [entry for entry in fresh if entry.size <= LARGEST_OBJECT]
        leaks = [self._unread(entry) for entry in fresh if entry.size > LARGEST_OBJECT]
        leaks += self._own_names(history)
        files: list[_File] = []
        for entry, data in repository.contents(small):
            leaks += self._look_into(entry, data, files)
        leaks += self._by_rules(history, files)
        if not leaks:
            self._clean.update(entry.object_id for entry in fresh)
        return tuple(
            sorted(dict.fromkeys(leaks), key=lambda leak: (not leak.is_own, leak.path, leak.line, leak.rule))
        )

    def scan_quickly(self, git_dir: Path, *revisions: str) -> tuple[Leak, ...]:
        """The factory's own secrets, and all that the rules know where something looks like it.

        Starting the rules costs seconds of computing, so most trees are spared them until the last look.

        Raises:
            InfrastructureError: git or the scanner failed; nothing is known then.
        """
        repository = Repository(git_dir)
        history = repository.history(revisions)
        known = self._clean | self._unsuspicious
        fresh = [entry for entry in history.entries if entry.object_id not in known]
        leaks = [self._unread(entry) for entry in fresh if entry.size > LARGEST_OBJECT]
        leaks += self._own_names(history)
        files: list[_File] = []
        for entry, data in repository.contents([entry for entry in fresh if entry.size <= LARGEST_OBJECT]):
            leaks += self._look_into(entry, data, files)
        if leaks or any(_SUSPICIOUS.search(file.data) for file in files):
            return self.scan(git_dir, *revisions)
        self._unsuspicious.update(entry.object_id for entry in fresh)
        return ()

    def _own_names(self, history: History) -> Iterator[Leak]:
        for commit, path in history.names:
            for match in self._finder.find(path):
                yield self._leak(commit, path, 0, OWN_SECRET, match.form)

    def _look_into(self, entry: HistoryEntry, data: bytes, files: list[_File]) -> Iterator[Leak]:
        """The factory's own secrets in one object and in what is packed in it; adds to what the rules get."""
        matches = list(self._finder.find(data))
        for match in matches:
            line = data.count(b"\n", 0, match.offset) + 1
            yield self._leak(entry.commit, entry.path, line, OWN_SECRET, match.form)
        # An archive must stay what it is.
        text = data if b"\0" in data else without_examples(data)
        origin = _File(entry.commit, entry.path, text)
        files.append(origin)
        try:
            for part in unpack(text):
                path = entry.path + part.name.encode(errors="surrogateescape")
                file = _File(
                    entry.commit, path, without_examples(part.data), None if part.is_file else origin
                )
                if part.is_file:
                    origin, matches = file, []
                # The rules read base64 by themselves, but for what is no text.
                if not part.name.endswith(BASE64) or is_binary_with_words(part.data):
                    files.append(file)
                if not matches:
                    matches = list(self._finder.find(part.data))
                    for match in matches:
                        yield self._leak(entry.commit, path, 0, OWN_SECRET, match.form)
        except TooMuchError:
            yield self._unread(entry)

    def _by_rules(self, history: History, files: Sequence[_File]) -> Iterator[Leak]:
        # The names given here say nothing, so that no rule about names and no list of exceptions applies.
        named = {f"{number:06}": file for number, file in enumerate(files) if file.data}
        names = b"".join(b" ".join(path.splitlines()) + b"\n" for _, path in history.names)
        found = self._rules.find({_NAMES: names, **{name: file.data for name, file in named.items()}})
        finds = [find for find in found if not _is_word_in_address(find)]
        values = sorted({find.value.encode() for find in finds if find.value}, key=len, reverse=True)
        told: set[tuple[_File, str]] = set()
        for find in sorted(
            finds, key=lambda find: find.file in named and named[find.file].origin is not None
        ):
            if find.file == _NAMES:
                commit, path = history.names[min(find.line, len(history.names)) - 1]
                line = 0
            else:
                file = named[find.file]
                commit, path, line = file.commit, file.path, 0 if file.origin else find.line
                if file.origin and ((file.origin, find.value) in told or is_name(find.value)):
                    continue
                told.add((file.origin or file, find.value))
            for value in values:
                path = path.replace(value, REDACTED.encode())
            yield self._leak(commit, path, line, find.rule, find.value.encode())

    def _unread(self, entry: HistoryEntry) -> Leak:
        return Leak(entry.commit, self._shown(entry.path), 0, NOT_LOOKED_INTO, f"{entry.size:,} bytes")

    def _leak(self, commit: str, path: bytes, line: int, rule: str, value: bytes) -> Leak:
        return Leak(commit, self._shown(path), line, rule, mask(value.decode(errors="replace")))

    def _shown(self, path: bytes) -> str:
        text = self._redact(path.decode("utf-8", "backslashreplace")) or COMMIT_MESSAGE
        return "".join(char if char.isprintable() else "?" for char in text)


def _is_word_in_address(find: RuleFind) -> bool:
    """Whether a find is an address with a short word for a password, as examples have it and nothing drawn has."""
    word = unquote(find.value)
    return find.rule.endswith(_IN_ADDRESS) and len(word) <= _LONGEST_EXAMPLE and is_name(word)


def describe_secrets(leaks: Sequence[Leak]) -> str:
    """A summary, and a line for each find: file, line, rule, and no more of the value than its beginning."""
    count = f"{len(leaks)} finds, the first" if len(leaks) > 1 else "a secret"
    lines = [f"{count} in {leaks[0].path}", *(str(leak) for leak in leaks[:MOST_LISTED])]
    if len(leaks) > MOST_LISTED:
        lines.append(f"and {len(leaks) - MOST_LISTED} more")
    return "\n".join(lines)


def mask(value: str) -> str:
    """The first characters of a secret, at most four and at most a quarter of it."""
    return f"{value[: min(_SHOWN, len(value) // 4)]}…"
