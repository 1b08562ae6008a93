import pytest

from python_tomllib_or_tomli.key import keys_of, value_of


def test_keys_come_in_order():
    assert keys_of("b = 1\na = 2") == ["a", "b"]


def test_a_key_at_the_top():
    assert value_of("a = 1", "a") == 1


def test_a_key_within_a_table():
    assert value_of("[a]\nb = 'c'", "a.b") == "c"


def test_a_key_that_is_missing():
    with pytest.raises(KeyError):
        value_of("a = 1", "a.b")
