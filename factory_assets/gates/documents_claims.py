"""What documents claim about the tree: files that they mention, and figures that nothing in the repo measures."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator

from factory_assets.domain.trees import Tree, folders
from factory_assets.gates.markdown import Document

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
        "tmp_path",
        "tmpdir",
        "site-packages",
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
_STRICT_LAYOUT = re.compile(r"architecture|layout|structure|where things|\bfiles\b", re.IGNORECASE)
_CODE_SUFFIXES = (".py", ".go", ".ts", ".rs", ".sh", ".bash")
# Folders that begin with a dot are a user's, but for those by which a repo says how it is tested.
_OWN_HIDDEN = frozenset({".github", ".gitlab", ".circleci", ".ci"})
_ABOUT_THE_REPO = frozenset({"CLAUDE.md", "AGENTS.md", "llms.txt"})
_USERS = re.compile(
    r"\b(?:user's|users?|your|e\.g|such as|example|there is no(?:ne)?|to add|adding|new \w+s? (?:goes?|belongs?))\b"
    r"|\b(?:do not|don't|never) (?:add|create|commit|introduce|put)\b",
    re.IGNORECASE,
)
# What a tool is given and what it leaves behind lies where the user runs it.
_GIVEN = re.compile(
    r"\b(?:current|working) (?:directory|folder)|\bif (?:it|one|that|the file) exists|\bif (?:there|present)\b"
    r"|\binputs?\b|\boutputs?\b|\bsaved?\b|\bresults?\b|\blooks? for\b|\bpass(?:ed|es)?\b|`--|\bmatch\w*|\bbranch\w*",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(
    r"\b(?:not|no|never|without|creates?|writes?|written|generates?|your|e\.g|such as|example)\b"
)
_DENIED = re.compile(r"\b(?:not|no|never|without|your|e\.g|such as|example)\b")
_EXAMPLE = re.compile(
    r"path/to|/foo|/bar\b|foo/|my[-_]|your|example|(?:^|[/_-])new[-_]|\*\*"
    r"|(?-i:(?<![A-Za-z])(?:NAME|FOO|XXX?|YYYY|LANG|TOPIC)(?![A-Za-z]))",
    re.IGNORECASE,
)

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
        rf"\bp(?:50|90|95|99)\b(?:\s|:|=|latency|times?|is|was|of|at|under|below|around|about|stays){{0,8}}"
        rf"{_NUMBER}\s*(?:ms|µs|us|s|seconds|milliseconds)\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:tak|took|run|ran|finish|complet|respon|answer|scan|pars|process|start|load|check|sort|index|add|need)\w*\b"
        rf"[^.;]{{0,60}}?\b(?:in|under|within|about|takes?|less than|around|only|needs?|adds?)\s+"
        rf"(?:about\s+|under\s+|less than\s+)?{_NUMBER}\s*(?:ms|µs|milliseconds?|microseconds?)\b"
        rf"|\b(?:takes?|adds?|needs?)\s+{_NUMBER}\s*(?:ms|µs|milliseconds?|microseconds?)\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:accuracy|precision|recall|F1)(?: score)?\s+(?:of|is|reaches)\s+{_NUMBER}", re.IGNORECASE
    ),
)
# Settings, limits and examples have figures that measure nothing.
_NO_CLAIM = re.compile(
    r"\b(?:default|limit|threshold|budget|at most|at least|maximum|minimum|exit code|allow|allows|configur\w+|option|"
    r"flags?|flagged|set to|example|e\.g|suppose|say|such as|would|could|if|when|means|time-?out|after|warns?|fails?|"
    r"interval|every|cap|capped|sets?|sample|regress\w*|detect\w*|toleran\w*|weigh\w*|weights?|scores?|counts?|alerts?|marks?"
    r"|marked|listed|highlighted|median|average|anything|any (?:request|row|call|line|file|run|step|span)"
    r"|an? (?:request|call|run|row|line|span|file) that|above|below)\b"
    r"|`--|`\{",
    re.IGNORECASE,
)
# Where these are said, a word such as "when" or "default" in the sentence does not take it back.
_CERTAIN = re.compile(
    rf"{_NUMBER}\s*(?:[x\u00d7]|times)\s+(?:faster|cheaper|smaller)|%\s+(?:faster|cheaper|smaller)"
    rf"|\b(?:reduc|cut|sav|lower)\w*\s+(?:\w+\s+){{0,2}}?(?:memory|costs?|latency|bills?|tokens?|runtime|usage)\s+"
    rf"(?:\w+\s+){{0,2}}?by\s+(?:up to\s+|about\s+|over\s+)?{_NUMBER}\s*%"
    rf"|\b(?:saves?|cuts?)\s+(?:up to\s+|about\s+|over\s+)?{_NUMBER}\s*%\s+of\s+(?:the\s+|your\s+)?"
    r"(?:tokens|memory|bill|costs?|time)\b",
    re.IGNORECASE,
)
_RATE = re.compile(r"(?:/\s*s\b|/\s*sec|per second|a second|each second)$", re.IGNORECASE)
# A rate is a claim where the tool reaches it, and a setting where it keeps to it.
_REACHED = re.compile(
    r"\b(?:handl|process|sustain|serv|reach|achiev|scan|pars|read|support|deliver|through|speed|fast|quick|perform)\w*"
    r"|\b(?:can|laptop|cores?|hardware|machine|CPU|benchmark\w*|measured)\b",
    re.IGNORECASE,
)
_KEPT_TO = re.compile(
    r"\b(?:default|limit\w*|threshold|budget|at most|maximum|minimum|allow\w*|configur\w+|option|sets?|example|e\.g"
    r"|suppose|sample|rate|quota|cap|capped|throttl\w*|bucket\w*|window\w*|refill\w*|admit\w*|if|would|could)\b|`--",
    re.IGNORECASE,
)
# What a tool prints is no claim about it, and neither is what it looks for.
_PRINTED = re.compile(
    r"\b(?:prints?|printed|outputs?|shows?|shown|says?|reports?|displays?|emits?|message|returns?|sample|example"
    r"|such as|e\.g|like this|lines?)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`[^`\n]*`|\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d")
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
        if code.leads and _is_listed(path, code.heading) and path not in seen and not _exists(path, known):
            seen.add(path)
            yield f"{name}:{code.line} mentions {path}, which does not exist"
        if path in seen or not _PATH.match(path) or path.startswith(("/", "../")) or ".." in path.split("/"):
            continue
        about_layout = name in _ABOUT_THE_REPO or _LAYOUT.search(code.heading) is not None
        if not _is_meant(path, tree, about_layout=about_layout) or _is_anybodys(
            name, path, code.sentence.replace(path, ""), tree
        ):
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
        said = _without_printed(sentence, paragraph)
        figure = next((match for form in _FIGURES if (match := form.search(said))), None)
        if figure is None or _OF_THE_PAPER.search(sentence):
            continue
        if _GOES_ON.search(sentence) and _OF_THE_PAPER.search(paragraph):
            continue
        if _is_no_claim(sentence, figure[0]):
            continue
        yield (
            f"{name}:{line} gives a figure ({figure[0].strip()}) that no benchmark in the repo measures and that is not"
            " given as the paper's"
        )


def _is_listed(path: str, heading: str) -> bool:
    """Whether this is the name of a source in a list of what the repo holds."""
    return (
        re.fullmatch(r"[\w-]+\.\w+", path) is not None
        and path.endswith(_CODE_SUFFIXES)
        and _STRICT_LAYOUT.search(heading) is not None
    )


def _without_printed(sentence: str, paragraph: str) -> str:
    """A sentence without what it quotes, where it tells of output."""
    said = _QUOTED.sub("", sentence)
    around = sentence if re.search(r"\w", said) else paragraph
    return said if _PRINTED.search(_QUOTED.sub("", around)) else sentence


def _is_no_claim(sentence: str, figure: str) -> bool:
    """Whether a sentence gives a figure as a setting, a limit or an example."""
    if _RATE.search(figure):
        return _REACHED.search(sentence) is None or _KEPT_TO.search(sentence) is not None
    return _NO_CLAIM.search(sentence) is not None and _CERTAIN.search(sentence) is None


def _is_anybodys(name: str, path: str, sentence: str, tree: Tree) -> bool:
    """Whether a sentence gives a path as a user's, as an example, or as what is not there."""
    inside = path.partition("/")[0] in {known.partition("/")[0] for known in tree if "/" in known}
    if inside and path.endswith(_CODE_SUFFIXES):
        # A source beside the others: that a document says what it writes makes it no output.
        example = _EXAMPLE.search(path.replace("example", ""))
        return bool(example or (_USERS if name in _ABOUT_THE_REPO else _DENIED).search(sentence))
    if _EXAMPLE.search(path.removeprefix("examples/")) or (not inside and _GIVEN.search(sentence)):
        return True
    if path.startswith(".") and path.partition("/")[0] not in _OWN_HIDDEN and not inside:
        return True
    return (_USERS if name in _ABOUT_THE_REPO else _NOT_THERE).search(sentence) is not None


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
    # Several files at once: CLAUDE.md/AGENTS.md.
    if "." in path.partition("/")[0] and all(part in known for part in path.split("/")):
        return True
    # A module may be named without its suffix: lib/budget for lib/budget.sh.
    return any(posixpath.splitext(other)[0] == path for other in known)


def _ignored(tree: Tree) -> list[str]:
    rules = tree[".gitignore"].text.splitlines() if ".gitignore" in tree else []
    return [
        rule.strip().strip("/") for rule in rules if rule.strip() and not rule.startswith(("#", "!", "*"))
    ]
