"""Scenarios are calls of the repo's own command, or of its library, in a folder of their own beside the clone."""

from __future__ import annotations

from pathlib import Path

import pytest
from acceptance_material import (
    SNIPPETS,
    agreed,
    expects,
    held,
    python_tool,
    run,
    scenario,
    sources,
)
from gate_material import marked, need, tree
from harm_material import reviewed

from factory_assets.domain.acceptance import Form, ScenarioFault, ScenarioResult
from factory_assets.domain.specs import Language
from factory_assets.gates.acceptance import acceptance_verdict, run_in

WRONG_WAY = "clamp: the bounds are the wrong way round\n"


@pytest.mark.parametrize("language", marked(Language))
def test_the_command_and_the_library_are_called_in_each_language(language: Language, tmp_path: Path) -> None:
    need(language)
    results = run(
        language,
        sources(language),
        [
            scenario("12", "3", "9", wants=[expects("9\n")]),
            scenario(snippet=SNIPPETS[language], wants=[expects("9")]),
            scenario("1", "9", "3", exit_code=1, wants=[expects(WRONG_WAY, of="stderr"), expects("")]),
            scenario("12", "3", "9", wants=[expects("8")]),
            scenario(snippet=SNIPPETS[language], wants=[expects("8")]),
        ],
        tmp_path,
    )
    happened = "\n".join(result.happened for result in results)
    assert [result.fault for result in results] == [None] * 3 + [ScenarioFault.OUTPUT] * 2, happened
    assert "$ clamp 12 3 9" in happened
    assert "-8" in happened
    assert "+9" in happened
    written = {path.relative_to(tmp_path / "clone").as_posix() for path in (tmp_path / "clone").rglob("*")}
    assert not [
        path for path in written if "usage" in path and path.endswith((".py", ".sh", ".go", ".rs", ".ts"))
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["clone"]


def test_a_call_sees_its_own_files_and_its_stdin_and_what_it_writes_is_read(tmp_path: Path) -> None:
    code = """import os, pathlib, sys

def main():
    print(sorted(os.listdir()), sys.stdin.read())
    print("kept apart", file=sys.stderr)
    pathlib.Path("made").mkdir()
    pathlib.Path("made/sum.txt").write_text(pathlib.Path("in/a.txt").read_text().upper())
    return 3
"""
    (result,) = run(
        Language.PYTHON,
        python_tool(code),
        [
            scenario(
                stdin="given",
                files={"in/a.txt": "a line"},
                exit_code=3,
                wants=[
                    expects("['in'] given"),
                    expects("kept apart", of="stderr"),
                    expects("A LINE", of="made/sum.txt"),
                ],
            )
        ],
        tmp_path,
    )
    assert result.passed, result.happened


def test_each_call_begins_anew_and_none_can_change_the_clone(tmp_path: Path) -> None:
    code = """import os, pathlib

def main():
    here = pathlib.Path(__file__)
    for place in (here.parent, pathlib.Path.home(), pathlib.Path("/tmp"), pathlib.Path("."), pathlib.Path("..")):
        try:
            (place / "left.txt").touch(exist_ok=False)
            print("new")
        except OSError as error:
            print(error.strerror)
"""
    wants = [expects("Read-only file system\nnew\nnew\nnew\nnew")]
    results = run(Language.PYTHON, python_tool(code), [scenario(wants=wants)] * 2, tmp_path)
    assert [result.fault for result in results] == [None, None], results


NESTS_DEEP = """import os

def main():
    print(9)
    for _ in range(2000):
        os.mkdir('d')
        os.chdir('d')
"""
SWAPS_ITS_FOLDER = """import os

def main():
    print(9)
    os.mkdir('../x')
    open('../x/sum.txt', 'w')
    os.chdir('..')
    os.rename('work', 'old')
    os.symlink('x', 'work')
"""


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import time\n\ndef main():\n    time.sleep(60)\n", ScenarioFault.TIMED_OUT),
        ("def main():\n    print('9' * 300_000)\n", ScenarioFault.OUTPUT),
        ("import os\n\ndef main():\n    os.kill(os.getppid(), 9)\n", ScenarioFault.EXIT_CODE),
        ("import sys\n\ndef main():\n    sys.exit(127)\n", ScenarioFault.NOT_STARTED),
        ("import os\n\ndef main():\n    print(9)\n    os.mkfifo('sum.txt')\n", ScenarioFault.FILE),
        (
            "import os\n\ndef main():\n    print(9)\n    os.symlink('/etc/passwd', 'sum.txt')\n",
            ScenarioFault.FILE,
        ),
        (SWAPS_ITS_FOLDER, ScenarioFault.FILE),
        (NESTS_DEEP, ScenarioFault.FILE),
        (
            "import os\n\ndef main():\n    os.remove('../out')\n    os.symlink('/etc/passwd', '../out')\n",
            ScenarioFault.OUTPUT,
        ),
        (
            "import sys\n\ndef main():\n    print(9)\n    open('sum.txt', 'wb').write(b'\\xff\\x00')\n",
            ScenarioFault.FILE,
        ),
    ],
)
def test_what_a_hostile_program_does_is_a_fault_and_harms_nobody(
    code: str, fault: ScenarioFault, tmp_path: Path
) -> None:
    wants = [expects("9"), expects("", of="sum.txt")]
    (result,) = run(Language.PYTHON, python_tool(code), [scenario(wants=wants)], tmp_path, seconds=20)
    assert result.fault is fault, result.happened


def test_calls_for_which_no_time_is_left_do_not_pass(tmp_path: Path) -> None:
    results = run(Language.PYTHON, sources(Language.PYTHON), [scenario("1", "2", "3")], tmp_path, seconds=0.5)
    assert [result.fault for result in results] == [ScenarioFault.TIMED_OUT]


def test_a_repo_without_the_command_or_with_code_that_does_not_compile_is_told_so(tmp_path: Path) -> None:
    (missing,) = run(Language.PYTHON, {"README.md": "x"}, [scenario("1")], tmp_path)
    assert missing.fault is ScenarioFault.NOT_STARTED
    assert "nothing in the repo installs the command clamp" in missing.happened


def test_a_repo_with_one_command_of_another_name_is_called_by_that(tmp_path: Path) -> None:
    files = sources(Language.BASH)
    renamed = {path.replace("bin/clamp", "bin/keep-within"): text for path, text in files.items()}
    (result,) = run(Language.BASH, renamed, [scenario("12", "3", "9", wants=[expects("9")])], tmp_path)
    assert result.passed, result.happened


# It looks for words that its own source has only backwards.
LOOKS_AROUND = """import os, pathlib, sys

BACKWARDS = "hsifarbez toleco akkouq tomram regdab ecnatpecca oiranecs snoitatcepxe xebi surlaw".split()

def texts():
    yield from (*os.environ, *os.environ.values(), *sys.argv, os.getcwd(), sys.stdin.read())
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ", "mountinfo", "maps"):
            try:
                yield (process / name).read_text(errors="replace")
            except OSError:
                pass
        try:
            yield from (os.readlink(one) for one in (process / "fd").iterdir())
        except OSError:
            pass
    repo = os.path.dirname(os.path.dirname(__file__))
    for place in ("/tmp", "/home", "/run", "/dev/shm", "..", "../..", repo, repo + "/.."):
        for folder, _, files in os.walk(place):
            for file in files:
                yield os.path.join(folder, file)
                try:
                    with open(os.path.join(folder, file), errors="replace") as text:
                        yield text.read(200_000)
                except OSError:
                    pass

def main():
    seen = "\\n".join(texts()).casefold()
    print("found:", *(word[::-1] for word in BACKWARDS if word[::-1] in seen), "CI" if "CI" in os.environ else "")
"""


def test_a_program_that_searches_all_it_can_see_finds_what_it_is_given_and_nothing_of_what_is_expected(
    tmp_path: Path,
) -> None:
    wants = [
        expects("found: ibex walrus"),
        expects("zebrafish|found", form=Form.REGEX),
        expects("^(ocelot|quokka)?$", of="stderr", form=Form.REGEX),
    ]
    told = "With a marmot it asks for a badger."
    asked = scenario("--top", "walrus", stdin="ibex", wants=wants, behaviour=told)
    (result,) = run(Language.PYTHON, python_tool(LOOKS_AROUND), [asked], tmp_path)
    assert result.passed, result.happened


def test_what_a_program_is_seen_to_do_in_a_call_is_told_to_the_operator_and_to_no_agent(
    tmp_path: Path,
) -> None:
    code = """import socket, sys

def main():
    try:
        socket.create_connection((sys.argv[1] + ".example.org", 80))
    except OSError:
        print("nobody is there")
"""
    context = reviewed(Language.PYTHON, tree(python_tool(code)), tmp_path)
    asked = held(scenario("walrus", wants=[expects("nobody is there")]))
    (result,) = run_in(context, asked, name="clamp")
    assert result.passed, result.happened
    assert "it looked up walrus.example.org" in result.happened
    assert context.runs.watched.seen == {}


def test_what_agents_are_told_of_a_failure_is_its_behaviour_and_its_kind_and_no_value() -> None:
    first = scenario(
        "--walrus",
        behaviour="With --walrus and a ragged table the contract asks for exit code 2.",
        exit_code=2,
    )
    second = scenario("--other", behaviour="With a whole one it asks for its sum.")
    failed = ScenarioResult(number=1, fault=ScenarioFault.EXIT_CODE, happened="$ clamp --walrus\nzebrafish")
    passed = ScenarioResult(number=2, fault=None, happened="all as asked for")
    refused = acceptance_verdict(agreed(first, second), (failed, passed))
    assert not refused.passed
    assert refused.saw == (
        "1. With … and a ragged table the contract asks for exit code 2: it ended with another exit code"
    )
    assert "SPEC.md" in refused.fix
    assert "DISPUTES.md" in refused.fix
    whole = acceptance_verdict(agreed(first), (failed.model_copy(update={"fault": None}),))
    assert whole.passed
    assert whole.saw == "1 scenarios passed, of which the builder had seen 0"


def test_a_scenario_without_a_result_has_not_passed() -> None:
    assert not acceptance_verdict(agreed(scenario("1")), ()).passed
