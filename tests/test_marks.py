"""Where tests of one mark are asked for, only files that may have some are imported."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.mark.parametrize(
    ("file", "mark", "is_asked"),
    [
        ("proofs/browser/test_browser.py", "browser", True),
        # Given the mark by tests/support/gate_material.py.
        ("gates/test_gate_mutation.py", "corpus", True),
        ("proofs/corpus/test_trees.py", "browser", False),
        ("test_cores.py", "corpus", False),
    ],
)
def test_a_file_is_asked_for_tests_of_a_mark_where_it_may_have_some(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, file: str, mark: str, is_asked: bool
) -> None:
    monkeypatch.setattr(pytestconfig.option, "markexpr", mark)
    is_left = pytestconfig.hook.pytest_ignore_collect(collection_path=TESTS / file, config=pytestconfig)
    assert (is_left is None) is is_asked
    monkeypatch.setattr(pytestconfig.option, "markexpr", f"not {mark}")
    assert not pytestconfig.hook.pytest_ignore_collect(collection_path=TESTS / file, config=pytestconfig)
