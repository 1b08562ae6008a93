"""Bash."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from pathlib import Path

import tree_sitter_bash
from tree_sitter import Language as Grammar
from tree_sitter import Node

from factory_assets.dependencies.bash import BASH_PACKAGES
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import MAKE, OPTION, LanguageRecord, Naming, Stubs, Tests
from factory_assets.languages.entry_points import EntryPoints, Snippet, Start, Words, a_free_name
from factory_assets.languages.faults import TOKENS, Faults, words
from factory_assets.languages.parsing import Source, line_of
from factory_assets.languages.parts import Facts, Part, Test, holds, inside, outermost
from factory_assets.languages.test_runs import OwnTests, RunOutcome, TestCase, TestPlan, TestReport, TestStep
from factory_assets.languages.unsteady import Unsteady, asking

_SAYING = frozenset({"echo", "printf"})


def _imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    """The programs that are called, and what is built into bash."""
    del tree
    own = {
        source.text(name)
        for source in sources.values()
        for function in source.nodes("function_definition")
        for name in function.children_by_field_name("name")
    }
    for path, source in sources.items():
        for node in source.nodes("command_name"):
            name = source.text(node)
            if name not in own and name[:1].isalpha() and name.replace("-", "").replace("_", "").isalnum():
                yield Import(name, path, line_of(node))


def _returned(node: Node, result: str) -> Iterator[tuple[Node, str]]:
    """What a function prints is what it returns: its status is a number like any other."""
    del result
    name = node.child_by_field_name("name")
    if name is not None and (name.text or b"").decode() in _SAYING:
        printed = (
            one for one in node.children_by_field_name("argument") if not (one.text or b"").startswith(b"-")
        )
        yield from ((one, "x{}") for one in list(printed)[:1])


_FAULTS = Faults(
    names=words("word variable_name"),
    functions=words("function_definition"),
    constants=frozenset(),
    calls={"command": "name"},
    members=frozenset(),
    imports=frozenset(),
    left_alone=words("file_redirect heredoc_redirect regex"),
    operations=words("binary_expression unary_expression postfix_expression list"),
    tokens=TOKENS
    | {
        "-eq": "-ne",
        "-ne": "-eq",
        "-lt": "-ge",
        "-ge": "-lt",
        "-gt": "-le",
        "-le": "-gt",
        "-z": "-n",
        "-n": "-z",
        "=": "!=",
        "!=": "=",
        "==": "!=",
    },
    conditions={"if_statement": "! {}"},
    strings=words("string raw_string word"),
    numbers=words("number"),
    shown=words("array variable_assignment"),
    printers=frozenset(),
    unnoticed=words("set shopt source . trap shift cd command local usage"),
    statements=dict.fromkeys(("command", "variable_assignment"), ":"),
    blocks=words(
        "program compound_statement do_group case_item else_clause if_statement pipeline redirected_statement"
    ),
    returns=words("command"),
    returned=_returned,
    is_script=True,
)


def _interface(path: str, source: Source) -> Iterator[tuple[str, str]]:
    for case in source.nodes("case_item"):
        for value in case.children_by_field_name("value"):
            name = source.text(value).strip("\"'").removesuffix("*").removesuffix("=")
            if name.startswith("--") and name != "--":
                yield f"option {name}", OPTION
    for function in source.root.named_children if not path.startswith("bin/") else []:
        named = function.child_by_field_name("name") if function.type == "function_definition" else None
        if named is not None and not source.text(named).startswith("_"):
            yield f"{path}: {source.text(named)}", "a function"


def _commands(tree: Tree) -> Iterator[tuple[str, Words]]:
    for path in tree:
        if path.startswith("bin/") and path.count("/") == 1:
            yield path.removeprefix("bin/"), ("bash", path)


def _anywhere(name: str, words: Words, clone: Path) -> Start:
    del name
    return Start((words[0], str(clone / words[1])))


def _snippet(tree: Tree, clone: Path) -> Snippet:
    path = f"{a_free_name(tree)}.sh"
    shown = {path.partition("/")[0] for path in tree if "/" in path and not path.startswith(".")}
    return Snippet(path, Start(("bash", str(clone / path))), tuple(sorted(shown)))


_ESCAPED = re.compile(r"\\([\"$`\\])")


_PLAIN = frozenset({"", "true", ":"})


def _tests(facts: Facts, helpers: Collection[str]) -> Iterator[Test]:
    """Functions, bats tests, TAP's lines and calls of a helper with a test's name; or else the script as a whole."""
    found = [
        *(
            Test(
                part,
                part.name,
                is_told=False,
                is_off=_is_skipped(part.body),
                is_helper=part.name[:5] != "test_",
            )
            for part in facts.functions
        ),
        *(list(_bats_tests(facts)) or _tap_tests(facts, {"check", *helpers})),
    ]
    yield from found
    whole = Part(facts.source.data, 0, len(facts.source.data), 1)
    words_in = "".join(char if char.isalnum() or char == "_" else " " for char in whole.text).split()
    own = outermost(facts.functions)
    run = {call.callee for call in facts.calls if not holds(own, call.start)} - _FAULTS.unnoticed
    if ((run and "ok" in words_in) or run & {*helpers}) and all(test.is_helper for test in found):
        yield Test(whole, "the script", is_told=False, proofs=1)


def _bats_tests(facts: Facts) -> Iterator[Test]:
    """From `@test "name" {`, which bash reads as a command, up to a command that is a brace alone."""
    edges = [call for call in facts.calls if call.callee in {"@test", "}"}]
    for head, end in zip_longest(edges, edges[1:]):
        title = next(iter(inside(facts.strings, head)), None)
        if head.callee != "@test" or title is None:
            continue
        part = Part(head.data, head.start, end.start if end else len(head.data), head.line)
        lines = [line.strip() for line in part.text.splitlines()[1:]]
        # bats reads the name as bash reads what stands in double quotes.
        name = title.text[1:-1]
        yield Test(
            part,
            _ESCAPED.sub(r"\1", name),
            is_told=not {"$", "`"}.intersection(_ESCAPED.sub("", name)),
            is_off=any(line.partition(" ")[0] == "skip" for line in lines),
            proofs=len([line for line in lines if line not in _PLAIN]),
        )


def _tap_tests(facts: Facts, helpers: Collection[str]) -> Iterator[Test]:
    last = 0
    for call in facts.calls:
        said, is_first, last = call.text, call.line != last, call.line
        if call.callee in _SAYING:
            said = said.replace('"', "").replace("'", "")
            _, is_ok, name = said.partition(" ok ")
            name = name.partition("- ")[2].partition("\\n")[0].strip()
            if is_ok and name[:1].isalpha() and "$" not in name:
                yield Test(call, name, is_told=False, is_off=_is_skipped(name), proofs=1)
        elif is_first and call.callee in helpers and (title := next(iter(inside(facts.strings, call)), None)):
            name = title.text[1:-1]
            given = said[title.end - call.start :]
            # A check of constants checks nothing that ran.
            if name and "$" not in name and len(said[: title.start - call.start].split()) <= 2:
                yield Test(call, name, is_told=False, proofs=int("$" in given or "`" in given))


def _is_skipped(text: str) -> bool:
    return "#skip" in "".join(text.lower().split())


_FACTS = """
(comment) @comment
[(string) (raw_string) (ansi_c_string) (heredoc_body)] @string
(function_definition name: (_) @name body: (_) @body) @function
(function_definition) @public
(command name: (command_name) @called) @call
(command_substitution (command) @valued)
(command_substitution (pipeline (command) @valued))
(command argument: (word) @passed)
[(test_command) (case_statement)] @assertion
(compound_statement (binary_expression) @assertion)
"""


_TAP_TEST = re.compile(r"^(not )?ok\b[ \t]*(\d+)?[ \t]*(?:-[ \t]*)?([^\n]*)$", re.MULTILINE)
_TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
_TAP_DIRECTIVE = re.compile(r"(?<!\\)#\s*(?:skip|todo)", re.IGNORECASE)
_TAP_BAIL = re.compile(r"^Bail out!", re.MULTILINE)
_SHEBANG = re.compile(r"\A#![^\n]*\n")


def read_tap(output: str, *, script: str) -> TestReport:
    """Read TAP (https://testanything.org); a test that the plan promised and that never ran is broken."""
    cases = []
    lines = _TAP_TEST.findall(output)
    for negation, number, rest in lines:
        directive = _TAP_DIRECTIVE.search(rest)
        title = rest[: directive.start()] if directive else rest
        outcome = RunOutcome.FAILED if negation else RunOutcome.PASSED
        cases.append(
            TestCase(f"{script} {title.strip() or number}", RunOutcome.SKIPPED if directive else outcome)
        )
    planned = max((int(count) for count in _TAP_PLAN.findall(output)), default=0)
    cases += [
        TestCase(f"{script} {number}, planned", RunOutcome.BROKEN)
        for number in range(len(lines) + 1, min(planned, len(lines) + 1000) + 1)
    ]
    if _TAP_BAIL.search(output):
        cases.append(TestCase(f"{script} bailed out", RunOutcome.BROKEN))
    return TestReport(tuple(cases))


def _steps(plan: TestPlan) -> tuple[TestStep, ...]:
    return tuple(
        TestStep(
            argv=(*(("bats", "--tap") if script.endswith(".bats") else ("bash",)), script),
            read=partial(read_tap, script=script),
            fault_without_failure=f"{script} ended with {{}} and reports no failed test",
        )
        for script in plan.files
    )


def _probe(path: str, text: str, word: str) -> tuple[str, str]:
    """At the end of a bats file; at the beginning of a script, which may exit before its end."""
    if path.endswith(".bats"):
        return f'{text}\n@test "{word}" {{\n  false\n}}\n', word
    shebang = _SHEBANG.match(text)
    at = shebang.end() if shebang else 0
    return f'{text[:at]}echo "not ok 1 - {word}"; exit 1\n{text[at:]}', word


RECORD = LanguageRecord(
    naming=Naming(spellings=words("sh shell shellscript bashscript posixsh posixshell")),
    grammar=Grammar(tree_sitter_bash.language()),
    facts=_FACTS,
    tests=Tests(
        path=re.compile(r"^tests/(?:test_[^/]*\.sh|[^/]+_test\.sh|run(?:_tests)?\.sh|[^/]+\.bats)$"),
        live_in="tests/test_*.sh, tests/*_test.sh or tests/run.sh scripts that print TAP, or tests/*.bats",
        read=_tests,
        failing=words("test grep cmp diff"),
        alive=("variable_name", "special_variable_name", "command_name"),
        skips=frozenset({"skip"}),
        loaders=words("source . load"),
    ),
    stubs=Stubs(statements=frozenset({":", "true"}), returns=frozenset({"return", "return 0"})),
    source_suffixes=(".sh", ".bash"),
    needs=(MAKE, ("bash", "command -v bash")),
    source_folders=("bin",),
    configuration=words(".shellcheckrc"),
    faults=_FAULTS,
    read_interface=_interface,
    read_imports=_imports,
    check_syntax=("bash", "-n"),
    entry_points=EntryPoints(declared=_commands, anywhere=_anywhere, snippet=_snippet),
    scaffold={".shellcheckrc": "shellcheckrc.j2"},
    own_tests=OwnTests(name="bash tests/test_*.sh", steps=_steps, probe=_probe),
    unsteady=Unsteady(
        calls=asking(
            clock="date sleep uptime times",
            network="curl wget ssh scp nc ncat telnet ping dig nslookup host ftp git",
            chance="shuf uuidgen mktemp",
        ),
        naming=("variable_name",),
        names=asking(
            clock="EPOCHSECONDS EPOCHREALTIME SECONDS BASH_MONOSECONDS", chance="RANDOM SRANDOM BASHPID PPID"
        ),
        texts=asking(network="/dev/tcp/ /dev/udp/", chance="$$"),
    ),
    packages=BASH_PACKAGES,
)
