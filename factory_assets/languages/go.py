"""Go."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import tree_sitter_go
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tree_sitter import Language as Grammar
from tree_sitter import Node

from factory_assets.dependencies.golang import GO_PACKAGES
from factory_assets.domain import reserved
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree, folders
from factory_assets.languages.base import MAKE, OPTION, LanguageRecord, Naming, Stubs, Tests
from factory_assets.languages.clocks import GO_CACHE, go_clock
from factory_assets.languages.entry_points import (
    EntryPoints,
    Snippet,
    Start,
    StartCommand,
    Words,
    a_free_name,
)
from factory_assets.languages.faults import Faults, words
from factory_assets.languages.parsing import Source, line_of, nodes
from factory_assets.languages.parts import Facts, Test, inside
from factory_assets.languages.project_files import go_module
from factory_assets.languages.test_runs import OwnTests, RunOutcome, TestCase, TestReport, TestStep
from factory_assets.languages.unsteady import Unsteady, asking

_DECLARING = frozenset({"function_declaration", "method_declaration"})
_SPECS = ("type_spec", "type_alias", "const_spec", "var_spec")
_FLAGS = frozenset(
    f"{kind}{by}"
    for kind in ("Bool", "String", "Int", "Int64", "Uint", "Uint64", "Float64", "Duration")
    for by in ("", "Var")
)


def _imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    own = go_module(tree)
    for path, source in sources.items():
        for node in source.nodes("import_spec"):
            literal = node.child_by_field_name("path")
            name = source.text(literal).strip('"`') if literal else ""
            ours = bool(own) and (name == own or name.startswith(f"{own}/"))
            if name and not ours and name.split("/")[0] not in reserved.GO_STANDARD:
                yield Import(name, path, line_of(node))


_NUMBERS = words("int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 float32 float64")
_RESULTS = dict.fromkeys((*_NUMBERS, "byte", "rune", "time.Duration"), "({}) + 1") | {
    "string": '({}) + "x"',
    "bool": "!({})",
}


def _returned(node: Node, result: str) -> Iterator[tuple[Node, str]]:
    values = node.named_children[0].named_children if node.named_children else []
    kinds = [kind.split()[-1] for kind in result.strip("()").split(",") if kind.strip()]
    # Beside an error nobody looks at the other values.
    if (
        not values
        or len(values) != len(kinds)
        or (kinds[-1] == "error" and len(kinds) > 1 and values[-1].type != "nil")
    ):
        return
    for value, kind in zip(values, kinds, strict=True):
        template = _RESULTS.get(kind) or ("nil" if kind.startswith(("[]", "*", "map[")) else "")
        if template:
            yield value, template


_FAULTS = Faults(
    names=words("identifier field_identifier"),
    functions=words("function_declaration method_declaration"),
    constants=words("const_spec var_spec"),
    calls={"call_expression": "function"},
    members=words("selector_expression"),
    imports=words("import_declaration"),
    left_alone=words("package_clause parameter_list type_declaration"),
    operations=words("binary_expression assignment_statement inc_statement dec_statement"),
    conditions={"if_statement": "!({})"},
    strings=words("interpreted_string_literal raw_string_literal"),
    numbers=words("int_literal float_literal"),
    shown=words("return_statement literal_value expression_case"),
    printers=words(
        "Print Println Printf Fprint Fprintln Fprintf Sprint Sprintf Sprintln WriteString Join append"
    ),
    unnoticed=words(
        "Errorf New Fatal Fatalf panic Bool BoolVar String StringVar Int IntVar Float64 Float64Var Duration "
        "DurationVar"
    ),
    statements={"expression_statement": ";", "assignment_statement": "_ = {}"},
    deleted=words("call_expression"),
    result="result",
    returns=words("return_statement"),
    returned=_returned,
)


def _interface(path: str, source: Source) -> Iterator[tuple[str, str]]:
    for call in source.nodes("call_expression"):
        function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
        field = function.child_by_field_name("field") if function else None
        if field is not None and arguments is not None and source.text(field) in _FLAGS:
            texts = [one for one in arguments.named_children if one.type == "interpreted_string_literal"]
            name = source.text(texts[0]).strip('"') if texts else ""
            if name:
                yield f"option {'-' if len(name) == 1 else '--'}{name}", OPTION
    package = next((source.text(node) for node in source.nodes("package_identifier")), "")
    if package == "main" or "internal" in path.split("/"):
        return
    folder = posixpath.dirname(path) or "."
    for node in source.root.named_children:
        declared = (
            [node]
            if node.type in _DECLARING
            else nodes(node, *_SPECS)
            if node.type.endswith("_declaration")
            else ()
        )
        for one in declared:
            yield from ((f"{folder}: {name}", kind) for name, kind in _exported(source, one))


def _exported(source: Source, node: Node) -> Iterator[tuple[str, str]]:
    receiver, declared = node.child_by_field_name("receiver"), node.child_by_field_name("type")
    owners = [source.text(one) for one in nodes(receiver, "type_identifier")][:1] if receiver else []
    for named in node.children_by_field_name("name"):
        name = ".".join([*owners, source.text(named)])
        if not all(part[:1].isupper() for part in name.split(".")):
            continue
        if node.type in _DECLARING:
            yield name, source.head(node)
        elif node.type in {"const_spec", "var_spec"}:
            yield name, "a value"
        elif declared is not None:
            yield name, f"type {source.text(declared).split()[0].removesuffix('{')}"


_MADE = f"{GO_CACHE}/bin"
_MAIN = re.compile(r"^package main\b", re.MULTILINE)


def _commands(tree: Tree) -> Iterator[tuple[str, Words]]:
    for folder in [".", *folders(tree)]:
        if _has_main(tree, folder):
            name = go_module(tree).rpartition("/")[2] if folder == "." else posixpath.basename(folder)
            yield name or "main", ("go", "run", "." if folder == "." else f"./{folder}")


def _launched(words: Words, tree: Tree) -> StartCommand | str | None:
    if words[:2] != ("go", "run"):
        return None
    at = next((at for at, word in enumerate(words) if at > 1 and not word.startswith("-")), None)
    if at is None or "@" in words[at]:
        return None
    target = words[at]
    folder = posixpath.normpath(posixpath.dirname(target) if target.endswith(".go") else target) or "."
    module = go_module(tree)
    if module and (folder == module or folder.startswith(f"{module}/")):
        folder = folder.removeprefix(module).strip("/") or "."
    if not _has_main(tree, folder):
        return f"`go run {target}`, and there is no package main"
    return StartCommand(("go", "run", "." if folder == "." else f"./{folder}"), words[at + 1 :])


_BUILD_TO = ("go", "build", "-buildvcs=false", "-o")


def _anywhere(name: str, words: Words, clone: Path) -> Start:
    made = str(clone / _MADE / name)
    return Start((made,), (*_BUILD_TO, made, words[-1]), made)


def _snippet(tree: Tree, clone: Path) -> Snippet:
    name = a_free_name(tree)
    made = str(clone / _MADE / name)
    module = go_module(tree)
    # Who writes a snippet before there is a repo knows the end of the module's path alone.
    own = re.compile(
        rf'"(?:[\w-]+\.[\w.-]+/(?:[\w.-]+/)*)?{re.escape(module.rpartition("/")[2])}((?:/[\w.-]+)*)"'
    )
    start = Start((made,), (*_BUILD_TO, made, f"./cmd/{name}"), made)

    def adapted(code: str) -> str:
        return own.sub(lambda found: f'"{module}{found[1]}"', code) if module else code

    return Snippet(f"cmd/{name}/main.go", start, adapted=adapted)


def _has_main(tree: Tree, folder: str) -> bool:
    return any(
        (posixpath.dirname(path) or ".") == folder and _MAIN.search(file.text)
        for path, file in tree.items()
        if path.endswith(".go") and not path.endswith("_test.go")
    )


_KINDS = ("Test", "Fuzz", "Example")
_BUILD = "//go:build "
_OTHER_SYSTEMS = re.compile(r"_(?:windows|darwin|freebsd|js|wasm|arm64|arm|386)(?:_\w+)?_test\.go$")


def _tests(facts: Facts, helpers: Collection[str]) -> Iterator[Test]:
    del helpers
    is_closed = any(part.text.startswith(_BUILD) and "||" not in part.text for part in facts.comments)
    for function in facts.functions:
        kind = next((kind for kind in _KINDS if function.name.startswith(kind)), None)
        # TestMain is no test: it is called with another type.
        if kind is None or function.owner is not None or function.name == "TestMain":
            continue
        if not function.name.removeprefix(kind)[:1].islower():
            # https://pkg.go.dev/testing#hdr-Examples: one without an output is compiled and not run.
            outputs = [part for part in inside(facts.comments, function) if _is_output(part.text)]
            is_told = kind != "Example" or bool(outputs)
            yield Test(function, function.name, is_told=is_told, is_off=is_closed, proofs=len(outputs))


def _is_output(comment: str) -> bool:
    return comment.lower().lstrip("/* \n").startswith(("output:", "unordered output:"))


def _takes_tests(path: str, facts: Facts) -> bool:
    return not _OTHER_SYSTEMS.search(path) and not any(
        part.text.startswith(_BUILD) for part in facts.comments
    )


_FACTS = """
(comment) @comment
[(interpreted_string_literal) (raw_string_literal) (rune_literal)] @string
(function_declaration name: (_) @name result: (_)? @returns body: (_) @body) @function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: (_) @receiver))
  name: (_) @name result: (_)? @returns body: (_) @body) @function
((function_declaration name: (_) @_name) @public (#match? @_name "^[A-Z]"))
((method_declaration name: (_) @_name) @public (#match? @_name "^[A-Z]"))
(call_expression function: (_) @called) @call
((call_expression function: (identifier) @_name) @refusal (#eq? @_name "panic"))
(argument_list (identifier) @passed)
(expression_list (identifier) @passed)
(literal_element (identifier) @passed)
"""


_SIGNATURE = re.compile(r"^func Test(?!Main\()\w*\((\w+) (\*[\w.]+)\)", re.MULTILINE)


_PANIC = "panic: "


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)

    action: str = Field(alias="Action")
    package: str = Field("", alias="Package")
    test: str = Field("", alias="Test")
    output: str = Field("", alias="Output")


def read_go(output: str) -> TestReport:
    """Read `go test -json` events: tests and subtests that have no subtests themselves.

    See https://pkg.go.dev/cmd/test2json. A package that fails without a failed test is broken. A test that panics has
    crashed, and expects nothing by that: what a test expects it says by its `t`.
    """
    results: dict[tuple[str, str], str] = {}
    panics: set[tuple[str, str]] = set()
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        try:
            event = _Event.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError):
            continue
        if event.action in {"pass", "fail", "skip"}:
            results[event.package, event.test] = event.action
        elif event.output.startswith(_PANIC):
            panics.add((event.package, event.test))
    parents = {
        (package, test[:at]) for package, test in results for at, char in enumerate(test) if char == "/"
    }
    tests = {key: action for key, action in results.items() if key[1] and key not in parents}
    broken = {package for (package, test), action in results.items() if not test and action == "fail"}
    broken -= {package for (package, _), action in tests.items() if action == "fail"}
    outcomes = {"pass": RunOutcome.PASSED, "fail": RunOutcome.FAILED, "skip": RunOutcome.SKIPPED}
    return TestReport(
        tuple(
            TestCase(f"{package} {test}", outcomes[action], (package, test) in panics)
            for (package, test), action in tests.items()
        )
        + tuple(TestCase(package, RunOutcome.BROKEN) for package in sorted(broken))
    )


def _probe(path: str, text: str, word: str) -> tuple[str, str] | None:
    """Named and called as the file's own tests are; None where it has no test to learn that from."""
    del path
    found = _SIGNATURE.search(text)
    if found is None:
        return None
    name = f"Test{word.capitalize()}"
    return f"{text}\nfunc {name}({found[1]} {found[2]}) {{ {found[1]}.Fatal() }}\n", name


RECORD = LanguageRecord(
    naming=Naming(
        spellings=frozenset({"golang"}),
        taken=frozenset(reserved.GO),
        taken_endings=reserved.GO_FILE_ENDINGS,
        # The path of a module ends with its repo's name, and the go command gives these a meaning of their own:
        # https://go.dev/ref/mod#vendoring, https://go.dev/doc/go1.4#internalpackages
        impossible={
            name: f"no Go module can be called {name}: others could not import it"
            for name in ("vendor", "internal")
        },
        joint="",
    ),
    grammar=Grammar(tree_sitter_go.language()),
    facts=_FACTS,
    tests=Tests(
        path=re.compile(r"_test\.go$"),
        live_in="*_test.go files with func TestXxx(t *testing.T)",
        read=_tests,
        takes=_takes_tests,
        key=lambda name: name.rsplit(" ", 1)[-1].split("/", 1)[0],
        names_are_certain=True,
        failing=frozenset(
            f"{held}.{name}"
            for held in ("t", "tb", "f")
            for name in ("Error", "Errorf", "Fatal", "Fatalf", "Fail", "FailNow")
        ),
        asserting=("assert", "check", "expect", "must", "require"),
        skips=words("Skip Skipf SkipNow"),
    ),
    stubs=Stubs(scaffold="main.go"),
    source_suffixes=(".go",),
    compiles_library=True,
    replaces_tools=frozenset({"go.work", "go.work.sum"}),
    needs=(MAKE, ("go", "command -v go")),
    clock=go_clock,
    read_imports=_imports,
    configuration=words("go.mod"),
    faults=_FAULTS,
    read_interface=_interface,
    entry_points=EntryPoints(
        declared=_commands,
        anywhere=_anywhere,
        snippet=_snippet,
        launched=_launched,
        name=lambda tree: go_module(tree).rpartition("/")[2],
    ),
    scaffold={"go.mod": "go.mod.j2", "main.go": "main.go.j2"},
    own_tests=OwnTests(
        name="go test -json -count=1 ./...",
        steps=lambda _: (TestStep(argv=("go", "test", "-json", "-count=1", "./..."), read=read_go),),
        probe=_probe,
        build=("go", "vet", "./..."),
    ),
    unsteady=Unsteady(
        importing=("import_spec",),
        modules=asking(
            network='"net" "net/http" "net/rpc" "net/smtp"',
            chance='"crypto/rand" "math/rand" "math/rand/v2"',
        ),
        calls=asking(clock="time.Now time.Since time.Until", programs="exec.Command"),
        seeds=words("rand.NewSource rand.NewPCG rand.NewChaCha8 rand.Seed"),
    ),
    packages=GO_PACKAGES,
)
