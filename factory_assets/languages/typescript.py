"""TypeScript."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from xml.etree import ElementTree as ET

import tree_sitter_typescript
from tree_sitter import Language as Grammar
from tree_sitter import Node

from factory_assets.dependencies.typescript import TYPESCRIPT_PACKAGES
from factory_assets.domain import reserved
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import MAKE, OPTION, LanguageRecord, Naming, Stubs, Tests
from factory_assets.languages.faults import TOKENS, Faults, words
from factory_assets.languages.install_code import npm_install_code
from factory_assets.languages.parsing import Source, line_of, nodes
from factory_assets.languages.parts import Facts, Test, holds, inside, outermost
from factory_assets.languages.test_runs import OwnTests, RunOutcome, TestCase, TestPlan, TestReport, TestStep
from factory_assets.languages.typescript_programs import BUILD, ENTRY_POINTS
from factory_assets.languages.unsteady import Unsteady, asking

_NPM_NAME = re.compile(r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*")
_IMPORTING = frozenset({"import", "require", "require.resolve"})
_COMPARING = ("binary_expression", "switch_case", "arguments", "literal_type")


def _imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    del tree
    for path, source in sources.items():
        for node in source.nodes(
            "import_statement", "export_statement", "import_require_clause", "call_expression"
        ):
            target = _imported(source, node)
            name = _npm_package(source.text(target)[1:-1]) if target else None
            if target and name:
                erased = any(child.type == "type" for child in node.children)
                yield Import(name, path, line_of(target), erased=erased)


def _imported(source: Source, node: Node) -> Node | None:
    """The string that names what a statement or a call imports."""
    if node.type != "call_expression":
        return node.child_by_field_name("source")
    called, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if called is None or arguments is None or source.text(called) not in _IMPORTING:
        return None
    return next((one for one in arguments.named_children if one.type in {"string", "template_string"}), None)


def _npm_package(target: str) -> str | None:
    """The package of an import; None for the repo's own files, node's modules and path aliases."""
    if target.startswith((".", "/", "#", "node:")):
        return None
    parts = target.split("/")
    name = "/".join(parts[: 2 if target.startswith("@") else 1])
    return name if name not in reserved.NODE_STANDARD and _NPM_NAME.fullmatch(name) else None


_RESULTS = {"number": "({}) + 1", "string": '({}) + "x"', "boolean": "!({})", "void": ""}
_PROMISE = "Promise<"


def _returned(node: Node, result: str) -> Iterator[tuple[Node, str]]:
    value = node.child_by_field_name("body") if node.type == "arrow_function" else None
    values = node.named_children[:1] if node.type == "return_statement" else [value] if value else []
    kind = result.lstrip(": ")
    inner, awaited = kind.removeprefix(_PROMISE).removesuffix(">"), kind.startswith(_PROMISE)
    template = _RESULTS.get(inner, "[]" if inner.endswith("[]") else "undefined as never")
    for one in values:
        if one.type != "statement_block" and template:
            yield one, template.replace("{}", "await ({})") if awaited else template


_FAULTS = Faults(
    names=words("identifier property_identifier shorthand_property_identifier"),
    functions=words("function_declaration generator_function_declaration method_definition"),
    constants=words("variable_declarator public_field_definition"),
    calls={"call_expression": "function", "new_expression": "constructor"},
    members=words("member_expression"),
    imports=words("import_statement"),
    left_alone=words(
        "type_annotation type_arguments type_parameters interface_declaration type_alias_declaration "
        "formal_parameters decorator throw_statement"
    ),
    operations=words("binary_expression augmented_assignment_expression update_expression"),
    tokens=TOKENS | {"===": "!==", "!==": "==="},
    conditions={"if_statement": "(!{})", "ternary_expression": "!({})"},
    strings=words("string template_string"),
    numbers=words("number"),
    shown=words("return_statement array pair switch_case arrow_function"),
    printers=words("log error write push join concat"),
    unnoticed=words("Error TypeError RangeError parseArgs"),
    statements={"expression_statement": ";"},
    deleted=words("call_expression await_expression assignment_expression"),
    result="return_type",
    returns=words("return_statement arrow_function"),
    returned=_returned,
    is_script=True,
)


def _interface(path: str, source: Source) -> Iterator[tuple[str, str]]:
    for compared in source.nodes(*_COMPARING):
        words = [source.text(one)[1:-1] for one in compared.named_children if one.type == "string"]
        yield from ((f"option {word}", OPTION) for word in words if word.startswith("--") and " " not in word)
    for statement in source.root.named_children:
        if statement.type != "export_statement":
            continue
        declared = statement.child_by_field_name("declaration") or statement.child_by_field_name("value")
        if declared is not None:
            yield from ((f"{path}: {name}", signature) for name, signature in _exported(source, declared))
        for one in nodes(statement, "export_specifier"):
            alias = one.child_by_field_name("alias") or one.child_by_field_name("name") or one
            yield f"{path}: {source.text(alias)}", "exported"


def _exported(source: Source, node: Node) -> Iterator[tuple[str, str]]:
    named = node.child_by_field_name("name")
    name = source.text(named) if named else "default"
    if node.type == "lexical_declaration":
        for one in node.named_children:
            value, variable = one.child_by_field_name("value"), one.child_by_field_name("name")
            is_function = value is not None and value.type == "arrow_function"
            head = source.head(value).removesuffix("=>").strip() if value and is_function else "const"
            yield source.text(variable) if variable else "", head
    elif "function" in node.type:
        start = named or node.child_by_field_name("parameters") or node
        yield name, f"{source.between(node.start_byte, start.start_byte)} {source.head(node)}"
    else:
        yield name, node.type.removesuffix("_declaration").removeprefix("abstract_").removesuffix("_alias")
    body = node.child_by_field_name("body") if "class" in node.type else None
    for one in body.named_children if body else []:
        method = one.child_by_field_name("name")
        if one.type == "method_definition" and method is not None and _is_public(source, one, method):
            yield f"{name}.{source.text(method)}", source.head(one)


def _is_public(source: Source, node: Node, name: Node) -> bool:
    words = {source.text(child) for child in node.children if child.type == "accessibility_modifier"}
    is_hidden = name.type == "private_property_identifier" or not words.isdisjoint({"private", "protected"})
    return not is_hidden and source.text(name) != "constructor"


_TEST_WORDS = frozenset(f"{form}{word}" for form in ("", "x", "f") for word in ("test", "it", "describe"))
_GROUPS = frozenset({"describe", "fdescribe", "describe.only"})


def _tests(facts: Facts, helpers: Collection[str]) -> Iterator[Test]:
    del helpers
    calls = [call for call in facts.calls if call.callee.partition(".")[0] in _TEST_WORDS]
    off = outermost([call for call in calls if call.callee[0] == "x" or call.name in {"skip", "todo"}])
    for call in calls:
        title = next(iter(inside(facts.strings, call)), None)
        if call.callee in _GROUPS or title is None:
            continue
        if not call.text[: title.start - call.start].rstrip().endswith("("):
            continue
        # What an escape stands for, node says in its own words, and what is put into a template nobody knows.
        is_told = title.text[0] in "\"'" and "\\" not in title.text and call.callee in {"test", "it"}
        yield Test(call, title.text[1:-1], is_told=is_told, is_off=holds(off, call.start))


_FACTS = """
(comment) @comment
[(string) (template_string) (regex)] @string
(decorator) @mark
(function_declaration name: (_) @name return_type: (_)? @returns body: (_) @body) @function
(generator_function_declaration name: (_) @name return_type: (_)? @returns body: (_) @body) @function
(variable_declarator name: (identifier) @name
  value: (arrow_function return_type: (_)? @returns body: (_) @body)) @function
(variable_declarator name: (identifier) @name
  value: (function_expression return_type: (_)? @returns body: (_) @body)) @function
(class_body (method_definition name: (_) @name return_type: (_)? @returns body: (_) @body) @function)
(public_field_definition name: (_) @name
  value: (arrow_function return_type: (_)? @returns body: (_) @body)) @function
(export_statement declaration: (_) @public)
(export_statement declaration: (lexical_declaration (variable_declarator) @public))
(class_body (_) @public)
[(class_declaration name: (_) @name) (abstract_class_declaration name: (_) @name)] @owner
(class_declaration name: (_) @name
  (class_heritage [(extends_clause value: (_) @base) (implements_clause (_) @base)])) @owner
(abstract_class_declaration name: (_) @name
  (class_heritage [(extends_clause value: (_) @base) (implements_clause (_) @base)])) @owner
(call_expression function: (_) @called) @call
(arguments (identifier) @passed)
(arguments (member_expression property: (_) @passed))
(required_parameter value: (identifier) @passed)
(required_parameter value: (new_expression constructor: (_) @passed))
(throw_statement) @refusal
(object_assignment_pattern right: (identifier) @passed)
(assignment_pattern right: (identifier) @passed)
(binary_expression (identifier) @passed)
(ternary_expression (identifier) @passed)
(return_statement (identifier) @passed)
(assignment_expression right: (identifier) @passed)
(variable_declarator value: (identifier) @passed)
(class_body (public_field_definition value: (identifier) @passed))
(arguments (object (pair key: (_) @_key value: [(true) (string) (template_string)]) @skip)
  (#any-of? @_key "skip" "todo"))
((call_expression function: (member_expression object: (_) @_t property: (_) @_word)) @skip
  (#eq? @_t "t") (#any-of? @_word "skip" "todo"))
((call_expression function: (member_expression property: (_) @chooser)) (#eq? @chooser "only"))
((call_expression function: (identifier) @chooser) (#any-of? @chooser "fit" "fdescribe"))
((pair key: (_) @chooser value: (true)) (#eq? @chooser "only"))
"""


def read_junit(output: str, *, files: Collection[str] = ()) -> TestReport:
    """Read the JUnit report in an output.

    `files` are test files by name: node reports a file without tests as one test of that name, which is none.

    Raises:
        ValueError: when there is no JUnit report.
    """
    start, end = output.find("<?xml"), output.rfind("</testsuites>")
    if start < 0 or end < start:
        raise ValueError("the run ended without a JUnit report")
    xml = output[start:end] + "</testsuites>"
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("a test report has no document type")
    try:
        # Entities, the danger of untrusted XML, are refused above.
        root = ET.fromstring(xml)  # noqa: S314
    except ET.ParseError as error:
        raise ValueError(f"the test report is no XML: {error}") from error
    cases = []
    for case in root.iter("testcase"):
        name = case.get("name", "")
        outcome = _junit_outcome(case)
        if not any(name.endswith(file) for file in files):
            cases.append(TestCase(name, outcome))
        elif outcome is RunOutcome.FAILED:
            cases.append(TestCase(name, RunOutcome.BROKEN))
    return TestReport(tuple(cases))


def _junit_outcome(case: ET.Element) -> RunOutcome:
    if case.find("skipped") is not None:
        return RunOutcome.SKIPPED
    failed = case.find("failure") is not None or case.find("error") is not None
    return RunOutcome.FAILED if failed else RunOutcome.PASSED


def _steps(plan: TestPlan) -> tuple[TestStep, ...]:
    compiled = [f"dist/{path.removesuffix('.ts')}.js" for path in plan.files]
    reporter = ("--test-reporter=junit", "--test-reporter-destination=stdout")
    return (
        TestStep(
            argv=("node", "--test", *reporter, *compiled),
            read=lambda output: read_junit(output, files=compiled),
        ),
    )


def _probe(path: str, text: str, word: str) -> tuple[str, str]:
    del path
    more = (
        f'import {{ test as {word} }} from "node:test";\n'
        f'{word}("{word}", () => {{ throw new Error("0"); }});\n'
    )
    return f"{text}{more}", word


RECORD = LanguageRecord(
    naming=Naming(
        spellings=words("ts tsx js javascript ecmascript node nodejs deno"), taken=frozenset(reserved.NODE)
    ),
    # Of the two grammars the one that reads type assertions in angle brackets; JSX is no part of a tool.
    grammar=Grammar(tree_sitter_typescript.language_typescript()),
    facts=_FACTS,
    tests=Tests(
        path=re.compile(r"^tests/.*\.test\.ts$"),
        live_in="tests/*.test.ts files that use node:test",
        read=_tests,
        alive=("identifier", "this"),
    ),
    stubs=Stubs(scaffold="src/index.ts"),
    source_suffixes=(".ts", ".mts", ".cts", ".tsx"),
    replaces_tools=frozenset({"node_modules"}),
    needs=(MAKE, ("node", "command -v node"), ("npm", "command -v npm")),
    import_suffixes=(".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx"),
    install_code=npm_install_code,
    read_imports=_imports,
    configuration=words(
        "package.json tsconfig*.json .npmrc .mocharc* yarn.lock pnpm-lock.yaml npm-shrinkwrap.json"
    ),
    faults=_FAULTS,
    read_interface=_interface,
    entry_points=ENTRY_POINTS,
    scaffold={
        "package.json": "package.json.j2",
        "tsconfig.json": "tsconfig.json.j2",
        "src/index.ts": "index.ts.j2",
    },
    own_tests=OwnTests(
        name="node --test",
        steps=_steps,
        probe=_probe,
        build=BUILD,
        builds_first=True,
    ),
    unsteady=Unsteady(
        importing=("import_statement",),
        quoted=("string_fragment",),
        modules=asking(
            network=(
                "http https http2 net tls dgram dns node:http node:https node:http2 node:net node:tls"
                " node:dgram node:dns"
            ),
            chance="crypto node:crypto",
            programs="child_process node:child_process",
        ),
        calls=asking(
            clock="Date Date.now performance.now process.hrtime process.hrtime.bigint",
            network="fetch",
            chance="Math.random crypto.randomUUID crypto.getRandomValues",
        ),
        texts=asking(clock="newDate() newDate;", network="newWebSocket("),
    ),
    packages=TYPESCRIPT_PACKAGES,
)
