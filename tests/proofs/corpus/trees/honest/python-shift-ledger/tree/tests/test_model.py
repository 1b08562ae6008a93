from datetime import datetime, timedelta

import pytest

from shift_ledger import Shift, ShiftError
from shift_ledger.model import Kind, conflicts, totals

MONDAY = datetime(2024, 1, 1, 9)


def shift(person="ada", hours=8, begin=MONDAY):
    return Shift(begin, person, timedelta(hours=hours))


@pytest.mark.parametrize(
    ("begin", "kind"),
    [(MONDAY, Kind.DAY), (MONDAY.replace(hour=19), Kind.NIGHT), (datetime(2024, 1, 6, 9), Kind.WEEKEND)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_kinds(begin, kind):
    assert Kind.of(begin) is kind


@pytest.mark.parametrize("hours", [0, -1])
def test_a_shift_has_to_last(hours):
    with pytest.raises(ShiftError, match="has to last"):
        shift(hours=hours)


def test_totals_come_most_first():
    found = totals([shift("bob", 2), shift("ada", 3), shift("bob", 4, MONDAY + timedelta(days=1))])
    assert [(one.person, one.hours) for one in found] == [("bob", 6.0), ("ada", 3.0)]
    assert found[0].by_kind == {"day": 6.0}


class TestConflicts:
    def test_neighbours_that_touch_are_none(self):
        assert conflicts([shift(), shift("bob", begin=MONDAY + timedelta(hours=8))]) == []

    def test_an_overlap_is_told(self):
        one, two = shift(), shift("bob", begin=MONDAY + timedelta(hours=7))
        assert conflicts([two, one]) == [(one, two)]
