"""Refuses to run a tree's own tests here: some of them harm, and all of them belong in the sandbox."""

import pytest

raise pytest.UsageError("the trees are data: judge them by `factory judge` or tests/proofs/corpus/test_trees.py")
