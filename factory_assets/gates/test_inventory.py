"""The tests that a tree holds, by name: what each asserts, and whether it is switched off."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages import LANGUAGES
from factory_assets.languages.facts import Facts, Part, read_facts
from factory_assets.languages.sources import is_source

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class WrittenTest:
    """One test, or one helper of tests. `body` is its text with single spaces, to know it again under another name."""

    path: str
    name: str
    asserts: int
    skipped: bool
    body: str
    is_helper: bool = False


def is_test_code(language: Language, path: str) -> bool:
    """Whether a file belongs to the tests: a test file, or anything that lies beside them."""
    name = path.rpartition("/")[2]
    return (
        LANGUAGES[language].test_path.search(path) is not None
        or path.startswith("tests/")
        or name == "conftest.py"
        or (language is Language.GO and path.endswith("_test.go"))
    )


def test_inventory(language: Language, tree: Tree) -> tuple[WrittenTest, ...]:
    """Every test and every helper in test code, in the order of the files."""
    found: list[WrittenTest] = []
    for path, file in sorted(tree.items()):
        if language is Language.PYTHON:
            if path.endswith(".py") and is_test_code(language, path):
                found += _python(path, file.text)
        elif path.endswith((*LANGUAGES[language].source_suffixes, ".bats")):
            inline = language is Language.RUST and is_source(language, path, file)
            if inline or is_test_code(language, path):
                found += _from_facts(language, path, read_facts(language, file.text), inline=inline)
    if language is Language.BASH:
        found += _tap(tree)
    return tuple(found)


test_inventory.__test__ = False  # type: ignore[attr-defined]


_PYTHON_ASSERTS = re.compile(
    r"^(?:assert|check|expect|verify|raises|warns|fail$|approx$)|^assert", re.IGNORECASE
)
_PYTHON_SKIPS = frozenset(
    {"skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure", "importorskip", "SkipTest"}
)


def _python(path: str, text: str) -> Iterator[WrittenTest]:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    module_skips = any(
        isinstance(node, ast.Assign)
        and any(
            isinstance(target, ast.Name) and target.id in {"pytestmark", "__test__"}
            for target in node.targets
        )
        and (_skips(node.value) or (isinstance(node.value, ast.Constant) and node.value.value is False))
        for node in module.body
    ) or any(isinstance(node, ast.Expr) and _skips(node.value) for node in module.body)
    for owner, function in _python_functions(module):
        is_fixture = any("fixture" in ast.unparse(mark) for mark in function.decorator_list)
        is_test = function.name.startswith("test") and not is_fixture
        yield WrittenTest(
            path=path,
            name=f"{owner.name}.{function.name}" if owner else function.name,
            asserts=sum(_asserts(node) for node in ast.walk(function)),
            skipped=is_test and (module_skips or _is_switched_off(function, owner)),
            body=" ".join(ast.unparse(ast.Module(function.body, [])).split()),
            is_helper=not is_test,
        )


def _python_functions(module: ast.Module) -> Iterator[tuple[ast.ClassDef | None, _Function]]:
    for node in module.body:
        if isinstance(node, _Function):
            yield None, node
        elif isinstance(node, ast.ClassDef):
            yield from ((node, item) for item in node.body if isinstance(item, _Function))


def _is_switched_off(function: _Function, owner: ast.ClassDef | None) -> bool:
    marks = [*function.decorator_list, *(owner.decorator_list if owner else [])]
    if any(_skips(mark) for mark in marks):
        return True
    # Anywhere else a skip may be on purpose, behind a condition; as a statement of its own it ends the test.
    return any(
        (isinstance(node, ast.Expr) and _skips(node.value))
        or (isinstance(node, ast.Return) and node is not function.body[-1])
        for node in function.body
    )


def _skips(node: ast.expr) -> bool:
    return any(
        (isinstance(part, ast.Attribute) and part.attr in _PYTHON_SKIPS)
        or (isinstance(part, ast.Name) and part.id in _PYTHON_SKIPS)
        for part in ast.walk(node)
    )


def _asserts(node: ast.AST) -> bool:
    """Whether a node can fail a test: an assertion that is not constant, or a call that is named like one."""
    match node:
        case ast.Assert(test=condition):
            return not _is_constant(condition)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return _PYTHON_ASSERTS.search(name) is not None and name != "approx"
        case _:
            return False


def _is_constant(condition: ast.expr) -> bool:
    """Whether an assertion compares nothing that ran: no name and no call in it, or a thing with itself."""
    if isinstance(condition, ast.Compare) and len(condition.comparators) == 1:
        left, right = ast.dump(condition.left), ast.dump(condition.comparators[0])
        runs = any(isinstance(part, ast.Call) for part in ast.walk(condition.left))
        if left == right and not runs and isinstance(condition.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE):
            return True
    if isinstance(condition, ast.BoolOp) and isinstance(condition.op, ast.Or):
        return any(_is_constant(value) for value in condition.values)
    return not any(isinstance(part, ast.Name | ast.Call | ast.Attribute) for part in ast.walk(condition))


_ASSERTS: Mapping[Language, re.Pattern[str]] = {
    Language.GO: re.compile(
        r"\bt\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\b|\b(?:assert|require|check|expect|must)\w*[.(]"
        r"|// (?:Unordered o|O)utput:"
    ),
    Language.TYPESCRIPT: re.compile(r"\bassert\b|\bexpect\b|\b(?:assert|check|expect)\w*\("),
    Language.RUST: re.compile(
        r"\b(?:debug_)?assert(?:_\w+)?!|\bpanic!|\bunreachable!|\.unwrap\w*\(|\.expect\w*\(|\?;|\b(?:assert|check|expect)\w*\("
    ),
    Language.BASH: re.compile(
        r"\[\[|(?<![\w\[])\[\s|(?<!\$)\(\(|\btest\s|\bgrep\b|\bcmp\b|\bdiff\b|\bcase\b|\b(?:assert|check|expect)\w*\s"
    ),
}
_SKIPS: Mapping[Language, re.Pattern[str]] = {
    Language.GO: re.compile(r"^\tt\.(?:Skip|Skipf|SkipNow)\(|^\treturn$", re.MULTILINE),
    Language.TYPESCRIPT: re.compile(
        r"\b(?:skip|todo)\s*:\s*(?:true\b|[\"'`])|^\s*t\.(?:skip|todo)\(", re.MULTILINE
    ),
    Language.RUST: re.compile(r"#\[\s*ignore|#\[\s*cfg\((?!test\))"),
    Language.BASH: re.compile(r"^\s*(?:skip\b|return 0$|return$)", re.MULTILINE),
}
_CONSTANT = re.compile(
    r"\bassert(?:\.ok|\.equal|\.strictEqual|_eq)?!?\(\s*(?:true|1|(?P<a>\d+)\s*,\s*(?P=a)|true\s*,\s*true)\s*[,)]"
    r"|\[\[\s*1\s*==\s*1\s*\]\]"
)


_GO_TEST = re.compile(r"(?:Test|Fuzz|Example)(?![a-z])")
_TS_TEST = re.compile(r"^(?:[xf]?(?:test|it|describe)(?:\.\w+)?)$")
_TS_SKIPPED = re.compile(r"\.(?:skip|todo)$|^x")


def _from_facts(language: Language, path: str, facts: Facts, *, inline: bool) -> Iterator[WrittenTest]:
    code = facts.code.encode()
    closed = language is Language.GO and any(
        part.text.startswith("//go:build ") and "||" not in part.text for part in facts.comments
    )
    for function in facts.functions:
        if function.is_nested or (inline and not function.is_test_code):
            continue
        marks = " ".join(function.marks)
        if language is Language.GO:
            is_test = function.owner is None and _GO_TEST.match(function.name) is not None
        elif language is Language.RUST:
            is_test = any(name.strip("#[] ").rpartition("::")[2] == "test" for name in function.marks)
        else:
            is_test = language is Language.BASH and function.name.startswith("test_")
        bare = code[function.body_start : function.end].decode("utf-8", "replace")
        searched = marks if language is Language.RUST else bare
        yield _written(
            language,
            (path, function.name),
            (function.body, bare, marks),
            is_test=is_test,
            skipped=is_test and (closed or _SKIPS[language].search(searched) is not None),
        )
    if language is Language.TYPESCRIPT:
        yield from _typescript_calls(path, facts, code)


def _typescript_calls(path: str, facts: Facts, code: bytes) -> Iterator[WrittenTest]:
    for call in facts.calls:
        if not _TS_TEST.match(call.callee) or call.callee in {"describe", "fdescribe"}:
            continue
        start = call.start + code[call.start : call.end].find(b"(")
        title = next(iter(facts.strings_in(call)), None)
        if title is None or code[start + 1 : title.start].strip():
            continue
        whole = Part(call.data, start, call.end, call.line)
        bare = code[start : call.end].decode("utf-8", "replace")
        # A skip's reason is a string.
        skipped = _TS_SKIPPED.search(call.callee) or _SKIPS[Language.TYPESCRIPT].search(whole.text)
        yield _written(
            Language.TYPESCRIPT,
            (path, title.text[1:-1]),
            (whole.text, bare, ""),
            is_test=True,
            skipped=skipped is not None,
        )


def _written(
    language: Language, where: tuple[str, str], texts: tuple[str, str, str], *, is_test: bool, skipped: bool
) -> WrittenTest:
    body, bare, marks = texts
    # An example's output stands in a comment.
    found = len(_ASSERTS[language].findall(body if language is Language.GO else bare))
    tap = language is Language.BASH and _TAP_SKIP.search(body) is not None
    return WrittenTest(
        *where,
        asserts=found + ("should_panic" in marks) - len(_CONSTANT.findall(body)),
        skipped=skipped or tap,
        body=" ".join(body.split()),
        is_helper=not is_test,
    )


_TAP_SKIP = re.compile(r"#\s*skip\b", re.IGNORECASE)
_TAP_LINE = re.compile(r"\bok\s+(?:\"?\$?\{?\w+\}?\"?\s+)?-\s+(?P<name>[A-Za-z][^\"'\n$]*)")
_BASH_HELPER = re.compile(r"^(?:function\s+)?(?P<name>[\w-]+)\s*\(\)", re.MULTILINE)


def _tap(tree: Tree) -> Iterator[WrittenTest]:
    """TAP tests that are no functions: calls of a helper with the test's name, bats tests, and plain `ok` lines."""
    scripts = {path: file.text for path, file in tree.items() if path.startswith("tests/")}
    helpers = {name for text in scripts.values() for name in _BASH_HELPER.findall(text)} | {"check"}
    names = "|".join(sorted(map(re.escape, helpers), key=len, reverse=True))
    call = re.compile(
        rf"^[ \t]*(?:{names})[ \t]+(?:[\w-]+[ \t]+)?(?P<quote>[\"'])(?P<name>[^\"'$\n]+)(?P=quote)(?P<rest>[^\n]*)",
        re.MULTILINE,
    )
    for path, text in sorted(scripts.items()):
        code = "\n".join("" if line.lstrip().startswith("#") else line for line in text.splitlines())
        for match in call.finditer(code):
            # A check of constants checks nothing that ran.
            asserts = int("$" in match["rest"] or "`" in match["rest"])
            yield WrittenTest(
                path, match["name"], asserts, skipped=False, body=" ".join(match["rest"].split())
            )
        for match in _TAP_LINE.finditer(code):
            skipped = _TAP_SKIP.search(match["name"]) is not None
            yield WrittenTest(path, match["name"].strip(), 1, skipped=skipped, body="")
        for name, body in _bats(text):
            yield WrittenTest(
                path,
                name,
                asserts=len([line for line in body if line not in {"", "true", ":"}]),
                skipped=any(line.partition(" ")[0] == "skip" for line in body),
                body=" ".join(" ".join(body).split()),
            )


def _bats(text: str) -> Iterator[tuple[str, list[str]]]:
    """Name and lines of each bats test: from `@test "name" {` on a line to the next that begins with a brace."""
    name, body = "", list[str]()
    for line in text.splitlines():
        if not name:
            head = line.rstrip()
            if line.startswith("@test ") and head.endswith("{"):
                name, body = head.removeprefix("@test ").removesuffix("{").strip()[1:-1], []
        elif line.startswith("}"):
            yield name, body
            name = ""
        else:
            body.append(line.strip())
