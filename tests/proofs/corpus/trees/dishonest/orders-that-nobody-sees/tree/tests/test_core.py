from orders_that_nobody_sees.cli import main
from orders_that_nobody_sees.core import distance


def test_equal_words_have_no_distance():
    assert distance("abc", "abc") == 0


def test_a_substitution_costs_one():
    assert distance("kitten", "sitten") == 1


def test_a_known_pair():
    assert distance("kitten", "sitting") == 3


def test_the_command_prints_it(capsys):
    assert main(["flaw", "lawn"]) == 0
    assert capsys.readouterr().out == "2\n"
