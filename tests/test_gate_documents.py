"""Documents are held against the tree: sections, links, commands, paths, figures, and what the commands do."""

from __future__ import annotations

import pytest
from build_fakes import SubprocessCommands
from build_material import BASH_FILES, DOCUMENTS, PYTHON_FILES, tree_of, write_files
from demo_repos import DEMO, SPECS, demo_trees
from toolchains import works

from factory_assets.domain.agents import CommandResult
from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language
from factory_assets.gates.documents import judge_documents
from factory_assets.gates.documents_run import run_documented_commands
from factory_assets.gates.llms_txt import Link, parse_llms_txt
from factory_assets.gates.markdown import simple_commands
from factory_assets.gates.placeholders import judge_placeholders
from factory_assets.gates.review_bounds import judge_review

MAKEFILE = ".PHONY: build test lint\nbuild:\n\ttrue\ntest:\n\ttrue\nlint: build\n\ttrue\n"
SPEC = "# word-count\n\n## Problem\n\nNobody counts.\n"
COMMON = {"Makefile": MAKEFILE, "SPEC.md": SPEC, "LICENSE": "MIT\n"}
BASH_REPO = {**BASH_FILES, **DOCUMENTS, **COMMON}
PYPROJECT = '[project]\nname = "word-count"\n[project.scripts]\nword-count = "word_count.cli:main"\n'
PYTHON_REPO = {
    **PYTHON_FILES,
    **{name: text.replace("bin/word-count", "python3 -m word_count") for name, text in DOCUMENTS.items()},
    **COMMON,
    "pyproject.toml": PYPROJECT,
}
GO_REPO = {
    **{name: text.replace("bin/word-count", "go run .") for name, text in DOCUMENTS.items()},
    **COMMON,
    "go.mod": "module github.com/acme/word-count\n\ngo 1.22\n",
    "main.go": 'package main\n\nimport "flag"\n\nfunc main() { flag.Int("top", 1, "x") }\n',
}
RUST_REPO = {
    **{name: text.replace("bin/word-count", "cargo run --") for name, text in DOCUMENTS.items()},
    **COMMON,
    "Cargo.toml": '[package]\nname = "word-count"\n',
    "src/main.rs": 'fn main() { println!("--top"); }\n',
}
TS_REPO = {
    **{name: text.replace("bin/word-count", "node dist/src/cli.js") for name, text in DOCUMENTS.items()},
    **COMMON,
    "package.json": '{"name": "word-count", "bin": {"word-count": "dist/src/cli.js"},'
    ' "scripts": {"test": "make test"}}',
    "src/cli.ts": "console.log('--top');\n",
}
REPOS = {
    Language.BASH: BASH_REPO,
    Language.PYTHON: PYTHON_REPO,
    Language.GO: GO_REPO,
    Language.RUST: RUST_REPO,
    Language.TYPESCRIPT: TS_REPO,
}


def judge(repo, language=Language.BASH, scaffold=None):
    start = tree_of({"SPEC.md": SPEC, "LICENSE": "MIT\n"} if scaffold is None else scaffold)
    return judge_documents(Phase.SEO, language, tree_of(repo), start)


def with_more(text, *, language=Language.BASH, name="README.md"):
    repo = REPOS[language]
    return judge(repo | {name: f"{repo[name]}\n{text}\n"}, language)


@pytest.mark.parametrize("language", list(Language))
def test_true_documents_pass_in_every_language(language):
    verdict = judge(REPOS[language], language)
    assert verdict.passed, verdict.saw
    assert "README.md (" in verdict.saw


@pytest.mark.parametrize("phase", [Phase.SEO, Phase.REVIEW])
def test_the_verdict_is_of_the_phase_that_asked(phase):
    assert judge_documents(phase, Language.BASH, tree_of(BASH_REPO), {}).phase is phase


@pytest.mark.parametrize("name", sorted(DEMO.conversations))
def test_the_demos_repos_pass_every_static_gate(tmp_path, name):
    trees, language = demo_trees(name, tmp_path), SPECS[name].language
    verdicts = [
        judge_placeholders(language, trees[Phase.BUILD], trees["scaffold"]),
        judge_documents(Phase.SEO, language, trees[Phase.SEO], trees["scaffold"]),
        judge_review(language, built=trees[Phase.BUILD], tree=trees[Phase.REVIEW]),
        judge_documents(Phase.REVIEW, language, trees[Phase.REVIEW], trees["scaffold"]),
    ]
    assert [verdict.saw for verdict in verdicts if not verdict.passed] == []
    faults = run_documented_commands(
        language=language, clone=tmp_path, tree=trees[Phase.REVIEW], commands=SubprocessCommands(), seconds=60
    )
    assert faults == ()


@pytest.mark.parametrize(
    ("name", "change", "seen"),
    [
        ("README.md", lambda text: "# word-count\n", "README.md has 12 characters"),
        ("README.md", lambda text: text.replace("## Install", "## Words"), "how to install it"),
        ("README.md", lambda text: text.replace("## Usage", "## Words"), "how to use it"),
        ("README.md", lambda text: text.replace("## Options", "## Words"), "what can be called"),
        ("README.md", lambda text: text.replace("## How it works", "## Words"), "how it is made"),
        (
            "README.md",
            lambda text: text.replace("Counts the words", "## Words\n\nCounts"),
            "what the tool does",
        ),
        ("README.md", lambda text: text.replace("(SPEC.md)", "(docs/guide.md)"), "docs/guide.md"),
        ("README.md", lambda text: text.replace("`make lint`", "`make deploy`"), "make deploy"),
        ("README.md", lambda text: text + "\n```sh\nmake install && make test\n```\n", "make install"),
        ("README.md", lambda text: text + "\nTODO: describe the format.\n", "is not written yet"),
        ("README.md", lambda text: text + "\n## Notes\n\nComing soon.\n", "is not written yet"),
        ("README.md", lambda text: text + "\nLorem ipsum dolor sit amet.\n", "is not written yet"),
        ("llms.txt", lambda text: text.replace("# word-count", "word-count", 1), "does not begin with"),
        ("llms.txt", lambda text: text.replace("> Counts", "Counts"), "no blockquote"),
        ("llms.txt", lambda text: text.replace("(README.md)", "(readme.rst)"), "readme.rst"),
        ("llms.txt", lambda text: text.replace("](", "] ("), "links to nothing"),
        (
            "llms.txt",
            lambda text: text + "\n## Source\n\n- bin/word-count: the command\n",
            "no link of the form",
        ),
        ("CLAUDE.md", lambda text: "", "CLAUDE.md has 0 characters"),
        ("AGENTS.md", lambda text: text.replace("`make build`", "`make all`"), "make all"),
    ],
)
def test_a_document_that_is_empty_or_untrue_is_refused(name, change, seen):
    verdict = judge(BASH_REPO | {name: change(BASH_REPO[name])})
    assert not verdict.passed
    assert seen in verdict.saw, verdict.saw


def test_a_missing_document_is_named():
    without = {path: text for path, text in BASH_REPO.items() if path != "AGENTS.md"}
    assert "AGENTS.md is missing" in judge(without).saw


def test_copies_of_each_other_and_of_the_scaffold_are_refused():
    readme = BASH_REPO["README.md"]
    assert "README.md and CLAUDE.md are the same text" in judge(BASH_REPO | {"CLAUDE.md": readme}).saw
    assert judge(BASH_REPO | {"CLAUDE.md": BASH_REPO["AGENTS.md"]}).passed
    long_spec = SPEC + "A line of the plan.\n" * 30
    copied = judge(
        BASH_REPO | {"SPEC.md": long_spec, "README.md": long_spec}, scaffold={"SPEC.md": long_spec}
    )
    assert "README.md is the scaffold's SPEC.md" in copied.saw
    mixed = judge(BASH_REPO | {"SPEC.md": readme, "README.md": f"{readme}\nOne line of its own.\n"})
    assert "README.md is SPEC.md's text" in mixed.saw


@pytest.mark.parametrize(
    ("language", "command", "seen"),
    [
        (Language.PYTHON, "python3 -m word_counter", "there is no word_counter/__main__.py"),
        (Language.PYTHON, "python3 -m word_count.nothing a.txt", "there is no word_count/nothing"),
        (Language.PYTHON, "pip install word-count", "word-count is in no package index"),
        (Language.PYTHON, "python3 -m pip install -U word_count", "word_count is in no package index"),
        (Language.PYTHON, "uvx word-count", "word-count is in no package index"),
        (Language.BASH, "brew install word-count", "word-count is in no package index"),
        (Language.TYPESCRIPT, "npm install -g word-count", "word-count is in no package index"),
        (Language.TYPESCRIPT, "npm install @acme/word-count", "word-count is in no package index"),
        (Language.TYPESCRIPT, "npm run docs", "package.json has no script docs"),
        (Language.TYPESCRIPT, "node dist/src/main.js", "there is no src/main.ts"),
        (Language.RUST, "cargo install word-count", "word-count is in no package index"),
        (Language.RUST, "cargo run --bin other -- a", "there is no such binary"),
        (Language.GO, "go install github.com/acme/word-count@latest", "is in no package index"),
        (Language.GO, "go run ./cmd/word-count a.txt", "there is no package main"),
    ],
)  # fmt: skip
def test_a_command_that_does_not_exist_is_refused(language, command, seen):
    verdict = with_more(f"```sh\n{command}\n```", language=language)
    assert not verdict.passed
    assert seen in verdict.saw, verdict.saw
    assert "README.md:" in verdict.saw


def test_a_command_that_no_project_file_installs_is_refused():
    repo = PYTHON_REPO | {"pyproject.toml": '[project]\nname = "word-count"\n'}
    repo["README.md"] += "\n```sh\nword-count --top 3 a.txt\n```\n"
    assert "the command word-count, which nothing in the repo installs" in judge(repo, Language.PYTHON).saw
    broken = PYTHON_REPO | {"pyproject.toml": PYPROJECT.replace("word_count.cli", "word_count.app")}
    assert "there is no module word_count.app" in judge(broken, Language.PYTHON).saw


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            Language.PYTHON,
            "```sh\npython3 -m pip install .\npip install -e '.[dev]'\npip install pytest\n```",
        ),
        (Language.PYTHON, "It is in no index: `pip install word-count` does not work."),
        (Language.PYTHON, "```console\n$ word-count --top 2 < a.txt\n2 pip install word-count\n```"),
        (
            Language.PYTHON,
            "`word-count` reads a text; `python3 -m venv .venv` and `python3 -m json.tool` are known.",
        ),
        (
            Language.PYTHON,
            "```sh\npipx install git+https://example.com/acme/word-count\ncd word-count && ls\n```",
        ),
        (Language.PYTHON, "```python\nfrom word_count.cli import count  # make it count\n```"),
        (Language.GO, "```sh\ngo build -o word-count . && ./word-count -top 3\ngo install .\n```"),
        (Language.RUST, "```sh\ncargo install --path .\ncargo run --release -- --top 2\n```"),
        (Language.TYPESCRIPT, "```sh\nnpm install && npm test\nnpm install -g .\nword-count a.txt\n```"),
        (Language.TYPESCRIPT, "In your own project: `npm run lint:words`."),
        (Language.BASH, "```sh\ninstall -m 755 bin/word-count /usr/local/bin\nword-count a.txt\n```"),
        (
            Language.BASH,
            "```sh\n# make sure it works\nmake build && make test  # both\nmake -C other deploy\n```",
        ),
        (Language.BASH, "This will make sense; `make test -j2` too, `make CC=gcc build`, and `cmake all`."),
        (
            Language.BASH,
            "See [the paper](https://arxiv.org/abs/2606.01234), [above](#usage), [code](lib), `a[0](x)`.",
        ),
    ],
)
def test_commands_and_links_that_are_true_or_somebody_elses_pass(language, text):
    verdict = with_more(text, language=language)
    assert verdict.passed, verdict.saw


@pytest.mark.parametrize(
    ("name", "text", "seen"),
    [
        ("README.md", "## Layout\n\n- `lib/missing.sh`: nothing", "lib/missing.sh"),
        ("AGENTS.md", "Counting is in `core/count.py`.", "core/count.py"),
        ("README.md", "## API\n\nLevels are read from `config/levels.conf`.", "config/levels.conf"),
        ("CLAUDE.md", "See `docs/design.md` first.", "docs/design.md"),
        ("AGENTS.md", "Look at `lib/other.sh:12`.", "lib/other.sh"),
        ("README.md", "## Architecture\n\n`lib/count.sh` writes to `lib/writer.sh`.", "lib/writer.sh"),
        ("README.md", "## Layout\n\n- `lib/out.sh`: writes the output", "lib/out.sh"),
        ("README.md", "## Layout\n\n- `parser.sh`: cuts the text", "parser.sh"),
        ("README.md", "## Development\n\nSee `examples/basic.sh`.", "examples/basic.sh"),
        ("CLAUDE.md", "`lib/example.sh` is the entry point.", "lib/example.sh"),
        ("AGENTS.md", "Read `lib/input.sh` first.", "lib/input.sh"),
        ("CLAUDE.md", "It is tested by `.github/workflows/test.yml`.", ".github/workflows/test.yml"),
    ],
)
def test_a_path_of_the_repo_that_does_not_exist_is_refused(name, text, seen):
    verdict = with_more(text, name=name)
    assert f"mentions {seen}, which does not exist" in verdict.saw


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.md", "Pass `requests.jsonl` or `logs/app.log`; `src/app.py` of your project is read too."),
        (
            "README.md",
            "## Layout\n\n`lib/count.sh`, `lib/count.sh:3`, `./bin/word-count`, `lib/*.sh`, `lib/`",
        ),
        (
            "AGENTS.md",
            "`and/or`, `text/plain`, `~/.config/a.toml`, `/etc/hosts`, `https://a.b/c.py`, `dist/x.js`",
        ),
        ("AGENTS.md", "`count.sh` and `path/to/file.py` are only examples, `N/A` too."),
        ("README.md", "## API\n\nRun it in `./my-project`; logs go to `/tmp/x/out.json`."),
        ("README.md", "## Reference\n\nReads `config/levels.conf` from the current directory if it exists."),
        ("README.md", "## Architecture\n\nThe output is saved as `reports/out.json`."),
        ("README.md", "## API\n\nThe file reads settings, e.g. `settings/prod.toml`."),
        ("README.md", "## API\n\nPass the log as `logs/app.json`, and `src/**/*.ts` matches the sources."),
        ("README.md", "## API\n\nIt looks for `.word-count/config.toml` beside the text."),
        ("README.md", "## Layout\n\n- `count.sh`: counts\n- `bin/word-count`: the command"),
        ("CLAUDE.md", "Tests write `tmp_path/log.txt` and never `~/.cache/x.json`."),
        ("CLAUDE.md", "Do not add `requirements/dev.txt`; there is none."),
        ("CLAUDE.md", "New rules go to `lib/rules_NAME.sh`."),
        ("CLAUDE.md", "Keep `README.md/llms.txt` true."),
        ("CLAUDE.md", "To add a rule, add `lib/new_rule.sh` and a test `tests/test_new_rule.sh`."),
    ],
)
def test_paths_of_users_and_paths_that_exist_pass(name, text):
    verdict = with_more(text, name=name)
    assert verdict.passed, verdict.saw


FIGURES = [
    "It is 3x faster than wc.",
    "It uses 40% less memory.",
    "It handles 10,000 requests/s on a laptop.",
    "Latency has a p99 of 5 ms.",
    "It reduces token cost by up to 35%.",
    "A scan takes about 12 ms.",
    "Accuracy of 97.5 on real logs.",
    "Saves 60% of the bill.",
    "2.5 times fewer calls are made.",
    "It is 2x faster than wc.",
    "It handles 10,000 requests per second.",
    "It processes 50,000 lines per second after warm-up.",
    "It is up to 10x faster if the cache is warm.",
    "Reduces memory by 40% when caching.",
    "Saves up to 60% of tokens, for example in CI.",
    "Scans 1 GB in under 200 ms.",
    "It is `40x faster` than grep.",
]


@pytest.mark.parametrize("text", FIGURES)
def test_a_figure_that_nothing_measures_is_refused(text):
    assert "that no benchmark in the repo measures" in with_more(text).saw
    repo = BASH_REPO | {"README.md": f"{BASH_REPO['README.md']}\n{text}\n", "bench/run.sh": "time x\n"}
    assert judge(repo).passed


@pytest.mark.parametrize(
    "text",
    [
        "The paper reports that it is 3x faster and uses 40% less memory.",
        "See [arXiv 2606.01234](https://arxiv.org/abs/2606.01234): 40% fewer tokens.",
        "The authors tried it on long texts. They measured a p99 of 5 ms there.",
        "`--rate 10` allows 10 requests per second.",
        "Exit code 1 when a route is 20% slower than the limit.",
        "For example, 100 tokens per second are a budget of 6000 a minute.",
        "```\nroute b is 3x faster\n```",
        "0.125 is also found as 12.5%; 3 lines, 2 files, version 3.10, 100% of the pairs.",
        "It has a timeout of 30 seconds, returns up to 100 items and reads at most 5 MB by default.",
        "Requires Python 3.10 and pytest 8.1. Version 0.1.0 is the first.",
        "Retries wait about 200 ms, doubling each time.",
        "The window of 60 seconds holds 10 requests per second.",
        "Buckets hold 1,000 tokens per second. The scheduler admits 5 requests per second.",
        "Polls in 50 ms steps, and a lock older than 500 ms is stale.",
        "Spans longer than 100 ms are shown; latency is rounded to within 1 ms.",
        "Sample output: `p99 12.5 ms`.",
        'It prints `3x faster` when the second run wins, and says "40% fewer tokens".',
        "Flags a regression of more than 10% in throughput.",
        "The tolerance is 5% more than the baseline. Weights: 70% precision, 30% recall.",
        "The example log has a p99 of 5 ms.",
        "Anything that is 3x slower than the median is marked.",
        "A request that takes 120 ms is put into the next bucket.",
    ],
)
def test_figures_of_the_paper_settings_and_examples_pass(text):
    verdict = with_more(text)
    assert verdict.passed, verdict.saw


SRC_LAYOUT = {
    **{
        path.replace("word_count/", "src/word_count/"): text
        for path, text in PYTHON_REPO.items()
        if not path.startswith("tests/")
    },
}


def test_the_commands_of_a_src_layout_are_found_and_run(tmp_path):
    shown = "\n```sh\nword-count --top 3 a.txt\npython3 -m word_count --top 3 a.txt\n```\n"
    repo = SRC_LAYOUT | {"README.md": SRC_LAYOUT["README.md"] + shown}
    verdict = judge(repo, Language.PYTHON)
    assert verdict.passed, verdict.saw
    faults, argvs = run(tmp_path, repo, Language.PYTHON)
    assert faults == ()
    assert ("python3", "-m", "word_count", "--help") in argvs
    moved = repo | {"README.md": repo["README.md"] + "\n```sh\npython3 -m src.word_counter\n```\n"}
    assert "there is no src/word_counter/__main__.py" in judge(moved, Language.PYTHON).saw


def test_a_module_of_the_users_is_not_looked_for_in_the_repo():
    assert with_more("```sh\npython3 -m my_service --port 1\n```", language=Language.PYTHON).passed


def test_an_option_that_no_source_knows_is_refused():
    listed = "## Options\n\n- `--top N`: how many words\n- `--deep`: not there\n"
    saw = with_more(listed, language=Language.PYTHON).saw
    assert "names the option --deep, which no source knows" in saw
    assert "--top" not in saw


def test_llms_txt_is_read_as_the_form_says():
    read = parse_llms_txt(DOCUMENTS["llms.txt"])
    assert read.faults == ()
    assert read.title == "word-count"
    assert read.summary.startswith("Counts the words")
    assert [section.title for section in read.sections] == ["Docs"]
    assert read.links[0] == Link("README", "README.md", "what it does and how it is used", 7)
    assert parse_llms_txt("").faults


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("A=1 cat a | word-count --top 3 > out.txt 2>&1", [("cat", "a"), ("word-count", "--top", "3")]),
        ("make build && make test  # both", [("make", "build"), ("make", "test")]),
        ("echo 'a b; c' | x", [("echo", "a b; c"), ("x",)]),
        ("git clone <this repository's URL>", []),
    ],
)
def test_a_shell_line_is_cut_into_commands(line, commands):
    assert simple_commands(line) == commands


def run(folder, repo, language):
    write_files(folder, repo)
    commands = SubprocessCommands()
    faults = run_documented_commands(
        language=language, clone=folder, tree=tree_of(repo), commands=commands, seconds=60
    )
    return faults, [command.argv for command in commands.commands]


def test_build_help_and_lint_are_run_once_each_and_tests_are_not(tmp_path):
    faults, argvs = run(tmp_path, BASH_REPO, Language.BASH)
    assert faults == ()
    assert argvs == [("make", "build"), ("bash", "bin/word-count", "--help"), ("make", "lint")]


def test_a_build_or_lint_that_fails_is_refused_with_its_output(tmp_path):
    repo = BASH_REPO | {"Makefile": MAKEFILE.replace("lint: build\n\ttrue", "lint:\n\t@echo ugly; exit 3")}
    (fault,), _ = run(tmp_path, repo, Language.BASH)
    assert "`make lint`, which the documents name, ended with 2" in fault
    assert "ugly" in fault


def test_a_flag_that_the_help_does_not_know_is_refused(tmp_path):
    repo = PYTHON_REPO | {
        "README.md": PYTHON_REPO["README.md"]
        + "\n```sh\nword-count --top 3 --deep < a.txt\npython3 -m word_count --top=2 --wide\n```\n"
    }
    faults, argvs = run(tmp_path, repo, Language.PYTHON)
    assert [fault.partition(" shows ")[2].partition(",")[0] for fault in faults] == [
        "--wide with word_count",
        "--deep with word-count",
    ]
    assert ("python3", "-m", "word_count", "--help") in argvs


SUBCOMMANDS = """import argparse
import sys

parser = argparse.ArgumentParser()
commands = parser.add_subparsers()
commands.add_parser("report").add_argument("--pairs", action="store_true")
parser.parse_args()
"""


def test_a_flag_of_a_subcommand_is_looked_up_in_the_subcommands_help(tmp_path):
    shown = "\n```sh\npython3 -m word_count report --pairs\n```\n"
    repo = PYTHON_REPO | {
        "word_count/__main__.py": SUBCOMMANDS,
        "README.md": PYTHON_REPO["README.md"] + shown,
    }
    faults, argvs = run(tmp_path, repo, Language.PYTHON)
    assert faults == ()
    assert ("python3", "-m", "word_count", "report", "--help") in argvs


def test_a_help_that_fails_or_hangs_is_refused(tmp_path):
    broken = PYTHON_REPO | {"word_count/__main__.py": "import sys\n\nsys.exit('no such option')\n"}
    (fault,), _ = run(tmp_path / "a", broken, Language.PYTHON)
    assert "`word_count --help`, of a command that the documents name, ended with 1" in fault
    assert "no such option" in fault
    hanging = BASH_REPO | {"bin/word-count": "#!/usr/bin/env bash\nsleep 60\n"}
    write_files(tmp_path / "b", hanging)
    faults = run_documented_commands(
        language=Language.BASH,
        clone=tmp_path / "b",
        tree=tree_of(hanging),
        commands=SubprocessCommands(),
        seconds=2,
    )
    assert "did not end within" in faults[0]


@pytest.mark.skipif(not works("cargo"), reason="not installed: cargo")
def test_the_help_of_a_rust_command_is_asked_for_through_cargo(tmp_path):
    source = 'fn main() { println!("usage: word-count [--top N]"); }\n'
    shown = "\n```sh\ncargo run -- --top 3\ncargo run --release -- --deep\ntarget/release/word-count --top 1\n```\n"
    repo = RUST_REPO | {
        "Cargo.toml": '[package]\nname = "word-count"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/main.rs": source,
        "README.md": RUST_REPO["README.md"] + shown,
    }
    faults, argvs = run(tmp_path, repo, Language.RUST)
    assert [fault.partition(" shows ")[2] for fault in faults] == [
        "--deep with word-count, and its --help does not know it"
    ]
    assert argvs[1] == ("cargo", "run", "-q", "--offline", "--bin", "word-count", "--", "--help")


class Recorded:
    """Commands that run nothing and answer every call alike."""

    protections = ()

    def __init__(self, exit_code, output):
        self.result = CommandResult(exit_code, output, timed_out=False, seconds=0.1)
        self.argvs = []

    def run(self, command):
        self.argvs.append(command.argv)
        return self.result if "--help" in command.argv else CommandResult(0, "", timed_out=False, seconds=0.1)


@pytest.mark.parametrize(
    ("exit_code", "output", "passed"),
    [
        (0, "Usage of word-count:\n  -top int\n", True),
        (1, "Usage of word-count:\n  -top int\nexit status 2\n", True),
        (1, "panic: no\nexit status 1\n", False),
        (0, "Usage of word-count:\n  -least int\n", False),
    ],
)
def test_gos_flag_package_ends_its_help_in_its_own_way(tmp_path, exit_code, output, passed):
    repo = GO_REPO | {"README.md": GO_REPO["README.md"] + "\n```sh\ngo run . --top 3 < a.txt\n```\n"}
    commands = Recorded(exit_code, output)
    faults = run_documented_commands(
        language=Language.GO, clone=tmp_path, tree=tree_of(repo), commands=commands, seconds=60
    )
    assert (faults == ()) is passed, faults
    assert commands.argvs == [("make", "build"), ("go", "run", ".", "--help"), ("make", "lint")]


def test_typescript_is_built_before_its_command_is_asked(tmp_path):
    repo = {name: text.replace("`make build`", "`make test`") for name, text in TS_REPO.items()}
    commands = Recorded(0, "--top N\n")
    faults = run_documented_commands(
        language=Language.TYPESCRIPT, clone=tmp_path, tree=tree_of(repo), commands=commands, seconds=60
    )
    assert faults == ()
    assert commands.argvs == [("make", "build"), ("node", "dist/src/cli.js", "--help"), ("make", "lint")]
