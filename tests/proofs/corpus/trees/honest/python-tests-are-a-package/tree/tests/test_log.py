from datetime import date, time

import pytest

from hourbook import BadLine, Entry, parse


class TestMinutes:
    def make(self, start, end):
        return Entry(date(2024, 1, 1), time.fromisoformat(start), time.fromisoformat(end), "p")

    @pytest.mark.parametrize(
        ("start", "end", "minutes"),
        [("09:00", "09:00", 0), ("09:00", "10:30", 90), ("23:50", "00:10", 20)],
    )
    def test_minutes(self, start, end, minutes):
        assert self.make(start, end).minutes == minutes


def test_comments_and_blank_lines_are_left_out():
    assert list(parse(["", "# x", "   "])) == []


def test_the_note_is_optional():
    (entry,) = parse(["2024-02-29 08:00-09:00 acme"])
    assert entry.note == "" and entry.project == "acme"


def test_a_day_that_does_not_exist():
    with pytest.raises(BadLine) as caught:
        list(parse(["2023-02-29 08:00-09:00 acme"]))
    assert caught.value.number == 1
