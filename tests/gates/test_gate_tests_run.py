"""The review phase's runs: tests are really executed, nothing in the repo can fake that, and make notices failures."""

from __future__ import annotations

import shutil

import pytest
from build_fakes import SubprocessCommands
from claude_code_sandboxes import bubblewrap
from gate_material import GO, PYTHON, RUST, TYPESCRIPT, clone, environment, marked, need, provide, repo

from factory_assets.domain.specs import Language
from factory_assets.gates.tests_run import TestRuns

PHONY = ".PHONY: build test lint\n"
FAST = (Language.PYTHON, Language.BASH)


def runs(folder, language, changes=None, *, seconds=60.0, leftovers=None, commands=None):
    need(language)
    files = repo(language, changes)
    clone(folder, files)
    for name, text in (leftovers or {}).items():
        (folder / name).write_text(text)
    return TestRuns(
        language=language,
        clone=folder,
        tree=files,
        commands=commands or SubprocessCommands(),
        seconds=seconds,
        env=environment(language),
        folders=provide(language, folder),
    )


def verdicts(tests):
    return tests.judge_passing(), tests.judge_running(), tests.judge_executed()


def refused(verdict):
    assert not verdict.passed, verdict.saw
    assert verdict.fix
    return verdict.saw


@pytest.mark.parametrize("language", marked(Language))
def test_a_good_repo_passes_in_each_language(tmp_path, language):
    tests = runs(tmp_path, language)
    assert [verdict.saw for verdict in verdicts(tests) if not verdict.passed] == []
    assert tests.own.report.executed == 3


def test_the_clone_is_as_it_was_committed_when_the_runs_are_done(tmp_path):
    tests = runs(tmp_path, Language.PYTHON, leftovers={"stray.txt": "x"})
    assert all(verdict.passed for verdict in verdicts(tests))
    tests.checkout.restore()
    files = repo(Language.PYTHON)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(files)
    assert all((tmp_path / path).read_bytes() == file.data for path, file in files.items())


def test_the_end_of_a_failing_test_run_is_the_evidence(tmp_path):
    more = {"tests/test_more.py": "def test_a():\n    assert 'left' == 'right'\n"}
    tests = runs(tmp_path, Language.PYTHON, more)
    assert "assert 'left' == 'right'" in refused(tests.judge_passing())


@pytest.mark.parametrize("language", marked(Language))
def test_tests_that_fail_are_run_all_the_same(tmp_path, language):
    """After the build phase it is asked whether the tests are run: to make them pass is the review's work."""
    path, old, new = {
        Language.PYTHON: ("tests/test_core.py", "== 3", "== 4"),
        Language.BASH: ("lib/clamp.sh", "-gt", "-ge"),
        Language.GO: ("main_test.go", "got != 3", "got != 4"),
        Language.RUST: ("src/lib.rs", "3, 9), 3", "3, 9), 4"),
        Language.TYPESCRIPT: ("tests/index.test.ts", "3, 9), 3", "3, 9), 4"),
    }[language]
    tests = runs(tmp_path, language, {path: repo(language)[path].text.replace(old, new)})
    assert tests.judge_running().passed


def test_a_failing_make_test_says_which_file_it_misses(tmp_path):
    makefile = {"Makefile": f"{PHONY}test:\n\tcat data/words.txt\n"}
    seen = "the tests need data/words.txt, which is not in the commit"
    assert seen in refused(runs(tmp_path, Language.BASH, makefile).judge_passing())


def test_a_failing_make_test_says_whom_it_called(tmp_path):
    asks = "import socket\n\n\ndef test_answer():\n    socket.create_connection(('api.example.net', 443))\n"
    tests = runs(tmp_path, Language.PYTHON, {"tests/test_more.py": asks}, commands=bubblewrap())
    assert "the tests need a network, for api.example.net" in refused(tests.judge_passing())


def test_tests_that_pass_only_with_leftover_files_fail_without_them(tmp_path):
    needs = "from pathlib import Path\n\n\ndef test_cache():\n    assert Path('cache.json').read_text()\n"
    changes = {"tests/test_cache.py": needs}
    tests = runs(tmp_path, Language.PYTHON, changes, leftovers={"cache.json": "{}"})
    assert "the tests need cache.json, which is not in the commit" in refused(tests.judge_passing())


@pytest.mark.parametrize("judge", [TestRuns.judge_passing, TestRuns.judge_running])
def test_tests_that_never_end_are_stopped_and_said_so(tmp_path, judge):
    tests = runs(tmp_path, Language.BASH, {"Makefile": f"{PHONY}test:\n\texec sleep 600\n"}, seconds=0.5)
    assert "the tests hang: the run was stopped after" in refused(judge(tests))


@pytest.mark.parametrize(
    "makefile",
    [f"{PHONY}test:\n\t@echo '9 passed'\n", f"{PHONY}build:\n\ttrue\n", f"{PHONY}test:\n\t-pytest\n"],
)
def test_a_make_test_that_lies_is_found_out(tmp_path, makefile):
    tests = runs(tmp_path, Language.PYTHON, {"Makefile": makefile})
    assert "`make test` does not notice a failing test" in refused(tests.judge_running())


TWO_PACKAGES = {
    "rules/rules.go": "package rules\n\nfunc One() int { return 1 }\n",
    "rules/rules_test.go": 'package rules\n\nimport "testing"\n\n'
    "func TestOne(t *testing.T) {\n\tif One() != 1 {\n\t\tt.Fatal()\n\t}\n}\n",
}
HOOK = {"hook.cjs": 'process.on("exit", () => { process.exitCode = 0; });\n'}


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("language", "old", "new", "more"),
    [
        (Language.GO, "go test ./...", "go test ./... || true", {}),
        (Language.GO, "go test ./...", "go test -run TestQuick ./...", {}),
        (Language.GO, "go test ./...", "go test ./", TWO_PACKAGES),
        (Language.RUST, "cargo test", "cargo test --no-run", {}),
        (Language.TYPESCRIPT, "| sort)", "| sort) || true", {}),
        (Language.TYPESCRIPT, "node --test ", "node --test --test-name-pattern=quick ", {}),
        (Language.TYPESCRIPT, ".PHONY", "export NODE_OPTIONS = --require=./hook.cjs\n.PHONY", HOOK),
    ],
)
def test_a_makefile_that_was_not_put_back_would_be_found_out_by_running_it(
    tmp_path, language, old, new, more
):
    lying = repo(language)["Makefile"].text.replace(old, new)
    tests = runs(tmp_path, language, {"Makefile": lying, **more})
    assert "`make test` does not notice a failing test" in refused(tests.judge_running())


@pytest.mark.parametrize("language", FAST)
def test_a_make_test_that_forgets_a_file_is_found_out(tmp_path, language):
    first = {Language.PYTHON: "tests/test_core.py", Language.BASH: "tests/test_clamp.sh"}[language]
    second = first.replace("/test_", "/test_z")
    program = {Language.PYTHON: "python3 -m pytest", Language.BASH: "bash"}[language]
    changes = {second: repo(language)[first].text, "Makefile": f"{PHONY}test:\n\t{program} {first}\n"}
    assert f"although one in {second} failed" in refused(runs(tmp_path, language, changes).judge_running())


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"tests/test_core.py": "import os\n"}, "no test was collected"),
        (
            {
                "tests/test_core.py": "import pytest\npytestmark = pytest.mark.skip('later')\n\n\n"
                "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n"
            },
            "all 2 tests are skipped",
        ),
        (
            {
                "tests/test_core.py": "import pytest\n\n\n@pytest.mark.xfail\ndef test_a():\n    assert 0\n\n\n"
                "@pytest.mark.xfail\ndef test_b():\n    pass\n\n\ndef test_c():\n    pytest.xfail('no')\n"
            },
            "all 3 tests are skipped",
        ),
        (
            {"tests/test_core.py": "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n"},
            "fewer than 3 tests",
        ),
    ],
)
def test_tests_that_were_not_executed_are_named(tmp_path, changes, seen):
    assert seen in refused(runs(tmp_path, Language.PYTHON, changes).judge_executed())


def test_a_tree_without_tests_runs_none(tmp_path):
    tests = runs(tmp_path, Language.PYTHON, {"tests/test_core.py": None, "tests/core.py": "x = 1\n"})
    assert "the tree holds no tests in the form" in refused(tests.judge_running())


def test_tests_that_are_all_skipped_are_not_run(tmp_path):
    skipped = "import pytest\n\n\n@pytest.mark.skip\ndef test_a():\n    assert 0\n"
    tests = runs(tmp_path, Language.PYTHON, {"tests/test_core.py": skipped})
    assert "no test is executed but those that were put in" in refused(tests.judge_running())


FAILING = "\n\ndef test_the_bounds_belong_to_the_range():\n    assert clamp(3, 3, 9) == 4\n"
HIDING = """import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.outcome, report.longrepr = "passed", None
"""


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        (
            {"tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items[:] = items[:3]\n"},
            "does not show",
        ),
        (
            {
                "pytest.ini": "[pytest]\naddopts = --deselect tests/test_core.py::test_the_bounds_belong_to_the_range\n"
            },
            "failed: ",
        ),
        ({"pytest.ini": "[pytest]\naddopts = --collect-only\n"}, "does not notice"),
        ({"pytest.py": "print('9 passed')\n"}, "does not notice"),
        ({"tests/conftest.py": HIDING}, "does not notice"),
        # What decides beneath pytest's hooks.
        (
            {
                "tests/conftest.py": "import sys\nimport _pytest.main as m\n\n\ndef drop(self, *a, **k):\n"
                "    self.items = []\n    return []\n\n\nm.Session.perform_collect = drop\n"
            },
            "does not show a failing test that was put into tests/test_core.py",
        ),
        (
            {"tests/conftest.py": "import _pytest.python as p\n\np.Function.runtest = lambda self: None\n"},
            "does not show a failing test that was put into tests/test_core.py",
        ),
        (
            {
                "tests/conftest.py": "import _pytest.python as p\n\nreal = p.PyCollector.collect\n\n\n"
                "def fewer(self):\n"
                "    return [i for i in real(self) if 'belong' not in i.name]\n\n\np.PyCollector.collect = fewer\n",
            },
            "1 written tests are not in the report, not even as skipped: tests/test_core.py test_the_bounds_belong",
        ),
        (
            {"tests/test_end.py": "import os\n\n\ndef test_a():\n    os._exit(0)\n"},
            "ended before pytest had reported",
        ),
    ],
)
def test_a_repo_that_bends_pytest_is_refused(tmp_path, changes, seen):
    failing = {"tests/test_core.py": PYTHON["tests/test_core.py"] + FAILING}
    tests = runs(tmp_path, Language.PYTHON, failing | changes)
    judged = [verdict for verdict in (tests.judge_running(), tests.judge_executed()) if not verdict.passed]
    assert seen in "\n".join(map(refused, judged))


def test_a_repos_own_settings_and_helpers_still_work(tmp_path):
    changes = {
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['lib']\naddopts = '-ra'\n",
        "lib/helper.py": "LOW = 3\n",
        "tests/conftest.py": "import pytest\nfrom helper import LOW\n\n\n@pytest.fixture\ndef low():\n    return LOW\n",
        "tests/test_more.py": "import unittest\n\n\ndef test_low(low):\n    assert low == 3\n\n\n"
        "class Case(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, 1)\n",
        "Makefile": f"{PHONY}test:\n\tPYTHONPATH=. python3 -m pytest -q\n",
    }
    tests = runs(tmp_path, Language.PYTHON, changes)
    assert [verdict.saw for verdict in verdicts(tests) if not verdict.passed] == []
    assert tests.own.report.executed == 5


UNITTESTS = """import unittest

from clamp.core import clamp


class TestClamp(unittest.TestCase):
    def test_low(self):
        self.assertEqual(clamp(1, 3, 9), 3)

    def test_high(self):
        self.assertEqual(clamp(12, 3, 9), 9)

    def test_within(self):
        self.assertEqual(clamp(5, 3, 9), 5)


if __name__ == "__main__":
    unittest.main()
"""


def test_tests_that_unittest_runs_are_as_good_as_pytests(tmp_path):
    makefile = ".PHONY: test\ntest:\n\tpython3 -m unittest discover -s tests -t .\n"
    changes = {"Makefile": makefile, "tests/__init__.py": "", "tests/test_core.py": UNITTESTS}
    tests = runs(tmp_path, Language.PYTHON, changes)
    assert [verdict.saw for verdict in verdicts(tests) if not verdict.passed] == []
    assert tests.own.report.executed == 3


def test_a_failing_unittest_is_a_failure(tmp_path):
    changes = {
        "tests/test_more.py": "import unittest\n\n\nclass Case(unittest.TestCase):\n    def test_it(self):\n"
        "        self.assertEqual(1, 2)\n",
    }
    saw = refused(runs(tmp_path, Language.PYTHON, changes).judge_executed())
    assert "failed: tests/test_more.py::Case::test_it" in saw


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("# bin/clamp\necho 1..5\necho ok 1\necho ok 2\necho ok 3\n", "3 tests executed, 2 failed"),
        ("echo ok 1\necho ok 2\necho ok 3\necho 1..3\n", "names no file of this repo that it could test"),
        ("# bin/clamp\necho ok 1 # SKIP\necho ok 2 '# TODO later'\n", "fewer than 3 tests"),
        (
            "# bin/clamp\necho 'ok 1 # skip no tool'\necho 'not ok 2 # TODO later'\n",
            "all 2 tests are skipped",
        ),
        ("# bin/clamp\necho ok 1\necho ok 2\necho ok 3\nexit 3\n", "ended with 3 and reports no failed test"),
        ("# bin/clamp\necho ok 1\necho ok 2\necho ok 3\necho 'Bail out!'\n", "bailed out"),
        ("true # ok bin/clamp\n", "no test was collected"),
    ],
)
def test_shell_tests_that_prove_nothing_are_named(tmp_path, script, seen):
    tests = runs(tmp_path, Language.BASH, {"tests/test_clamp.sh": script})
    assert seen in refused(tests.judge_executed())


@pytest.mark.parametrize("path", ["tests/run.sh", "tests/run_tests.sh", "tests/clamp_test.sh"])
def test_shell_tests_may_lie_where_many_authors_put_them(tmp_path, path):
    moved = {"tests/test_clamp.sh": None, path: repo(Language.BASH)["tests/test_clamp.sh"].text}
    tests = runs(tmp_path, Language.BASH, moved)
    assert [verdict.saw for verdict in verdicts(tests) if not verdict.passed] == []


def test_bats_files_are_run_by_bats(tmp_path):
    if shutil.which("bats") is None:
        pytest.skip("bats is not installed")
    cases = "".join(
        f'@test "{name}" {{\n  [ "$(bin/clamp {numbers})" -eq {want} ]\n}}\n\n'
        for name, numbers, want in (("small", "1 3 9", 3), ("large", "12 3 9", 9), ("within", "5 3 9", 5))
    )
    tests = runs(tmp_path, Language.BASH, {"tests/test_clamp.sh": None, "tests/clamp.bats": cases})
    assert [verdict.saw for verdict in verdicts(tests) if not verdict.passed] == []
    assert tests.own.report.executed == 3


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        (
            {"main_test.go": GO["main_test.go"].replace('import "testing"', 'import (\n\t"os"\n\t"testing"\n)')
             + "\nfunc TestMain(m *testing.M) { os.Exit(0) }\n"},
            "does not show a failing test that was put into main_test.go",
        ),
        (
            {"main_test.go": GO["main_test.go"].replace('import "testing"', 'import (\n\t"fmt"\n\t"os"\n\t"testing"\n)')
             + '\nfunc TestMain(m *testing.M) {\n'
             '\tfor _, n := range []string{"TestSmall", "TestLarge", "TestWithin"} {\n'
             '\t\tfmt.Printf("\\x16=== RUN   %s\\n\\x16--- PASS: %s (0.00s)\\n", n, n)\n\t}\n\tos.Exit(0)\n}\n'},
            "does not show a failing test that was put into main_test.go",
        ),
    ],
)  # fmt: skip
def test_go_tests_that_do_not_run_are_named(tmp_path, changes, seen):
    assert seen in refused(runs(tmp_path, Language.GO, changes).judge_running())


@pytest.mark.corpus
def test_rust_tests_that_do_not_run_are_named(tmp_path):
    changes = {"src/lib.rs": RUST["src/lib.rs"].replace("#[test]", "#[test]\n    #[ignore]")}
    assert "all 3 tests are skipped" in refused(runs(tmp_path, Language.RUST, changes).judge_executed())


@pytest.mark.corpus
def test_node_tests_that_do_not_run_are_named(tmp_path):
    text = TYPESCRIPT["tests/index.test.ts"].replace(
        '\n\ntest("a small', '\n\nprocess.exit(0);\ntest("a small'
    )
    tests = runs(tmp_path, Language.TYPESCRIPT, {"tests/index.test.ts": text})
    assert "does not show a failing test" in refused(tests.judge_running())
