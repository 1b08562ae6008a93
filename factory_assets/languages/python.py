"""Python."""

from __future__ import annotations

import re

import tree_sitter_python
from tree_sitter import Language as Grammar

from factory_assets.domain.specs import Language
from factory_assets.languages.base import MAKE, LanguageRecord

_HAS_PYTEST = (
    """python3 -c 'import sys; from importlib.util import find_spec; sys.exit(not find_spec("pytest"))'"""
)

PYTHON = LanguageRecord(
    language=Language.PYTHON,
    grammar=Grammar(tree_sitter_python.language()),
    source_suffixes=(".py",),
    test_path=re.compile(r"^tests/(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py$"),
    test_case=re.compile(r"^\s*(?:async )?def test\w*\(", re.MULTILINE),
    tests_live_in="tests/test_*.py files with test functions",
    needs=(MAKE, ("python3", "command -v python3"), ("pytest", _HAS_PYTEST)),
)
