"""Rust."""

from __future__ import annotations

import re

import tree_sitter_rust
from tree_sitter import Language as Grammar

from factory_assets.domain.specs import Language
from factory_assets.languages.base import MAKE, LanguageRecord

RUST = LanguageRecord(
    language=Language.RUST,
    grammar=Grammar(tree_sitter_rust.language()),
    source_suffixes=(".rs",),
    test_path=re.compile(r"^tests/.*\.rs$"),
    test_case=re.compile(r"^\s*#\[(?:\w+::)?test\]", re.MULTILINE),
    tests_live_in="#[test] functions in src/ or tests/",
    needs=(MAKE, ("cargo", "command -v cargo")),
    inline_tests=re.compile(r"^\s*#\[cfg\(test\)\]", re.MULTILINE),
)
