"""Bash."""

from __future__ import annotations

import re

import tree_sitter_bash
from tree_sitter import Language as Grammar

from factory_assets.domain.specs import Language
from factory_assets.languages.base import MAKE, LanguageRecord

BASH = LanguageRecord(
    language=Language.BASH,
    grammar=Grammar(tree_sitter_bash.language()),
    source_suffixes=(".sh", ".bash"),
    test_path=re.compile(r"^tests/(?:test_[^/]*\.sh|[^/]+\.bats)$"),
    test_case=re.compile(r"\bok\b|^[ \t]*@test\b", re.MULTILINE),
    tests_live_in="tests/test_*.sh scripts that print TAP, or tests/*.bats",
    needs=(MAKE, ("bash", "command -v bash")),
    source_folders=("bin",),
)
