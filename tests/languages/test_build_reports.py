"""Test reports of each language's runner are read right: what ran, what was skipped, what is no report at all."""

from __future__ import annotations

import json

import pytest

from factory_assets.languages.bash import read_tap
from factory_assets.languages.go import read_go
from factory_assets.languages.python import read_pytest
from factory_assets.languages.rust import read_cargo
from factory_assets.languages.typescript import read_junit


def numbers(report):
    """Executed, failed (those that never ran included) and skipped tests."""
    return report.executed, len(report.failed), report.skipped


def junit(cases):
    return f"warning: x\n<?xml version='1.0'?><testsuites><testsuite>{cases}</testsuite></testsuites>\nbye"


def test_junit_counts_what_ran_and_leaves_out_what_was_skipped_or_is_still_to_do():
    report = read_junit(
        junit(
            "<testcase name='a'/><testcase name='b'><failure>x</failure></testcase>"
            "<testcase name='c'><skipped/></testcase><testcase name='d'><error/></testcase>"
            "<testcase name='e'><skipped type='todo'/><failure/></testcase>"
        )
    )
    assert numbers(report) == (3, 2, 2)


def test_a_file_that_node_reports_as_a_test_is_none():
    cases = "<testcase name='/repo/dist/tests/a.test.js'/><testcase name='adds'/>"
    report = read_junit(junit(cases), files=("dist/tests/a.test.js",))
    assert report.names == {"adds"}


def test_a_file_that_node_could_not_run_is_a_failure_that_never_ran():
    cases = "<testcase name='/repo/dist/tests/a.test.js'><failure/></testcase>"
    assert numbers(read_junit(junit(cases), files=("dist/tests/a.test.js",))) == (0, 1, 0)


@pytest.mark.parametrize(
    "xml", ["", "<a>", junit("<testcase>"), '<?xml ?><!DOCTYPE a [<!ENTITY b "c">]><testsuites></testsuites>']
)
def test_what_is_no_report_is_refused(xml):
    with pytest.raises(ValueError, match="report"):
        read_junit(xml)


def test_pytests_line_is_read_and_two_of_them_are_refused():
    line = "@mark@" + json.dumps(
        {"cases": [["tests/a.py::test_a", "passed", False], ["tests/a.py::test_b", "skipped", False]]}
    )
    assert numbers(read_pytest(f"noise\n{line}\n", mark="@mark@")) == (1, 0, 1)
    with pytest.raises(ValueError, match="something other"):
        read_pytest(f"{line}\n{line}\n", mark="@mark@")
    with pytest.raises(ValueError, match="ended before"):
        read_pytest("3 passed", mark="@mark@")
    with pytest.raises(ValueError, match="not readable"):
        read_pytest("@mark@{}", mark="@mark@")


def go_events(*events):
    return "\n".join(json.dumps(event) for event in events)


def test_go_counts_subtests_rather_than_the_tests_around_them():
    output = go_events(
        {"Action": "run", "Package": "p", "Test": "TestA"},
        {"Action": "pass", "Package": "p", "Test": "TestA/one"},
        {"Action": "pass", "Package": "p", "Test": "TestA/two"},
        {"Action": "pass", "Package": "p", "Test": "TestA"},
        {"Action": "fail", "Package": "p", "Test": "TestB"},
        {"Action": "skip", "Package": "p", "Test": "TestC"},
        {"Action": "fail", "Package": "p"},
    )
    report = read_go(output)
    assert numbers(report) == (3, 1, 1)
    assert report.failed == ("p TestB",)


def test_a_go_package_that_does_not_build_is_a_failure():
    output = "# p\nx.go:1: broken\n" + go_events({"Action": "fail", "Package": "p"})
    assert numbers(read_go(output)) == (0, 1, 0)


def test_cargos_lines_are_added_up_over_its_binaries():
    output = (
        "test tests::a ... ok\ntest tests::b - should panic ... ok\ntest c ... ignored, later\n"
        "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\n"
        "test d ... FAILED\ntest result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured\n"
    )
    report = read_cargo(output)
    assert numbers(report) == (4, 1, 1)
    assert report.names == {"tests::a", "tests::b", "c", "d", ""}


def test_cargos_sums_must_agree_with_its_lines():
    with pytest.raises(ValueError, match="do not agree"):
        read_cargo("test a ... ok\ntest b ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored\n")


def test_what_cargo_cannot_compile_is_a_failure():
    assert numbers(read_cargo("error: could not compile `clamp` (lib test) due to 1 previous error\n")) == (
        0,
        1,
        0,
    )


def test_tap_leaves_out_skipped_and_unfinished_tests_and_counts_missing_ones_as_failed():
    output = (
        "TAP version 13\nok 1 - a\nnot ok 2 - b\nok 3 # SKIP no tool\nnot ok 4 c # TODO\nokay, a line\n1..6\n"
    )
    report = read_tap(output, script="tests/a.sh")
    assert numbers(report) == (2, 3, 2)
    assert report.failed == ("tests/a.sh b", "tests/a.sh 5, planned", "tests/a.sh 6, planned")


def test_a_shell_test_that_gives_up_has_failed():
    assert numbers(read_tap("ok 1\nBail out! no disk\n", script="a")) == (1, 1, 0)
