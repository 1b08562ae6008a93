"""Faults put into the sources: honest tests notice one, tests that test nothing notice none and are refused."""

from __future__ import annotations

import time

import pytest
from build_fakes import SubprocessCommands
from gate_material import clone, environment, marked, need, provide, repo, tree

from factory_assets.build.gates.mutants import compiles, mutants
from factory_assets.build.gates.mutation import judge_mutations
from factory_assets.domain.agents import CommandResult
from factory_assets.domain.specs import Language

IDLE = {
    Language.PYTHON: {
        "tests/test_core.py": "from clamp import core\n\n\ndef test_a():\n    assert core\n\n\n"
        "def test_b():\n    assert True\n\n\ndef test_c():\n    assert core.clamp is not None\n"
    },
    Language.BASH: {"tests/test_clamp.sh": "bin/clamp 1 2 3 >/dev/null\necho ok 1\necho ok 2\necho ok 3\n"},
    Language.GO: {
        "main_test.go": 'package main\n\nimport "testing"\n\nfunc TestA(t *testing.T) { _ = Clamp(1, 2, 3) }\n'
    },
    Language.RUST: {
        "src/lib.rs": repo(Language.RUST)["src/lib.rs"].text.replace("assert_eq!(clamp", "let _ = (clamp")
    },
}


def judge(folder, language, changes=None, *, commands=None, seconds=90.0, seed="1", clock=time.monotonic):
    need(language)
    files = repo(language, changes)
    return judge_mutations(
        language=language,
        clone=clone(folder, files),
        tree=files,
        commands=commands or SubprocessCommands(),
        seed=seed,
        seconds=seconds,
        env=environment(language),
        folders=provide(language, folder),
        clock=clock,
    )


@pytest.mark.parametrize("language", marked(Language))
def test_honest_tests_notice_a_fault_in_each_language(tmp_path, language):
    verdict = judge(tmp_path, language)
    assert verdict.passed, verdict.saw
    assert "the tests notice" in verdict.saw
    assert all((tmp_path / path).read_bytes() == file.data for path, file in repo(language).items())


@pytest.mark.parametrize("language", marked(IDLE))
def test_tests_that_test_nothing_are_refused_with_the_faults_they_missed(tmp_path, language):
    verdict = judge(tmp_path, language, IDLE[language])
    assert not verdict.passed
    assert verdict.saw.startswith("the tests do not test: none of 5 faults tried")
    lines = verdict.saw.splitlines()[2:]
    assert len(lines) == 5
    assert all(" → " in line for line in lines)


@pytest.mark.parametrize("language", list(Language))
def test_the_same_seed_draws_the_same_faults_and_each_changes_one_line(language):
    files = repo(language)
    first, again = (list(mutants(language, files, seed="a")) for _ in range(2))
    assert first == again
    assert len(first) >= 5
    for mutant in first:
        old, new = files[mutant.path].text.splitlines(), mutant.text.splitlines()
        assert [at for at, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b] == [mutant.line]


def test_faults_are_spread_over_the_files():
    more = repo(Language.PYTHON)["clamp/core.py"].text.replace("def clamp", "def hold")
    files = repo(Language.PYTHON, {"clamp/more.py": more})
    assert {mutant.path for mutant in list(mutants(Language.PYTHON, files, seed="a"))[:2]} == {
        "clamp/core.py",
        "clamp/more.py",
    }


def test_strings_comments_and_declarations_of_options_are_no_place_for_faults():
    text = (
        "import os  # 1 == 2\n\n\ndef f(parser):\n    # 3 == 4\n    '''5 == 6 and 7'''\n"
        "    parser.add_argument('-n', default=8)\n    return 'a == b'\n"
    )
    assert not list(mutants(Language.PYTHON, tree({"clamp/a.py": text}), seed="a"))


def test_faults_that_do_not_compile_are_discarded():
    assert compiles(Language.PYTHON, "def f(:\n") is False
    assert compiles(Language.PYTHON, "x = 1\n") is True


def test_no_fault_to_put_in_is_reported_and_passes(tmp_path):
    changes = {"clamp/core.py": "def clamp(value, low, high):\n    return sorted((value, low, high))[-2]\n"}
    plain = {"clamp/core.py": changes["clamp/core.py"].replace("[-2]", "").replace("sorted", "list")}
    tests = {
        "tests/test_core.py": "from clamp.core import clamp\n\n\ndef test_a():\n    assert clamp(1, 2, 3)\n"
    }
    verdict = judge(tmp_path, Language.PYTHON, {**plain, **tests})
    assert verdict.passed
    assert "no fault could be put in" in verdict.saw


def test_tests_that_fail_without_any_fault_are_refused(tmp_path):
    verdict = judge(tmp_path, Language.PYTHON, {"tests/test_core.py": "def test_a():\n    assert 0\n"})
    assert not verdict.passed
    assert "not tried, because the tests do not pass as they are" in verdict.saw


class Clocked:
    """Shell tests whose runs are told beforehand: exit code and seconds of each; the last one is repeated."""

    protections = ()

    def __init__(self, *runs):
        self.runs = list(runs)
        self.now = 0.0

    def run(self, command):
        if command.argv[1] == "-n":
            return CommandResult(0, "", timed_out=False, seconds=0.0)
        exit_code, seconds = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        spent = min(seconds, command.timeout_seconds)
        self.now += spent
        timed_out = seconds > command.timeout_seconds
        return CommandResult(exit_code, "ok 1\nok 2\nok 3\n", timed_out=timed_out, seconds=spent)


def clocked(tmp_path, *runs):
    commands = Clocked(*runs)
    return judge(tmp_path, Language.BASH, commands=commands, seconds=90.0, clock=lambda: commands.now)


@pytest.mark.parametrize(("survivors", "passed"), [(0, True), (1, True), (2, False)])
def test_when_time_runs_out_two_missed_faults_refuse_and_fewer_do_not(tmp_path, survivors, passed):
    seconds = 89.0 / (survivors + 1)
    verdict = clocked(tmp_path, *[(0, seconds)] * (survivors + 1), (0, 1000.0))
    assert verdict.passed is passed
    assert "time ran out" in verdict.saw


def test_a_fault_that_runs_for_ever_says_nothing_of_the_tests(tmp_path):
    verdict = clocked(tmp_path, (0, 1.0), (0, 1000.0), (0, 1.0))
    assert not verdict.passed
    assert "1 discarded because the code ran for ever" in verdict.saw
    assert "the tests do not test" in verdict.saw


def test_where_every_fault_runs_for_ever_nothing_is_refused(tmp_path):
    verdict = clocked(tmp_path, (0, 1.0), (0, 1000.0))
    assert verdict.passed
    assert "no fault could be put in that compiles and ends" in verdict.saw


def test_slow_tests_are_given_their_usual_time(tmp_path):
    verdict = clocked(tmp_path, (0, 10.0), (0, 25.0))
    assert not verdict.passed
    assert "none of 3 faults tried before time ran out was noticed" in verdict.saw
