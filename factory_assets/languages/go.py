"""Go."""

from __future__ import annotations

import re

import tree_sitter_go
from tree_sitter import Language as Grammar

from factory_assets.domain.specs import Language
from factory_assets.languages.base import MAKE, LanguageRecord

GO = LanguageRecord(
    language=Language.GO,
    grammar=Grammar(tree_sitter_go.language()),
    source_suffixes=(".go",),
    test_path=re.compile(r"_test\.go$"),
    test_case=re.compile(r"^func (?:Test|Fuzz|Example)\w*\(", re.MULTILINE),
    tests_live_in="*_test.go files with func TestXxx(t *testing.T)",
    needs=(MAKE, ("go", "command -v go")),
)
