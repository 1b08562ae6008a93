"""Documents are held to what can be looked up in the tree or shown by a run, and not to their wording."""

from __future__ import annotations

import pytest
from build_fakes import SubprocessCommands
from build_material import BASH_FILES, DOCUMENTS, PYTHON_FILES, tree_of, write_files
from demo_repos import DEMO, SPECS, demo_trees
from gate_material import environment
from toolchains import works

from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language
from factory_assets.gates.documents import judge_documents
from factory_assets.gates.documents_run import run_documented_commands
from factory_assets.gates.placeholders import judge_placeholders
from factory_assets.gates.review_bounds import judge_review

MAKEFILE = ".PHONY: build test lint\nbuild:\n\ttrue\ntest:\n\ttrue\nlint: build\n\ttrue\n"
SPEC = "# word-count\n\n## Problem\n\nNobody counts.\n"
COMMON = {"Makefile": MAKEFILE, "SPEC.md": SPEC, "LICENSE": "MIT\n", ".gitignore": "dist/\n"}
BASH_REPO = {**BASH_FILES, **DOCUMENTS, **COMMON}
PYPROJECT = '[project]\nname = "word-count"\n[project.scripts]\nword-count = "word_count.cli:main"\n'


def documents(command):
    return {name: text.replace("bin/word-count", command) for name, text in DOCUMENTS.items()}


PYTHON_REPO = {
    **PYTHON_FILES,
    **{
        name: text.replace("`bin/python3", "`python3")
        for name, text in documents("python3 -m word_count").items()
    },
    **COMMON,
    "pyproject.toml": PYPROJECT,
}
GO_REPO = {
    **documents("go run ."),
    **COMMON,
    "go.mod": "module github.com/acme/word-count\n\ngo 1.22\n",
    "main.go": 'package main\n\nimport "flag"\n\nfunc main() {\n\tflag.Int("top", 1, "x")\n\tflag.Parse()\n}\n',
}
RUST_REPO = {
    **documents("cargo run --"),
    **COMMON,
    "Cargo.toml": '[package]\nname = "word-count"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/main.rs": 'fn main() { println!("usage: word-count [--top N]"); }\n',
}
TS_REPO = {
    **documents("node dist/src/cli.js"),
    **COMMON,
    "Makefile": MAKEFILE.replace("\ttrue", "\tmkdir -p dist/src && cp src/cli.ts dist/src/cli.js", 1),
    "package.json": '{"name": "word-count", "bin": {"word-count": "dist/src/cli.js"},'
    ' "scripts": {"test": "make test"}}',
    "src/cli.ts": "console.log('--top');\n",
}
WORKSPACE = {
    "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n[package]\nname = "word-count"\nversion = "0.1.0"\n',
    "crates/top/Cargo.toml": '[package]\nname = "word-top"\nversion = "0.1.0"\n',
    "crates/top/src/main.rs": "fn main() {}\n",
}
REPOS = {
    Language.BASH: BASH_REPO,
    Language.PYTHON: PYTHON_REPO,
    Language.GO: GO_REPO,
    Language.RUST: RUST_REPO,
    Language.TYPESCRIPT: TS_REPO,
}
NEEDS = {Language.GO: "go", Language.RUST: "cargo", Language.TYPESCRIPT: "node"}

# Prints a report, finds words, and refuses what it does not know.
TOOL = """import argparse
import pathlib
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--file")
commands = parser.add_subparsers(dest="command", required=True)
report = commands.add_parser("report")
report.add_argument("--pairs", action="store_true")
report.add_argument("file")
find = commands.add_parser("find")
find.add_argument("word")
commands.add_parser("lines")
args = parser.parse_args()
if args.command == "report":
    text = pathlib.Path(args.file).read_text()
    print(f"{len(text.split())} words")
elif args.command == "lines":
    text = sys.stdin.read()
    sys.exit(0 if text else "nothing to count")
else:
    sys.exit(1 if args.word == "absent" else 0)
"""
TOOL_REPO = PYTHON_REPO | {
    "word_count/__main__.py": TOOL,
    "README.md": PYTHON_REPO["README.md"].replace(
        "echo 'a b' | python3 -m word_count   # 2", "python3 -m word_count report README.md"
    ),
}
# Prints its arguments, one a line, and has no help.
ECHO = """#!/usr/bin/env bash
case "${1:-}" in
  --help) echo 'word-count: no such file: --help' >&2; exit 1 ;;
  --top) echo top ;;
  --json) printf '{"words":2,"lines":[1,2]}\\n' ;;
  --time) echo "done in 0.031 s at 2026-11-29T10:00:00Z, see /tmp/x1/log.txt" ;;
  --random) echo "id $RANDOM$RANDOM"; echo fixed ;;
  --quiet) echo working >&2; echo 2 ;;
  --lines) printf '%s\\n' one two three four ;;
  "") echo "usage: word-count FILE" >&2; exit 2 ;;
  *) if [[ -e $1 ]]; then wc -w <"$1"; else echo "no such file: $1" >&2; exit 2; fi ;;
esac
"""
ECHO_REPO = BASH_REPO | {"bin/word-count": ECHO, "README.md": BASH_REPO["README.md"].replace(
    "echo 'a b' | bin/word-count   # 2", "bin/word-count README.md")}  # fmt: skip


# Reads a file that the user keeps.
NOTES = """#!/usr/bin/env bash
[[ -e notes.txt ]] || { echo "word-count: cannot read 'notes.txt'" >&2; exit 1; }
wc -w <notes.txt
"""
FOLDERS = """#!/usr/bin/env bash
[[ -d ${1:-.} ]] || { echo "$1 is no folder" >&2; exit 2; }
"""


def judge(folder, repo, language=Language.BASH, scaffold=None):
    """All faults of a tree's documents, by looking and by running, as one text; empty where there is none."""
    if language in NEEDS and not works(NEEDS[language]):
        pytest.skip(f"not installed: {NEEDS[language]}")
    start = tree_of({"SPEC.md": SPEC, "LICENSE": "MIT\n"} if scaffold is None else scaffold)
    verdict = judge_documents(Phase.SEO, language, tree_of(repo), start)
    write_files(folder, repo)
    faults = run_documented_commands(
        language=language,
        clone=folder,
        tree=tree_of(repo),
        commands=SubprocessCommands(),
        seconds=60,
        env=environment(language),
    )
    return "\n".join([*([] if verdict.passed else [verdict.saw]), *faults])


def more(repo, text, name="README.md"):
    return repo | {name: f"{repo[name]}\n{text}\n"}


@pytest.mark.parametrize("language", list(Language))
def test_true_documents_pass_in_every_language(tmp_path, language):
    assert judge(tmp_path, REPOS[language], language) == ""


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


SHORT = """word-count
==========

Counts words in a text.

Getting it
----------

```sh
git clone <this repository's URL>
cd word-count
```

Running it
----------

```sh
echo 'a b' | bin/word-count
```
"""
PLAIN_INDEX = """# word-count

Counts the words of a text.

## Files

- bin/word-count: the command
- lib/count.sh, which counts
- no link here

Some prose below a list.
"""


HONEST = {
    "short": (BASH_REPO | {"README.md": SHORT, "llms.txt": PLAIN_INDEX}, ""),
    "include": (BASH_REPO, "Sourcing: `include user/repo lib/file.sh`."),
    "figures": (BASH_REPO, "A ratio of 2.0 means 2x faster; it adds 2 ms of jitter, which you choose."),
    "words": (BASH_REPO, "TODO and FIXME comments are counted too; lorem ipsum is text."),
    "a help that ends with 1": (ECHO_REPO, ""),
    "files of a user": (ECHO_REPO, "```sh\nbin/word-count mydir\nbin/word-count notes.txt\n```"),
    "a failure that is shown": (
        ECHO_REPO,
        "```console\n$ bin/word-count --help\nword-count: no such file: --help\n```",
    ),
    "folders of a user, and scripts that are no tool": (
        BASH_REPO | {"bin/word-count": FOLDERS, "scripts/fetch.sh": "exit 7\n"},
        "```sh\nbin/word-count texts\nbin/word-count texts | less\nbash scripts/fetch.sh\n```",
    ),
    "one output below two examples": (
        ECHO_REPO,
        "```sh\nbin/word-count --top\nbin/word-count --top\n```\n\n```text\ntop\ntop\n```",
    ),
    "JSON in another form": (
        ECHO_REPO,
        '```sh\nbin/word-count --json\n```\n\n```json\n{\n  "words": 2,\n  "lines": [1, 2]\n}\n```',
    ),
    "values that differ each time": (
        ECHO_REPO,
        (
            "```console\n$ bin/word-count --time\ndone in 1.2 s at 2025-01-02T03:04:05Z, see /home/me/log.txt\n"
            "$ bin/word-count --random\nid 17\nfixed\n$ bin/word-count --quiet\n2\n```"
        ),
    ),
    "input made before": (
        ECHO_REPO,
        "```console\n$ printf 'a b\\nc' > t.txt\n$ bin/word-count t.txt\n3\n$ bin/word-count --json\n{...}\n```",
    ),
    "stdin, and an exit code that is named": (
        TOOL_REPO,
        (
            "```sh\npython3 -m word_count lines --help\npython3 -m word_count lines\n```\n\n"
            "```sh\npython3 -m word_count find absent\n```\n\nThe exit code is 1 where the word is absent."
        ),
    ),
    "a failure that is told beside it": (
        TOOL_REPO,
        "Without a command it ends with 2:\n\n```sh\npython3 -m word_count\n```\n\nThat is on purpose.",
    ),
    "an exit code that is printed": (
        ECHO_REPO,
        (
            "```console\n$ bin/word-count none; echo $?\nno such file: none\n2\n```\n\n"
            "```sh\nbin/word-count --top; bin/word-count none; echo $?\n```\n\n```text\ntop\nno such file: none\n2\n```"
        ),
    ),
    "a part of an output": (
        ECHO_REPO,
        "```console\n$ bin/word-count --lines\none\n[...]\nfour\n$ bin/word-count --lines\ntwo\nthree\n```",
    ),
    "a file of the user's that no word names": (
        ECHO_REPO | {"bin/word-count": NOTES},
        "```sh\nbin/word-count\n```",
    ),
    "a synopsis": (TOOL_REPO, "```sh\npython3 -m word_count COMMAND [OPTIONS] FILE\n```"),
    "usage notation": (
        TOOL_REPO,
        (
            "```sh\npython3 -m word_count report [--pairs] FILE\npython3 -m word_count report missing.txt --pairs\n"
            "python3 -m word_count report missing.txt | less\n```\n- `--pairs`: two by two\n- `-h, --help`: all options"
        ),
    ),
    "installing from a clone": (
        PYTHON_REPO,
        (
            "```sh\npython3 -m pip install .\npip install -e '.[dev]'\npip install pytest\n"
            "python3 -m my_service --port 1\n```\n\n`pip install word-count` does not work: it is in no index."
        ),
    ),
    "what is no command": (
        PYTHON_REPO,
        (
            "```python\nfrom word_count.cli import count  # make it count\n```\n\n"
            "```\nmake sure that it fits\n2 words\n```\n\n`make test -j2`, `make CC=gcc build`, `make -C x deploy`."
        ),
    ),
    "building first": (
        GO_REPO,
        "```sh\ngo build -o word-count . && ./word-count -top 3\ngo install .\n```",
    ),
    "npm": (TS_REPO, "```sh\nnpm install && npm test\nnpm install -g .\nnpx word-count a.txt\n```"),
    "paths": (
        BASH_REPO,
        (
            "- `lib/count.sh`: counts\n- `count.sh:3`: there\n- `lib/*.sh`\n- `dist/x.sh`\n\n"
            "| file | |\n|---|---|\n| `bin/word-count` | the command |\n| `.env` | yours |\n\n"
            "Reads `config/levels.conf` if it is there. To add a rule, write `lib/new_rule.sh`."
        ),
    ),
    "links": (
        BASH_REPO,
        (
            "- `src/app.py` of your project\n- `logs/app.log`\n\nSee [above](#usage), [code](lib),"
            " [x](https://a.b/c.py), ![y](<lib/count.sh>) and `a[0](x)`."
        ),
    ),
    "an option of a command behind one of the program": (
        TOOL_REPO,
        "```sh\npython3 -m word_count --file a.db report --pairs README.md\n```",
    ),
    "a listing with patterns": (
        BASH_REPO,
        "```text\nword-count/\n├── bin/\n│   └── word-*   the command\n└── lib/\n    └── *.sh\n```",
    ),
    "a listing": (
        BASH_REPO,
        "```text\nword-count/\n├── bin/\n│   └── word-count   the command\n└── lib/\n    └── count.sh\n```",
    ),
}
LANGUAGE_OF = {"go.mod": Language.GO, "package.json": Language.TYPESCRIPT, "pyproject.toml": Language.PYTHON}


@pytest.mark.parametrize("name", HONEST)
def test_honest_documents_pass_however_they_are_worded(tmp_path, name):
    repo, text = HONEST[name]
    language = next((one for path, one in LANGUAGE_OF.items() if path in repo), Language.BASH)
    document = "CLAUDE.md" if name == "paths" else "README.md"
    assert judge(tmp_path, more(repo, text, document), language) == ""


@pytest.mark.parametrize(
    ("name", "text", "seen"),
    [
        ("README.md", "# word-count\n", "README.md has 0 characters beside its headings"),
        (
            "README.md",
            f"# word-count\n\n{'Lorem ipsum dolor sit amet. ' * 9}\n",
            "names no file, command or function",
        ),
        ("CLAUDE.md", "# Work\n\nSee [README.md](README.md).\n", "CLAUDE.md has"),
        ("AGENTS.md", "", "AGENTS.md has 0 characters"),
        ("llms.txt", DOCUMENTS["llms.txt"].replace("# word", "word", 1), "does not begin with a heading"),
        ("llms.txt", DOCUMENTS["llms.txt"].replace("(README.md)", "(readme.rst)"), "links to readme.rst"),
    ],
)
def test_a_shell_of_a_document_is_refused(tmp_path, name, text, seen):
    assert seen in judge(tmp_path, BASH_REPO | {name: text})


def test_a_missing_document_and_a_copy_are_refused(tmp_path):
    without = {path: text for path, text in BASH_REPO.items() if path != "AGENTS.md"}
    assert "AGENTS.md is missing" in judge(tmp_path / "a", without)
    readme, plan = BASH_REPO["README.md"], SPEC + "A line of the plan.\n" * 30
    copy = judge(tmp_path / "b", BASH_REPO | {"CLAUDE.md": readme})
    assert "README.md and CLAUDE.md are the same text" in copy
    assert judge(tmp_path / "c", BASH_REPO | {"CLAUDE.md": BASH_REPO["AGENTS.md"]}) == ""
    spec = judge(tmp_path / "d", BASH_REPO | {"SPEC.md": plan, "README.md": plan}, scaffold={"SPEC.md": plan})
    assert "README.md is the scaffold's SPEC.md" in spec
    mixed = judge(
        tmp_path / "e", BASH_REPO | {"SPEC.md": readme, "README.md": f"{readme}\nOne line of its own.\n"}
    )
    assert "README.md is SPEC.md's text" in mixed


@pytest.mark.parametrize(
    ("language", "command", "seen"),
    [
        (Language.PYTHON, "python3 -m word_counter", "there is no word_counter/__main__.py"),
        (Language.PYTHON, "python3 -m word_count.nothing a.txt", "there is no word_count/nothing"),
        (Language.PYTHON, "pip install word-count", "word-count is in no package index"),
        (Language.PYTHON, "python3 -m pip install -U word_count", "word_count is in no package index"),
        (Language.PYTHON, "uvx word-count", "word-count is in no package index"),
        (Language.BASH, "brew install word-count", "word-count is in no package index"),
        (Language.BASH, "make install && make test", "`make install`, which the Makefile does not have"),
        (Language.BASH, "bin/serve --port 80", "bin/serve, which does not exist"),
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
def test_a_command_that_does_not_exist_is_refused_without_a_run(language, command, seen):
    repo = more(REPOS[language], f"```sh\n{command}\n```")
    verdict = judge_documents(Phase.SEO, language, tree_of(repo), {})
    assert seen in verdict.saw
    assert "README.md:" in verdict.saw


@pytest.mark.parametrize(
    ("language", "files", "command"),
    [
        (Language.PYTHON, {"tests/__init__.py": ""}, "python3 -m pytest -k top tests"),
        (Language.PYTHON, {"tests/__init__.py": ""}, "python3 -m unittest tests.test_count"),
        (Language.RUST, WORKSPACE, "cargo run -q -p word-top -- --top 3"),
        (Language.RUST, WORKSPACE, "cargo run --package word-top --bin word-top"),
        (Language.RUST, WORKSPACE, "cargo run --manifest-path crates/top/Cargo.toml"),
    ],
)
def test_a_command_of_a_tool_or_of_a_member_of_a_workspace_is_known(language, files, command):
    repo = more(REPOS[language] | files, f"```sh\n{command}\n```")
    assert judge_documents(Phase.SEO, language, tree_of(repo), {}).passed


def test_a_command_that_no_project_file_installs_is_refused(tmp_path):
    repo = more(PYTHON_REPO, "```sh\nword-count --top 3 a.txt\n```")
    bare = repo | {"pyproject.toml": '[project]\nname = "word-count"\n'}
    assert "the command word-count, which nothing in the repo installs" in judge(
        tmp_path, bare, Language.PYTHON
    )
    broken = repo | {"pyproject.toml": PYPROJECT.replace("word_count.cli", "word_count.app")}
    assert "there is no module word_count.app" in judge(tmp_path, broken, Language.PYTHON)


def test_a_make_target_in_a_sentence_is_looked_up(tmp_path):
    repo = BASH_REPO | {"AGENTS.md": BASH_REPO["AGENTS.md"].replace("`make build`", "`make all`")}
    assert "AGENTS.md:3 names `make all`" in judge(tmp_path, repo)


@pytest.mark.parametrize(
    ("name", "text", "seen"),
    [
        ("README.md", "- `lib/count.sh`: counts\n- `lib/missing.sh`: nothing", "mentions lib/missing.sh"),
        (
            "README.md",
            "- `lib/count.sh`: counts\n- `config/default.yaml`: settings",
            "mentions config/default.yaml",
        ),
        ("README.md", "| `bin/word-count` | x |\n|--|--|\n| `parser.sh` | y |", "mentions parser.sh"),
        (
            "CLAUDE.md",
            "```\n├── bin/\n│   └── word-count\n└── lib/\n    └── other.sh\n```",
            "mentions lib/other.sh",
        ),
        ("AGENTS.md", "Look at `lib/other.sh:12` first.", "mentions lib/other.sh"),
        ("llms.txt", "Counting is in `lib/words.sh`.", "mentions lib/words.sh"),
        ("README.md", "See [the guide](docs/guide.md).", "links to docs/guide.md"),
        ("README.md", "See [the guide][g].\n\n[g]: docs/my%20guide.md", "links to docs/my%20guide.md"),
        ("README.md", "![picture](docs/a.png)", "links to docs/a.png"),
    ],
)
def test_a_path_that_a_document_gives_as_the_repos_own_has_to_exist(tmp_path, name, text, seen):
    assert seen in judge(tmp_path, more(BASH_REPO, text, name))


@pytest.mark.parametrize(
    ("repo", "text", "seen"),
    [
        (TOOL_REPO, "```sh\npython3 -m word_count serve\n```", "word_count serve`, which ends with 2"),
        (TOOL_REPO, "```sh\nword-count serve conf.yaml\n```", "shows the command serve"),
        (TOOL_REPO, "```sh\ncurl x | python3 -m word_count serve\n```", "shows the command serve"),
        (TOOL_REPO, "The exit code is 2.\n\nTry:\n\n```sh\npython3 -m word_count\n```", "which ends with 2"),
        (TOOL_REPO, "It ends with 0 or 2.\n\n```sh\npython3 -m word_count\n```", "which ends with 2"),
        (TOOL_REPO, "It ends with 2:\n\n```sh\npython3 -m word_count serve\n```", "shows the command serve"),
        (TOOL_REPO, "```console\n$ python3 -m word_count --help\nusage\n```", "is not what comes"),
        (TOOL_REPO, "```sh\npython3 -m word_count report --pairs --wide README.md\n```", "shows --wide with"),
        (TOOL_REPO, "Give it `python3 -m word_count report --deep x.md`.", "shows --deep with"),
        (TOOL_REPO, "```sh\npython3 -m word_count --file a report --wide README.md\n```", "shows --wide with"),
        (TOOL_REPO, "```console\n$ python3 -m word_count report LICENSE\n7 words\n```", "is not what comes"),
        (TOOL_REPO, "```sh\npython3 -m word_count report LICENSE\n```\n```text\n7 words\n```", "is not what comes"),
        (TOOL_REPO, "```\n$ python3 -m word_count report LICENSE\n... 7 words\n```", "is not what comes"),
        (PYTHON_REPO, "- `--top N`: how many\n- `--deep`: not there", "lists --deep, which no source knows"),
    ],
)  # fmt: skip
def test_what_an_example_shows_has_to_be_so(tmp_path, repo, text, seen):
    assert seen in judge(tmp_path, more(repo, text), Language.PYTHON)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("```sh\nbin/word-count\n```", "which ends with 2"),
        ("```sh\nbin/word-count --nothing\n```", "the source does not know it"),
        ("```console\n$ bin/word-count --json\n{\"words\": 3, \"lines\": [1, 2]}\n```", "is not what comes"),
        ("```console\n$ bin/word-count --random\nid 17\nother\n```", "is not what comes"),
        ("```console\n$ bin/word-count --top; echo $?\ntop\n1\n```", "is not what comes"),
    ],
)  # fmt: skip
def test_a_command_without_a_help_is_held_to_what_is_shown_of_it(tmp_path, text, seen):
    assert seen in judge(tmp_path, more(ECHO_REPO, text))


def test_an_example_is_run_with_nothing_by_which_a_test_runner_is_known(tmp_path):
    device = "import os, sys\n\nsys.exit(0 if any(name.startswith('PYTEST') for name in os.environ) else 3)\n"
    repo = PYTHON_REPO | {"word_count/__main__.py": device}
    assert "which ends with 3" in judge(
        tmp_path, more(repo, "```sh\npython3 -m word_count\n```"), Language.PYTHON
    )


@pytest.mark.parametrize("text", ["`bin/word-count FILE` counts.", "```sh\nbin/word-count [FILE]\n```"])
def test_a_command_of_which_no_example_can_be_run_is_started_all_the_same(tmp_path, text):
    tool = '#!/usr/bin/env bash\necho "$# $(head -c1)" >>seen\n[[ -e ${1:-} ]]\n'
    bare = {
        "README.md": f"# word-count\n\nIt counts the words of a text for whoever has to know.\n\n{text}\n"
    }
    repo = BASH_REPO | {"bin/word-count": tool} | dict.fromkeys(DOCUMENTS, bare["README.md"])
    write_files(tmp_path, repo)
    assert (
        run_documented_commands(
            language=Language.BASH, clone=tmp_path, tree=tree_of(repo), commands=SubprocessCommands()
        )
        == ()
    )
    assert {"0 #", "1 #"} <= {*(tmp_path / "seen").read_text().splitlines()}


def test_a_build_that_fails_is_refused_with_its_output(tmp_path):
    repo = BASH_REPO | {"Makefile": MAKEFILE.replace("build:\n\ttrue", "build:\n\t@echo ugly; exit 3")}
    saw = judge(tmp_path, repo)
    assert "`make build`, which the documents name, ended with 2" in saw
    assert "ugly" in saw


def test_the_commands_of_a_src_layout_are_found_and_run(tmp_path):
    moved = {path.replace("word_count/", "src/word_count/"): text for path, text in PYTHON_REPO.items()}
    shown = "```sh\necho a | word-count --top 3\necho a | python3 -m word_count --top 3\n```"
    assert judge(tmp_path / "a", more(moved, shown), Language.PYTHON) == ""
    wrong = more(moved, "```sh\nword-count --deep\n```")
    assert "shows --deep with word-count" in judge(tmp_path / "b", wrong, Language.PYTHON)


@pytest.mark.parametrize(
    ("language", "command"),
    [(Language.RUST, "cargo run --release -- --deep"), (Language.GO, "go run . --deep < a.txt"),
     (Language.TYPESCRIPT, "node dist/src/cli.js --deep")],
)  # fmt: skip
def test_an_option_is_held_to_the_help_of_a_command_that_is_compiled(tmp_path, language, command):
    assert "shows --deep with" in judge(tmp_path, more(REPOS[language], f"```sh\n{command}\n```"), language)


def test_a_command_that_hangs_is_no_fault(tmp_path):
    repo = BASH_REPO | {"bin/word-count": "#!/usr/bin/env bash\nsleep 60\n"}
    write_files(tmp_path, repo)
    faults = run_documented_commands(
        language=Language.BASH, clone=tmp_path, tree=tree_of(repo), commands=SubprocessCommands(), seconds=3
    )
    assert faults == ()


@pytest.mark.parametrize(
    "text", ["\0", "`" * 5000, "[" * 5000, "- " * 5000, "> " * 3000, "```sh\n$(" * 500, "\ufeff[x](http://[)"]
)
def test_a_hostile_document_is_judged_all_the_same(tmp_path, text):
    assert judge_documents(Phase.SEO, Language.BASH, tree_of(more(BASH_REPO, text)), {}).gate == "documents"
