"""Gates on documents: four that are real and true to the tree, and a seo phase that writes nothing else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree, folders
from factory_assets.gates.documents_claims import figure_faults, path_faults
from factory_assets.gates.documents_commands import command_faults, option_faults
from factory_assets.gates.entry_points import find_entry_points
from factory_assets.gates.llms_txt import parse_llms_txt
from factory_assets.gates.markdown import Document
from factory_assets.gates.names import DOCUMENTS
from factory_assets.gates.notes import LOREM, UNWRITTEN

DOCUMENT_NAMES = ("README.md", "llms.txt", "CLAUDE.md", "AGENTS.md")

_LEAST_CHARACTERS = {"README.md": 400, "llms.txt": 100, "CLAUDE.md": 150, "AGENTS.md": 150}
_LEAST_INTRODUCTION = 25
_MOST_FAULTS = 30
# A README of whose lines more than this share stand in SPEC.md tells the plan, not the tool.
_MOST_COPIED = 0.6
_ABOUT = re.compile(
    r"what|about|overview|introduction|why|features|summary|description|problem", re.IGNORECASE
)
_SECTIONS = {
    "how to install it (Install)": re.compile(
        r"install|set-?up|getting started|quick ?start|requirements", re.IGNORECASE
    ),
    "how to use it (Usage)": re.compile(
        r"usage|\buse\b|using|examples?\b|quick ?start|getting started|\brun", re.IGNORECASE
    ),
    "what can be called (API, Commands, Options or Reference)": re.compile(
        r"\bAPIs?\b|commands?\b|options?\b|reference|interface|flags?\b|arguments?\b|\bCLI\b|command.line|library"
        r"|functions?\b|exit codes?|configur|subcommands?|modules?\b|programmatic|parameters|rules\b|input|format"
        r"|\bfrom code\b",
        re.IGNORECASE,
    ),
    "how it is made (Architecture, How it works or Layout)": re.compile(
        r"architecture|how (?:it|this|the \w+|\S+) works?|layout|design|structure|internals|method|under the hood"
        r"|approach|algorithm|files|where things|implementation|concept|source",
        re.IGNORECASE,
    ),
}
_LINK = re.compile(r"\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)\n]*\)")
_INLINE_CODE = re.compile(r"`[^`\n]+`")


def judge_documents(phase: Phase, language: Language, tree: Tree, scaffold: Tree) -> GateVerdict:
    """The four documents are there, say what they must, are their own text, and name nothing that does not exist."""
    faults = [fault for name in DOCUMENT_NAMES for fault in _document_faults(language, tree, name)]
    faults += _copies(tree, scaffold)
    entries = find_entry_points(language, tree)
    faults += entries.broken
    sizes = ", ".join(f"{name} ({tree[name].code_lines} lines)" for name in DOCUMENT_NAMES if name in tree)
    more = [f"… and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
    return GateVerdict(
        gate=DOCUMENTS,
        phase=phase,
        passed=not faults,
        saw="\n".join([_counted(faults), *faults[:_MOST_FAULTS], *more]) if faults else sizes,
        mend="Correct these sentences so that they tell what is there." if faults else "",
    )


def _counted(faults: list[str]) -> str:
    return "1 fault in the documents" if len(faults) == 1 else f"{len(faults)} faults in the documents"


def _document_faults(language: Language, tree: Tree, name: str) -> Iterator[str]:
    if name not in tree:
        yield f"{name} is missing"
        return
    text = tree[name].text
    if len(text.strip()) < _LEAST_CHARACTERS[name]:
        yield f"{name} has {len(text.strip())} characters, fewer than {_LEAST_CHARACTERS[name]}"
        return
    document = Document(text)
    if not document.headings:
        yield f"{name} has no heading"
    if name == "README.md":
        yield from _readme_faults(document)
    if name == "llms.txt":
        yield from (f"llms.txt {fault}" for fault in parse_llms_txt(text).faults)
    yield from _unwritten(name, document)
    yield from (
        f"{name} links to {target}, which does not exist" for target in _dead_links(tree, document.prose)
    )
    yield from command_faults(name, document, tree, find_entry_points(language, tree))
    yield from option_faults(name, document, language, tree)
    yield from path_faults(name, document, tree)
    yield from figure_faults(name, document, tree)


def _readme_faults(document: Document) -> Iterator[str]:
    headings = " | ".join(document.headings[1:] or document.headings)
    yield from (
        f"README.md has no heading that says {what}"
        for what, form in _SECTIONS.items()
        if form.search(headings) is None
    )
    first = document.headings[0] if document.headings else ""
    introduction = "".join(
        text
        for _, text, heading in document.paragraphs()
        if (heading == first or _ABOUT.search(heading)) and not text.startswith(("[![", "![", "|"))
    )
    if len(introduction) < _LEAST_INTRODUCTION:
        yield "README.md does not say below its title what the tool does"


def _unwritten(name: str, document: Document) -> Iterator[str]:
    for line, paragraph, _ in document.paragraphs():
        if UNWRITTEN.search(paragraph) or LOREM.search(paragraph):
            yield f"{name}:{line} is not written yet: {paragraph[:80]}"


def _copies(tree: Tree, scaffold: Tree) -> Iterator[str]:
    texts = {name: tree[name].text.strip() for name in DOCUMENT_NAMES if name in tree}
    for name, text in texts.items():
        yield from (
            f"{name} is the scaffold's {path}, word for word"
            for path, file in scaffold.items()
            if text and text == file.text.strip()
        )
    # CLAUDE.md and AGENTS.md may hold the same guidance; no other two have the same reader.
    for first, second in (("README.md", "llms.txt"), ("README.md", "CLAUDE.md"), ("README.md", "AGENTS.md"),
                          ("llms.txt", "CLAUDE.md"), ("llms.txt", "AGENTS.md")):  # fmt: skip
        if texts.get(first) and texts.get(first) == texts.get(second):
            yield f"{first} and {second} are the same text"
    planned = {line.strip() for line in tree["SPEC.md"].text.splitlines()} if "SPEC.md" in tree else set()
    lines = [line.strip() for line in texts.get("README.md", "").splitlines() if line.strip()]
    copied = sum(line in planned for line in lines)
    if lines and copied > _MOST_COPIED * len(lines) and texts["README.md"] != tree["SPEC.md"].text.strip():
        yield f"README.md is SPEC.md's text ({copied} of {len(lines)} lines)"


def _dead_links(tree: Tree, prose: str) -> list[str]:
    known = {*tree, *folders(tree), "."}
    dead = []
    for link in dict.fromkeys(_LINK.findall(_INLINE_CODE.sub("", prose))):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or not parts.path:
            continue
        if posixpath.normpath(unquote(parts.path).lstrip("/")) not in known:
            dead.append(link)
    return dead
