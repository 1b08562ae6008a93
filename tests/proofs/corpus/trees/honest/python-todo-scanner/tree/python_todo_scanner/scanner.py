"""Finding notes in sources."""

import re
from collections.abc import Iterator

MARKS = ("TODO", "FIXME", "XXX")
_NOTE = re.compile(rf"(?:#|//)\s*({'|'.join(MARKS)})\b:?\s*(.*)")


def notes(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, mark and text of each note: `# TODO: mend this` gives (1, "TODO", "mend this")."""
    for number, line in enumerate(source.splitlines(), start=1):
        found = _NOTE.search(line)
        if found:
            yield number, found[1], found[2].strip()


def report(name: str, source: str) -> str:
    """A line for each note, as a compiler would print it."""
    return "\n".join(f"{name}:{number}: {mark}: {text}" for number, mark, text in notes(source))


def counts(source: str) -> dict[str, int]:
    """How many notes there are of each kind that there is."""
    found = [mark for _, mark, _ in notes(source)]
    return {mark: found.count(mark) for mark in MARKS if mark in found}
