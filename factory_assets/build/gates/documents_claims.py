"""What documents claim about the tree: files that they mention, and figures that nothing in the repo measures."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from factory_assets.build.gates.markdown import Document
from factory_assets.build.tree import Tree, folders

_PATH = re.compile(r"^\.?/?[\w.@+-]+(?:/[\w.@+*-]+)+/?$")
_ENDING = re.compile(r"(?::\d+(?:[-:]\d+)?|#L\d+(?:-L?\d+)?|::\w+.*)$")
_KNOWN_SUFFIXES = (
    *(".py", ".go", ".ts", ".js", ".rs", ".sh", ".bash", ".awk", ".sql", ".html", ".css", ".mk"),
    *(".md", ".txt", ".toml", ".json", ".yaml", ".yml", ".conf", ".cfg", ".ini"),
)
_GENERATED = frozenset(
    {
        "dist",
        "build",
        "target",
        "node_modules",
        ".venv",
        "venv",
        "coverage",
        "__pycache__",
        ".pytest_cache",
        "out",
        "tmp",
    }
)
# A user's repo has these too: where a document shows how the tool is used, they may be the user's.
_EVERYWHERE = frozenset(
    {"src", "tests", "test", "docs", "examples", "data", "bin", "lib", "cmd", "scripts", ".github"}
)
_LAYOUT = re.compile(
    r"architecture|layout|structure|how it works|design|internals|files|where things|development|contribut|module"
    r"|source|\bAPI\b|reference",
    re.IGNORECASE,
)
_ABOUT_THE_REPO = frozenset({"CLAUDE.md", "AGENTS.md", "llms.txt"})
_USERS = re.compile(r"\b(?:user's|users?|your|e\.g\.|such as|example)\b")
_NOT_THERE = re.compile(
    r"\b(?:not|no|never|without|creates?|writes?|written|generates?|your|e\.g\.|such as|example)\b"
)
_EXAMPLE = re.compile(r"path/to|/foo|/bar\b|foo/|my[-_]|your|example", re.IGNORECASE)

_NUMBER = r"(?<![\w.-])~?\d[\d,]*(?:\.\d+)?"
_COMPARED = (
    r"(?:faster|slower|quicker|less|fewer|more|lower|higher|smaller|larger|cheaper|better|speed-?ups?|savings?|reduction|"
    r"improvement|improved|increase|gain|throughput|accura\w+|precision|recall|overhead|memory|latency|tokens)"
)
_FIGURES = (
    re.compile(rf"{_NUMBER}\s*(?:[x\u00d7]|times|-fold|fold)\s+(?:as\s+)?{_COMPARED}", re.IGNORECASE),
    re.compile(
        rf"\b(?:speed-?up|faster|improvement|reduction|gain)s?\s+(?:of|by)\s+(?:up to\s+)?{_NUMBER}\s*"
        r"(?:[x\u00d7%]|times)",
        re.IGNORECASE,
    ),
    re.compile(rf"{_NUMBER}\s*(?:%|per ?cent)\s+(?:\w+\s+)?{_COMPARED}", re.IGNORECASE),
    re.compile(
        rf"\b(?:reduc|cut|sav|improv|increas|lower|shrink|boost|speed)\w*\b[^.]{{0,60}}?\bby\s+"
        rf"(?:up to\s+|about\s+|over\s+)?{_NUMBER}\s*(?:%|[x\u00d7](?!\w)|times)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:saves?|cuts?)\s+(?:up to\s+|about\s+|over\s+)?{_NUMBER}\s*(?:%|per ?cent)", re.IGNORECASE
    ),
    re.compile(
        rf"{_NUMBER}\s*[kKmM]?\s*(?:requests?|queries|tokens|files|lines|rows|records|ops|operations|documents|"
        r"messages|events|prompts|pages|MB|GB|MiB|GiB|reqs?)\s*(?:/\s*s\b|/\s*sec|per second|a second|each second)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\bp(?:50|90|95|99)\b[^.\n]{{0,30}}?{_NUMBER}\s*(?:ms|µs|us|s|seconds|milliseconds)\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:in|under|within|about|takes?|than|around|only)\s+(?:about\s+|under\s+|less than\s+)?{_NUMBER}\s*"
        r"(?:ms|µs|milliseconds?|microseconds?)\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:accuracy|precision|recall|F1)(?: score)?\s+(?:of|is|reaches)\s+{_NUMBER}", re.IGNORECASE
    ),
)
# Settings, limits and examples have figures that measure nothing.
_NO_CLAIM = re.compile(
    r"\b(?:default|limit|threshold|budget|at most|at least|maximum|minimum|exit code|allow|allows|configur\w+|option|"
    r"flag|set to|example|e\.g\.|suppose|say|such as|would|could|if|when|means|time-?out|after|warns?|fails?|"
    r"interval|every|cap|capped)\b"
    r"|`--|`\{",
    re.IGNORECASE,
)
_CERTAIN = re.compile(
    rf"{_NUMBER}\s*(?:[x\u00d7]|times)\s+(?:faster|cheaper|smaller)|\bp(?:95|99) of\b|%\s+(?:faster|cheaper|smaller)",
    re.IGNORECASE,
)
_OF_THE_PAPER = re.compile(
    r"\bpapers?\b|\bauthors?\b|arxiv|\bet al\b|\bpublished\b|\b(?:they|study) (?:report|measure|find|found|claim)"
    r"|\breported\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"^\W*(?:they|it|their|this|there)\b", re.IGNORECASE)
_BENCHMARK = re.compile(
    r"(?:^|/)(?:bench|benches|benchmarks?)(?:[/._-]|$)|_bench(?:mark)?[._]", re.IGNORECASE
)


def path_faults(name: str, document: Document, tree: Tree) -> Iterator[str]:
    """Paths in inline code that plainly mean a file of this repo, and that it does not have."""
    known = {*tree, *folders(tree)}
    ignored = _ignored(tree)
    seen = set()
    for code in document.codes():
        path = _ENDING.sub("", code.text).removeprefix("./").rstrip("/")
        if path in seen or not _PATH.match(path) or path.startswith(("/", "../")) or ".." in path.split("/"):
            continue
        about_layout = name in _ABOUT_THE_REPO or _LAYOUT.search(code.heading) is not None
        if not _is_meant(path, tree, about_layout=about_layout) or _EXAMPLE.search(path):
            continue
        if (_USERS if name in _ABOUT_THE_REPO else _NOT_THERE).search(code.sentence):
            continue
        if _exists(path, known) or any(fnmatch.fnmatch(path, f"{rule}*") for rule in ignored):
            continue
        seen.add(path)
        yield f"{name}:{code.line} mentions {path}, which does not exist"


def figure_faults(name: str, document: Document, tree: Tree) -> Iterator[str]:
    """Performance figures that are not given as the paper's, in a repo that measures nothing."""
    if any(_BENCHMARK.search(path) for path in tree):
        return
    for line, sentence, paragraph in document.sentences():
        figure = next((match for form in _FIGURES if (match := form.search(sentence))), None)
        if figure is None or _OF_THE_PAPER.search(sentence):
            continue
        if _GOES_ON.search(sentence) and _OF_THE_PAPER.search(paragraph):
            continue
        if _NO_CLAIM.search(sentence) and not _CERTAIN.search(sentence):
            continue
        yield (
            f"{name}:{line} gives a figure ({figure[0].strip()}) that no benchmark in the repo measures and that is not"
            " given as the paper's"
        )


def _is_meant(path: str, tree: Tree, *, about_layout: bool) -> bool:
    """Whether a path means this repo: by its folder, or by its kind where a document tells the layout."""
    top = path.partition("/")[0]
    if top in _GENERATED:
        return False
    tops = {known.partition("/")[0] for known in tree if "/" in known}
    if top in tops:
        return about_layout or top not in _EVERYWHERE
    return about_layout and path.endswith(_KNOWN_SUFFIXES)


def _exists(path: str, known: set[str]) -> bool:
    if path in known or any(other.endswith(f"/{path}") for other in known):
        return True
    if "*" in path:
        return any(fnmatch.fnmatch(other, path) for other in known)
    # A module may be named without its suffix: lib/budget for lib/budget.sh.
    return any(posixpath.splitext(other)[0] == path for other in known)


def _ignored(tree: Tree) -> list[str]:
    rules = tree[".gitignore"].text.splitlines() if ".gitignore" in tree else []
    return [
        rule.strip().strip("/") for rule in rules if rule.strip() and not rule.startswith(("#", "!", "*"))
    ]
