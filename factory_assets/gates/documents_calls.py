"""The commands that documents name: which statements they show, and whether targets, programs and packages exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory_assets.domain.trees import Tree
from factory_assets.gates.markdown import Block, Document
from factory_assets.gates.shell_examples import SHELLS, CommandCall, Statement, read_block, read_line
from factory_assets.languages.entry_points import EntryPrograms, StartCommand
from factory_assets.languages.project_files import go_module

_MAKE_RULE = re.compile(r"^([A-Za-z][\w./ -]*?)\s*::?(?!=)", re.MULTILINE)
_VERSION = re.compile(r"[\[=<>~!@;]")
_MAKES = frozenset({"make", "gmake"})

PLAIN_TOOLS = frozenset(
    {
        "printf",
        "echo",
        "cat",
        "head",
        "tail",
        "sort",
        "uniq",
        "wc",
        "grep",
        "sed",
        "awk",
        "tr",
        "cut",
        "seq",
        "tee",
    }
    | {"diff", "true", "false", "test", "[", "cd", "export", "mkdir", "touch", "cp", "chmod"}
)
"""Programs that are wherever a shell is, and that act on nothing but what they are given."""

# Words by which package managers fetch what is named behind them, and options by which they take it from elsewhere.
_FETCHING = frozenset({"install", "add", "get", "i", "uvx"})
_FROM_ELSEWHERE = frozenset({"--git", "--path", "--editable", "-e"})


def shown_blocks(document: Document, programs: EntryPrograms) -> Iterator[tuple[Block, list[Statement]]]:
    """Each block that is shell with its statements: those marked so, and those of which every line is known."""
    for block in document.blocks:
        statements = read_block(block)
        if block.language in SHELLS or _has_prompts(block) or _is_known(block, statements, programs):
            yield block, statements


def named_calls(document: Document) -> list[CommandCall]:
    """The calls in code spans; a single word there is a name and no call."""
    return [
        call
        for code in document.codes
        for statement in read_line(code.text, code.line)
        for call in statement.calls
        if len(call.words) > 1
    ]


def typed_calls(document: Document, programs: EntryPrograms) -> list[CommandCall]:
    """The calls in shell blocks."""
    return [call for _, block in shown_blocks(document, programs) for each in block for call in each.calls]


def call_faults(name: str, document: Document, programs: EntryPrograms) -> Iterator[str]:
    """What a document lets its reader type and what does not exist; each fault once, with its line."""
    targets = make_targets(programs.tree)
    typed = typed_calls(document, programs)
    seen: set[str] = set()
    for call in [*typed, *named_calls(document)]:
        found = [_target_fault(call, targets), _launch_fault(call, programs)]
        # Whether a sentence with such a command advises it or warns of it, only a reader can tell.
        found += [_fetch_fault(call, programs)] if call in typed else []
        for fault in found:
            if fault and fault not in seen:
                seen.add(fault)
                yield f"{name}:{call.line} names {fault}"


def make_targets(tree: Tree) -> frozenset[str]:
    """The targets that the Makefile and what it may include have."""
    rules = [
        rule
        for path, file in tree.items()
        if path in {"Makefile", "GNUmakefile"} or path.endswith(".mk")
        for rule in _MAKE_RULE.findall(file.text)
    ]
    return frozenset(target for rule in rules for target in rule.split())


def called_targets(call: CommandCall) -> list[str]:
    """The make targets that a call names; none where it is run in another folder or with another file."""
    words = call.words[1:]
    if call.words[0] not in _MAKES or any(word.startswith(("-C", "-f")) for word in words):
        return []
    plain = [word for word in words if not word.startswith("-") and "=" not in word and not word.isdigit()]
    return plain if all(word.replace("-", "").replace("_", "").isalnum() for word in plain) else []


def _has_prompts(block: Block) -> bool:
    return any(line.lstrip().startswith("$ ") for line in block.text.splitlines())


def _is_known(block: Block, statements: list[Statement], programs: EntryPrograms) -> bool:
    """Whether a block without a mark is shell: it may as well be a listing, a sentence or some output."""
    calls = [call for statement in statements for call in statement.calls]
    lines = [line for line in block.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return len(statements) == len(lines) and all(
        call.words[0] in _MAKES | PLAIN_TOOLS or isinstance(programs.launch(call.words), StartCommand)
        for call in calls
    )


def _target_fault(call: CommandCall, targets: frozenset[str]) -> str | None:
    missing = [target for target in called_targets(call) if target not in targets]
    return f"`make {missing[0]}`, which the Makefile does not have" if missing else None


def _launch_fault(call: CommandCall, programs: EntryPrograms) -> str | None:
    found = programs.launch(call.words)
    return found if isinstance(found, str) else None


def _fetch_fault(call: CommandCall, programs: EntryPrograms) -> str | None:
    """The repo's own name, where a call would fetch it from an index: nothing that is built here is in one."""
    at = next((at for at, word in enumerate(call.words[:4]) if word in _FETCHING), len(call.words))
    module = go_module(programs.tree)
    for word in () if _FROM_ELSEWHERE.intersection(call.words) else call.words[at + 1 :]:
        # Anything else with a slash is a folder, a file or an address; an npm scope is neither.
        name = _VERSION.split(word.partition("/")[2] if word.startswith("@") else word, maxsplit=1)[0]
        if name in programs.names or (module and f"{name}/".startswith(f"{module}/")):
            return f"`{' '.join(call.words)}`, but {word} is in no package index"
    return None
