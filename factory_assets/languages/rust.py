"""Rust."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import tree_sitter_rust
from tree_sitter import Language as Grammar
from tree_sitter import Node

from factory_assets.dependencies.rust import RUST_PACKAGES
from factory_assets.domain import reserved
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import MAKE, OPTION, LanguageRecord, Naming, Stubs, Tests
from factory_assets.languages.clocks import cargo_clock
from factory_assets.languages.entry_points import (
    EntryPoints,
    Snippet,
    Start,
    StartCommand,
    Words,
    a_free_name,
)
from factory_assets.languages.faults import Faults, words
from factory_assets.languages.install_code import cargo_install_code
from factory_assets.languages.parsing import Source, line_of, nodes
from factory_assets.languages.parts import Facts, Test, holds, inside, outermost
from factory_assets.languages.project_files import project_folders, read_toml, table
from factory_assets.languages.rust_macros import made_by_macros
from factory_assets.languages.test_runs import OwnTests, RunOutcome, TestCase, TestReport, TestStep
from factory_assets.languages.unsteady import Unsteady, asking

_ITEMS = ("mod_item", "enum_item", "struct_item", "trait_item", "type_item", "union_item")
_COMPARING = ("binary_expression", "match_pattern", "or_pattern")
_TESTS = frozenset({"tests", "test"})
_PUBLIC = (*_ITEMS, "function_item", "const_item", "static_item")


def _imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    own = {PurePosixPath(path).stem for path in sources} | _crates(tree)
    for source in sources.values():
        own |= set(_introduced(source))
    for path, source in sources.items():
        for node in source.nodes("use_declaration", "extern_crate_declaration"):
            name = source.text(_head(node))
            if name not in reserved.RUST_STANDARD and name not in own and name == name.lower():
                yield Import(name, path, line_of(node))


def _introduced(source: Source) -> Iterator[str]:
    """Names of the sources' own: modules and types, and what a `use` of more than a crate's name makes of it."""
    for node in source.nodes(*_ITEMS):
        yield from (source.text(name) for name in node.children_by_field_name("name"))
    for node in source.nodes("use_declaration", "extern_crate_declaration"):
        head = _head(node)
        yield from (source.text(name) for name in nodes(node, "identifier") if name != head)


def _head(node: Node) -> Node:
    """The first name of a `use` or `extern crate`."""
    return next(nodes(node, "identifier", "crate", "self", "super"), node)


def _crates(tree: Tree) -> set[str]:
    """The repo's own crates: its packages', libraries' and binaries' names."""
    found = [read_toml(tree, path) for path in tree if path.rpartition("/")[2] == "Cargo.toml"]
    targets = [table(one, kind) for one in found for kind in ("package", "lib")]
    targets += [target for one in found for target in one.get("bin", ()) if isinstance(target, dict)]
    return {str(target.get("name", "")).replace("-", "_") for target in targets}


_NUMBERS = words("i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64")
_RESULTS = dict.fromkeys(_NUMBERS, "it + 1 as {kind}") | {"bool": "!it", "String": 'it + "x"'}


def _returned(node: Node, result: str) -> Iterator[tuple[Node, str]]:
    value = next((one for one in reversed(node.named_children) if "comment" not in one.type), None)
    if node.type == "function_item" and value is not None:
        # The last expression of the body is what is returned, unless a statement is the last.
        inside = [one for one in value.named_children if "comment" not in one.type]
        value = inside[-1] if inside else None
    if value is None or not result or value.type.endswith(("_item", "_declaration", "_expression_statement")):
        return
    text = value.text or b""
    if not text.endswith(b";") and not text.startswith((b"Err(", b"None")):
        yield value, _another(result)


def _another(kind: str) -> str:
    """A template for another value of a type: it names the type, for what stood there may leave it to be inferred."""
    outer, _, rest = kind.partition("<")
    inner = rest.rpartition(">")[0].partition(",")[0].strip()
    if kind in _RESULTS:
        changed = _RESULTS[kind].replace("{kind}", kind)
    elif outer.rpartition("::")[2] in {"Result", "Option"}:
        changed = f"it.map(|it| {_RESULTS.get(inner, 'Default::default()').replace('{kind}', inner)})"
    else:
        return "Default::default()"
    return f"{{ let it: {kind} = {{}}; {changed} }}"


_FAULTS = Faults(
    names=words("identifier field_identifier"),
    functions=words("function_item"),
    constants=words("const_item static_item"),
    calls={"call_expression": "function", "macro_invocation": "macro"},
    members=words("field_expression"),
    imports=words("use_declaration extern_crate_declaration"),
    left_alone=words(
        "attribute_item inner_attribute_item parameters struct_item enum_item type_arguments reference_type "
        "generic_type array_type"
    ),
    operations=words("binary_expression compound_assignment_expr token_tree"),
    conditions={"if_expression": "!({})"},
    strings=words("string_literal raw_string_literal"),
    numbers=words("integer_literal float_literal"),
    shown=words("return_expression array_expression tuple_expression match_arm"),
    printers=words("print println write writeln format vec push_str join to_string from"),
    unnoticed=words("panic expect assert assert_eq debug_assert eprintln unreachable Err"),
    statements={"expression_statement": ";"},
    deleted=words("call_expression macro_invocation assignment_expression try_expression"),
    result="return_type",
    returns=words("return_expression function_item"),
    returned=_returned,
)


def _interface(path: str, source: Source) -> Iterator[tuple[str, str]]:
    for compared in source.nodes(*_COMPARING):
        words = [source.text(one)[1:-1] for one in compared.named_children if one.type == "string_literal"]
        yield from ((f"option {word}", OPTION) for word in words if word.startswith("--") and " " not in word)
    stack = [(node, "") for node in reversed(source.root.named_children)]
    while stack:
        node, owner = stack.pop()
        body, named = node.child_by_field_name("body"), node.child_by_field_name("name")
        if node.type == "impl_item":
            owners = [node.child_by_field_name("trait"), node.child_by_field_name("type")]
            owner = " for ".join(source.text(one) for one in owners if one) + "::"
        is_public = any(
            one.type == "visibility_modifier" and source.text(one) == "pub" for one in node.children[:2]
        )
        if is_public and named is not None and node.type in _PUBLIC:
            kind = source.between(node.start_byte, named.start_byte).rpartition("pub ")[2]
            yield (
                f"{path}: {owner}{source.text(named)}",
                f"{kind} {source.head(node)}" if kind.endswith("fn") else kind,
            )
        is_test = named is not None and source.text(named) in _TESTS
        if node.type in {"impl_item", "mod_item"} and body is not None and not is_test:
            stack += [(one, owner) for one in reversed(body.named_children)]


_RUN = ("cargo", "run", "--offline", "-q")
_CHOOSING = frozenset({"--bin", "-p", "--package"})
_ELSEWHERE = frozenset({"--example", "--manifest-path"})


def _commands(tree: Tree) -> Iterator[tuple[str, Words] | str]:
    for entry in _binaries(tree):
        if isinstance(entry, str):
            yield entry
        else:
            package, name = entry
            yield name, (*_RUN, *(("-p", package) if package else ()), "--bin", name, "--")


def _binaries(tree: Tree) -> Iterator[tuple[str, str] | str]:
    """Each binary with its package, of the crate at the top and of those of its workspace."""
    is_workspace = "workspace" in read_toml(tree, "Cargo.toml")
    for path in project_folders(tree, "Cargo.toml") if is_workspace else ("",):
        manifest = read_toml(tree, f"{path}Cargo.toml")
        package = str(table(manifest, "package").get("name", ""))
        declared = manifest.get("bin")
        paths = {}
        for entry in declared if isinstance(declared, list) else ():
            name = str(table(entry).get("name", package))
            paths[name] = str(table(entry).get("path", f"src/bin/{name}.rs"))
            if f"{path}{paths[name]}" not in tree:
                yield f"{path}Cargo.toml declares the binary {name}, and there is no {path}{paths.pop(name)}"
        if f"{path}src/main.rs" in tree and "src/main.rs" not in paths.values():
            paths[package] = "src/main.rs"
        for file in tree:
            parts = PurePosixPath(file.removeprefix(path)).parts if file.startswith(path) else ()
            if parts[:2] == ("src", "bin") and (len(parts) == 3 or parts[3:] == ("main.rs",)):
                paths.setdefault(PurePosixPath(parts[2]).stem, file)
        yield from ((package, name) for name in paths)


_BUILD = ("cargo", "build", "--offline", "-q")


def _anywhere(name: str, words: Words, clone: Path) -> Start:
    made = str(clone / "target" / "debug" / name)
    return Start((made,), (*_BUILD, *words[len(_RUN) : -1]), made)


def _snippet(tree: Tree, clone: Path) -> Snippet:
    """An example of the crate that has a library: of the one at the top, or else of a workspace's first."""
    crates = [path.removesuffix("src/lib.rs") for path in sorted(tree) if path.endswith("src/lib.rs")]
    folder = "" if "" in crates else next((one for one in crates if f"{one}Cargo.toml" in tree), "")
    package = str(table(read_toml(tree, f"{folder}Cargo.toml"), "package").get("name", ""))
    name = a_free_name(tree)
    made = str(clone / "target" / "debug" / "examples" / name)
    build = (*_BUILD, *(("-p", package) if package else ()), "--example", name)
    return Snippet(f"{folder}examples/{name}.rs", Start((made,), build, made))


def _launched(words: Words, tree: Tree) -> StartCommand | str | None:
    at = words.index("--") if "--" in words else len(words)
    if words[:2] != ("cargo", "run") or _ELSEWHERE.intersection(words[:at]):
        return None
    chosen = {after for word, after in pairwise(words[:at]) if word in _CHOOSING}
    binaries = [entry for entry in _binaries(tree) if not isinstance(entry, str) and chosen <= {*entry}]
    if not binaries:
        return f"`{' '.join(words[:at])}`, and there is no such binary"
    package, name = binaries[0]
    return StartCommand((*_RUN, *(("-p", package) if package else ()), "--bin", name, "--"), words[at + 1 :])


_ASSERTIONS = words("assert assert_eq assert_ne debug_assert debug_assert_eq debug_assert_ne")


def _tests(facts: Facts, helpers: Collection[str]) -> Iterator[Test]:
    del helpers
    closed = outermost([one for one in facts.owners if one.is_module and _is_conditional(one.marks)])
    for function in facts.functions:
        names = (mark.removeprefix("#[").partition("(")[0].rstrip("] ") for mark in function.marks)
        if any(name.rpartition("::")[2] == "test" for name in names):
            is_off = _is_conditional(function.marks) or holds(closed, function.start)
            panics = any("should_panic" in mark for mark in function.marks)
            # Of a method, `unwrap` say, the panic may be what is meant.
            asserts = any(call.callee in _ASSERTIONS for call in inside(facts.calls, function))
            yield Test(
                function,
                function.name,
                is_told=not is_off,
                is_off=is_off,
                is_inverted=panics and asserts,
                proofs=int(panics),
            )
    yield from made_by_macros(facts, closed, _ASSERTIONS)


def _is_conditional(marks: tuple[str, ...]) -> bool:
    """Whether something stands behind a feature or a platform: it runs only where somebody asks for it."""
    return any(mark.startswith("#[cfg(") and mark != "#[cfg(test)]" for mark in marks)


def _tests_asked_for(tree: Tree) -> Iterator[str]:
    manifest = read_toml(tree, "Cargo.toml")
    given = _listed(table(manifest, "features").get("default"))
    for target in _listed(manifest.get("test")):
        needed = _listed(target.get("required-features")) if isinstance(target, dict) else []
        if any(feature not in given for feature in needed):
            yield str(target.get("path", f"tests/{target.get('name')}.rs"))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _takes_tests(path: str, facts: Facts) -> bool:
    del path
    return any(not test.is_off for test in _tests(facts, ())) and "#![cfg(" not in facts.code.replace(
        "#![cfg(test)]", ""
    )


_FACTS = r"""
[(line_comment) (block_comment)] @comment
[(string_literal) (raw_string_literal) (char_literal)] @string
(attribute_item) @mark
(source_file (inner_attribute_item) @_cfg (#match? @_cfg "^#!\\[cfg\\(test")) @tests
(function_item name: (_) @name return_type: (_)? @returns body: (_) @body) @function
(function_item (visibility_modifier)) @public
(impl_item trait: (_)? @base type: (_) @name) @owner
(trait_item name: (_) @name) @owner
(mod_item name: (_) @name) @module
(call_expression function: (_) @called) @call
(macro_invocation macro: (_) @called) @call
((macro_invocation macro: (identifier) @_name) @refusal (#eq? @_name "panic"))
(arguments (identifier) @passed)
(arguments (scoped_identifier name: (_) @passed))
(field_initializer value: (identifier) @passed)
(try_expression) @assertion
"""


_CARGO_TEST = re.compile(r"^test (\S.*?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)", re.MULTILINE)
_CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
_CARGO_BROKEN = re.compile(r"^error: could not compile .*$", re.MULTILINE)


def read_cargo(output: str) -> TestReport:
    """Read cargo's lines, test binary by test binary.

    A result line that counts more than was listed adds tests without a name; one that counts fewer is not
    the runner's.

    Raises:
        ValueError: when the lines of the tests and the sums below them do not agree.
    """
    outcomes = {"ok": RunOutcome.PASSED, "FAILED": RunOutcome.FAILED, "ignored": RunOutcome.SKIPPED}
    cases: list[TestCase] = []
    at = 0
    for result in _CARGO_RESULT.finditer(output):
        listed = [
            TestCase(name, outcomes[word]) for name, word in _CARGO_TEST.findall(output[at : result.start()])
        ]
        at = result.end()
        for number, outcome in zip(
            map(int, result.groups()), (RunOutcome.PASSED, RunOutcome.FAILED, RunOutcome.SKIPPED), strict=True
        ):
            missing = number - sum(case.outcome is outcome for case in listed)
            if missing < 0:
                raise ValueError("the lines of the tests and the sums below them do not agree")
            cases += [TestCase("", outcome)] * missing
        cases += listed
    cases += [TestCase(line, RunOutcome.BROKEN) for line in _CARGO_BROKEN.findall(output)]
    return TestReport(tuple(cases))


def _probe(path: str, text: str, word: str) -> tuple[str, str]:
    del path
    module = f"\n#[cfg(test)]\nmod {word} {{\n    #[test]\n    fn {word}() {{ panic!() }}\n}}\n"
    return f"{text}{module}", f"{word}::{word}"


RECORD = LanguageRecord(
    naming=Naming(spellings=words("rs rustlang"), taken=frozenset(reserved.RUST), joint="_"),
    grammar=Grammar(tree_sitter_rust.language()),
    facts=_FACTS,
    tests=Tests(
        path=re.compile(r"^tests/.*\.rs$"),
        live_in="#[test] functions in src/ or tests/",
        read=_tests,
        inline=True,
        marks=("#[cfg(test)", "#[cfg(all(test"),
        takes=_takes_tests,
        asked_for=_tests_asked_for,
        key=lambda name: name.rsplit("::", 1)[-1],
        failing=words("panic unreachable unwrap unwrap_err expect expect_err"),
        asserting=("assert", "debug_assert", "check", "expect", "verify"),
        alive=("identifier", "self"),
        skips=frozenset({"ignore"}),
    ),
    stubs=Stubs(
        calls=frozenset({"todo", "unimplemented"}),
        plain_marks=("inline", "allow", "expect", "must_use", "doc", "cold", "track_caller"),
        scaffold="src/lib.rs",
    ),
    source_suffixes=(".rs",),
    replaces_tools=frozenset({".cargo", "rust-toolchain", "rust-toolchain.toml"}),
    needs=(MAKE, ("cargo", "command -v cargo")),
    install_code=cargo_install_code,
    clock=cargo_clock,
    read_imports=_imports,
    configuration=words("Cargo.toml build.rs clippy.toml .clippy.toml rustfmt.toml .rustfmt.toml"),
    faults=_FAULTS,
    read_interface=_interface,
    entry_points=EntryPoints(
        declared=_commands,
        anywhere=_anywhere,
        snippet=_snippet,
        launched=_launched,
        name=lambda tree: str(table(read_toml(tree, "Cargo.toml"), "package").get("name", "")),
    ),
    scaffold={"Cargo.toml": "Cargo.toml.j2", "src/lib.rs": "lib.rs.j2"},
    own_tests=OwnTests(
        name="cargo test --offline --no-fail-fast",
        steps=lambda _: (TestStep(argv=("cargo", "test", "--offline", "--no-fail-fast"), read=read_cargo),),
        probe=_probe,
        build=("cargo", "test", "--offline", "--no-run"),
    ),
    unsteady=Unsteady(
        importing=("use_declaration",),
        modules=asking(
            network="std::net",
            programs="std::process::Command",
            chance="rand std::collections::hash_map::RandomState",
        ),
        calls=asking(
            clock="Instant::now SystemTime::now elapsed",
            network="TcpStream::connect TcpListener::bind UdpSocket::bind",
            programs="Command::new",
            chance="RandomState::new thread_rng process::id",
        ),
        seeds=words("seed_from_u64 from_seed"),
    ),
    packages=RUST_PACKAGES,
)
