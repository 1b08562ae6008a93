"""Test reports of each language's runner are counted right."""

from __future__ import annotations

import json

import pytest

from factory_assets.build.gates.reports import TestCounts, count_cargo, count_go, count_junit, count_tap


def test_junit_counts_what_ran_and_leaves_out_what_was_skipped():
    xml = (
        "<testsuites><testsuite><testcase name='a'/><testcase name='b'><failure>x</failure></testcase>"
        "<testcase name='c'><skipped/></testcase><testcase name='d'><error/></testcase></testsuite></testsuites>"
    )
    assert count_junit(xml) == TestCounts(executed=3, failed=2)


def test_a_file_that_node_reports_as_a_test_is_none():
    xml = "<testsuites><testcase name='/repo/dist/tests/a.test.js'/><testcase name='adds'/></testsuites>"
    assert count_junit(xml, files=("dist/tests/a.test.js",)) == TestCounts(executed=1)


@pytest.mark.parametrize("xml", ["", "<a>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_is_no_report_is_refused(xml):
    with pytest.raises(ValueError, match="report"):
        count_junit(xml)


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
    assert count_go(output) == TestCounts(executed=3, failed=1)


def test_a_go_package_that_does_not_build_is_a_failure():
    output = "# p\nx.go:1: broken\n" + go_events({"Action": "fail", "Package": "p"})
    assert count_go(output) == TestCounts(executed=0, failed=1)


def test_cargos_result_lines_are_added_up():
    output = (
        "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured\n"
        "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured\n"
    )
    assert count_cargo(output) == TestCounts(executed=7, failed=2)


def test_tap_leaves_out_skipped_tests_and_counts_missing_ones_as_failed():
    output = "TAP version 13\nok 1 - a\nnot ok 2 - b\nok 3 # SKIP no tool\nokay, a line\n1..4\n"
    assert count_tap(output) == TestCounts(executed=2, failed=2)
