"""Do the commands that documents name exist: make targets, entry points, options, and what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.entry_points import EntryPoints, npm_scripts
from factory_assets.gates.markdown import Call, Document
from factory_assets.languages.project_files import go_module
from factory_assets.languages.sources import is_source

_MAKE_RULE = re.compile(r"^([A-Za-z][\w./ -]*?)\s*::?(?!=)", re.MULTILINE)
_TARGET = re.compile(r"^[A-Za-z][\w.-]*$")
_DENIED = re.compile(
    r"\b(?:not|no|never|nor|without|isn't|doesn't|don't|won't|cannot|can't)\b", re.IGNORECASE
)
_YOURS = re.compile(r"\byours?\b", re.IGNORECASE)
_OPTION = re.compile(r"^--?[A-Za-z][\w-]*")
_OWN_OPTIONS = re.compile(
    r"usage|option|flag|argument|command|\bAPI\b|\bCLI\b|reference|interface", re.IGNORECASE
)

# Programs that fetch by name: the words that make them do so.
_FETCHERS: dict[str, frozenset[str]] = {
    "pip": frozenset({"install"}),
    "pip3": frozenset({"install"}),
    "pipx": frozenset({"install", "run"}),
    "uv": frozenset({"add", "install"}),
    "uvx": frozenset(),
    "poetry": frozenset({"add"}),
    "npm": frozenset({"install", "i", "add"}),
    "yarn": frozenset({"add"}),
    "pnpm": frozenset({"add", "install"}),
    "cargo": frozenset({"install", "add"}),
    "go": frozenset({"install", "get"}),
    "brew": frozenset({"install"}),
    "apt": frozenset({"install"}),
    "apt-get": frozenset({"install"}),
}


def command_faults(name: str, document: Document, tree: Tree, entries: EntryPoints) -> Iterator[str]:
    """What a document lets its reader type and what does not exist; each fault once, with its line."""
    seen: set[str] = set()
    targets = make_targets(tree)
    for call in document.calls():
        for fault in _call_faults(call, tree, entries, targets):
            if fault not in seen:
                seen.add(fault)
                yield f"{name}:{call.line} names {fault}"


def make_targets(tree: Tree) -> frozenset[str]:
    """The targets that the Makefile and what it may include have."""
    makefiles = [
        file.text
        for path, file in tree.items()
        if path in {"Makefile", "GNUmakefile"} or path.endswith(".mk")
    ]
    return frozenset(
        target for text in makefiles for rule in _MAKE_RULE.findall(text) for target in rule.split()
    )


def called_targets(call: Call) -> list[str]:
    """The make targets that a call names; none where it is run in another folder."""
    if call.words[0] not in {"make", "gmake"} or any(
        word.startswith(("-C", "-f")) for word in call.words[1:]
    ):
        return []
    words = call.words[1:]
    # `make sure` in a sentence of a text block is no call: a target is a word, and the rest are options.
    plain = [word for word in words if not word.startswith("-") and "=" not in word and not word.isdigit()]
    return plain if all(_TARGET.match(word) for word in plain) else []


def option_faults(name: str, document: Document, language: Language, tree: Tree) -> Iterator[str]:
    """Options that a document lists as the tool's own and that no source knows in any spelling."""
    sources = "\n".join(file.text for path, file in tree.items() if is_source(language, path, file))
    for code in document.codes():
        match = _OPTION.match(code.text)
        if not (code.leads and match and match[0].startswith("--") and _OWN_OPTIONS.search(code.heading)):
            continue
        option = match[0].lstrip("-")
        if option not in {"help", "version"} and not _is_known(option, sources):
            yield f"{name}:{code.line} names the option --{option}, which no source knows"


def _is_known(option: str, sources: str) -> bool:
    words = option.split("-")
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    spellings = {option, "_".join(words), camel, option.removeprefix("no-")}
    return any(
        re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])|--{re.escape(word)}\b", sources)
        for word in spellings
    )


def _call_faults(call: Call, tree: Tree, entries: EntryPoints, targets: frozenset[str]) -> Iterator[str]:
    if not call.in_block and _DENIED.search(call.sentence):
        return
    for target in called_targets(call):
        if target not in targets:
            yield f"`make {target}`, which the Makefile does not have"
    in_users_project = not call.in_block and _YOURS.search(call.sentence)
    if call.words[0] == "npm" and not in_users_project and entries.language is Language.TYPESCRIPT:
        yield from _npm_faults(call, tree)
    if (package := _fetched(call, tree, entries)) is not None:
        yield f"`{call.text}`, but {package} is in no package index"
        return
    if call.in_block or len(call.words) > 1:
        found = entries.resolve(call.words)
        if isinstance(found, str):
            yield found


def _npm_faults(call: Call, tree: Tree) -> Iterator[str]:
    rest = call.words[1:]
    script = rest[1] if len(rest) > 1 and rest[0] in {"run", "run-script"} else ""
    script = rest[0] if rest and rest[0] in {"test", "start"} else script
    if script and not script.startswith("-") and script not in npm_scripts(tree):
        yield f"`npm {' '.join(rest[:2])}`, and package.json has no script {script}"


def _fetched(call: Call, tree: Tree, entries: EntryPoints) -> str | None:
    """The repo's own name, where a call would fetch it from an index."""
    words = list(call.words)
    if re.fullmatch(r"python3?(?:\.\d+)?", words[0]) and words[1:3] == ["-m", "pip"]:
        words = words[2:]
    if words[0] == "uv" and words[1:2] == ["pip"]:
        words = words[1:]
    verbs = _FETCHERS.get(words[0])
    if verbs is None or (verbs and not verbs.intersection(words[1:3])):
        return None
    if {"--git", "--path", "--editable", "-e"}.intersection(words):
        return None
    module = go_module(tree)
    for word in words[1:]:
        if module and (word == module or word.startswith((f"{module}@", f"{module}/"))):
            return word
        # Anything else with a slash is a folder, a file or an address; an npm scope is neither.
        plain = word.partition("/")[2] if word.startswith("@") else word
        bare = re.split(r"[\[=<>~!@;]", plain, maxsplit=1)[0]
        if bare in entries.own_names and word not in verbs:
            return bare
    return None
