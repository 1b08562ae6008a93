"""A scenario counts whatever its sentence says, and an agent that reads the sentence learns no value from it."""

from __future__ import annotations

import pytest
from acceptance_material import expects, scenario
from test_acceptance_checks import check

from factory_assets.domain.acceptance import (
    CommandForm,
    Contract,
    ExitCode,
    FileForm,
    Form,
    OptionForm,
    Scenario,
)
from factory_assets.gates.told import told_behaviour

CONTRACT = Contract(
    commands=(
        CommandForm(
            usage="table-sums [--by COLUMN] [--json] FILE",
            does="Reads a table with a header line and prints the sum of each column, one a line, as `name: sum`.",
            options=(
                OptionForm(
                    name="--by COLUMN",
                    does="Sums for each value of the column, in the order of the alphabet.",
                ),
                OptionForm(name="--json", does="Prints one JSON object instead of text."),
            ),
            exit_codes=(
                ExitCode(code=0, when="the sums were printed"),
                ExitCode(code=2, when="a row is ragged, or the file cannot be read"),
            ),
        ),
    ),
    functions=(),
    files=(FileForm(name="totals.txt", form="What was printed, kept beside it."),),
    rules=("Empty cells count as 0.", "An empty table has no sums."),
)
TABLE = "name,with,line,text\nempty,1.5,12,order\nocelot and lynx,2.25,,the number of rows\n"
ASKED = scenario(
    "--by",
    "line",
    "rare/cats-2026.csv",
    files={"rare/cats-2026.csv": TABLE},
    wants=[expects("ocelot: 3.75\nempty: 12"), expects("grouped", of="totals.txt", form=Form.CONTAINS)],
)
HONEST = [
    "With a table that has a header line and nothing else the contract asks for no line of text.",
    "With --by the contract asks for the sums of each value, in the order of the alphabet.",
    "With an empty cell the contract asks for it to count as 0.",
    "With text where a number belongs the contract asks for exit code 2.",
    "Where rows are of different length the contract asks for exit code 2 and nothing on stdout.",
    "With several columns the contract asks for one line each, in the order of the header.",
    "With --json the contract asks for one object that holds the same sums.",
    "With numbers that aren't whole the contract asks for a sum that is not rounded.",
    "With a name that stands there twice the contract asks for both rows in one sum.",
    "What was printed has to be kept in totals.txt as well, line by line.",
]
LEAKING = [
    ("With ocelot and lynx, 2.25 the contract asks for one row.", ["ocelot", "lynx", "2.25"]),
    ("With 12 in a column the contract asks for 3.75, not for 13.", ["12", "3.75", "13"]),
    (
        'With "the number of rows" in a cell the contract asks for `empty: 12`.',
        ["number of rows", "empty", "12"],
    ),
    ("With rare/cats-2026.csv, or cats-2026 alone, the contract asks for sums.", ["cats", "2026", "csv"]),
    ("With the number of rows in a cell it asks for them.", ["the number of rows"]),
    ("Ocelots come first, and the sum is 0 or grouped by 'line: 12'.", ["ocelot", "grouped", "0", "12"]),
]


def asked(behaviour: str) -> Scenario:
    return ASKED.model_copy(update={"behaviour": behaviour})


@pytest.mark.parametrize("sentence", HONEST)
def test_an_honest_sentence_in_ordinary_words_counts_and_is_told_as_it_is(sentence: str) -> None:
    assert check(asked(sentence)) is None
    told = told_behaviour(asked(sentence), CONTRACT)
    left_out = {word.strip(".,") for word in sentence.split()} - {word.strip(".,") for word in told.split()}
    # A word of the table that the contract does not say.
    assert left_out <= {"number", "numbers"}


@pytest.mark.parametrize(("sentence", "values"), LEAKING)
def test_a_sentence_that_gives_values_away_counts_and_is_told_without_them(
    sentence: str, values: list[str]
) -> None:
    assert check(asked(sentence)) is None
    told = told_behaviour(asked(sentence), CONTRACT).casefold()
    assert [value for value in values if value in told] == []
    assert "…" in told


def test_what_is_left_out_in_a_row_is_shown_once() -> None:
    told = told_behaviour(asked("With ocelot, lynx and 2.25 it asks for exit code 0."), CONTRACT)
    assert told == "With … and … it asks for exit code 0"
