"""What a record of a language holds. Everything that differs between languages stands in such a record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tree_sitter import Language as Grammar

from factory_assets.domain.specs import Language

MAKE = ("make", "command -v make")


@dataclass(frozen=True, kw_only=True)
class LanguageRecord:
    """One language: its files, its grammar, and what a build of it needs.

    `test_path` matches a test file's path and `test_case` one test in it. `inline_tests` is where tests begin
    in a source file. `needs` are shell tests by the name of the tool that they look for.
    """

    language: Language
    grammar: Grammar
    source_suffixes: tuple[str, ...]
    test_path: re.Pattern[str]
    test_case: re.Pattern[str]
    tests_live_in: str
    needs: tuple[tuple[str, str], ...]
    inline_tests: re.Pattern[str] | None = None
    source_folders: tuple[str, ...] = ()
