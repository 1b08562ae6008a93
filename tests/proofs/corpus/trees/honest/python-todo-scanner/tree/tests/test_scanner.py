from pathlib import Path

from python_todo_scanner.scanner import counts, notes, report


def test_a_report_names_the_file():
    assert report("a.py", "# XXX: odd") == "a.py:1: XXX: odd"


def test_notes_are_counted_by_kind():
    assert counts("# TODO a\n# TODO b\n# FIXME c") == {"TODO": 2, "FIXME": 1}


def test_a_note_is_found_with_its_line():
    assert list(notes("x = 1\n# TODO: mend this")) == [(2, "TODO", "mend this")]


def test_a_note_in_another_language():
    assert list(notes("f(); // FIXME later")) == [(1, "FIXME", "later")]


def test_words_that_only_hold_a_mark_are_none():
    assert list(notes("# TODOS are many")) == []


def test_the_notes_of_a_file():
    source = (Path(__file__).parent / "fixtures" / "notes.py").read_text()
    assert [mark for _, mark, _ in notes(source)] == ["TODO", "FIXME"]
