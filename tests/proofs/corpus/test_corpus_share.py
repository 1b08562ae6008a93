"""The share of the corpus that one run takes."""

from __future__ import annotations

import pytest
from corpus_share import Share, in_share

TESTS = [f"tests/proofs/corpus/test_corpus.py::test_a_build[{number}]" for number in range(400)]


def test_without_a_share_every_test_is_run() -> None:
    assert all(in_share(test, Share(1, "any")) for test in TESTS)


@pytest.mark.parametrize("seed", ["1", "645ca52", "a word"])
def test_a_fifth_is_about_a_fifth_and_the_same_each_time(seed: str) -> None:
    share = Share(5, seed)
    taken = [test for test in TESTS if in_share(test, share)]
    assert 50 < len(taken) < 110
    assert taken == [test for test in TESTS if in_share(test, share)]


def test_over_many_seeds_no_test_is_left_out_for_ever() -> None:
    seeds = [Share(5, str(seed)) for seed in range(60)]
    assert all(any(in_share(test, share) for share in seeds) for test in TESTS)
