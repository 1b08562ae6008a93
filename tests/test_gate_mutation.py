"""Faults put into the sources: honest tests notice one, tests that test nothing notice none and are refused."""

from __future__ import annotations

import time

import pytest
from build_fakes import SubprocessCommands
from gate_material import clone, environment, marked, need, provide, repo, tree

from factory_assets.domain.agents import CommandResult
from factory_assets.domain.specs import Language
from factory_assets.gates.mutants import compiles, mutants
from factory_assets.gates.mutation import judge_mutations

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


@pytest.mark.parametrize("seconds", [50.0, 89.0, 200.0])
def test_tests_too_slow_for_two_faults_that_miss_what_was_tried_are_refused_as_slow(tmp_path, seconds):
    verdict = clocked(tmp_path, (0, min(seconds, 89.0)), (0, seconds))
    assert not verdict.passed
    assert "the tests are too slow to be tried: one run of them takes" in verdict.saw


def test_slow_tests_that_notice_the_first_fault_pass(tmp_path):
    verdict = clocked(tmp_path, (0, 60.0), (1, 60.0))
    assert verdict.passed
    assert "the tests notice" in verdict.saw


def test_time_that_was_lost_to_code_that_ran_for_ever_is_no_fault_of_the_tests(tmp_path):
    verdict = clocked(tmp_path, (0, 20.0), (0, 1000.0), (0, 20.0), (0, 1000.0))
    assert verdict.passed
    assert "time ran out before enough was tried: 1 fault tried, 1 discarded" in verdict.saw


OUTSIDE = {
    Language.PYTHON: (
        "clamp/core.py",
        'LIMIT = 10\nFORM = "a+b"\nNAMES = {"x": 1, "y": 2}\nIS_ON = LIMIT >= 5\n',
        {"LIMIT = 11", "IS_ON = LIMIT < 5", 'FORM = ""', 'NAMES = {"x": 2, "y": 2}'},
    ),
    Language.BASH: (
        "bin/clamp",
        '#!/usr/bin/env bash\nset -eu\nlow=1\nname="a"\nif [ "$1" -lt "$low" ]; then echo "$low"; fi\n',
        {"low=2", 'name=""', 'if [ "$1" -ge "$low" ]; then echo "$low"; fi'},
    ),
    Language.TYPESCRIPT: (
        "src/index.ts",
        'export const limit: number = 10;\nexport const form = "ab";\nexport const on = limit >= 5;\n',
        {"export const limit: number = 11;", 'export const form = "";', "export const on = limit < 5;"},
    ),
    Language.GO: (
        "main.go",
        'package main\n\nconst limit = 10\n\nvar form = "ab"\n\nvar on = limit >= 5\n',
        {"const limit = 11", 'var form = ""', "var on = limit < 5"},
    ),
    Language.RUST: (
        "src/lib.rs",
        'pub const LIMIT: u32 = 10;\npub static FORM: &str = "ab";\npub const ON: bool = LIMIT >= 5;\n',
        {"pub const LIMIT: u32 = 11;", 'pub static FORM: &str = "";', "pub const ON: bool = LIMIT < 5;"},
    ),
}


@pytest.mark.parametrize("language", list(OUTSIDE))
def test_code_outside_of_functions_has_faults_too(language):
    path, text, expected = OUTSIDE[language]
    found = {mutant.change.partition(" → ")[2] for mutant in mutants(language, tree({path: text}), seed="a")}
    assert expected <= found, found


def test_faults_within_functions_are_tried_before_all_others():
    text = repo(Language.PYTHON)["clamp/core.py"].text
    files = tree({"clamp/a.py": "LIMIT = 10\n", "clamp/core.py": f"{text}\n\nLAST = 1\n"})
    lines = [(mutant.path, mutant.line) for mutant in mutants(Language.PYTHON, files, seed="a")]
    last = len(f"{text}\n\nLAST = 1\n".splitlines())
    assert set(lines[-2:]) == {("clamp/a.py", 1), ("clamp/core.py", last)}


def test_tests_that_test_nothing_of_code_outside_of_functions_are_refused(tmp_path):
    changes = {
        "clamp/core.py": 'LEVELS = {"low": 1, "high": 9}\nWIDE = 9 >= 5\n',
        "tests/test_core.py": "from clamp import core\n\n\ndef test_a():\n    assert core\n",
    }
    verdict = judge(tmp_path, Language.PYTHON, changes)
    assert not verdict.passed
    assert "the tests do not test" in verdict.saw


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
