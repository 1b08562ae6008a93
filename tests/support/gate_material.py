"""Small real repositories in the five languages, as a build leaves them, for the gates that run them."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest
from _pytest.mark import ParameterSet
from toolchains import works

from factory_assets.building.scaffold.scaffold import write_scaffold
from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import Language, Spec
from factory_assets.domain.trees import EXECUTABLE, REGULAR, Tree, TreeFile

TOOLS = {
    Language.PYTHON: ("make",),
    Language.BASH: ("make", "bash"),
    Language.GO: ("make", "go"),
    Language.RUST: ("make", "cargo"),
    Language.TYPESCRIPT: ("make", "node", "npm"),
}
PAPER = Paper(
    arxiv_id="2606.01234",
    version=1,
    title="Clamping",
    abstract="We clamp.",
    authors=("Ada Lovelace",),
    categories=("cs.CL",),
    comment=None,
    published=datetime(2026, 6, 3, 8, tzinfo=UTC),
    updated=datetime(2026, 6, 3, 8, tzinfo=UTC),
)

PYTHON = {
    "clamp/core.py": '''"""Keeps numbers within bounds."""


def clamp(value: int, low: int, high: int) -> int:
    """The nearest number within the bounds."""
    if low > high:
        raise ValueError("the bounds are the wrong way round")
    if value < low:
        return low
    return high if value > high else value
''',
    "tests/test_core.py": """import pytest

from clamp.core import clamp


def test_a_small_number_becomes_the_lower_bound():
    assert clamp(1, 3, 9) == 3


def test_a_large_number_becomes_the_upper_bound():
    assert clamp(12, 3, 9) == 9


def test_bounds_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError):
        clamp(1, 9, 3)
""",
}
BASH = {
    "bin/clamp": """#!/usr/bin/env bash
# Prints the nearest number within the bounds.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=lib/clamp.sh
source "$here/lib/clamp.sh"
clamp "$@"
""",
    "lib/clamp.sh": """#!/usr/bin/env bash
# Keeps numbers within bounds.

clamp() {
  local value=$1 low=$2 high=$3
  if [[ $low -gt $high ]]; then
    echo "the bounds are the wrong way round" >&2
    return 2
  fi
  if [[ $value -lt $low ]]; then
    value=$low
  elif [[ $value -gt $high ]]; then
    value=$high
  fi
  echo "$value"
}
""",
    "tests/test_clamp.sh": """#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
number=0 failed=0
check() {
  number=$((number + 1))
  if [[ "$2" == "$3" ]]; then echo "ok $number - $1"; else
    echo "not ok $number - $1: got $2, want $3"
    failed=1
  fi
}
check "a small number" "$(bin/clamp 1 3 9)" 3
check "a large number" "$(bin/clamp 12 3 9)" 9
check "a number within" "$(bin/clamp 5 3 9)" 5
echo "1..$number"
exit "$failed"
""",
}
GO = {
    "main.go": """// Command clamp keeps numbers within bounds.
package main

// Clamp gives the nearest number within the bounds.
func Clamp(value, low, high int) int {
	if value < low {
		return low
	}
	if value > high {
		return high
	}
	return value
}

func main() {
	println(Clamp(1, 3, 9))
}
""",
    "main_test.go": """package main

import "testing"

func TestSmall(t *testing.T) {
	if got := Clamp(1, 3, 9); got != 3 {
		t.Errorf("got %d", got)
	}
}

func TestLarge(t *testing.T) {
	if got := Clamp(12, 3, 9); got != 9 {
		t.Errorf("got %d", got)
	}
}

func TestWithin(t *testing.T) {
	for _, value := range []int{3, 5, 9} {
		if got := Clamp(value, 3, 9); got != value {
			t.Errorf("got %d", got)
		}
	}
}
""",
}
RUST = {
    "src/lib.rs": """//! Keeps numbers within bounds.

/// The nearest number within the bounds.
pub fn clamp(value: i64, low: i64, high: i64) -> i64 {
    if value < low {
        return low;
    }
    if value > high {
        return high;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::clamp;

    #[test]
    fn a_small_number_becomes_the_lower_bound() {
        assert_eq!(clamp(1, 3, 9), 3);
    }

    #[test]
    fn a_large_number_becomes_the_upper_bound() {
        assert_eq!(clamp(12, 3, 9), 9);
    }

    #[test]
    fn a_number_within_stays() {
        assert_eq!(clamp(5, 3, 9), 5);
    }
}
""",
}
TYPESCRIPT = {
    "src/index.ts": """/** The nearest number within the bounds. */
export function clamp(value: number, low: number, high: number): number {
  if (value < low) {
    return low;
  }
  if (value > high) {
    return high;
  }
  return value;
}
""",
    "tests/index.test.ts": """import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp } from "../src/index.js";

test("a small number becomes the lower bound", () => {
  assert.equal(clamp(1, 3, 9), 3);
});

test("a large number becomes the upper bound", () => {
  assert.equal(clamp(12, 3, 9), 9);
});

test("a number within stays", () => {
  assert.equal(clamp(5, 3, 9), 5);
});
""",
}
FILES = {
    Language.PYTHON: PYTHON,
    Language.BASH: BASH,
    Language.GO: GO,
    Language.RUST: RUST,
    Language.TYPESCRIPT: TYPESCRIPT,
}


def marked(languages: Iterable[Language]) -> list[ParameterSet]:
    """The languages as parameters; those that are compiled take long and run with the corpus."""
    quick = {Language.PYTHON, Language.BASH}
    return [pytest.param(one, marks=() if one in quick else pytest.mark.corpus) for one in languages]


def need(language: Language) -> None:
    """Skip the test where a tool of the language is missing."""
    for tool in TOOLS[language]:
        if not works(tool):
            pytest.skip(f"{tool} is not installed")


@cache
def scaffold(language: Language) -> Mapping[str, str]:
    """The scaffold's files of a repo called clamp."""
    spec = Spec(
        name="clamp",
        source_papers=("2606.01234",),
        language=language,
        files=("README.md",),
        estimated_lines=120,
        complexity="low",
        problem="Numbers leave their bounds.",
        solution="Clamp them as the paper does.",
        who_pays="Teams with numbers",
        integration_point="A pipe in CI",
        moat="None of the copies clamps",
    )
    with TemporaryDirectory() as folder:
        write_scaffold(spec, [PAPER], workspace=Path(folder), year=2026, owner="Example")
        return {
            path.relative_to(folder).as_posix(): path.read_text()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }


def repo(language: Language, changes: Mapping[str, str | None] | None = None) -> Tree:
    """A good repo of the language; `changes` replaces files, or takes away those that are None."""
    files = {**scaffold(language), **FILES[language], **(changes or {})}
    return tree({path: text for path, text in files.items() if text is not None})


def tree(files: Mapping[str, str]) -> Tree:
    """A tree in memory, with the content as its own blob id."""
    return {
        path: TreeFile(EXECUTABLE if path.startswith("bin/") else REGULAR, text, len(text), text.encode())
        for path, text in files.items()
    }


def clone(folder: Path, files: Tree) -> Path:
    """The tree written into a folder, as a fresh clone of it is."""
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data or b"")
        target.chmod(0o755 if file.mode == EXECUTABLE else 0o644)
    return folder


def environment(language: Language) -> Mapping[str, str]:
    """What tests of the language run with: this machine's own cache, so that Go's library is compiled once."""
    if language is not Language.GO:
        return {}
    done = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    return {"GOCACHE": done.stdout.strip()}


def provide(language: Language, folder: Path) -> tuple[str, ...]:
    """Put into a clone what its language needs, as resolving its dependencies does; the names of the folders."""
    if language is not Language.TYPESCRIPT:
        return ()
    shutil.copytree(_node_modules(), folder / "node_modules", symlinks=True)
    return ("node_modules",)


@cache
def _node_modules() -> Path:
    """The scaffold's development dependencies, installed once for all processes that run these tests."""
    shared = Path(gettempdir()) / f"factory-tests-node-{os.getuid()}"
    shared.mkdir(mode=0o700, exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest, wanted = shared / "package.json", scaffold(Language.TYPESCRIPT)["package.json"]
        is_there = (shared / "node_modules" / ".package-lock.json").is_file()
        if not is_there or manifest.read_text() != wanted:
            manifest.write_text(wanted)
            install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(install, cwd=shared, check=True, capture_output=True, timeout=200)
    return shared / "node_modules"
