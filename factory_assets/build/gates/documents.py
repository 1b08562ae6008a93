"""Gates of the seo phase: four documents that are real and true, and nothing else touched."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from factory_assets.build.gates import DOCUMENTS, SOURCES_UNCHANGED
from factory_assets.build.tree import Tree, changed_paths, folders
from factory_assets.domain.builds import GateVerdict, Phase

DOCUMENT_NAMES = ("README.md", "llms.txt", "CLAUDE.md", "AGENTS.md")

_LEAST_CHARACTERS = {"README.md": 400, "llms.txt": 100, "CLAUDE.md": 150, "AGENTS.md": 150}
_README_SECTIONS = {
    "how to install it": re.compile(r"install|set-?up|getting started|quick ?start", re.IGNORECASE),
    "how to use it": re.compile(r"usage|\buse\b|using|example|quick ?start", re.IGNORECASE),
}
_HEADING = re.compile(r"^#{1,6}\s+(.+)$", re.MULTILINE)
_H1 = re.compile(r"\A\s*# \S")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_INLINE_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)\n]*\)")
_MAKE_CALL = re.compile(
    r"(?:^|&&|\|\||;)[ \t]*(?:\$ )?make((?: +[A-Za-z][\w.-]*)+)(?=\s*(?:$|[#&;|)]))", re.MULTILINE
)
_MAKE_RULE = re.compile(r"^([A-Za-z][\w./ -]*?)\s*::?(?!=)", re.MULTILINE)


def judge_documents(tree: Tree) -> GateVerdict:
    """The four documents are there, are no empty shells, and name nothing that does not exist."""
    faults = [fault for name in DOCUMENT_NAMES for fault in _document_faults(tree, name)]
    sizes = ", ".join(f"{name} ({tree[name].code_lines} lines)" for name in DOCUMENT_NAMES if name in tree)
    return GateVerdict(
        gate=DOCUMENTS,
        phase=Phase.SEO,
        passed=not faults,
        saw="; ".join(faults) if faults else sizes,
        mend="Build the repo again, with more turns (FACTORY_SEO_TURNS) if it ran out." if faults else "",
    )


def judge_sources_unchanged(before: Tree, tree: Tree) -> GateVerdict:
    """Only the four documents changed, and new Markdown files outside the tests came at most."""
    touched = [
        path
        for path in changed_paths(before, tree)
        if path not in DOCUMENT_NAMES and (path in before or not _is_new_page(path))
    ]
    return GateVerdict(
        gate=SOURCES_UNCHANGED,
        phase=Phase.SEO,
        passed=not touched,
        saw=f"changed besides the documents: {', '.join(touched)}"
        if touched
        else "nothing changed besides the documents",
        mend="Build the repo again; the seo phase may only write documents." if touched else "",
    )


def _is_new_page(path: str) -> bool:
    return path.endswith(".md") and not path.startswith("tests/")


def _document_faults(tree: Tree, name: str) -> Iterator[str]:
    if name not in tree:
        yield f"{name} is missing"
        return
    text = tree[name].text
    if len(text.strip()) < _LEAST_CHARACTERS[name]:
        yield f"{name} has {len(text.strip())} characters, fewer than {_LEAST_CHARACTERS[name]}"
        return
    prose = _FENCE.sub("", text)
    if _HEADING.search(prose) is None:
        yield f"{name} has no heading"
    if name == "README.md":
        headings = " | ".join(_HEADING.findall(prose))
        yield from (
            f"README.md has no heading that says {what}"
            for what, form in _README_SECTIONS.items()
            if form.search(headings) is None
        )
    if name == "llms.txt" and _H1.match(text) is None:
        yield "llms.txt does not begin with a heading (# …)"
    if name == "llms.txt" and not _LINK.search(prose):
        yield "llms.txt links to nothing"
    yield from (f"{name} links to {target}, which does not exist" for target in _dead_links(tree, prose))
    yield from (
        f"{name} names `make {target}`, which the Makefile does not have"
        for target in _missing_targets(tree, text)
    )


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


def _missing_targets(tree: Tree, text: str) -> list[str]:
    makefile = tree["Makefile"].text if "Makefile" in tree else ""
    rules = {name for rule in _MAKE_RULE.findall(makefile) for name in rule.split()}
    code = [match.group(0) for match in _FENCE.finditer(text)]
    code += _INLINE_CODE.findall(_FENCE.sub("", text))
    called = {name for part in code for names in _MAKE_CALL.findall(part) for name in names.split()}
    return sorted(called - rules)
