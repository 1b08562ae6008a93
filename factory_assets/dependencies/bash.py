"""Bash's dependencies: the programs that scripts call beside those that every system has."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from factory_assets.dependencies.online import Online
from factory_assets.dependencies.packages import Packages, nothing_locked
from factory_assets.dependencies.resolution import Resolution, passed
from factory_assets.domain.agents import Command
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree

# Everything a Debian system has without a package being chosen, and git and make, which the factory itself needs.
_GIVEN = frozenset({
    "bash", "sh", "grep", "egrep", "fgrep", "sed", "awk", "find", "xargs", "diff", "cmp", "tar", "gzip", "gunzip",
    "zcat", "git", "make", "which", "ps", "kill", "sleep", "getopt", "mktemp", "hostname", "flock", "tput",
    "clear",
})  # fmt: skip
_SECONDS = 30.0


def resolve_bash(tree: Tree, imports: Sequence[Import], online: Online) -> Resolution:
    """Name the programs; nothing is locked, and nothing is refused: a missing one fails the tests.

    Raises:
        MissingToolError: when the sandbox does not start.
    """
    del tree
    called = {found.name for found in imports if not found.test}
    words = called - _GIVEN
    if not words:
        return Resolution(verdict=passed("bash and the system's own programs only"))
    beyond, missing = _look_up(sorted(words), online)
    if not beyond and not missing:
        return Resolution(verdict=passed("bash and the system's own programs only"))
    details = [*(f"uses {name}" for name in beyond), *(f"not on this machine: {name}" for name in missing)]
    return Resolution(verdict=passed("programs beside bash and the system's own", details))


def _look_up(words: list[str], online: Online) -> tuple[list[str], list[str]]:
    """Those that are programs of their own outside coreutils, and those that are nothing here."""
    script = f"""
    for word in {shlex.join(words)}; do
      kind=$(type -t "$word" || true)
      case "$kind" in
        "") echo "missing $word" ;;
        file) info=$("$word" --version 2>/dev/null </dev/null | head -n 1)
          case "$info" in *coreutils*) ;; *) echo "beyond $word" ;; esac ;;
      esac
    done"""
    online.folder()
    command = Command(argv=("bash", "-c", script), workspace=online.scratch, timeout_seconds=_SECONDS)
    lines = [line.split() for line in online.commands.run(command).output.splitlines()]
    found = [tuple(line) for line in lines if len(line) == 2]
    return (
        [word for kind, word in found if kind == "beyond"],
        [word for kind, word in found if kind == "missing"],
    )


BASH_PACKAGES = Packages(resolve=resolve_bash, install=nothing_locked)
