"""Gate of the build phase: no source stands in for work that was not done."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.lexer import Lexed, lex
from factory_assets.gates.names import PLACEHOLDERS
from factory_assets.gates.notes import LOREM, is_excuse, is_hook, is_meant, is_note, mentions_notes
from factory_assets.gates.python_stubs import Classes, Fault, python_placeholders, read_classes
from factory_assets.languages import LANGUAGES
from factory_assets.languages.sources import is_source

MOST_SHOWN = 20

_SCAFFOLD_STUBS = {Language.GO: "main.go", Language.TYPESCRIPT: "src/index.ts", Language.RUST: "src/lib.rs"}
_ON_PURPOSE = re.compile(r"no_?op|nothing|ignore|discard|silent|null|swallow|init$", re.IGNORECASE)
_SAYS = re.compile(
    r"(?:\bpanic!?|\bError|\berrors\.New|\bfmt\.\w+|\bbail!|\bErr|\banyhow!|\blog\.\w+|\bconsole\.\w+|\be?println!"
    r"|\bwrite(?:ln)?!?|\becho|\bprintf|\bdie|\bfail|\bfatal|\berror|\babort)\s*\(?\s*(?:\"[^\"]*\",\s*)?(?:String::from\()?$"
)
_MACROS = re.compile(r"\b(?:todo|unimplemented)!\s*[(\[{]")
# Where a function's parameters begin, and what stands between them and an empty body.
_HEADS: dict[Language, re.Pattern[str]] = {
    Language.GO: re.compile(r"^func\s+(?P<name>\w+)\s*(?:\[[^\]]*\])?(?=\()", re.MULTILINE),
    Language.TYPESCRIPT: re.compile(
        r"^(?:export\s+)?(?:default\s+)?(?:async\s+)?"
        r"(?:function\*?\s+(?P<name>\w+)\s*(?:<[^>]*>)?|const\s+(?P<arrow>\w+)\s*=\s*(?:async\s*)?)(?=\()",
        re.MULTILINE,
    ),
    Language.RUST: re.compile(
        r"^(?:pub(?:\([^)]*\))?\s+)?(?:async\s+)?fn\s+(?P<name>\w+)\s*(?:<[^({]*>)?\s*(?=\()", re.MULTILINE
    ),
}
_EMPTY_TAIL = re.compile(
    r"(?:[ \t]*(?:interface|struct)\{\}|[^{}\n=;]|(?<=\))=(?=>)|=(?=>))*(?<!interface)(?<!struct)(?<!\()\{\s*\}"
)
_EMPTY_BASH = re.compile(
    r"^(?:function\s+)?(?P<name>[\w-]+)\s*(?:\(\))?\s*\{\s*(?:(?::|true|return(?: 0)?)\s*;?\s*)\}",
    re.MULTILINE,
)


def judge_placeholders(language: Language, tree: Tree, scaffold: Tree) -> GateVerdict:
    """Refuse notes of work left, stub bodies, "not implemented" and filler text; name file, line and the line.

    `tree` is the commit of the build phase, `scaffold` the files that the repo started from.
    """
    sources = {
        path: file.text
        for path, file in tree.items()
        if is_source(language, path, file) and not _is_unchanged(path, tree, scaffold)
    }
    classes = read_classes(sources if language is Language.PYTHON else {})
    faults = [
        f"{path}:{line}: {reason}: {_shown(text, line)}"
        for path, text in sources.items()
        for line, reason in sorted(set(_file_faults(language, text, classes)))
    ]
    faults += _left_scaffold(language, tree, scaffold)
    faults += [
        f"{path} is the scaffold's {original}, word for word"
        for path, file in tree.items()
        for original in scaffold
        if path not in scaffold and path.endswith(".md") and file.blob == scaffold[original].blob
    ]
    passed = not faults
    more = [f"… and {len(faults) - MOST_SHOWN} more"] if len(faults) > MOST_SHOWN else []
    count = f"{len(faults)} placeholder{'s' if len(faults) != 1 else ''}"
    return GateVerdict(
        gate=PLACEHOLDERS,
        phase=Phase.BUILD,
        passed=passed,
        saw=f"no placeholder in {len(sources)} source files"
        if passed
        else "\n".join([count, *faults[:MOST_SHOWN], *more]),
        mend="" if passed else "Write what these places stand for, or leave the feature out altogether.",
    )


def _is_unchanged(path: str, tree: Tree, scaffold: Tree) -> bool:
    return path in scaffold and scaffold[path].blob == tree[path].blob


def _shown(text: str, line: int) -> str:
    lines = text.splitlines()
    return lines[line - 1].strip()[:160] if line <= len(lines) else ""


def _file_faults(language: Language, text: str, classes: Classes) -> Iterator[Fault]:
    if language is Language.PYTHON:
        yield from python_placeholders(text, classes)
    else:
        inline = LANGUAGES[language].inline_tests
        yield from _lexed_faults(
            language, lex(language, inline.split(text, maxsplit=1)[0] if inline else text)
        )
    for match in LOREM.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, "filler text"


def _lexed_faults(language: Language, source: Lexed) -> Iterator[Fault]:
    about_notes = mentions_notes(piece.text for piece in source.strings)
    for piece in source.comments:
        for offset, line in enumerate(piece.text.splitlines()):
            if is_note(line, about_notes=about_notes):
                yield source.line(piece.start) + offset, "a note of work left to do"
    yield from _excuses(language, source)
    for offset, name in _empty_functions(language, source):
        body = source.text[offset : source.closing(source.code.index("{", offset))]
        explained = any(offset <= piece.start < offset + len(body) for piece in source.comments)
        hook = is_hook(name) and (explained or language is Language.BASH)
        if not hook and not _ON_PURPOSE.search(name) and not is_meant(body):
            yield source.line(offset), f"{name} has an empty body"


def _empty_functions(language: Language, source: Lexed) -> Iterator[tuple[int, str]]:
    if language is Language.BASH:
        yield from ((match.start(), match["name"]) for match in _EMPTY_BASH.finditer(source.code))
        return
    for match in _HEADS[language].finditer(source.code):
        closed = source.closing(match.end())
        if _EMPTY_TAIL.match(source.code, closed):
            yield match.start(), next(group for group in match.groups() if group)


def _excuses(language: Language, source: Lexed) -> Iterator[Fault]:
    for piece in source.strings:
        before = source.text[source.text.rfind("\n", 0, piece.start) + 1 : piece.start]
        if is_excuse(piece.text.strip("\"'`")) and _SAYS.search(before):
            yield source.line(piece.start), "says that it is not implemented"
    if language is Language.RUST:
        for match in _MACROS.finditer(source.code):
            yield source.line(match.start()), "stands in for code"
    if language is Language.BASH:
        for match in re.finditer(r"\b(?:echo|printf)[ \t]+(not (?:yet )?implemented)\b", source.code):
            yield source.line(match.start()), "says that it is not implemented"


def _left_scaffold(language: Language, tree: Tree, scaffold: Tree) -> list[str]:
    """The scaffold's own stub, where nothing took its place."""
    stub = _SCAFFOLD_STUBS.get(language)
    if stub is None or stub not in tree or stub not in scaffold or not _is_unchanged(stub, tree, scaffold):
        return []
    others = [path for path, file in tree.items() if path != stub and is_source(language, path, file)]
    # An empty main builds into a command that does nothing; an empty library module harms nobody.
    if others and language is not Language.GO:
        return []
    return [f"{stub}:1: the scaffold's file is unchanged: {_shown(tree[stub].text, 1)}"]
