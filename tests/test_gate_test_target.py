"""The Makefile's test target is judged by its text: what hides a failing test is named with its line."""

from __future__ import annotations

import json

import pytest
from gate_material import repo, scaffold, tree

from factory_assets.domain.specs import Language
from factory_assets.gates.test_target import judge_test_target

PYTEST = "\tpython3 -m pytest -q\n"
PHONY = ".PHONY: build test lint\n"


def judge(makefile, language=Language.PYTHON, changes=None):
    whole = repo(language, {"Makefile": makefile, **(changes or {})})
    return judge_test_target(language, whole, tree(scaffold(language)))


@pytest.mark.parametrize("language", list(Language))
def test_the_scaffolds_own_makefile_passes_unread_and_read(language):
    whole = repo(language)
    assert judge_test_target(language, whole, tree(scaffold(language))).passed
    verdict = judge_test_target(language, whole, {})
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize(
    "recipe",
    [
        "\tpython -m pytest tests/ -v\n",
        "\t@echo testing\n\t@$(PYTHON) -m pytest\n",
        "\tpytest -x --tb=short -p no:cacheprovider tests\n",
        "\tPYTHONPATH=. python3 -m pytest -ra > /dev/null 2>&1\n",
        "\tset -o pipefail; python3 -m pytest -q | tee out.txt\n",
        "\tpython3 -m compileall -q clamp && python3 -m pytest -q && echo passed\n",
        "\tpython3 -m pytest -q || exit 1\n",
        "\tpython3 -m pytest -q || { echo failed; exit 1; }\n",
        "\tpython3 -m pytest -q; status=$$?; rm -f out.txt; exit $$status\n",
        "\tset -e; python3 -m pytest -q; echo done\n",
        "\tpython3 -m unittest discover -s tests -v\n",
        "\trm -f out.txt || true\n\tpython3 -m pytest -q --maxfail 1\n",
        "\t$(MAKE) unit\n\nunit:\n\tpython3 -m pytest tests/test_core.py\n",
    ],
)
def test_an_honest_variation_passes(recipe):
    verdict = judge(f"PYTHON ?= python3\n{PHONY}test:\n{recipe}")
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize(
    ("makefile", "seen"),
    [
        ("build:\n\ttrue\n", "no target `test`"),
        ("test:\n\tpython3 -m pytest -q || true\n", "Makefile:2: hides a failure: `|| true`"),
        ("test:\n\tpython3 -m pytest -q || :\n", "hides a failure: `|| :`"),
        ("test:\n\tpython3 -m pytest -q || exit 0\n", "`exit 0`"),
        ("test:\n\tpython3 -m pytest -q || echo failed\n", "hides a failure: `|| echo failed`"),
        ("test:\n\tpython3 -m pytest -q && echo ok || echo no\n", "hides a failure: `|| echo no`"),
        ("test:\n\tpython3 -m pytest -q 2>/dev/null || true\n", "hides a failure"),
        ("test:\n\tpython3 -m pytest -q; exit 0\n", "`exit 0`"),
        ("test:\n\tpython3 -m pytest -q; true\n", "goes on after the tests with `true`"),
        ("test:\n\tpython3 -m pytest -q; \\\n\techo done\n", "Makefile:2: goes on after the tests"),
        ("test:\n\ttrap 'exit 0' EXIT; python3 -m pytest -q\n", "trap"),
        ("test:\n\t-python3 -m pytest -q\n", "Makefile:2: the prefix `-`"),
        ("test:\n\t@-python3 -m pytest -q\n", "the prefix `-`"),
        ("test:\n\tset +e; python3 -m pytest -q\n", "set +e"),
        (f".IGNORE:\ntest:\n{PYTEST}", "Makefile:1: .IGNORE"),
        (f".IGNORE: test\ntest:\n{PYTEST}", ".IGNORE"),
        (f"MAKEFLAGS += -i\ntest:\n{PYTEST}", "Makefile:1: MAKEFLAGS"),
        (f"MAKEFLAGS += --keep-going -k\ntest:\n{PYTEST}", "MAKEFLAGS"),
        (f"SHELL := /bin/true\ntest:\n{PYTEST}", "Makefile:1: SHELL"),
        (f"test: SHELL = /bin/true\ntest:\n{PYTEST}", "SHELL"),
        (f".SHELLFLAGS := -n -c\ntest:\n{PYTEST}", ".SHELLFLAGS"),
        (f".SHELLFLAGS := -c true;\ntest:\n{PYTEST}", ".SHELLFLAGS"),
        (".ONESHELL:\ntest:\n\tpython3 -m pytest -q\n\techo done\n", "goes on after the tests"),
        ("test:\n\t@echo '9 passed'\n", "Makefile:1: `test` does not run python3 -m pytest"),
        ("test:\n", "it does nothing"),
        ("test: build\nbuild:\n\ttrue\n", "it does nothing"),
        ("test:\n\t./run_tests.sh\n", "it runs `./run_tests.sh`"),
        ("test:\n\t@echo python3 -m pytest\n", "does not run"),
        ("test:\n\tpython3 -m pytest -q | tee out.txt\n", "pipes the tests into `tee out.txt`"),
        ("test:\n\tpython3 -m pytest -q | cat\n", "pipes the tests into `cat`"),
        ("test:\n\tpython3 -m pytest -q &\n", "background"),
        ("test:\n\t! python3 -m pytest -q\n", "turns the exit code round"),
        ("test:\n\tif python3 -m pytest -q; then echo ok; else echo no; fi\n", "condition"),
        ("test:\n\tfor f in tests/*.py; do python3 -m pytest $$f; done\n", "loop"),
        ("test:\n\ttrue || python3 -m pytest -q\n", "never comes to the tests"),
        ("test:\n\tPYTEST_ADDOPTS='-k small' python3 -m pytest\n", "sets PYTEST_ADDOPTS"),
        (f"export PYTEST_ADDOPTS = -k small\ntest:\n{PYTEST}", "sets PYTEST_ADDOPTS"),
        ("test:\n\tpython3 -m pytest -k small\n", "leaves tests out: `-k small`"),
        ("test:\n\tpython3 -m pytest -qk small\n", "leaves tests out"),
        ("test:\n\tpython3 -m pytest --ignore=tests/test_core.py\n", "leaves tests out: `--ignore="),
        (
            "test:\n\tpython3 -m pytest --deselect tests/test_core.py::test_a\n",
            "leaves tests out: `--deselect",
        ),
        ("test:\n\tpython3 -m pytest tests/test_core.py::test_a\n", "leaves tests out"),
        ("test:\n\tpython3 -m pytest --collect-only\n", "leaves tests out"),
        ("test:\n\tpython3 -m pytest -p mine\n", "leaves tests out"),
        ("FLAGS = -k small\ntest:\n\tpython3 -m pytest $(FLAGS)\n", "leaves tests out: `-k small`"),
        (
            "test:\n\tpython3 -m pytest tests/test_core.py\n",
            "only some of the tests, and not tests/test_more.py",
        ),
        (f"include other.mk\ntest:\n{PYTEST}", "Makefile:1: includes another makefile"),
        (f"-include other.mk\ntest:\n{PYTEST}", "includes another makefile"),
        (f"test:\n{PYTEST}test:\n\ttrue\n", "more than once (lines 1, 3)"),
        (f"test::\n{PYTEST}test::\n\ttrue\n", "more than once"),
        (f"ifdef CI\ntest:\n\ttrue\nelse\ntest:\n{PYTEST}endif\n", "condition"),
        (f"$(eval test: ; true)\ntest:\n{PYTEST}", "run time"),
        ("test:\n\t$(MAKE) -i unit\nunit:\n\tpython3 -m pytest\n", "calls make with `-i`"),
        ("test: unit\nunit:\n\tpython3 -m pytest || true\n", "Makefile:3: hides a failure"),
    ],
)
def test_what_hides_a_failing_test_is_named_with_its_line(makefile, seen):
    verdict = judge(makefile, changes={"tests/test_more.py": "def test_more():\n    assert 1\n"})
    assert not verdict.passed
    assert seen in verdict.saw


@pytest.mark.parametrize(
    ("language", "recipe", "seen"),
    [
        (Language.GO, "go test -run TestSmall ./...", "`-run`"),
        (Language.GO, "go test -skip=TestLarge ./...", "leaves tests out"),
        (Language.GO, "go test -c ./...", "leaves tests out"),
        (Language.GO, "go test ./...; true", "goes on after"),
        (Language.GO, "go vet ./...", "does not run go test"),
        (Language.RUST, "cargo test --no-run", "leaves tests out: `--no-run`"),
        (Language.RUST, "cargo test small", "leaves tests out: `small`"),
        (Language.RUST, "cargo test -- --skip large", "leaves tests out"),
        (Language.RUST, "cargo build", "does not run cargo test"),
        (Language.TYPESCRIPT, "node --test --test-name-pattern=small dist/tests", "leaves tests out"),
        (Language.TYPESCRIPT, "node --test --import ./fake.js dist/tests", "leaves tests out"),
        (Language.TYPESCRIPT, "npm test", "does not run node --test"),
        (Language.BASH, "bash tests/test_clamp.sh || true", "hides a failure"),
        (Language.BASH, "for t in tests/test_*.sh; do bash $$t; done", "loop"),
        (Language.BASH, "bash tests/test_clamp.sh | cat", "pipes"),
        (Language.BASH, "bats -f small tests", "leaves tests out"),
        (Language.BASH, "for t in tests/*.sh; do bash -n $$t || exit 1; done", "does not run bash"),
        (Language.BASH, "echo ok 1", "does not run bash"),
    ],
)
def test_each_language_has_its_own_runner_and_filters(language, recipe, seen):
    verdict = judge(f"{PHONY}test:\n\t{recipe}\n", language)
    assert not verdict.passed
    assert seen in verdict.saw


@pytest.mark.parametrize(
    ("language", "recipe"),
    [
        (Language.GO, "go test -race -count=1 -v ./..."),
        (Language.GO, "go test"),
        (Language.GO, "go test -coverprofile=cover.out -o /dev/null ./..."),
        (Language.RUST, "cargo test --offline --all-targets -- --test-threads 1"),
        (Language.TYPESCRIPT, "node --test --test-reporter=spec dist/tests/index.test.js"),
        (Language.BASH, "bash tests/test_clamp.sh"),
        (Language.BASH, "for t in tests/test_*.sh; do bash $$t || exit 1; done"),
        (Language.BASH, 'set -e; for t in tests/test_*.sh; do bash "$$t"; done'),
        (Language.BASH, "bats tests"),
    ],
)
def test_honest_variations_pass_in_each_language(language, recipe):
    verdict = judge(f"{PHONY}test:\n\t{recipe}\n", language)
    assert verdict.passed, verdict.saw


def test_only_the_top_package_of_a_go_module_is_a_subset():
    more = {"inner/inner_test.go": 'package inner\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n'}
    verdict = judge(f"{PHONY}test:\n\tgo test\n", Language.GO, more)
    assert "only some of the tests, and not inner/inner_test.go" in verdict.saw


@pytest.mark.parametrize("command", ["go test . ./inner", "go test ./inner .", "go test ./inner/ ."])
def test_packages_that_are_named_one_by_one_are_all_the_tests(command):
    more = {"inner/inner_test.go": "package inner\n\nfunc TestInner(t *testing.T) {}\n"}
    assert judge(f"{PHONY}test:\n\t{command}\n", Language.GO, more).passed


def test_a_makefile_that_make_does_not_read_is_refused():
    for name in ("GNUmakefile", "makefile"):
        whole = repo(Language.PYTHON, {name: "test:\n\ttrue\n"})
        verdict = judge_test_target(Language.PYTHON, whole, tree(scaffold(Language.PYTHON)))
        assert not verdict.passed
        assert f"{name}:1" in verdict.saw


def test_a_test_target_that_a_file_hides_is_refused():
    verdict = judge(f"test:\n{PYTEST}", changes={"test": "done\n"})
    assert "not .PHONY" in verdict.saw
    assert judge(f"{PHONY}test:\n{PYTEST}", changes={"test": "done\n"}).passed


@pytest.mark.parametrize(
    ("language", "changes", "seen"),
    [
        (
            Language.PYTHON,
            {"pytest.py": "print('9 passed')\n"},
            "pytest.py takes the place of Python's own pytest",
        ),
        (Language.PYTHON, {"pytest/__main__.py": ""}, "takes the place"),
        (Language.PYTHON, {"sitecustomize.py": ""}, "takes the place"),
        (
            Language.PYTHON,
            {"pytest.ini": "[pytest]\naddopts = -k small\n"},
            "pytest.ini leaves tests out: -k small",
        ),
        (Language.PYTHON, {"setup.cfg": "[tool:pytest]\naddopts = -p mine\n"}, "setup.cfg leaves tests out"),
        (
            Language.PYTHON,
            {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--ignore=tests/test_core.py']\n"},
            "pyproject.toml leaves tests out",
        ),
        (
            Language.PYTHON,
            {"tests/conftest.py": "\ndef pytest_collection_modifyitems(items):\n    items.clear()\n"},
            "tests/conftest.py:2 defines pytest_collection_modifyitems",
        ),
        (Language.PYTHON, {"conftest.py": "collect_ignore = ['tests/test_core.py']\n"}, "collect_ignore"),
        (
            Language.TYPESCRIPT,
            {"node_modules/typescript/bin/tsc": ""},
            "node_modules comes from the registry",
        ),
        (Language.GO, {"go.work": "go 1.22\nuse ./fake\n"}, "go.work"),
        (Language.RUST, {".cargo/config.toml": "[target.x]\nrunner = 'true'\n"}, ".cargo/config.toml"),
        (
            Language.PYTHON,
            {"pytest.ini": "[pytest]\npython_functions = check_*\n"},
            "python_functions is `check_*`, which does not find test_",
        ),
        (
            Language.PYTHON,
            {
                "tests/more_test.py": "def test_more():\n    assert 1\n",
                "pyproject.toml": "[tool.pytest.ini_options]\npython_files = 'test_*.py'\n",
            },
            "python_files is `test_*.py`, which does not find more_test.py",
        ),
        (
            Language.PYTHON,
            {
                "tests/test_a.py": "class TestMore:\n    def test_more(self):\n        assert 1\n",
                "tox.ini": "[pytest]\npython_classes = Fast*\n",
            },
            "python_classes is `Fast*`, which does not find TestMore",
        ),
        (Language.PYTHON, {"pytest.ini": "[pytest]\naddopts = -p no:python\n"}, "-p no:python"),
        (Language.RUST, {"Cargo.toml": "[lib]\nname = 'a'\nharness = false\n"}, "Cargo.toml:3"),
        (Language.RUST, {"Cargo.toml": "[lib]\nname = 'a'\ntest = false\n"}, "Cargo.toml:3"),
    ],
)
def test_files_that_take_the_runners_place_are_named(language, changes, seen):
    verdict = judge_test_target(language, repo(language, changes), tree(scaffold(language)))
    assert not verdict.passed
    assert seen in verdict.saw


@pytest.mark.parametrize(
    "setting",
    [
        "python_files = ['test_*.py', '*_test.py']",
        "python_files = 'test_*.py'",
        "python_files = ['test_*.py', 'check_*.py']",
        "python_classes = ['Test*']\npython_functions = ['test_*']",
        "python_classes = 'Test'\npython_functions = 'test check'",
        "addopts = '-q -p no:warnings'",
        "addopts = ['-ra', '-p', 'no:cacheprovider', '--import-mode=importlib']",
        "addopts = '-W error::DeprecationWarning --rootdir=.'\ntestpaths = ['tests']",
        "testpaths = 'tests'\nfilterwarnings = ['error']\nmarkers = ['slow: takes long']\nxfail_strict = true",
    ],
)
def test_settings_that_leave_no_test_out_are_no_shadowing(setting):
    changes = {"pyproject.toml": f"[tool.pytest.ini_options]\n{setting}\n"}
    verdict = judge_test_target(Language.PYTHON, repo(Language.PYTHON, changes), {})
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("node --test dist/tests/", ""),
        ("tsc -p tsconfig.json && node --test 'dist/tests/**/*.test.js'", ""),
        ("npm run build && npm run unit", ""),
        ("node --test dist/tests/ || true", "hides a failure: `|| true"),
        ("node --test --test-name-pattern=small dist/tests/", "leaves tests out"),
        ("node --test --test-name-pattern='very small' dist/tests/", "--test-name-pattern='very small'"),
        ("echo '9 passed'", "does not run node --test: it runs `echo 9 passed"),
        ("make test", "does not run node --test"),
    ],
)
def test_npm_test_is_judged_by_the_script_that_it_runs(script, seen):
    scripts = {"test": script, "build": "tsc -p tsconfig.json", "unit": "node --test dist/tests/"}
    package = {"package.json": json.dumps({"name": "a", "scripts": scripts})}
    for call in ("npm test", "npm run test", "npm run --silent test", "npm t -s"):
        verdict = judge(f"{PHONY}test:\n\t{call}\n", Language.TYPESCRIPT, package)
        assert verdict.passed is (not seen), verdict.saw
        assert seen in verdict.saw


def test_options_given_to_npm_test_reach_the_runner():
    package = {"package.json": json.dumps({"scripts": {"test": "node --test dist/tests/"}})}
    verdict = judge(f"{PHONY}test:\n\tnpm test -- --test-name-pattern=small\n", Language.TYPESCRIPT, package)
    assert "leaves tests out: `--test-name-pattern=small`" in verdict.saw


@pytest.mark.parametrize(
    ("language", "makefile"),
    [
        (Language.RUST, "FLAGS ?=\ntest:\n\tcargo test $(FLAGS)\n"),
        (Language.RUST, "test:\n\tcargo test $(FLAGS)\n"),
        (Language.RUST, "CARGO ?= cargo\ntest:\n\t$(CARGO) test $(CARGO_FLAGS)\n"),
        (Language.RUST, "export CARGO_TARGET_DIR ?= target\ntest:\n\tcargo test --workspace\n"),
        (Language.GO, "GOFLAGS ?= -mod=mod\ntest:\n\tgo test ./...\n"),
        (Language.GO, "GOFLAGS ?=\ntest:\n\tgo test $(GOFLAGS) ./...\n"),
        (Language.GO, "GO := $(shell command -v go)\ntest:\n\t$(GO) test ./...\n"),
        (Language.GO, "test:\n\tGOFLAGS=-count=1 go test $$(go list ./...)\n"),
        (Language.PYTHON, "test:\n\tpytest $(ARGS)\n"),
        (
            Language.PYTHON,
            "PYTHON := $(shell command -v python3 || echo python)\ntest:\n\t@$(PYTHON) -m pytest\n",
        ),
        (
            Language.PYTHON,
            "PYTHON ?= $(if $(wildcard .venv),.venv/bin/python,python3)\ntest:\n\t$(PYTHON) -m pytest\n",
        ),
        (
            Language.PYTHON,
            "test:\n\tpython3 -W error -m pytest \\\n\t\t-q \\\n\t\t--rootdir=. \\\n\t\ttests\n",
        ),
        (Language.PYTHON, "test:\n\tpytest -c pyproject.toml -p no:warnings -W error::DeprecationWarning\n"),
        (
            Language.PYTHON,
            "ifdef VENV\nPYTHON = $(VENV)/bin/python\nelse\nPYTHON = python3\nendif\ntest:\n\t$(PYTHON) -m pytest\n",
        ),
        (Language.PYTHON, "define RUN\n@echo testing\npython3 -m pytest -q\nendef\ntest:\n\t$(RUN)\n"),
        (Language.PYTHON, "export PYTEST_ADDOPTS := -q\ntest:\n\tpython3 -m pytest -o log_cli=true\n"),
        (
            Language.BASH,
            "TESTS := $(wildcard tests/test_*.sh)\ntest: $(TESTS)\n.PHONY: $(TESTS)\n$(TESTS):\n\t@bash $@\n",
        ),
        (
            Language.BASH,
            "TESTS := $(wildcard tests/test_*.sh)\ntest: $(TESTS:tests/%.sh=run-%)\nrun-%: tests/%.sh\n\tbash $<\n",
        ),
        (Language.BASH, "test:\n\tfind tests -name 'test_*.sh' | xargs -n 1 bash\n"),
        (
            Language.BASH,
            'test:\n\t@bad=0; for t in tests/test_*.sh; do if ! bash "$$t"; then bad=1; fi; done; exit $$bad\n',
        ),
        (Language.BASH, 'test:\n\tPATH="$(CURDIR)/bin:$$PATH" bash tests/test_clamp.sh\n'),
    ],
)
def test_usual_ways_to_write_a_test_target_pass(language, makefile):
    verdict = judge(f"{PHONY}{makefile}", language)
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize(
    ("language", "makefile", "seen"),
    [
        (Language.RUST, "FLAGS = small\ntest:\n\tcargo test $(FLAGS)\n", "leaves tests out: `small`"),
        (Language.RUST, "test:\n\tcargo test $(shell cat name)\n", "leaves tests out: `$(shell cat name)`"),
        (Language.GO, "GOFLAGS ?= -run=Small\ntest:\n\tgo test ./...\n", "Makefile:2: sets GOFLAGS"),
        (Language.GO, "test:\n\tGOFLAGS=-skip=Large go test ./...\n", "sets GOFLAGS"),
        (Language.PYTHON, "ARGS = -k small\nARGS ?= -q\ntest:\n\tpytest $(ARGS)\n", "`-k small`"),
        (Language.PYTHON, "test:\n\t@$(PYTHON) -m pytest\n", "it runs `$(PYTHON) -m pytest`"),
        (Language.PYTHON, "test:\n\tpytest -c other.ini\n", "leaves tests out: `-c other.ini`"),
        (Language.PYTHON, "test:\n\tpytest -o testpaths=none\n", "leaves tests out"),
        (Language.PYTHON, "test:\n\tPATH=fake python3 -m pytest\n", "sets PATH"),
        (
            Language.PYTHON,
            "ifdef CI\nARGS = -k small\nelse\nARGS =\nendif\ntest:\n\tpytest $(ARGS)\n",
            "Makefile:8: leaves tests out: `-k small`",
        ),
        (Language.PYTHON, "RUN = -python3 -m pytest\ntest:\n\t$(RUN)\n", "the prefix `-`"),
        (Language.PYTHON, "define RUN\n@true\n@-pytest\nendef\ntest:\n\t$(RUN)\n", "the prefix `-`"),
        (
            Language.PYTHON,
            "ifdef CI\nARGS = -k small\nendif\nRUN = pytest $(ARGS)\ntest:\n\t$(RUN)\n",
            "leaves tests out: `-k small`",
        ),
        (
            Language.PYTHON,
            "ifdef QUICK\nRUN = true\nelse\nRUN = pytest\nendif\ntest:\n\t$(RUN)\n",
            "where a condition says so, it runs `true` and no tests",
        ),
        (
            Language.PYTHON,
            "define ARGS\n-k small\nendef\ntest:\n\tpytest $(ARGS)\n",
            "leaves tests out: `-k small`",
        ),
        (
            Language.BASH,
            "TESTS := $(wildcard tests/test_*.sh)\ntest: $(TESTS)\n$(TESTS):\n\tbash $@\n",
            "is not .PHONY and exists as a file",
        ),
        (Language.BASH, "test:\n\tfind tests -name 'test_*.sh' | xargs bash\n", "does not run bash"),
        (
            Language.BASH,
            "test:\n\t@for t in tests/test_*.sh; do if ! bash $$t; then echo bad; fi; done\n",
            "condition",
        ),
    ],
)
def test_the_same_ways_bent_are_refused_in_the_makefiles_own_words(language, makefile, seen):
    verdict = judge(f"{PHONY}{makefile}", language)
    assert not verdict.passed
    assert seen in verdict.saw
    assert "$SUB" not in verdict.saw


def test_ordinary_settings_and_fixtures_are_left_alone():
    changes = {
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-q -ra --strict-markers'\ntestpaths = ['tests']\n",
        "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef number():\n    return 3\n",
    }
    verdict = judge_test_target(Language.PYTHON, repo(Language.PYTHON, changes), {})
    assert verdict.passed, verdict.saw
