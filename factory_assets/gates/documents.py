"""The gate on documents, without running anything: four that are real, and that name nothing which is not there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree, folders
from factory_assets.gates.documents_calls import call_faults, make_targets
from factory_assets.gates.documents_paths import path_faults
from factory_assets.gates.markdown import Document, read_markdown
from factory_assets.gates.names import DOCUMENTS
from factory_assets.languages import LANGUAGES
from factory_assets.languages.entry_points import EntryPrograms, find_programs
from factory_assets.languages.sources import is_source

DOCUMENT_NAMES = ("README.md", "llms.txt", "CLAUDE.md", "AGENTS.md")

FIX = "Correct the documents so that they tell what is there and works."
_LEAST_CHARACTERS = {"README.md": 60, "llms.txt": 30, "CLAUDE.md": 40, "AGENTS.md": 40}
_MOST_CHARACTERS = 200_000
_MOST_FAULTS = 30
# A README of whose lines more than this share stand in SPEC.md tells the plan, not the tool.
_MOST_COPIED = 0.6
_WORD = re.compile(r"[\w./-]+")
_FACTORYS = frozenset({*DOCUMENT_NAMES, "SPEC.md", "LICENSE"})


def judge_documents(phase: Phase, language: Language, tree: Tree, scaffold: Tree) -> GateVerdict:
    """The four documents are there, are their own text, and name no file, link or command that does not exist."""
    documents = read_documents(tree)
    programs = find_programs(LANGUAGES[language].entry_points, tree)
    faults = [f"{name} is missing" for name in DOCUMENT_NAMES if name not in tree]
    faults += [
        f"{name} {fault}" for name in documents for fault in _shell(name, language, programs, documents)
    ]
    faults += _copies(tree, scaffold)
    faults += programs.broken
    for name, document in documents.items():
        faults += _dead_links(name, document, tree)
        faults += call_faults(name, document, programs)
        faults += path_faults(name, document, tree, LANGUAGES[language].source_suffixes)
    sizes = ", ".join(f"{name} ({tree[name].code_lines} lines)" for name in documents)
    more = [f"… and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
    return GateVerdict(
        gate=DOCUMENTS,
        phase=phase,
        passed=not faults,
        saw="\n".join([_counted(faults), *faults[:_MOST_FAULTS], *more]) if faults else sizes,
        fix=FIX if faults else "",
    )


def read_documents(tree: Tree) -> Mapping[str, Document]:
    """Those of the four documents that are there, parsed."""
    return {
        name: read_markdown(tree[name].text[:_MOST_CHARACTERS]) for name in DOCUMENT_NAMES if name in tree
    }


def _counted(faults: list[str]) -> str:
    return "1 fault in the documents" if len(faults) == 1 else f"{len(faults)} faults in the documents"


def _shell(
    name: str, language: Language, programs: EntryPrograms, documents: Mapping[str, Document]
) -> Iterator[str]:
    """What makes a document a shell: too little text, or none that has to do with this repo."""
    document = documents[name]
    size = len("".join(document.body.split()))
    if size < _LEAST_CHARACTERS[name]:
        yield f"has {size} characters beside its headings, fewer than {_LEAST_CHARACTERS[name]}"
    elif not _names_the_repo(language, programs, document):
        yield "names no file, command or function of this repo"
    # "An H1 with the name of the project or site. This is the only required section": https://llmstxt.org
    if name == "llms.txt" and not document.begins_with_title:
        yield "does not begin with a heading of the first level (# name)"


def _names_the_repo(language: Language, programs: EntryPrograms, document: Document) -> bool:
    """Whether the text names a path of the repo, or code in it a command, a target or a word of a source."""
    files = {path: file for path, file in programs.tree.items() if path not in _FACTORYS}
    paths = {*files, *map(posixpath.basename, files), *folders(programs.tree)}
    links = {posixpath.normpath(link.target) for link in document.links}
    named = {word.strip("./") for word in _WORD.findall(document.body) if "." in word or "/" in word}
    if links & programs.tree.keys() or named & paths:
        return True
    shown = [*(code.text for code in document.codes), *(block.text for block in document.blocks)]
    sources = [file.text for path, file in files.items() if is_source(language, path, file)]
    code, known = (
        {w for text in texts for w in _WORD.findall(text.replace(".", " "))} for texts in (shown, sources)
    )
    return bool(code & {*known, *paths, *programs.commands, *make_targets(programs.tree)})


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
    if copied > _MOST_COPIED * len(lines) and texts["README.md"] != tree["SPEC.md"].text.strip():
        yield f"README.md is SPEC.md's text ({copied} of {len(lines)} lines)"


def _dead_links(name: str, document: Document, tree: Tree) -> Iterator[str]:
    known = {*tree, *folders(tree), "."}
    for target, line in {link.target: link.line for link in reversed(document.links)}.items():
        try:
            parts = urlsplit(target)
        except ValueError:
            continue
        inside = parts.path and not parts.scheme and not parts.netloc
        if inside and posixpath.normpath(unquote(parts.path).lstrip("/")) not in known:
            yield f"{name}:{line} links to {target}, which does not exist"
