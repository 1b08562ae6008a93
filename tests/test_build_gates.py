"""Each gate passes what is real and refuses what is not, and says what it saw."""

from __future__ import annotations

import pytest
from build_fakes import SubprocessCommands
from build_material import BASH_FILES, DOCUMENTS, PYTHON_FILES, tree_of, write_files

from factory_assets.build.gates.build import judge_sources, judge_tests_present
from factory_assets.build.gates.documents import judge_documents, judge_sources_unchanged
from factory_assets.build.gates.tests_run import TestGate
from factory_assets.build.gates.tree import judge_secrets, judge_tree
from factory_assets.build.languages import lines_of_code
from factory_assets.build.tree import SYMLINK
from factory_assets.domain.agents import CommandResult
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.specs import Language

MAKEFILE = ".PHONY: build test lint\nbuild:\n\ttrue\ntest:\n\ttrue\nlint: build\n\ttrue\n"
REPO = {**BASH_FILES, **DOCUMENTS, "Makefile": MAKEFILE, "SPEC.md": "# Spec\n", "LICENSE": "MIT\n"}
BODY = "line\n" * 30

TESTS = {
    Language.GO: ("count_test.go", "package count\n\nfunc TestCount(t *testing.T) {}\n"),
    Language.PYTHON: ("tests/test_count.py", "def test_count():\n    assert True\n"),
    Language.TYPESCRIPT: ("tests/count.test.ts", 'test("counts", () => {});\n'),
    Language.BASH: ("tests/test_count.sh", "echo ok 1\n"),
    Language.RUST: ("tests/count.rs", "#[test]\nfn counts() {}\n"),
}
SOURCES = {
    Language.GO: "count.go",
    Language.PYTHON: "count/cli.py",
    Language.TYPESCRIPT: "src/count.ts",
    Language.BASH: "bin/count",
    Language.RUST: "src/count.rs",
}


@pytest.mark.parametrize("language", list(Language))
def test_sources_and_tests_are_recognised_in_every_language(language):
    path, text = TESTS[language]
    tree = tree_of({SOURCES[language]: BODY, path: text})
    assert judge_sources(language, {}, tree).passed
    assert judge_tests_present(language, {}, tree).passed
    assert lines_of_code(language, tree) == 30


@pytest.mark.parametrize("language", list(Language))
def test_a_tree_of_tests_alone_has_no_sources_and_one_of_sources_no_tests(language):
    path, text = TESTS[language]
    assert not judge_sources(language, {}, tree_of({path: text + BODY})).passed
    assert not judge_tests_present(language, {}, tree_of({SOURCES[language]: BODY})).passed


def test_the_scaffolds_own_files_are_no_sources():
    scaffold = tree_of({"count/__init__.py": BODY})
    verdict = judge_sources(Language.PYTHON, scaffold, scaffold)
    assert not verdict.passed
    assert "no source file" in verdict.saw


def test_blank_lines_and_vendored_code_do_not_count_as_source():
    tree = tree_of({"count/a.py": "\n" * 50, "vendor/lib.py": BODY, "node_modules/x.py": ""})
    assert not judge_sources(Language.PYTHON, {}, tree).passed


def test_an_empty_test_file_is_no_test():
    assert not judge_tests_present(Language.PYTHON, {}, tree_of({"tests/test_a.py": "import os\n"})).passed


def test_rusts_tests_inside_a_source_file_count_as_tests_and_not_as_code():
    text = BODY + "#[cfg(test)]\nmod tests {\n    #[test]\n    fn counts() {}\n}\n"
    tree = tree_of({"src/lib.rs": text})
    assert judge_tests_present(Language.RUST, {}, tree).passed
    assert lines_of_code(Language.RUST, tree) == 30


def test_true_documents_pass():
    verdict = judge_documents(tree_of(REPO))
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize(
    ("name", "change", "seen"),
    [
        ("README.md", lambda text: "# word-count\n", "README.md has 12 characters"),
        ("README.md", lambda text: text.replace("## Install", "## Words"), "how to install it"),
        ("README.md", lambda text: text.replace("## Usage", "## Words"), "how to use it"),
        ("README.md", lambda text: text.replace("(SPEC.md)", "(docs/guide.md)"), "docs/guide.md"),
        ("README.md", lambda text: text.replace("`make lint`", "`make deploy`"), "make deploy"),
        ("README.md", lambda text: text + "\n```sh\nmake install && make test\n```\n", "make install"),
        ("llms.txt", lambda text: text.replace("# word-count", "word-count", 1), "does not begin with"),
        ("llms.txt", lambda text: text.replace("(README.md)", "(readme.rst)"), "readme.rst"),
        ("llms.txt", lambda text: text.replace("](", "] ("), "links to nothing"),
        ("CLAUDE.md", lambda text: "", "CLAUDE.md has 0 characters"),
        ("AGENTS.md", lambda text: text.replace("`make build`", "`make all`"), "make all"),
    ],
)
def test_a_document_that_is_empty_or_untrue_is_refused(name, change, seen):
    verdict = judge_documents(tree_of(REPO | {name: change(REPO[name])}))
    assert not verdict.passed
    assert seen in verdict.saw


def test_a_missing_document_is_named():
    without = {path: text for path, text in REPO.items() if path != "AGENTS.md"}
    assert "AGENTS.md is missing" in judge_documents(tree_of(without)).saw


def test_words_that_only_look_like_make_calls_or_links_are_left_alone():
    more = (
        "\n```sh\n# make sure it works\nmake build && make test  # both\n```\n"
        "This will make sense; `make test -j2` too, `cmake build`, `make sure` is not code.\n"
        "See [the paper](https://arxiv.org/abs/2606.01234), [above](#usage), [code](lib), `a[0](x)`.\n"
    ).replace("`make sure`", "make sure")
    verdict = judge_documents(tree_of(REPO | {"README.md": REPO["README.md"] + more}))
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ({"README.md": "other"}, True),
        ({"docs/guide.md": "new"}, True),
        ({"lib/count.sh": "other"}, False),
        ({"lib/new.sh": "new"}, False),
        ({"tests/data.md": "new"}, False),
        ({"SPEC.md": "other"}, False),
    ],
)
def test_the_seo_phase_may_only_write_documents(change, passed):
    assert judge_sources_unchanged(tree_of(REPO), tree_of(REPO | change)).passed is passed


def test_a_removed_file_and_a_changed_mode_are_changes():
    before = tree_of(REPO)
    assert not judge_sources_unchanged(before, {k: v for k, v in before.items() if k != "LICENSE"}).passed
    executable = dict(before) | tree_of({"lib/count.sh": REPO["lib/count.sh"]}, mode="100755")
    assert not judge_sources_unchanged(before, executable).passed


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", ".."])
def test_a_link_out_of_the_repo_is_refused(target):
    verdict = judge_tree(Phase.BUILD, tree_of({"docs/link": target}, mode=SYMLINK))
    assert verdict.passed is (target == "..")
    assert judge_tree(Phase.BUILD, tree_of({"link": "docs/../README.md"}, mode=SYMLINK)).passed


def test_a_huge_file_is_refused():
    big = tree_of({"data.bin": "x" * 2_000_001})
    assert "2,000,001 bytes" in judge_tree(Phase.BUILD, big).saw


def test_a_secret_is_found_in_files_and_names_and_never_shown():
    secret = "sk-ant-0123456789"
    for tree in (tree_of({"a.py": f"key = '{secret}'"}), tree_of({f"{secret}.txt": ""})):
        verdict = judge_secrets(Phase.BUILD, tree, (secret, "short"))
        assert not verdict.passed
        assert secret not in verdict.saw
    assert judge_secrets(Phase.BUILD, tree_of({"a.py": "short"}), ("short",)).passed


def run_gate(folder, language, files, *, makefile):
    write_files(folder, {**files, "Makefile": makefile})
    gate = TestGate(language=language, clone=folder, commands=SubprocessCommands(), seconds=30)
    return gate.judge()


PYTEST = "test:\n\tpython3 -m pytest -q -p no:cacheprovider\n"
SHELL = "test:\n\tbash tests/test_count.sh\n"


def test_python_tests_are_run_and_counted(tmp_path):
    files = PYTHON_FILES | {"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['.']\n"}
    result = run_gate(tmp_path, Language.PYTHON, files, makefile=PYTEST)
    assert [verdict.passed for verdict in result.verdicts] == [True, True]
    assert result.tests_executed == 3


def test_a_make_test_that_lies_is_found_out_by_the_factorys_own_run(tmp_path):
    files = {"tests/test_a.py": "def test_a():\n    assert False\n"}
    result = run_gate(tmp_path, Language.PYTHON, files, makefile="test:\n\t@echo '9 passed'\n")
    assert [verdict.passed for verdict in result.verdicts] == [True, False]
    assert "1 tests executed, 1 failed" in result.verdicts[1].saw


def test_too_few_tests_and_skipped_ones_are_refused(tmp_path):
    skipped = "import pytest\n" + "".join(
        f"@pytest.mark.skip\ndef test_{number}():\n    pass\n" for number in range(5)
    )
    files = {"tests/test_a.py": skipped + "def test_a():\n    assert True\n"}
    result = run_gate(tmp_path, Language.PYTHON, files, makefile=PYTEST)
    assert [verdict.passed for verdict in result.verdicts] == [True, False]
    assert result.tests_executed == 1


def test_the_end_of_a_failing_test_run_is_the_evidence(tmp_path):
    files = {"tests/test_a.py": "def test_a():\n    assert 'left' == 'right'\n"}
    result = run_gate(tmp_path, Language.PYTHON, files, makefile=PYTEST)
    assert not any(verdict.passed for verdict in result.verdicts)
    assert "assert 'left' == 'right'" in result.verdicts[0].saw


def test_bash_tests_are_run_and_counted(tmp_path):
    result = run_gate(tmp_path, Language.BASH, BASH_FILES, makefile=SHELL)
    assert [verdict.passed for verdict in result.verdicts] == [True, True]
    assert result.tests_executed == 3


def test_a_bash_test_that_stops_before_its_plan_is_done_is_refused(tmp_path):
    files = {"tests/test_count.sh": "echo 1..5\necho ok 1\necho ok 2\necho ok 3\n"}
    result = run_gate(tmp_path, Language.BASH, files, makefile=SHELL)
    assert "3 tests executed, 2 failed" in result.verdicts[1].saw


def test_tests_that_never_end_are_stopped_and_said_so(tmp_path):
    write_files(tmp_path, {"Makefile": "test:\n\tsleep 20\n"})
    gate = TestGate(language=Language.BASH, clone=tmp_path, commands=SubprocessCommands(), seconds=0.3)
    assert "was stopped after 0 s" in gate.judge().verdicts[0].saw


class Offline:
    """Commands of a machine whose package registry is out of reach."""

    protections = ()

    def __init__(self, output):
        self.output = output
        self.commands = []

    def run(self, command):
        self.commands.append(command)
        return CommandResult(1, self.output, timed_out=False, seconds=0.1)


def test_only_the_installation_of_development_dependencies_has_network(tmp_path):
    commands = Offline("npm error ERESOLVE could not resolve")
    result = TestGate(language=Language.TYPESCRIPT, clone=tmp_path, commands=commands, seconds=5).judge()
    assert [command.argv[:2] for command in commands.commands if command.network] == [("npm", "install")]
    assert not result.verdicts[0].passed


def test_an_unreachable_registry_is_no_fault_of_the_repo(tmp_path):
    gate = TestGate(
        language=Language.TYPESCRIPT,
        clone=tmp_path,
        commands=Offline("npm error code ENOTFOUND"),
        seconds=5,
    )
    with pytest.raises(InfrastructureError, match="package registry"):
        gate.judge()


def test_a_report_that_is_a_link_is_not_read(tmp_path):
    files = {
        "tests/test_a.py": "def test_a():\n    pass\n",
        "conftest.py": "import os, pathlib\n\n\ndef pytest_unconfigure(config):\n"
        "    report = pathlib.Path('.factory-report.xml')\n    report.unlink(missing_ok=True)\n"
        "    report.symlink_to('/etc/passwd')\n",
    }
    result = run_gate(tmp_path, Language.PYTHON, files, makefile="test:\n\ttrue\n")
    assert not result.verdicts[1].passed
    assert "no report" in result.verdicts[1].saw
