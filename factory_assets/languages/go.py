"""Go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import tree_sitter_go
from tree_sitter import Language as Grammar

from factory_assets.domain.reserved import GO_STANDARD
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import MAKE, Import, LanguageRecord
from factory_assets.languages.parsing import Source, line_of
from factory_assets.languages.project_files import go_module


def _imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    own = go_module(tree)
    for path, source in sources.items():
        for node in source.nodes("import_spec"):
            literal = node.child_by_field_name("path")
            name = source.text(literal).strip('"`') if literal else ""
            ours = bool(own) and (name == own or name.startswith(f"{own}/"))
            if name and not ours and name.split("/")[0] not in GO_STANDARD:
                yield Import(name, path, line_of(node))


GO = LanguageRecord(
    language=Language.GO,
    grammar=Grammar(tree_sitter_go.language()),
    source_suffixes=(".go",),
    test_path=re.compile(r"_test\.go$"),
    test_case=re.compile(r"^func (?:Test|Fuzz|Example)\w*\(", re.MULTILINE),
    tests_live_in="*_test.go files with func TestXxx(t *testing.T)",
    needs=(MAKE, ("go", "command -v go")),
    import_suffixes=(".go",),
    read_imports=_imports,
)
