"""A pattern is searched by RE2, and in the published runner by Python's `re`: both say the same of an output."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from layout import TREES
from test_acceptance_expectations import AGREES, DIFFERS

from factory_assets.building import published
from factory_assets.domain.acceptance import Expectation, Form
from factory_assets.gates.expectations import mismatch
from factory_assets.gates.patterns import pattern_fault
from factory_assets.replay import recordings

AGREES_AS_PUBLISHED = runpy.run_path(str(Path(published.__path__[0], "run.py")))["agrees"]
# Of the outputs on which they are compared no line is one that keeps `re` busy.
OUTPUTS = ["", *(got for _, _, got in (*AGREES, *DIFFERS) if len(got) < 60)]


def scenarios_of_tests() -> Iterator[Expectation]:
    """What the trees and the recordings ask for by a pattern."""
    kept = [json.loads(path.read_text()) for path in sorted((TREES / "held").glob("*.json"))]
    played = [
        yaml.safe_load(path.read_text()) for path in Path(recordings.__file__).with_suffix("").rglob("*.yaml")
    ]
    yield from _patterns([*kept, *played])
    yield from (Expectation(of="stdout", form=form, value=value, tolerance=0) for form, value, _ in AGREES)


def _patterns(told: object) -> Iterator[Expectation]:
    if isinstance(told, dict) and told.get("form") == Form.REGEX:
        yield Expectation.model_validate({"tolerance": 0, **told})
    for part in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _patterns(part)


PATTERNS = sorted({one.value for one in scenarios_of_tests() if one.form is Form.REGEX})


def example(pattern: str) -> str:
    """A text between other lines that the pattern is found in, so far as patterns of tests go."""
    for written, meant in (
        (r"\s*", "\t"),
        (r"\s+", "  "),
        (r"\d+", "12"),
        (r"\S", "x"),
        (r"\.", "."),
        ("^", ""),
    ):
        pattern = pattern.replace(written, meant)
    return f"first\n{pattern.rstrip('$')}\nlast\n"


def both(pattern: str, text: str) -> tuple[bool, bool]:
    asked = Expectation(of="stdout", form=Form.REGEX, value=pattern, tolerance=0)
    return mismatch(asked, text) is None, AGREES_AS_PUBLISHED(asked.model_dump(mode="json"), text)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_re2_and_the_published_runner_say_the_same_of_each_pattern_that_tests_ask_for(pattern: str) -> None:
    assert pattern_fault(pattern) is None
    assert both(pattern, example(pattern)) == (True, True)
    for text in (*OUTPUTS, *map(example, PATTERNS)):
        gate, runner = both(pattern, text)
        assert gate is runner, text


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^b$", "a\nb\nc", True),
        (r"a.b", "a\nb", False),
        (r"^\d+$", "٣", False),
        (r"^\w+$", "é", False),
        (r"^é+$", "éé", True),
        (r"(?i)total", "TOTAL: 3", True),
    ],
)
def test_both_read_a_text_line_by_line_and_take_digits_and_letters_for_ascii(
    pattern: str, text: str, found: bool
) -> None:
    assert both(pattern, text) == (found, found)
