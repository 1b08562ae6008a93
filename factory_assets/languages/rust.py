"""Rust."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import tree_sitter_rust
from tree_sitter import Language as Grammar
from tree_sitter import Node

from factory_assets.domain.reserved import RUST_STANDARD
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import MAKE, Import, LanguageRecord
from factory_assets.languages.parsing import Source, line_of, nodes
from factory_assets.languages.project_files import read_toml, table

_ITEMS = ("mod_item", "enum_item", "struct_item", "trait_item", "type_item", "union_item")


def _imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    own = {PurePosixPath(path).stem for path in sources} | _crates(tree)
    for source in sources.values():
        own |= set(_introduced(source))
    for path, source in sources.items():
        for node in source.nodes("use_declaration", "extern_crate_declaration"):
            name = source.text(_head(node))
            if name not in RUST_STANDARD and name not in own and name == name.lower():
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


RUST = LanguageRecord(
    language=Language.RUST,
    grammar=Grammar(tree_sitter_rust.language()),
    source_suffixes=(".rs",),
    test_path=re.compile(r"^tests/.*\.rs$"),
    test_case=re.compile(r"^\s*#\[(?:\w+::)?test\]", re.MULTILINE),
    tests_live_in="#[test] functions in src/ or tests/",
    needs=(MAKE, ("cargo", "command -v cargo")),
    import_suffixes=(".rs",),
    read_imports=_imports,
    inline_tests=re.compile(r"^\s*#\[cfg\(test\)\]", re.MULTILINE),
)
