"""Making the next of something while the one before is worked on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from factory_assets.domain.ahead import one_ahead


def test_every_item_comes_once_and_in_order_none_too() -> None:
    assert list(one_ahead(iter([1, None, 2, 2]))) == [1, None, 2, 2]
    assert list(one_ahead(iter([]))) == []


def test_never_are_two_items_made_ahead() -> None:
    made = []

    def making() -> Iterator[int]:
        for number in range(9):
            made.append(number)
            yield number

    for number in one_ahead(making()):
        assert len(made) <= number + 2


def test_an_error_in_making_one_comes_when_it_is_its_turn() -> None:
    def making() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    coming = one_ahead(making())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="the second"):
        next(coming)
