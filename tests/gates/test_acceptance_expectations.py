"""What is compared is what a reader of the contract would compare: not the layout, the order of keys, or more of it."""

from __future__ import annotations

import pytest
from acceptance_material import expects

from factory_assets.domain.acceptance import Form
from factory_assets.gates.expectations import mismatch

AGREES = [
    (Form.EXACT, "a\nb", "a\nb\n\n"),
    (Form.EXACT, "a\nb\n", "a\nb"),
    (Form.EXACT, "", "\n"),
    (Form.CONTAINS, "two\n", "one two three"),
    (Form.REGEX, r"^total: \d+$", "first\ntotal: 12\nlast\n"),
    (Form.JSON, '{"a": 1, "b": [1, 2]}', '{\n  "b": [1.0, 2],\n  "more": null,\n  "a": 1\n}\n'),
    (Form.JSON, '[{"a": 1}]', '[{"a": 1, "b": 2}]'),
    (Form.JSON, '{"a": null}', '{"a": null}'),
    (Form.NUMBER, "mean: 3.5", "n: 12\nMean =   3.50 over all"),
    (Form.NUMBER, "n: 3", "mean: 2.5\nn: 3"),
    (Form.NUMBER, "3", "3 files"),
    (Form.NUMBER, "loss 1e-3", "loss\t0.001"),
]
DIFFERS = [
    (Form.EXACT, "a\nb", "a b"),
    (Form.EXACT, "a", "  a"),
    (Form.EXACT, "", "a"),
    (Form.CONTAINS, "two", "one three"),
    (Form.REGEX, r"^\d+$", "a 12"),
    (Form.JSON, '{"a": 1}', '{"a": 2}'),
    (Form.JSON, '{"a": 1}', '{"a": true}'),
    (Form.JSON, '{"a": 1}', '{"a": "1"}'),
    (Form.JSON, '{"a": null}', "{}"),
    (Form.JSON, '{"a": null}', '{"a": false}'),
    (Form.JSON, "[1, 2]", "[2, 1]"),
    (Form.JSON, "[1]", "[1, 2]"),
    (Form.JSON, '{"a": 1}', "a: 1"),
    (Form.JSON, "[]", "[" * 100_000),
    (Form.NUMBER, "mean: 3.5", "mean: 3.6"),
    (Form.NUMBER, "mean: 3.5", "3.5"),
    (Form.NUMBER, "n: 3", "mean: 3"),
    (Form.NUMBER, "mean 1", "mean " * 40_000),
    (Form.REGEX, "(a+)+$", "a" * 64 + "b"),
]


@pytest.mark.parametrize(("form", "value", "got"), AGREES)
def test_an_output_that_says_what_is_asked_for_agrees(form: Form, value: str, got: str) -> None:
    assert mismatch(expects(value, form=form), got) is None


@pytest.mark.parametrize(("form", "value", "got"), DIFFERS, ids=range(len(DIFFERS)))
def test_an_output_that_says_something_else_differs_in_bounded_time_and_words(
    form: Form, value: str, got: str
) -> None:
    said = mismatch(expects(value, form=form), got)
    assert said
    assert len(said) < 20_000


def test_numbers_are_compared_within_the_tolerance_in_json_as_well() -> None:
    for form, value in ((Form.NUMBER, "mean 3.5"), (Form.JSON, '{"mean": 3.5}')):
        for got, agrees in ((3.54, True), (3.46, True), (3.56, False)):
            printed = f"mean {got}" if form is Form.NUMBER else f'{{"mean": {got}}}'
            assert (mismatch(expects(value, form=form, tolerance=0.05), printed) is None) is agrees


def test_what_came_is_shown_beside_what_was_asked_for() -> None:
    said = mismatch(expects("one\ntwo\nthree"), "one\n2\nthree\n")
    assert said is not None
    assert "-two" in said.splitlines()
    assert "+2" in said.splitlines()
