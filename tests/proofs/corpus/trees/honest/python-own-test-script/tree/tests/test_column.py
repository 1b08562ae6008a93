import pytest

from python_own_test_script.column import column_mean, column_sum


def test_the_mean_of_a_column():
    assert column_mean("1\n3", 1) == 2


def test_no_numbers_have_no_mean():
    with pytest.raises(ValueError):
        column_mean("", 1)


def test_numbers_are_added():
    assert column_sum("1 2\n3 4", 2) == 6


def test_words_are_passed_over():
    assert column_sum("a\n2", 1) == 2


def test_short_lines_are_passed_over():
    assert column_sum("1\n1 5", 2) == 5
