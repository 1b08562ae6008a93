from python_other_words.cli import summary


def test_eight_numbers():
    assert round(summary([2, 4, 4, 4, 5, 5, 7, 9], 0)["sd"], 3) == 2.138


def test_one_number_has_no_deviation():
    assert summary([7.5], 0)["sd"] == 0


def test_both_ends_are_left_out():
    found = summary([100, 1, 2, 3, -50], 1)
    assert (found["n"], found["mean"], found["min"], found["max"]) == (3, 2, 1, 3)
