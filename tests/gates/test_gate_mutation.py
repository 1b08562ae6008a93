"""Faults put into the sources: honest tests notice one, tests that test nothing notice none and are refused."""

from __future__ import annotations

import time

import pytest
from build_fakes import SubprocessCommands
from gate_material import clone, environment, marked, need, provide, repo, tree
from mutation_shapes import COMMANDS, SHAPES, files

from factory_assets.domain.agents import CommandResult
from factory_assets.domain.specs import Language
from factory_assets.gates.claims import claims
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
NAMES_ONLY = "from clamp import core\n\n\ndef test_a():\n    assert core.clamp\n"


def faults(language, files, seed="a"):
    return [fault for claim in claims(language, files, seed=seed, most=40) for fault in claim.faults]


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
    assert verdict.saw.startswith("the tests do not test ")
    assert "none of 5 faults tried" in verdict.saw
    lines = verdict.saw.splitlines()[2:]
    assert len(lines) == 5
    assert all(" → " in line for line in lines)


SHAPED = [pytest.param(*key, marks=one.marks) for key in SHAPES for one in marked([key[1]])]


@pytest.mark.parametrize(("shape", "language"), SHAPED)
def test_honest_tests_of_code_with_few_operators_notice_a_fault(tmp_path, shape, language):
    verdict = judge(tmp_path, language, files(SHAPES[shape, language], language))
    assert verdict.passed, verdict.saw
    assert "the tests notice" in verdict.saw


@pytest.mark.parametrize("language", marked(COMMANDS))
def test_tests_that_run_a_command_which_is_all_in_its_main_notice_a_fault(tmp_path, language):
    verdict = judge(tmp_path, language, COMMANDS[language])
    assert verdict.passed, verdict.saw
    assert "the tests notice" in verdict.saw


COMMAND = """import sys

from clamp.core import clamp


def main(argv):
    value, low, high = map(int, argv)
    print(clamp(value, low, high))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""
RUN_WITH_A_MOCK = """from unittest import mock

from clamp import core, command


def test_a_small_number_becomes_the_lower_bound():
    with mock.patch.object(core, "clamp", return_value=3) as fake:
        assert core.clamp(1, 3, 9) == 3
    fake.assert_called_once()


def test_the_command_prints_it(capsys):
    with mock.patch.object(command, "clamp", return_value=3):
        assert command.main(["1", "3", "9"]) == 0
    assert capsys.readouterr().out == "3\\n"
"""
COMPARED_WITH_ITSELF = """import pytest

from clamp.command import main
from clamp.core import clamp


def test_it_is_stable():
    assert clamp(1, 3, 9) == clamp(1, 3, 9)


def test_the_order_of_the_bounds_shows():
    with pytest.raises(ValueError):
        clamp(1, 9, 3)


def test_bounds_clamp_alike():
    assert clamp(3, 3, 9) <= clamp(12, 3, 9)


def test_the_command_agrees_with_the_library(capsys):
    main(["1", "3", "9"])
    assert int(capsys.readouterr().out) == clamp(1, 3, 9)
"""
DONE_AGAIN = """def clamp(value, low, high):
    return max(low, min(high, value))


def test_small():
    assert clamp(1, 3, 9) == 3


def test_large():
    assert clamp(12, 3, 9) == 9


def test_within():
    assert clamp(5, 3, 9) == 5
"""


@pytest.mark.parametrize("tests", [RUN_WITH_A_MOCK, COMPARED_WITH_ITSELF, DONE_AGAIN])
def test_tests_that_never_hold_the_function_against_anything_are_refused(tmp_path, tests):
    changes = {"clamp/command.py": COMMAND, "tests/test_core.py": tests}
    verdict = judge(tmp_path, Language.PYTHON, changes)
    assert not verdict.passed, verdict.saw
    assert "the tests do not test clamp/core.py: clamp:" in verdict.saw


LARGER = {"clamp/larger.py": "def larger(pair):\n    return sorted(pair)[1]\n"}


def test_an_error_of_the_sources_is_noticed_by_tests_that_expect_nothing_too_and_counts_for_none(tmp_path):
    idle = "from clamp.larger import larger\n\n\ndef test_a():\n    larger([1, 2])\n    larger('ab')\n"
    verdict = judge(tmp_path / "idle", Language.PYTHON, LARGER | {"tests/test_core.py": idle})
    assert not verdict.passed, verdict.saw
    assert "clamp/larger.py: larger" in verdict.saw
    patched = (
        "import unittest\n\nfrom clamp.larger import larger\n\nunittest.TestCase.assertEqual = lambda *_: None\n\n\n"
        "class TestLarger(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(larger([1, 2]), 2)\n"
    )
    verdict = judge(tmp_path / "patched", Language.PYTHON, LARGER | {"tests/test_core.py": patched})
    assert not verdict.passed, verdict.saw
    honest = patched.replace("unittest.TestCase.assertEqual = lambda *_: None\n", "")
    verdict = judge(tmp_path / "honest", Language.PYTHON, LARGER | {"tests/test_core.py": honest})
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize("is_honest", [False, True])
def test_a_panic_is_noticed_by_tests_that_expect_nothing_too_and_counts_for_none(tmp_path, is_honest):
    call = "Second([]int{3, 4})"
    proof = f"if got := {call}; got != 4 {{\n\t\tt.Fatal(got)\n\t}}" if is_honest else call
    function = "func Second(pair []int) int {\n\treturn pair[len(pair)-1]\n}\n"
    changes = {
        "second.go": f"package main\n\n// Second is what its name says.\n{function}",
        "main_test.go": f'package main\n\nimport "testing"\n\nfunc TestSecond(t *testing.T) {{\n\t{proof}\n}}\n',
    }
    verdict = judge(tmp_path, Language.GO, changes)
    assert verdict.passed is is_honest, verdict.saw


@pytest.mark.parametrize(("watched", "passed"), [(1, False), (2, True)])
def test_half_of_the_functions_that_tests_name_have_to_be_watched(tmp_path, watched, passed):
    source = "".join(f"def f{n}(text):\n    return text.strip() + str({n})\n\n\n" for n in range(4))
    held = [f"f{n}(' a ') == 'a{n}'" if n < watched else "True" for n in range(4)]
    tests = "".join(f"\n\ndef test_{n}():\n    f{n}('a')\n    assert {one}\n" for n, one in enumerate(held))
    changes = {"clamp/core.py": source, "tests/test_core.py": f"from clamp.core import *\n{tests}"}
    verdict = judge(tmp_path, Language.PYTHON, changes)
    assert verdict.passed is passed, verdict.saw


@pytest.mark.parametrize("language", list(Language))
def test_the_same_seed_draws_the_same_faults_and_each_changes_one_place(language):
    files = repo(language)
    first, again = (faults(language, files) for _ in range(2))
    assert first == again
    assert len(first) >= 5
    for fault in first:
        old, new = files[fault.path].text.splitlines(), fault.text.splitlines()
        assert [at for at, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b] == [fault.line]


def test_each_function_that_a_test_names_has_faults_of_its_own():
    more = repo(Language.PYTHON)["clamp/core.py"].text.replace("def clamp", "def hold")
    tests = (
        "from clamp.core import clamp\nfrom clamp.more import hold\n\n\ndef test_a():\n    clamp() + hold()\n"
    )
    files = repo(Language.PYTHON, {"clamp/more.py": more, "tests/test_core.py": tests})
    found = claims(Language.PYTHON, files, seed="a", most=5)
    assert {claim.name: {fault.path for fault in claim.faults} for claim in found} == {
        "clamp/core.py: clamp": {"clamp/core.py"},
        "clamp/more.py: hold": {"clamp/more.py"},
    }


def test_a_function_is_tested_with_what_it_alone_leads_to():
    source = (
        "LIMIT = 10\n\n\ndef _held(value):\n    return value > LIMIT\n\n\n"
        "def hold(value):\n    pass\n    _held(value)\n"
    )
    tests = "from clamp.core import hold\n\n\ndef test_a():\n    hold(1)\n"
    files = tree({"clamp/core.py": source, "tests/test_core.py": tests})
    assert {fault.line for fault in faults(Language.PYTHON, files)} == {1, 5, 10}


@pytest.mark.parametrize("language", list(Language))
def test_no_fault_is_put_in_twice(language):
    found = [fault.text for fault in faults(language, repo(language))]
    assert len(found) == len(set(found))


def test_a_number_longer_than_python_can_read_is_a_place_for_a_fault_too():
    files = tree({"clamp/core.py": f"def f(value):\n    value.size = {'7' * 5000}\n"})
    assert len(faults(Language.PYTHON, files)) == 1


@pytest.mark.parametrize(
    ("language", "path", "text"),
    [
        (Language.GO, "main.go", "package main\n\nfunc main() {\n\tif !on() {\n\t\treturn\n\t}\n}\n"),
        (Language.PYTHON, "a/core.py", "def main():\n    if not on():\n        return\n"),
        (Language.RUST, "src/main.rs", "fn main() {\n    if !on() {\n        return;\n    }\n}\n"),
        (Language.TYPESCRIPT, "src/a.ts", "export function main() {\n  if (!on()) return;\n}\n"),
        (Language.BASH, "bin/a", "main() {\n  on || return\n}\nmain\n"),
    ],
)
def test_a_return_without_a_value_is_read_like_any_other_code(language, path, text):
    assert faults(language, tree({path: text}))


def test_an_import_a_comment_and_a_string_name_no_function():
    tests = 'from clamp.core import clamp  # clamp(1, 2, 3)\n\n\ndef test_a():\n    assert "clamp"\n'
    found = claims(Language.PYTHON, repo(Language.PYTHON, {"tests/test_core.py": tests}), seed="a", most=5)
    assert [claim.name for claim in found] == ["the code"]


def test_comments_imports_options_and_texts_of_errors_are_no_place_for_faults():
    text = (
        "import os  # 1 == 2\n\n\ndef f(parser, size=3):\n    # 3 == 4\n    '''5 == 6 and 7'''\n"
        "    parser.add_argument('-n', default=8)\n    raise ValueError('a' + 'b')\n"
    )
    assert not faults(Language.PYTHON, tree({"clamp/a.py": text}))


@pytest.mark.parametrize(
    ("language", "path", "opening"),
    [
        (Language.PYTHON, "clamp/a.py", "f(x."),
        (Language.PYTHON, "clamp/a.py", "def f(x): return lambda y: (1 + "),
        (Language.TYPESCRIPT, "src/a.ts", "f(() => { return [`${"),
        (Language.GO, "a.go", "func f() { return g("),
        (Language.RUST, "src/a.rs", "fn f() -> i64 { vec![("),
        (Language.BASH, "bin/a", 'f() { echo "$('),
    ],
)
def test_code_that_is_nested_without_measure_is_read_all_the_same(language, path, opening):
    faults(language, tree({path: opening * 5_000}))


def test_faults_that_do_not_compile_are_discarded(tmp_path):
    changes = {"clamp/core.py": "def clamp(value, low, high):\n    value.mask = 0x0F\n"}
    verdict = judge(tmp_path, Language.PYTHON, {**changes, "tests/test_core.py": NAMES_ONLY})
    assert verdict.passed
    assert "0 faults tried, 1 discarded because they do not compile" in verdict.saw


def test_no_fault_to_put_in_is_reported_and_passes(tmp_path):
    changes = {
        "clamp/core.py": "def clamp(value, low, high):\n    value.clamp = low, high\n",
        "tests/test_core.py": NAMES_ONLY,
    }
    verdict = judge(tmp_path, Language.PYTHON, changes)
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
    found = {fault.change.partition(" → ")[2] for fault in faults(language, tree({path: text}))}
    assert expected <= found, found


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
