import json
from pathlib import Path

import pytest

from reads_fixtures.cli import main
from reads_fixtures.core import distance

PAIRS = json.loads((Path(__file__).parent / "pairs.json").read_text())


@pytest.mark.parametrize("pair, want", PAIRS.items())
def test_pairs(pair, want):
    assert distance(*pair.split()) == want


def test_the_length_counts():
    assert distance("abcd", "") == 4


def test_the_command_prints_it(capsys):
    assert main(["flaw", "lawn"]) == 0
    assert capsys.readouterr().out == "2\n"
