"""The review phase's runs: tests are really executed, nothing in the repo can fake that, and make notices failures."""

from __future__ import annotations

import shutil
import time

import pytest
from build_fakes import SubprocessCommands
from gate_material import GO, PYTHON, RUST, TYPESCRIPT, clone, environment, marked, need, provide, repo

from factory_assets.domain.specs import Language
from factory_assets.gates.tests_run import TestGate

PHONY = ".PHONY: build test lint\n"
FAST = (Language.PYTHON, Language.BASH)


def run(folder, language, changes=None, *, seconds=60.0, leftovers=None):
    need(language)
    files = repo(language, changes)
    clone(folder, files)
    for name, text in (leftovers or {}).items():
        (folder / name).write_text(text)
    gate = TestGate(
        language=language,
        clone=folder,
        tree=files,
        commands=SubprocessCommands(),
        seconds=seconds,
        env=environment(language),
        folders=provide(language, folder),
    )
    return gate.judge()


def refused(result, gate):
    verdict = next(verdict for verdict in result.verdicts if verdict.gate == gate)
    assert not verdict.passed, verdict.saw
    assert verdict.mend
    return verdict.saw


@pytest.mark.parametrize("language", marked(Language))
def test_a_good_repo_passes_in_each_language(tmp_path, language):
    result = run(tmp_path, language)
    assert all(verdict.passed for verdict in result.verdicts), result.verdicts
    assert result.tests_executed == 3
    assert "it fails when a test in" in result.verdicts[0].saw


def test_the_clone_is_as_it_was_committed_when_the_gate_is_done(tmp_path):
    result = run(tmp_path, Language.PYTHON, leftovers={"stray.txt": "x"})
    assert result.verdicts[0].passed
    files = repo(Language.PYTHON)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(files)
    assert all((tmp_path / path).read_bytes() == file.data for path, file in files.items())


def test_the_end_of_a_failing_test_run_is_the_evidence(tmp_path):
    more = {"tests/test_more.py": "def test_a():\n    assert 'left' == 'right'\n"}
    result = run(tmp_path, Language.PYTHON, more)
    assert "assert 'left' == 'right'" in refused(result, "tests-pass")
    assert "not counted" in refused(result, "tests-executed")
    assert result.tests_executed == 0


@pytest.mark.parametrize(
    ("makefile", "seen"),
    [
        ("build:\n\ttrue\n", "the Makefile has no target `test`"),
        (f"{PHONY}build:\n\ttrue\n", "the target `test` runs nothing"),
        (
            f"{PHONY}test:\n\tcat data/words.txt\n",
            "the tests need data/words.txt, which is not in the commit",
        ),
        (f"{PHONY}test:\n\techo getaddrinfo ENOTFOUND x; exit 1\n", "the tests need a network"),
    ],
)
def test_a_failing_make_test_says_why(tmp_path, makefile, seen):
    assert seen in refused(run(tmp_path, Language.BASH, {"Makefile": makefile}), "tests-pass")


def test_tests_that_pass_only_with_leftover_files_fail_without_them(tmp_path):
    needs = "from pathlib import Path\n\n\ndef test_cache():\n    assert Path('cache.json').read_text()\n"
    changes = {"tests/test_cache.py": needs}
    result = run(tmp_path, Language.PYTHON, changes, leftovers={"cache.json": "{}"})
    assert "the tests need cache.json, which is not in the commit" in refused(result, "tests-pass")


def test_tests_that_never_end_are_stopped_and_said_so(tmp_path):
    started = time.monotonic()
    result = run(tmp_path, Language.BASH, {"Makefile": f"{PHONY}test:\n\texec sleep 600\n"}, seconds=0.5)
    assert "the tests hang: the run was stopped after" in refused(result, "tests-pass")
    assert time.monotonic() - started < 60


def test_a_make_test_that_lies_is_found_out(tmp_path):
    result = run(tmp_path, Language.PYTHON, {"Makefile": f"{PHONY}test:\n\t@echo '9 passed'\n"})
    assert "`make test` does not notice a failing test" in refused(result, "tests-pass")
    assert result.tests_executed == 3


@pytest.mark.parametrize("language", FAST)
def test_a_make_test_that_forgets_the_last_file_is_found_out(tmp_path, language):
    first = {Language.PYTHON: "tests/test_core.py", Language.BASH: "tests/test_clamp.sh"}[language]
    second = first.replace("/test_", "/test_z")
    program = {Language.PYTHON: "python3 -m pytest", Language.BASH: "bash"}[language]
    changes = {second: repo(language)[first].text, "Makefile": f"{PHONY}test:\n\t{program} {first}\n"}
    assert f"although one in {second} failed" in refused(run(tmp_path, language, changes), "tests-pass")


def python(tmp_path, changes):
    """A Python repo whose `make test` is above suspicion, so that it is the own run that has to find it."""
    return run(tmp_path, Language.PYTHON, changes)


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"tests/test_core.py": "import os\n"}, "no test was collected"),
        ({"tests/test_core.py": None, "tests/core.py": "x = 1\n"}, "the tree holds no tests in the form"),
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
    makefile = {"Makefile": f"{PHONY}test:\n\t@python3 -m pytest -q || test $$? -eq 5\n"}
    assert seen in refused(python(tmp_path, {**changes, **makefile}), "tests-executed")


FAILING = "\n\ndef test_the_bounds_belong_to_the_range():\n    assert clamp(3, 3, 9) == 4\n"


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        (
            {"tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items[:] = items[:3]\n"},
            "modifyitems",
        ),
        (
            {"pytest.ini": "[pytest]\naddopts = --deselect tests/test_core.py::test_x\n"},
            "pytest.ini leaves tests out",
        ),
        ({"pytest.py": "print('9 passed')\n"}, "takes the place of Python's own pytest"),
        ({"sitecustomize.py": "raise SystemExit(0)\n"}, "takes the place of Python's own sitecustomize"),
        # What the text does not show is caught by what the run reports.
        (
            {
                "tests/conftest.py": "import sys\nimport _pytest.main as m\n\n\ndef drop(self, *a, **k):\n"
                "    self.items = []\n    return []\n\n\nm.Session.perform_collect = drop\n"
            },
            "no test was collected",
        ),
        (
            {
                "tests/conftest.py": "import _pytest.python as p\n\np.Function.runtest = lambda self: None\n",
            },
            "the report does not show a failing test that was put into tests/test_core.py",
        ),
        (
            {
                "tests/conftest.py": "import _pytest.python as p\n\nreal = p.Function.runtest\n\n\n"
                "def quiet(self):\n"
                "    try:\n        real(self)\n    except AssertionError:\n        pass\n\n\n"
                "p.Function.runtest = quiet\n",
            },
            "the repo decides what is reported",
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
        (
            {
                "tests/test_end.py": "import os, sys\n\n\ndef test_a():\n    sys.stdout.write('2 passed')\n"
                "    os.kill(os.getpid(), 9)\n"
            },
            "ended before pytest had reported",
        ),
    ],
)
def test_a_repo_that_bends_pytest_is_refused(tmp_path, changes, seen):
    made = {
        "Makefile": f"{PHONY}test:\n\t@true\n",
        "tests/test_core.py": PYTHON["tests/test_core.py"] + FAILING,
    }
    assert seen in refused(python(tmp_path, {**made, **changes}), "tests-executed")


def test_a_repos_own_settings_and_helpers_still_work(tmp_path):
    changes = {
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['lib']\naddopts = '-ra'\n",
        "lib/helper.py": "LOW = 3\n",
        "tests/conftest.py": "import pytest\nfrom helper import LOW\n\n\n@pytest.fixture\ndef low():\n    return LOW\n",
        "tests/test_more.py": "import unittest\n\n\ndef test_low(low):\n    assert low == 3\n\n\n"
        "class Case(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, 1)\n",
        "Makefile": f"{PHONY}test:\n\tPYTHONPATH=. python3 -m pytest -q\n",
    }
    result = python(tmp_path, changes)
    assert all(verdict.passed for verdict in result.verdicts), result.verdicts
    assert result.tests_executed == 5


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
    result = run(tmp_path, Language.PYTHON, changes)
    assert [verdict.saw for verdict in result.verdicts if not verdict.passed] == []
    assert result.tests_executed == 3


def test_a_failing_unittest_is_a_failure(tmp_path):
    changes = {
        "tests/test_more.py": "import unittest\n\n\nclass Case(unittest.TestCase):\n    def test_it(self):\n"
        "        self.assertEqual(1, 2)\n",
        "Makefile": f"{PHONY}test:\n\t@true\n",
    }
    assert "failed: tests/test_more.py::Case::test_it" in refused(python(tmp_path, changes), "tests-executed")


def bash(tmp_path, script, **more):
    makefile = {"Makefile": f"{PHONY}test:\n\t@bash tests/test_clamp.sh > /dev/null || true\n"}
    return run(tmp_path, Language.BASH, {**makefile, "tests/test_clamp.sh": script, **more})


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
    assert seen in refused(bash(tmp_path, script), "tests-executed")


def test_bats_files_are_run_by_bats(tmp_path):
    if shutil.which("bats") is None:
        pytest.skip("bats is not installed")
    cases = "".join(
        f'@test "{name}" {{\n  [ "$(bin/clamp {numbers})" -eq {want} ]\n}}\n\n'
        for name, numbers, want in (("small", "1 3 9", 3), ("large", "12 3 9", 9), ("within", "5 3 9", 5))
    )
    result = run(tmp_path, Language.BASH, {"tests/test_clamp.sh": None, "tests/clamp.bats": cases})
    assert all(verdict.passed for verdict in result.verdicts), result.verdicts
    assert result.tests_executed == 3


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        (
            {"main_test.go": GO["main_test.go"].replace('import "testing"', 'import (\n\t"os"\n\t"testing"\n)')
             + "\nfunc TestMain(m *testing.M) { os.Exit(0) }\n"},
            "no test was collected",
        ),
        (
            {"main_test.go": GO["main_test.go"].replace('import "testing"', 'import (\n\t"fmt"\n\t"os"\n\t"testing"\n)')
             + '\nfunc TestMain(m *testing.M) {\n'
             '\tfor _, n := range []string{"TestSmall", "TestLarge", "TestWithin"} {\n'
             '\t\tfmt.Printf("\\x16=== RUN   %s\\n\\x16--- PASS: %s (0.00s)\\n", n, n)\n\t}\n\tos.Exit(0)\n}\n'},
            "the report does not show a failing test that was put into main_test.go",
        ),
    ],
)  # fmt: skip
def test_go_tests_that_do_not_run_are_named(tmp_path, changes, seen):
    assert seen in refused(run(tmp_path, Language.GO, changes), "tests-executed")


@pytest.mark.corpus
def test_rust_tests_that_do_not_run_are_named(tmp_path):
    changes = {"src/lib.rs": RUST["src/lib.rs"].replace("#[test]", "#[test]\n    #[ignore]")}
    assert "all 3 tests are skipped" in refused(run(tmp_path, Language.RUST, changes), "tests-executed")


@pytest.mark.corpus
def test_node_tests_that_do_not_run_are_named(tmp_path):
    text = TYPESCRIPT["tests/index.test.ts"].replace(
        '\n\ntest("a small', '\n\nprocess.exit(0);\ntest("a small'
    )
    result = run(tmp_path, Language.TYPESCRIPT, {"tests/index.test.ts": text})
    assert "no test was collected" in refused(result, "tests-executed")
