"""TypeScript."""

from __future__ import annotations

import re

import tree_sitter_typescript
from tree_sitter import Language as Grammar

from factory_assets.domain.specs import Language
from factory_assets.languages.base import MAKE, LanguageRecord

TYPESCRIPT = LanguageRecord(
    language=Language.TYPESCRIPT,
    # Of the two grammars the one that reads type assertions in angle brackets; JSX is no part of a tool.
    grammar=Grammar(tree_sitter_typescript.language_typescript()),
    source_suffixes=(".ts", ".mts", ".cts", ".tsx"),
    test_path=re.compile(r"^tests/.*\.test\.ts$"),
    test_case=re.compile(r"^\s*(?:await )?(?:t\.)?(?:test|it)(?:\.\w+)?\(", re.MULTILINE),
    tests_live_in="tests/*.test.ts files that use node:test",
    needs=(MAKE, ("node", "command -v node"), ("npm", "command -v npm")),
)
