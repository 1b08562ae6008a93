"""Small faults to put into a source, one at a time: what each language's operators change, and in which order."""

from __future__ import annotations

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.gates.lexer import lex
from factory_assets.gates.written import test_files
from factory_assets.languages import LANGUAGES
from factory_assets.languages.sources import is_source

MOST_PER_FILE = 200


@dataclass(frozen=True)
class Mutant:
    """One source with one fault in it. `change` is `old → new`, for people."""

    path: str
    line: int
    change: str
    text: str


@dataclass(frozen=True)
class _Operator:
    """Replaces what `form` matches. A lower `rank` is more likely to be noticed by any honest test."""

    form: re.Pattern[str]
    new: str
    rank: int


def _operator(form: str, new: str, rank: int) -> _Operator:
    return _Operator(re.compile(form, re.MULTILINE), new, rank)


_NUMBER = _operator(r"(?<![\w.$\[&<>])(\d+)(?![\w.\]<>])", "", 3)
_C_LIKE = (
    _operator(r"(?<=\s)==(?=\s)", "!=", 0),
    _operator(r"(?<=\s)!=(?=\s)", "==", 0),
    _operator(r"(?<=\s)<=(?=\s)", ">", 0),
    _operator(r"(?<=\s)>=(?=\s)", "<", 0),
    _operator(r"(?<=[\w)\]] )<(?= [\w(-])", ">=", 0),
    _operator(r"(?<=[\w)\]] )>(?= [\w(-])", "<=", 0),
    _operator(r"(?<=[\w)\]] )\+(?= [\w(])", "-", 1),
    _operator(r"(?<=[\w)\]] )-(?= [\w(])", "+", 1),
    _operator(r"(?<=\s)\+=(?=\s)", "-=", 1),
    _operator(r"(?<=\s)&&(?=\s)", "||", 1),
    _operator(r"(?<=\s)\|\|(?=\s)", "&&", 1),
    _operator(r"\btrue\b", "false", 1),
    _operator(r"\bfalse\b", "true", 1),
    _NUMBER,
)
_OPERATORS: dict[Language, tuple[_Operator, ...]] = {
    Language.PYTHON: (
        _operator(r"(?<=^)([ \t]+return )(?!None\b|True\b|False\b|\()([^\n\\([{]+)$", r"\1None", 0),
        _operator(r"(?<=\bif )(?!not\b)(?=[^\n:]+:\s*$)", "not ", 0),
        _operator(r"(?<=\s)==(?=\s)", "!=", 0),
        _operator(r"(?<=\s)!=(?=\s)", "==", 0),
        _operator(r"(?<=\s)<=(?=\s)", ">", 0),
        _operator(r"(?<=\s)>=(?=\s)", "<", 0),
        _operator(r"(?<=\s)<(?=\s)", ">=", 0),
        _operator(r"(?<=\s)>(?=\s)", "<=", 0),
        _operator(r"(?<=[\w)\]] )\+(?= [\w(\[])", "-", 1),
        _operator(r"(?<=[\w)\]] )-(?= [\w(\[])", "+", 1),
        _operator(r"(?<=\s)\+=(?=\s)", "-=", 1),
        _operator(r"(?<=\s)and(?=\s)", "or", 1),
        _operator(r"(?<=\s)or(?=\s)", "and", 1),
        _operator(r"(?<![\w.])True\b", "False", 2),
        _operator(r"(?<![\w.])False\b", "True", 2),
        _NUMBER,
    ),
    Language.GO: (*_C_LIKE, _operator(r"(?<=\bif )(?![^\n]*[;:])([^\n{]+?)(?= \{$)", r"!(\1)", 0)),
    Language.TYPESCRIPT: (
        *_C_LIKE,
        _operator(r"===", "!==", 0),
        _operator(r"!==", "===", 0),
        _operator(r"(?<=\bif \()([^\n]+)(?=\) \{$)", r"!(\1)", 0),
        _operator(r"(?<=\breturn )[^\n;{(]+(?=;$)", "undefined as never", 0),
    ),
    Language.RUST: (
        *_C_LIKE,
        _operator(r"(?<=\bif )(?!let\b)([^\n{]+?)(?= \{$)", r"!(\1)", 0),
        _operator(r"(?<=\breturn )[^\n;{(]+(?=;$)", "Default::default()", 0),
    ),
    Language.BASH: (
        _operator(r"(?<=\s)-eq(?=\s)", "-ne", 0),
        _operator(r"(?<=\s)-ne(?=\s)", "-eq", 0),
        _operator(r"(?<=\s)-lt(?=\s)", "-ge", 0),
        _operator(r"(?<=\s)-gt(?=\s)", "-le", 0),
        _operator(r"(?<=\s)-le(?=\s)", "-gt", 0),
        _operator(r"(?<=\s)-ge(?=\s)", "-lt", 0),
        _operator(r"(?<=\s)-z(?=\s)", "-n", 0),
        _operator(r"(?<=\s)-n(?=\s[\"$])", "-z", 0),
        _operator(r"(?<=\s)={1,2}(?=\s)", "!=", 0),
        _operator(r"(?<=\s)!=(?=\s)", "==", 0),
        _operator(r"(?<=\bif )(?!!)(?=[^\n]*; then)", "! ", 0),
        _operator(r"(?<=[\w})] )\+(?= [\w${(])", "-", 1),
        _operator(r"(?<=\w)\+=(?=\d)", "-=", 1),
        _operator(r"(?<=\breturn )0\b", "1", 1),
        _operator(r"(?<=\breturn )[1-9]\d*\b", "0", 1),
        _operator(r"(?<=[\w\])\"'] )&&(?=\s)", "||", 2),
        _NUMBER,
    ),
}
# Lines whose change nothing could notice, or that no test is asked to reach.
_LEFT_ALONE = re.compile(
    r"^\s*(?:import\b|from\b|use\b|package\b|export \{|#|//|@|set -|source\b|\.\s|trap\b|shopt\b|\"\"\""
    r"|(?:async )?def\b|if __name__|__\w+__\s*[:=]|(?:[a-z]+ )*VERSION\b"
    r"|[\w.]*add_argument|[\w.]*set_defaults|(?:el)?if TYPE_CHECKING)"
)
_NAME = re.compile(
    r"(?:(?:export|pub(?:\([a-z]+\))?|const|let|var|static|readonly|local|declare(?: -\w+)*)\s+)*(\w+)\s*[:=]"
)
_CONSTANT = re.compile(
    r"^(?:(?:export|pub(?:\([a-z]+\))?|const|let|var|static|readonly|declare(?: -\w+)*)\s+)*\w+[^=\n(){}]*=(?!=)",
    re.MULTILINE,
)
_TEXT = re.compile(r"([\"'])([^\"'\\\n]+)\1")
_FUNCTION = re.compile(
    r"^(?P<indent>[ \t]*)(?:export |pub(?:\([a-z]+\))? |async |default |static |public |private |const )*"
    r"(?:def|func|fn|function)\s+(?:\([^)]*\)\s*)?(?P<name>\w+)|^(?P<shell>[\w:-]+)\s*\(\)",
    re.MULTILINE,
)


def mutants(language: Language, tree: Tree, *, seed: str) -> Iterator[Mutant]:
    """Faults in the sources, the likeliest to be noticed first, taking turns between the files.

    The same tree and seed give the same order. Within a function whose name stands in a test, first; what stands
    in no function, last.
    """
    tests = "\n".join(tree[path].text for path in test_files(language, tree))
    paths = [path for path, file in tree.items() if is_source(language, path, file) and file.text]
    paths.sort(key=lambda path: (not _stem(path) or _stem(path) not in tests, _draw(seed, path)))
    found = [_of_file(language, path, tree[path].text, tests, seed) for path in paths]
    for queues in zip(*found, strict=True):
        for turn in zip_longest(*queues):
            yield from (mutant for mutant in turn if mutant)


def _of_file(
    language: Language, path: str, text: str, tests: str, seed: str
) -> tuple[list[Mutant], list[Mutant]]:
    """The faults within functions, and those outside."""
    code = _code(language, text)
    inline = LANGUAGES[language].inline_tests
    end = next((match.start() for match in inline.finditer(text)), len(text)) if inline else len(text)
    functions = list(_FUNCTION.finditer(code))
    within: list[tuple[tuple[bool, int, str], Mutant]] = []
    outside: list[tuple[tuple[bool, int, str], Mutant]] = []
    for operator in _OPERATORS[language]:
        for match in operator.form.finditer(code, 0, end):
            function = _around(functions, code, match.start())
            mutant = _mutant(path, text, code, operator, match)
            if mutant is None:
                continue
            name = (function["name"] or function["shell"]) if function else _assigned(code, match.start())
            unlikely = name not in tests or name in {"", "main", "usage"}
            key = (unlikely, operator.rank, _draw(seed, f"{path}{match.start()}"))
            (within if function else outside).append((key, mutant))
    within.sort(key=lambda pair: pair[0])
    outside.sort(key=lambda pair: pair[0])
    last = [mutant for _, mutant in outside] + list(_texts(path, text, code, end))
    return [mutant for _, mutant in within[:MOST_PER_FILE]], last[:MOST_PER_FILE]


def _around(functions: list[re.Match[str]], code: str, at: int) -> re.Match[str] | None:
    """The function that a place is in: the last one before it, unless the place is at the left edge again."""
    function = next((f for f in reversed(functions) if f.start() < at), None)
    if function is None:
        return None
    line = code.rfind("\n", 0, at) + 1
    first = code[line : line + 1]
    left = line > function.start() and not first.isspace() and first not in "})]"
    return None if left else function


def _assigned(code: str, at: int) -> str:
    """The name that is given a value on the line of a place outside of all functions."""
    line = code.rfind("\n", 0, at) + 1
    match = _NAME.match(code, line)
    return match[1] if match else ""


def _texts(path: str, text: str, code: str, end: int) -> Iterator[Mutant]:
    """The texts of constants at the left edge, each emptied: of a table or a pattern this is the one small fault."""
    for match in _CONSTANT.finditer(code, 0, end):
        first, last = match.start(), text.find("\n", match.start())
        line = text[first : last if last >= 0 else len(text)]
        value = _TEXT.search(line, match.end() - first)
        if value is None or _LEFT_ALONE.match(line):
            continue
        at, until = first + value.start(2), first + value.end(2)
        if text[at:until] == code[at:until]:
            continue
        changed = f"{line[: value.start(2)]}{line[value.end(2) :]}"
        number = text.count("\n", 0, first) + 1
        yield Mutant(path, number, f"{line.strip()} → {changed.strip()}", text[:at] + text[until:])


def _mutant(path: str, text: str, code: str, operator: _Operator, match: re.Match[str]) -> Mutant | None:
    start, end = match.span()
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    last = len(text) if last < 0 else last
    if _LEFT_ALONE.match(text[first:last]) or text[start:end] != code[start:end]:
        # The second case: a string or a comment lies in what would be replaced.
        return None
    new = str(int(match[0]) + 1) if operator is _NUMBER else match.expand(operator.new)
    changed = text[:start] + new + text[end:]
    line = changed[first : last + len(new) - (end - start)].strip()
    return Mutant(path, text.count("\n", 0, start) + 1, f"{text[first:last].strip()} → {line}", changed)


def _code(language: Language, text: str) -> str:
    """The text with strings and comments blanked, at the same offsets."""
    return lex(language, text).code if language is not Language.PYTHON else _python_code(text)


def _python_code(text: str) -> str:
    starts = [0]
    for line in io.StringIO(text):
        starts.append(starts[-1] + len(line))
    pieces, at = [], 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in {tokenize.STRING, tokenize.COMMENT}:
                start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
                pieces += [text[at:start], re.sub(r"[^\n]", " ", text[start:end])]
                at = end
    except (tokenize.TokenError, SyntaxError):
        return re.sub(r"[^\n]", " ", text)
    return "".join([*pieces, text[at:]])


def compiles(language: Language, text: str) -> bool | None:
    """Whether a Python source is one; None for languages whose own compiler has to say."""
    if language is not Language.PYTHON:
        return None
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def listed(some: Sequence[Mutant]) -> str:
    """One line each."""
    return "\n".join(f"{mutant.path}:{mutant.line}: {mutant.change}" for mutant in some)


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].partition(".")[0]


def _draw(seed: str, what: str) -> str:
    return hashlib.sha256(f"{seed}\n{what}".encode()).hexdigest()
