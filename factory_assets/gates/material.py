"""A tree as a model is shown it: as data between delimiters that no text of the tree can close, and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.provenance import PROVENANCE_FILE
from factory_assets.domain.text import single_line, strip_hidden
from factory_assets.domain.trees import Tree, TreeFile

# Characters: 70,000 tokens in all, because some models charge more above 100,000 (see analyze.batches).
_MOST_IN_ALL = 210_000
_MOST_OF_A_FILE = 30_000
_MOST_OF_A_LINE = 600
_MOST_EVIDENCE = 6_000
# The factory's own. Nobody reads them for what they say, and other gates hold them to what they have to be.
_NOT_SHOWN = frozenset(
    {"LICENSE", PROVENANCE_FILE, "requirements.lock", "package-lock.json", "Cargo.lock", "go.sum"}
)
_DELIMITER = re.compile(
    r"<(?=\s*/?\s*(?:file|evidence|finding|dispute|spec|paper|contract|call|scenario|dropped)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Material:
    """What a prompt quotes: the files, what programs saw of them, and what is left out, for whom it may concern."""

    files: str
    evidence: str
    left_out: tuple[str, ...]

    @property
    def not_shown(self) -> str:
        """What is left out, as data: paths are a tree's own text."""
        return as_data("\n".join(self.left_out))


def show_tree(tree: Tree, evidence: Sequence[GateVerdict], *, needed: str = "") -> Material:
    """The tree's text files by path, SPEC.md before the others.

    Where there is too much, the largest files are left out, so that no file can crowd out many others, but never
    SPEC.md and the file `needed`. Their order stays, so that a tree that fits is shown alike to all who ask about it.
    """
    paths = [path for path in sorted(tree) if path not in _NOT_SHOWN]
    paths.sort(key=lambda path: path != "SPEC.md")
    texts = {path: text for path in paths if (text := tree[path].text)}
    left_out = [f"{path} ({_why_no_text(tree[path])})" for path in paths if path not in texts]
    shown: dict[str, str] = {}
    room = _MOST_IN_ALL
    for path in sorted(texts, key=lambda path: (path not in {needed, "SPEC.md"}, len(texts[path]))):
        lines = numbered(texts[path])
        fits = lines[: _cut(lines, min(room, _MOST_OF_A_FILE))]
        if len(fits) < len(lines):
            left_out.append(
                f"{path} (lines {len(fits) + 1} to {len(lines)})" if fits else f"{path} (too much)"
            )
        if fits:
            shown[path] = "\n".join(fits)
            room -= len(shown[path])
    blocks = [
        f'<file path="{escape(single_line(path))}">\n{shown[path]}\n</file>'
        for path in paths
        if path in shown
    ]
    told = "\n".join(f"{verdict.gate}: {verdict.saw.partition(chr(10))[0]}" for verdict in evidence)
    return Material("\n".join(blocks), as_data(told[:_MOST_EVIDENCE]), tuple(sorted(left_out)))


def as_data(text: str) -> str:
    """A text with its lines numbered, as files are shown."""
    return "\n".join(numbered(text))


def numbered(text: str) -> list[str]:
    """The lines of a text as data: each begins with its number, so that none can be taken for a line of the prompt."""
    return [f"{number:5}| {line}" for number, line in enumerate(_visible_lines(text), start=1)]


def _visible_lines(text: str) -> Iterator[str]:
    for line in text.removesuffix("\n").split("\n"):
        # A reader may take other characters for the end of a line as well.
        visible = _DELIMITER.sub("&lt;", " ".join(strip_hidden(line).splitlines()))
        cut = len(visible) - _MOST_OF_A_LINE
        yield visible if cut <= 0 else f"{visible[:_MOST_OF_A_LINE]} […{cut} characters are left out]"


def _cut(lines: Sequence[str], room: int) -> int:
    """How many of these lines fit."""
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return number
    return len(lines)


def _why_no_text(file: TreeFile) -> str:
    if file.size == 0:
        return "empty"
    return "too large" if file.data is None else "not text"
