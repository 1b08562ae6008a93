import pytest

from python_speed_ratio.ratio import ratio, words


def test_a_ratio_in_words():
    assert [words(value) for value in (2.0, 0.5, 1.0)] == ["2.0x faster", "2.0x slower", "as fast as before"]


def test_half_the_time_is_a_ratio_of_two():
    assert ratio([2.0, 4.0, 6.0], [2.0]) == 2.0


def test_the_same_time_is_a_ratio_of_one():
    assert ratio([3.0], [3.0]) == 1.0


def test_no_timings_are_refused():
    with pytest.raises(ValueError):
        ratio([], [1.0])
