"""Gates of the build phase: real source files beyond the scaffold, and real tests."""

from __future__ import annotations

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree, changed_paths
from factory_assets.gates.names import SOURCES, TESTS_PRESENT
from factory_assets.gates.written import test_counts
from factory_assets.languages import LANGUAGES
from factory_assets.languages.sources import is_source, source_lines

LEAST_SOURCE_LINES = 20


def judge_sources(language: Language, scaffold: Tree, tree: Tree) -> GateVerdict:
    """Source files that are new or changed since the scaffold hold at least 20 lines that are not blank."""
    lines = {
        path: source_lines(language, tree[path])
        for path in changed_paths(scaffold, tree)
        if path in tree and is_source(language, path, tree[path])
    }
    total = sum(lines.values())
    listed = ", ".join(f"{path} ({count})" for path, count in lines.items()) or "no source file"
    passed = total >= LEAST_SOURCE_LINES
    return GateVerdict(
        gate=SOURCES,
        phase=Phase.BUILD,
        passed=passed,
        saw=f"{total} lines of {language} beyond the scaffold: {listed}",
        fix="" if passed else "Build the repo again, with more turns (FACTORY_BUILD_TURNS) if it ran out.",
    )


def judge_tests_present(language: Language, scaffold: Tree, tree: Tree) -> GateVerdict:
    """At least one file holds tests in the form that the language's runner finds."""
    changed = set(changed_paths(scaffold, tree))
    found = {path: count for path, count in test_counts(language, tree).items() if path in changed}
    listed = ", ".join(f"{path} ({count})" for path, count in found.items())
    return GateVerdict(
        gate=TESTS_PRESENT,
        phase=Phase.BUILD,
        passed=bool(found),
        saw=f"tests in {listed}" if found else f"no {LANGUAGES[language].tests.live_in}",
        fix="" if found else "Build the repo again, with more turns (FACTORY_BUILD_TURNS) if it ran out.",
    )
