"""A small command in the five languages, called from the outside as scenarios call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from claude_code_sandboxes import bubblewrap
from gate_material import clone, provide, scaffold, tree

from factory_assets.domain.acceptance import (
    Acceptance,
    CommandForm,
    Contract,
    ExitCode,
    Expectation,
    Form,
    HeldScenario,
    Scenario,
    ScenarioFile,
    ScenarioResult,
)
from factory_assets.domain.specs import Language
from factory_assets.gates.acceptance import run_scenarios
from factory_assets.sandbox import default_toolchains

_PYPROJECT = '[project]\nname = "clamp"\nversion = "0.1.0"\n[project.scripts]\nclamp = "clamp.cli:main"\n'
_PYTHON = {
    "pyproject.toml": _PYPROJECT,
    "clamp/__init__.py": "",
    "clamp/core.py": "def clamp(value, low, high):\n    return min(max(value, low), high)\n",
    "clamp/cli.py": """import sys

from clamp.core import clamp


def main():
    value, low, high = map(int, sys.argv[1:])
    if low > high:
        sys.exit("clamp: the bounds are the wrong way round")
    print(clamp(value, low, high))
""",
}
_BASH = {
    "lib/clamp.sh": 'clamp() {\n  local v=$1\n  ((v < $2)) && v=$2\n  ((v > $3)) && v=$3\n  echo "$v"\n}\n',
    "bin/clamp": """#!/usr/bin/env bash
source "$(dirname "${BASH_SOURCE[0]}")/../lib/clamp.sh"
if (($2 > $3)); then echo "clamp: the bounds are the wrong way round" >&2; exit 1; fi
clamp "$@"
""",
}
_GO = {
    "go.mod": "module github.com/acme/clamp\n\ngo 1.22\n",
    "bounds/bounds.go": """package bounds

func Clamp(value, low, high int) int { return min(max(value, low), high) }
""",
    "main.go": """package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/acme/clamp/bounds"
)

func main() {
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(os.Args[i+1])
	}
	if n[1] > n[2] {
		fmt.Fprintln(os.Stderr, "clamp: the bounds are the wrong way round")
		os.Exit(1)
	}
	fmt.Println(bounds.Clamp(n[0], n[1], n[2]))
}
""",
}
_RUST = {
    "Cargo.toml": '[package]\nname = "clamp"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": "pub fn clamp(value: i64, low: i64, high: i64) -> i64 {\n    value.max(low).min(high)\n}\n",
    "src/main.rs": """fn main() {
    let n: Vec<i64> = std::env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    if n[1] > n[2] {
        eprintln!("clamp: the bounds are the wrong way round");
        std::process::exit(1);
    }
    println!("{}", clamp::clamp(n[0], n[1], n[2]));
}
""",
}
_TYPESCRIPT = {
    "src/index.ts": """export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
""",
    "src/cli.ts": """import { clamp } from "./index.js";

const [value, low, high] = process.argv.slice(2).map(Number) as [number, number, number];
if (low > high) {
  console.error("clamp: the bounds are the wrong way round");
  process.exit(1);
}
console.log(clamp(value, low, high));
""",
}
SOURCES = {
    Language.PYTHON: _PYTHON,
    Language.BASH: _BASH,
    Language.GO: _GO,
    Language.RUST: _RUST,
    Language.TYPESCRIPT: _TYPESCRIPT,
}
SNIPPETS = {
    Language.PYTHON: "from clamp.core import clamp\n\nprint(clamp(12, 3, 9))\n",
    Language.BASH: "source lib/clamp.sh\nclamp 12 3 9\n",
    Language.GO: 'package main\n\nimport (\n\t"fmt"\n\n\t"clamp/bounds"\n)\n\n'
    "func main() { fmt.Println(bounds.Clamp(12, 3, 9)) }\n",
    Language.RUST: 'fn main() {\n    println!("{}", clamp::clamp(12, 3, 9));\n}\n',
    Language.TYPESCRIPT: 'import { clamp } from "../src/index.js";\n\nconsole.log(clamp(12, 3, 9));\n',
}


def sources(language: Language) -> Mapping[str, str]:
    """The tool's files, with those of the scaffold that it needs to be compiled."""
    if language is not Language.TYPESCRIPT:
        return SOURCES[language]
    laid = scaffold(language)
    package = laid["package.json"].replace('"main"', '"bin": {"clamp": "dist/src/cli.js"},\n  "main"')
    return {**SOURCES[language], "package.json": package, "tsconfig.json": laid["tsconfig.json"]}


def expects(value: str, *, of: str = "stdout", form: Form = Form.EXACT, tolerance: float = 0) -> Expectation:
    """What one output has to be."""
    return Expectation(of=of, form=form, value=value, tolerance=tolerance)


def scenario(
    *arguments: str,
    wants: Sequence[Expectation] = (),
    exit_code: int = 0,
    stdin: str = "",
    files: Mapping[str, str] | None = None,
    snippet: str = "",
    behaviour: str = "With such input the contract asks for such output.",
) -> Scenario:
    """A call, and what has to come of it."""
    return Scenario(
        title="A call of it",
        behaviour=behaviour,
        arguments=arguments,
        snippet=snippet,
        stdin=stdin,
        files=tuple(ScenarioFile(path=path, text=text) for path, text in (files or {}).items()),
        exit_code=exit_code,
        expects=tuple(wants),
    )


def held(*scenarios: Scenario) -> tuple[HeldScenario, ...]:
    """They as they count, numbered from 1."""
    return tuple(HeldScenario(number=at, scenario=one) for at, one in enumerate(scenarios, start=1))


def agreed(*scenarios: Scenario) -> Acceptance:
    """They under a contract that says only how a call ends."""
    codes = (ExitCode(code=2, when="the table is wrong"),)
    command = CommandForm(usage="clamp VALUE LOW HIGH", does="Clamps.", options=(), exit_codes=codes)
    contract = Contract(commands=(command,), functions=(), files=(), rules=())
    return Acceptance(model="", contract=contract, scenarios=held(*scenarios))


def python_tool(code: str) -> Mapping[str, str]:
    """A command in Python whose whole code this is."""
    return {"pyproject.toml": _PYPROJECT, "clamp/__init__.py": "", "clamp/cli.py": code}


def run(
    language: Language,
    files: Mapping[str, str],
    scenarios: Sequence[Scenario],
    folder: Path,
    *,
    seconds: float = 200,
) -> tuple[ScenarioResult, ...]:
    """What comes of the scenarios in a clone of these files, contained."""
    written, laid = tree(files), folder / "clone"
    laid.mkdir()
    clone(laid, written)
    kept = provide(language, laid)
    # A toolchain lies anywhere, and holds any word.
    is_compiled = language not in {Language.PYTHON, Language.BASH}
    return run_scenarios(
        held(*scenarios),
        name="clamp",
        language=language,
        clone=laid,
        tree=written,
        commands=bubblewrap(toolchains=default_toolchains() if is_compiled else ()),
        seconds=seconds,
        env={},
        folders=kept,
    )
