"""Running the quick commands that documents name: make build and lint, and `--help` of each entry point."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.builds import GateVerdict
from factory_assets.domain.specs import Language
from factory_assets.domain.text import strip_hidden, tail
from factory_assets.domain.trees import Tree
from factory_assets.gates.base import Context
from factory_assets.gates.documents import DOCUMENT_NAMES, judge_documents
from factory_assets.gates.documents_commands import called_targets
from factory_assets.gates.entry_points import EntryPoint, Use, find_entry_points
from factory_assets.gates.environment import gate_environment
from factory_assets.gates.markdown import Document
from factory_assets.languages.project_files import python_folders
from factory_assets.languages.sources import is_source

SECONDS_EACH = 30.0
SECONDS_ALL = 90.0

_SHOWN_PLAINLY = {"NO_COLOR": "1", "COLUMNS": "200"}
_FLAG = re.compile(r"^--[A-Za-z][\w-]*")
_SUBCOMMAND = re.compile(r"^[a-z][a-z0-9_-]*$")


@dataclass
class _Shown:
    """What the documents show of one entry point: flags, and the words that may be subcommands, each with places."""

    entry: EntryPoint
    flags: dict[str, str] = field(default_factory=dict)
    subcommands: dict[str, set[str]] = field(default_factory=dict)


class _TimeBox:
    """Runs commands in a clone until the time is used up."""

    def __init__(self, clone: Path, commands: CommandRunner, seconds: float, env: Mapping[str, str]) -> None:
        self._clone = clone
        self._commands = commands
        self._ends = time.monotonic() + seconds
        self._env = {**gate_environment(clone, env), **_SHOWN_PLAINLY}

    def run(self, argv: tuple[str, ...]) -> CommandResult | None:
        """The result, or None where no time is left."""
        left = min(SECONDS_EACH, self._ends - time.monotonic())
        if left <= 1:
            return None
        return self._commands.run(
            Command(argv=argv, workspace=self._clone, timeout_seconds=left, env=self._env)
        )


def run_documented_commands(
    *,
    language: Language,
    clone: Path,
    tree: Tree,
    commands: CommandRunner,
    seconds: float = SECONDS_ALL,
    env: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Run what README.md, CLAUDE.md and AGENTS.md name and what is quick; say what does not work as they say.

    `make build` and `make lint` must end well, `--help` of each entry point too, and each `--flag` that the documents
    show with it must be in that help. What is not quick is not judged: a make target that runs out of time is no
    fault, and neither is what there is no time left for. Examples with files are not run.

    Args:
        language: how entry points are found and started.
        clone: a fresh clone in which the development dependencies are installed; the commands may write into it.
        tree: the commit that the clone is of.
        commands: what runs the untrusted commands; they have no network.
        seconds: limit of all commands together, 90 at most; each has 30 seconds.
        env: variables by which the installed dependencies are found.
    """
    given = _with_modules(clone, tree, env or {}) if language is Language.PYTHON else env or {}
    box = _TimeBox(clone, commands, min(seconds, SECONDS_ALL), given)
    documents = {
        name: Document(tree[name].text) for name in DOCUMENT_NAMES if name in tree and name.endswith(".md")
    }
    targets = {
        target
        for document in documents.values()
        for call in document.calls()
        for target in called_targets(call)
    }
    faults = _make_faults(box, "build") if "build" in targets else []
    shown = _shown(language, tree, documents)
    if language is Language.TYPESCRIPT and shown and "build" not in targets:
        faults += _make_faults(box, "build")
    for use in shown:
        faults += _entry_faults(box, language, use, tree)
    if "lint" in targets:
        faults += _make_faults(box, "lint")
    return tuple(faults)


def judge_documented_commands(context: Context) -> GateVerdict:
    """The documents once more, now that what they name can be run."""
    verdict = judge_documents(context.phase, context.language, context.tree, context.scaffold)
    faults = run_documented_commands(
        language=context.language,
        clone=context.runs.clone.folder,
        tree=context.runs.final.tree,
        commands=context.runs.watched,
        seconds=context.runs.seconds(),
        env=context.runs.clone.env,
    )
    if not faults:
        return verdict
    mend = "Build the repo again: its documents name commands that do not work as they say."
    return verdict.model_copy(update={"passed": False, "saw": "\n".join(faults), "mend": mend})


def _with_modules(clone: Path, tree: Tree, env: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the repo's own modules in reach, as they are once it is installed."""
    own = [str(clone / name) for name in python_folders(tree) if name]
    return {**env, "PYTHONPATH": ":".join([*own, *filter(None, [env.get("PYTHONPATH", "")])])}


def _make_faults(box: _TimeBox, target: str) -> list[str]:
    result = box.run(("make", target))
    if result is None or result.timed_out or result.exit_code == 0:
        return []
    return [f"`make {target}`, which the documents name, ended with {result.exit_code}:\n{_evidence(result)}"]


def _shown(language: Language, tree: Tree, documents: dict[str, Document]) -> list[_Shown]:
    entries = find_entry_points(language, tree)
    found: dict[tuple[str, ...], _Shown] = {}
    for name, document in documents.items():
        for call in document.calls():
            use = entries.resolve(call.words) if call.in_block or len(call.words) > 1 else None
            if isinstance(use, Use):
                shown = found.setdefault(use.entry.argv, _Shown(use.entry))
                _note(shown, use.arguments, f"{name}:{call.line}")
    return list(found.values())


def _note(shown: _Shown, arguments: tuple[str, ...], place: str) -> None:
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    flags = [match[0] for word in own if (match := _FLAG.match(word))]
    for flag in set(flags) - {"--help"}:
        shown.flags.setdefault(flag, place)
    if own and _SUBCOMMAND.match(own[0]):
        shown.subcommands.setdefault(own[0], set()).update(set(flags) - {"--help"})


def _entry_faults(box: _TimeBox, language: Language, shown: _Shown, tree: Tree) -> Iterator[str]:
    result = box.run((*shown.entry.argv, "--help"))
    if result is None:
        return
    call = f"`{shown.entry.name} --help`"
    if result.timed_out:
        yield f"{call} did not end within {result.seconds:.0f} s"
        return
    # Go's flag package ends with 2 when it is asked for help in some forms.
    if result.exit_code not in ({0, 1, 2} if language is Language.GO and _is_go_help(result) else {0}):
        yield f"{call}, of a command that the documents name, ended with {result.exit_code}:\n{_evidence(result)}"
        return
    text = result.output
    missing = {flag for flag in shown.flags if not _has(text, flag)}
    for word, flags in shown.subcommands.items():
        # A word that the help knows is a subcommand with a help of its own; any other is an argument.
        if missing & flags and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text):
            more = box.run((*shown.entry.argv, word, "--help"))
            text += more.output if more else ""
    missing = {flag for flag in missing if not _has(text, flag)}
    if not re.search(r"(?<![\w-])--?[a-z]", text, re.IGNORECASE):
        sources = "\n".join(file.text for path, file in tree.items() if is_source(language, path, file))
        missing = {flag for flag in missing if flag not in sources and f'"{flag[2:]}"' not in sources}
    for flag in sorted(missing):
        yield f"{shown.flags[flag]} shows {flag} with {shown.entry.name}, and its --help does not know it"


def _is_go_help(result: CommandResult) -> bool:
    """`go run` reports any failure of the command as 1 and adds a line with the command's own."""
    return result.exit_code == 2 or re.search(r"^exit status 2$", result.output, re.MULTILINE) is not None


def _has(text: str, flag: str) -> bool:
    """Whether a help names a flag; Go's names it with one dash, and a pair as --[no-]flag."""
    name = re.escape(flag.removeprefix("--").removeprefix("no-"))
    return re.search(rf"(?<![\w-])--?(?:\[no-\]|no-)?{name}(?![\w-])", text) is not None


def _evidence(result: CommandResult) -> str:
    return strip_hidden(tail(result.output, lines=12, chars=1500))
