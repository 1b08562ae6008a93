"""Gate of the build phase: by the text of the Makefile, `make test` runs all tests and fails when one fails.

What the text cannot tell (a script between make and the runner, a condition on the machine) the review phase tries
out: gates/tests_run.py makes a test fail and looks whether `make test` notices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree, folders
from factory_assets.gates.make_functions import list_files, stem, with_patterns
from factory_assets.gates.makefile import Line, Makefile, Rule, read_makefile
from factory_assets.gates.names import TEST_TARGET
from factory_assets.gates.recipes import (
    RUNNER_NAMES,
    ShellMode,
    commands_of,
    line_faults,
    runner_words,
    runs_tests,
    setting_fault,
)
from factory_assets.gates.shadows import shadow_faults
from factory_assets.gates.written import test_files
from factory_assets.languages.project_files import npm_scripts

_NAME = "Makefile"
_OTHER_NAMES = ("GNUmakefile", "makefile")
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/bash", "/usr/bin/env bash"})
_SHELL_FLAGS = re.compile(r"(?:-[euxoc]+|pipefail|errexit|nounset|--norc|--noprofile|\s)+")
_MAKE_FLAG = re.compile(
    r"-?[srRj\d]+|--(?:no-print-directory|silent|warn-undefined-variables|no-builtin-rules|no-builtin-variables"
    r"|jobs(?:=\d+)?|output-sync(?:=\w+)?)"
)
_RUNNER_SETTINGS = re.compile(
    r"PYTEST_ADDOPTS|PYTEST_PLUGINS|GOFLAGS|NODE_OPTIONS|RUSTC_WRAPPER|CARGO_TARGET_\w+|BASH_ENV|LD_PRELOAD"
)
_SUBMAKE = re.compile(r"(?:^|[;&|]\s*)(?:\$[({]MAKE[)}]|make)((?:\s+[^\s;&|]+)*)")
_PREFIX = re.compile(r"[@+\s-]*")
_UNSET = re.compile(r"(?<=[^\s;&|(][ \t])\s*\$[({]([A-Za-z_][\w.-]*)[)}]")
# Set by make or by the environment that it is started in.
_ALWAYS_SET = frozenset({"MAKE", "CURDIR", "PWD", "HOME", "PATH", "USER", "SHELL", "TMPDIR", "MAKECMDGOALS"})
_NPM_RUN = re.compile(
    r"\bnpm\s+(?:-s\s+|--silent\s+)?(?:(?P<test>test|t)|(?:run|run-script)\s+(?:-s\s+|--silent\s+)?(?P<name>[\w:.-]+))"
    r"(?P<rest>[^;&|\n)]*)"
)
_NPM_QUIET = frozenset({"-s", "--silent", "--quiet", "-q", "--ignore-scripts"})
_SCRIPTS_DEEP = 3
_ALL_GLOB = re.compile(r"[*?\[$]|wildcard|find\b|\.\.\.")


def judge_test_target(language: Language, tree: Tree, scaffold: Tree) -> GateVerdict:
    """Refuse a test target that is missing, that hides failures, or that leaves tests or the runner out."""
    unchanged = _NAME in tree and _NAME in scaffold and tree[_NAME].text == scaffold[_NAME].text
    faults = [*_shadowing(tree), *shadow_faults(language, tree)]
    if not unchanged:
        faults += _Judge(language, tree).faults()
    passed = not faults
    seen = "the Makefile is the scaffold's" if unchanged else f"`make test` runs {RUNNER_NAMES[language]}"
    return GateVerdict(
        gate=TEST_TARGET,
        phase=Phase.BUILD,
        passed=passed,
        saw=seen if passed else "\n".join(dict.fromkeys(faults)),
        mend="" if passed else "Build the repo again; the scaffold's Makefile needs no change.",
    )


def _shadowing(tree: Tree) -> Iterator[str]:
    for name in _OTHER_NAMES:
        if name in tree:
            yield f"{name}:1: make reads this file and not {_NAME}"


@dataclass(frozen=True)
class _Judge:
    language: Language
    tree: Tree

    def faults(self) -> list[str]:
        if _NAME not in self.tree:
            return ["there is no Makefile"]
        makefile = read_makefile(self.tree[_NAME].text)
        rules = self._rules_of(makefile, "test")
        whole = [*self._settings(makefile)]
        if not rules:
            return [*whole, f"{_NAME} has no target `test`"]
        return [*whole, *self._definitions(makefile, rules), *self._recipes(makefile)]

    def _settings(self, makefile: Makefile) -> Iterator[str]:
        for line in makefile.includes:
            yield f"{_NAME}:{line.number}: includes another makefile (`{line.text}`)"
        for line in makefile.others:
            if "$(eval" in line.text or "${eval" in line.text:
                yield f"{_NAME}:{line.number}: makes rules at run time ($(eval …))"
        for rule in makefile.rules_of(".IGNORE"):
            yield f"{_NAME}:{rule.number}: .IGNORE lets recipes fail without notice"
        for assignment in makefile.assignments:
            fault = _assignment_fault(assignment.name, assignment.value)
            if fault:
                yield f"{_NAME}:{assignment.number}: {fault}"

    def _definitions(self, makefile: Makefile, rules: tuple[Rule, ...]) -> Iterator[str]:
        with_recipe = [rule for rule in rules if rule.recipe]
        if len(with_recipe) > 1 or any(rule.double_colon for rule in rules):
            lines = ", ".join(str(rule.number) for rule in rules)
            yield f"{_NAME}:{rules[-1].number}: `test` is defined more than once (lines {lines})"
        for rule in rules:
            if rule.conditional:
                yield f"{_NAME}:{rule.number}: `test` stands in a condition"
        phony = {
            name for rule in makefile.rules_of(".PHONY") for name in self._words(makefile, rule.prerequisites)
        }
        existing = {*self.tree, *folders(self.tree)}
        for target in self._closure(makefile):
            recipes = self._rules_of(makefile, target)
            if target in existing and target not in phony and any(self._calls(makefile, r) for r in recipes):
                where = f"{_NAME}:{recipes[0].number}:"
                yield f"{where} `{target}` is not .PHONY and exists as a file: make takes it for done"

    def _calls(self, makefile: Makefile, rule: Rule) -> bool:
        return any(runs_tests(self.language, self._shell_text(makefile, line)) for line in rule.recipe)

    def _words(self, makefile: Makefile, names: tuple[str, ...]) -> list[str]:
        """Targets or prerequisites, with the variables and the files that they stand for."""
        return list_files(makefile.expand(with_patterns(" ".join(names))), self.tree).split()

    def _rules_of(self, makefile: Makefile, target: str) -> tuple[Rule, ...]:
        """The rules of a target, those included that name it by a variable; else by a pattern."""
        named = [rule for rule in makefile.rules if target in self._words(makefile, rule.targets)]
        return tuple(named) or tuple(
            rule
            for rule in makefile.rules
            if any("%" in name and stem(name, target) is not None for name in rule.targets)
        )

    def _shell_text(self, makefile: Makefile, line: Line, chosen: Mapping[str, str] | None = None) -> str:
        """A line as the shell gets it; what a call of npm runs stands in its place."""
        text = makefile.expand(line.text, chosen)
        text = _UNSET.sub(lambda match: match[0] if self._is_set(makefile, match[1]) else "", text)
        text = "\n".join(_PREFIX.sub("", part, count=1) for part in text.split("\n")).replace("$$", "$")
        for _ in range(_SCRIPTS_DEEP if self.language is Language.TYPESCRIPT else 0):
            text = _NPM_RUN.sub(self._script, text)
        return text

    @staticmethod
    def _is_set(makefile: Makefile, name: str) -> bool:
        return name in _ALWAYS_SET or name in makefile.names

    def _script(self, call: re.Match[str]) -> str:
        script = npm_scripts(self.tree).get(call["name"] or "test")
        own, _, passed_on = f"{call['rest']} ".partition(" -- ")
        if script is None or not _NPM_QUIET.issuperset(own.split()):
            return call[0]
        return f"( {' '.join([script, *passed_on.split()])} )"

    def _closure(self, makefile: Makefile) -> list[str]:
        """`test` and all targets that it needs or that its recipe calls make for."""
        found: list[str] = []
        waiting = ["test"]
        while waiting:
            target = waiting.pop(0)
            if target in found:
                continue
            found.append(target)
            for rule in self._rules_of(makefile, target):
                waiting += self._words(makefile, rule.prerequisites)
                waiting += [
                    word
                    for line in rule.recipe
                    for call in _SUBMAKE.findall(_PREFIX.sub("", line.text, count=1))
                    for word in call.split()
                    if re.fullmatch(r"[A-Za-z][\w.-]*", word)
                ]
        return found

    def _recipes(self, makefile: Makefile) -> Iterator[str]:
        mode, one_shell = _mode(makefile), bool(makefile.rules_of(".ONESHELL"))
        running: list[str] = []
        shown: list[str] = []
        for target in self._closure(makefile):
            for rule in self._rules_of(makefile, target):
                for line in _joined(rule) if one_shell else rule.recipe:
                    text = self._shell_text(makefile, line)
                    yield from self._submake_faults(line)
                    if target == "test":
                        shown += commands_of(text)
                    if runs_tests(self.language, text):
                        running.append(text)
                        yield from self._line_faults(makefile, line, mode)
                        yield from self._choice_faults(makefile, line, mode)
        if not running:
            number = makefile.rules_of("test")[0].number
            instead = f"it runs `{'; '.join(shown)[:200]}`" if shown else "it does nothing"
            yield f"{_NAME}:{number}: `test` does not run {RUNNER_NAMES[self.language]}: {instead}"
        else:
            yield from self._subset(makefile, running)

    def _choice_faults(self, makefile: Makefile, line: Line, mode: ShellMode) -> Iterator[str]:
        """What is wrong with the line in the other branches of the conditions that it depends on."""
        for chosen in makefile.choices(line.text):
            text = self._shell_text(makefile, line, chosen)
            if runs_tests(self.language, text):
                yield from self._line_faults(makefile, line, mode, chosen)
            else:
                shown = "; ".join(commands_of(text))[:200]
                yield f"{_NAME}:{line.number}: where a condition says so, it runs `{shown}` and no tests"

    def _submake_faults(self, line: Line) -> Iterator[str]:
        for call in _SUBMAKE.findall(_PREFIX.sub("", line.text, count=1)):
            bad = [
                w
                for w in call.split()
                if re.fullmatch(r"-[a-zA-Z]*[iknqtCf].*|--(?:ignore|keep|dry|file|dir).*", w)
            ]
            if bad:
                yield f"{_NAME}:{line.number}: calls make with `{' '.join(bad)}`"

    def _line_faults(
        self, makefile: Makefile, line: Line, mode: ShellMode, chosen: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        text = self._shell_text(makefile, line, chosen)
        # Make looks for prefixes after it has put in the variables.
        parts = makefile.expand(line.text, chosen).split("\n")
        if any((prefix := _PREFIX.match(part)) and "-" in prefix[0] for part in parts):
            yield f"{_NAME}:{line.number}: the prefix `-` lets the tests fail without notice"
        for fault in line_faults(self.language, text, mode):
            yield f"{_NAME}:{line.number}: {fault}"

    def _subset(self, makefile: Makefile, running: list[str]) -> Iterator[str]:
        """Whether the lines name test files or folders, and together not all of them."""
        files = test_files(self.language, self.tree)
        named: set[str] = set()
        for text in running:
            words = [word.strip("\"'").removeprefix("./") for word in runner_words(self.language, text)]
            covered = self._covered(words, text, files)
            if covered is None:
                return
            named |= covered
        left = sorted(set(files) - named)
        if left:
            number = makefile.rules_of("test")[0].number
            yield f"{_NAME}:{number}: `test` runs only some of the tests, and not {', '.join(left[:5])}"

    def _covered(self, words: list[str], text: str, files: tuple[str, ...]) -> set[str] | None:
        """The test files that a line runs, or None for all, as far as the text tells."""
        match self.language:
            case Language.RUST:
                return None
            case Language.GO:
                paths = tuple(self.tree)
                packages = [
                    word for word in words if word in {".", "..", "..."} or "/" in word or _under(paths, word)
                ]
                if any(word in {"...", "all"} or ("$(" in word and "./..." in word) for word in words):
                    return None
                return {path for path in files if any(_in_package(path, word) for word in packages or ["."])}
            case Language.PYTHON:
                # A word that holds no test is the value of an option.
                rooted = {word: _under(files, word.rstrip("/")) for word in words}
                return set().union(*rooted.values()) or None
            case Language.TYPESCRIPT | Language.BASH:
                literal = {path for path in files if _compiled(path) in text}
                return literal if literal and not _ALL_GLOB.search(text.replace("$$", "")) else None


def _assignment_fault(name: str, value: str) -> str:
    """What is wrong with setting one of the variables that change make, the shell or the runner."""
    if name == "SHELL" and value not in _SHELLS:
        return f"SHELL is `{value}`, which is no shell"
    if name == ".SHELLFLAGS" and (
        not _SHELL_FLAGS.fullmatch(value) or not re.search(r"(?:^|\s)-\w*c$", value)
    ):
        return f".SHELLFLAGS is `{value}`, with which the shell does something else"
    if name in {"MAKEFLAGS", "GNUMAKEFLAGS"} and not all(map(_MAKE_FLAG.fullmatch, value.split())):
        return f"{name} is `{value}`, with which make ignores failures or runs nothing"
    if name == ".RECIPEPREFIX":
        return ".RECIPEPREFIX makes recipes look like something else"
    return setting_fault(name, value) if _RUNNER_SETTINGS.fullmatch(name) else ""


def _under(files: tuple[str, ...], root: str) -> set[str]:
    return {path for path in files if root in {path, "."} or path.startswith(f"{root}/")}


def _in_package(path: str, word: str) -> bool:
    folder = path.rpartition("/")[0]
    if word.endswith("/..."):
        root = word.removesuffix("/...")
        return folder == root or folder.startswith(f"{root}/") or root in {"", "."}
    return folder == ("" if word == "." else word.rstrip("/"))


def _compiled(path: str) -> str:
    return f"dist/{path.removesuffix('.ts')}.js" if path.endswith(".ts") else path


def _mode(makefile: Makefile) -> ShellMode:
    flags = " ".join(a.value for a in makefile.assignments if a.name == ".SHELLFLAGS")
    posix = bool(makefile.rules_of(".POSIX"))
    return ShellMode(errexit=posix or bool(re.search(r"-\w*e", flags)), pipefail="pipefail" in flags)


def _joined(rule: Rule) -> tuple[Line, ...]:
    """The whole recipe as one line, as .ONESHELL runs it."""
    if not rule.recipe:
        return ()
    return (Line(rule.recipe[0].number, "\n".join(line.text for line in rule.recipe)),)
