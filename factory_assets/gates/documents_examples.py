"""The examples of shell blocks: run as they stand, and held to what the document shows of their end.

A rule for all: only what an example shows can be wrong. It shows success where nothing else is shown, so it has to end
with 0; an output below it has to be the one that comes; and an exit code that the document names may be the result.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from factory_assets.domain.agents import CommandResult
from factory_assets.gates.documents_calls import PLAIN_TOOLS, shown_blocks
from factory_assets.gates.documents_help import HELP, Helps
from factory_assets.gates.documents_output import agrees
from factory_assets.gates.documents_shell import Shell, evidence
from factory_assets.gates.markdown import Document
from factory_assets.gates.shell_examples import Statement, is_placeholder
from factory_assets.languages.entry_points import EntryPrograms, StartCommand, Words

_TEXT_TOOLS = frozenset({"printf", "echo", "grep", "sed", "awk", "tr", "cut", "seq", "test", "["})
_AROUND = "\"'`.,:;()[]<>"
_MOST_TOLD = 5
_YES = 119
_NOBODYS = "zq-none"
_NOT_FOUND = 127


@dataclass(frozen=True)
class Example:
    """A statement that starts programs of the repo. `before` is what was typed before it in the same block.

    `can_run` says that all of it can be run as it stands, `files` are the words that look like files, `codes` the
    words of the document's prose, and `beside` those of the paragraphs before and after the block.
    """

    place: str
    statement: Statement
    launches: tuple[StartCommand, ...]
    before: Words
    can_run: bool
    files: Words
    codes: frozenset[str]
    beside: frozenset[str]

    def script(self, text: str = "") -> str:
        """The statement, or another text in its place, after what was typed before."""
        before = "\n".join(["{ :", *self.before, "} >/dev/null 2>&1\n"]) if self.before else ""
        return before + (text or self.statement.text)


def find_examples(name: str, document: Document, programs: EntryPrograms) -> Iterator[Example]:
    """The examples of a document."""
    codes = _words(*document.prose)
    for block, statements in shown_blocks(document, programs):
        beside = _words(block.beside)
        before: list[str] = []
        found: list[Example] = []
        for statement in statements:
            calls = [(call.words, programs.launch(call.words)) for call in statement.calls]
            launches = tuple(launch for _, launch in calls if isinstance(launch, StartCommand))
            foreign = any(
                not isinstance(one, StartCommand) and words[0] not in PLAIN_TOOLS for words, one in calls
            )
            if launches:
                words = [word for call in statement.calls for word in call.words]
                stand_in = any(is_placeholder(word) and word not in programs.tree for word in words)
                can_run = statement.plain and not foreign and not stand_in and "://" not in statement.text
                files = [word for words, _ in calls if words[0] not in _TEXT_TOOLS for word in words]
                files = [word.rpartition("=")[2] for word in [*files, *statement.inputs] if _is_file(word)]
                place = f"{name}:{statement.line}"
                found.append(
                    Example(place, statement, launches, tuple(before), can_run, tuple(files), codes, beside)
                )
            elif not foreign:
                before.append(statement.text)
        if len(found) > 1 and not any(example.statement.shown for example in found[:-1]):
            # What stands below all of them may be the output of more than the last.
            found[-1] = replace(found[-1], statement=replace(found[-1].statement, shown=None))
        yield from found


def example_faults(example: Example, helps: Helps, shell: Shell) -> Iterator[str]:
    """What an example shows and what is not so."""
    statement = example.statement
    result = shell.run(example.script()) if example.can_run else None
    if result is not None and (_ends_as_shown(example, result) or result.exit_code == _NOT_FOUND):
        return
    if result is None or _is_told(example, result) or _needs_input(example, result, shell):
        yield from _word_faults(example, helps, shell)
    elif statement.shown is not None:
        if not _shows_part(example, statement.shown, result, shell):
            yield f"{example.place} shows an output of `{statement.text}` that is not what comes:\n{evidence(result)}"
    elif not _is_result(example, result, shell):
        yield f"{example.place} shows `{statement.text}`, which ends with {result.exit_code}:\n{evidence(result)}"


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word.strip(".,;:()|") for text in texts for word in text.replace("`", " ").split())


def _is_told(example: Example, result: CommandResult) -> bool:
    """Whether the text beside an example tells of this exit code alone: it shows a failure on purpose."""
    return (
        example.statement.shown is None
        and str(result.exit_code) in example.beside - {"0"}
        and ("0" not in example.beside)
    )


def _is_file(word: str) -> bool:
    path = PurePosixPath(word)
    hidden = word.startswith(".") and word.strip(".")
    return "/" in word or bool(hidden) or path.suffix[1:2].isalpha()


def _ends_as_shown(example: Example, result: CommandResult) -> bool:
    if example.statement.shown is not None:
        return agrees(example.statement.shown, result.output)
    asks_for_help = all(HELP.intersection(launch.arguments) for launch in example.launches)
    return result.exit_code == 0 or (asks_for_help and result.exit_code <= 2 and bool(result.output.strip()))


def _shows_part(example: Example, shown: str, result: CommandResult, shell: Shell) -> bool:
    """Whether the output shown is what goes to stdout alone, or differs only where two runs differ."""
    alone = shell.run(f"{{ {example.script()}\n}} 2>/dev/null")
    again = shell.run(example.script())
    return (
        alone is None
        or again is None
        or agrees(shown, alone.output)
        or agrees(shown, result.output, again.output)
    )


def _is_result(example: Example, result: CommandResult, shell: Shell) -> bool:
    """Whether an exit code is an answer and no complaint: the document names it, and not all is said on stderr."""
    alone = shell.run(f"{{ {example.script()}\n}} 2>/dev/null")
    named = str(result.exit_code) in example.codes
    return alone is None or (named and bool(alone.output.strip() or not result.output.strip()))


def _needs_input(example: Example, before: CommandResult, shell: Shell) -> bool:
    """Whether a file of the example is not there, it reads stdin, or a word of it could be the name of a file."""
    text = example.statement.text
    absent = " || ".join(f"[ ! -e {shlex.quote(word)} ]" for word in example.files) or "false"
    reads = f'{{ {text}\n}} <&3 >/dev/null 2>&1; read -r rest <&3; [ "$rest" != {_NOBODYS} ]'
    asked = shell.run(
        example.script(f"exec 3<<<{_NOBODYS}; if {absent} || {{ {reads}; }}; then exit {_YES}; fi")
    )
    names = [word for launch in example.launches for word in launch.arguments if _is_name(word)]
    # A file that the tool looks for by itself is named by its complaint.
    told = (word.strip(_AROUND) for word in before.output.split())
    names += [word for word in dict.fromkeys(told) if "/" not in word and _is_file(word)][:_MOST_TOLD]
    return asked is None or asked.exit_code == _YES or _is_path(example, text, names, before, shell)


def _word_faults(example: Example, helps: Helps, shell: Shell) -> Iterator[str]:
    """A first word that a program refuses just as it refuses a word that nobody knows: it is no subcommand."""
    for launch in example.launches:
        word, *rest = launch.arguments or ("",)
        if not _is_name(word) or is_placeholder(word) or word in helps.words(launch.argv):
            continue
        call, other = (shlex.join((*launch.argv, first, *rest)) for first in (word, _NOBODYS))
        one, two = shell.run(example.script(call)), shell.run(example.script(other))
        if one is None or two is None or one.exit_code == 0 or word not in one.output:
            continue
        same = (one.exit_code, one.output) == (two.exit_code, two.output.replace(_NOBODYS, word))
        if same and not _is_path(example, call, [word], one, shell):
            name = " ".join(launch.argv)
            yield f"{example.place} shows the command {word}, which {name} does not know:\n{evidence(one)}"


def _is_name(word: str) -> bool:
    return word.replace("-", "").replace("_", "").isalnum() and not word.startswith("-")


def _is_path(example: Example, text: str, names: list[str], before: CommandResult, shell: Shell) -> bool:
    """Whether what is run answers otherwise once there are empty files, or folders, of these names."""
    for make in ("touch", "mkdir") if names else ():
        made = (
            f'for one in {shlex.join(names)}; do [ -e "$one" ] || {{ {make} "$one"; new+=("$one"); }}; done'
        )
        after = shell.run(
            example.script(f'new=(); {made}\n{text}\ncode=$?; rm -rf "${{new[@]}}"; exit $code')
        )
        if after is None or after.output != before.output:
            return True
    return False
