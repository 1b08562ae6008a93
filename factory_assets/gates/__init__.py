"""The gates between the phases: each looks at what was committed and says what it saw."""

from __future__ import annotations

from collections.abc import Mapping

from factory_assets.domain.builds import Phase

TREE_SAFE = "tree-safe"
SECRETS = "secrets"
SOURCES = "sources"
TESTS_PRESENT = "tests-present"
PLACEHOLDERS = "placeholders"
TEST_TARGET = "test-target"
DOCUMENTS = "documents"
REVIEW_BOUNDS = "review-bounds"
DEPENDENCIES = "dependencies"
TESTS_PASS = "tests-pass"  # noqa: S105 - a gate's name
TESTS_EXECUTED = "tests-executed"
TESTS_NOTICE = "tests-notice"
PROVENANCE = "provenance"

EVERY_PHASE = (TREE_SAFE, SECRETS)
GATES: Mapping[Phase, tuple[str, ...]] = {
    Phase.BUILD: (*EVERY_PHASE, SOURCES, TESTS_PRESENT, PLACEHOLDERS, TEST_TARGET),
    Phase.SEO: (*EVERY_PHASE, DOCUMENTS),
    Phase.REVIEW: (
        *EVERY_PHASE,
        REVIEW_BOUNDS,
        DOCUMENTS,
        DEPENDENCIES,
        TESTS_PASS,
        TESTS_EXECUTED,
        TESTS_NOTICE,
        PROVENANCE,
    ),
}
DESCRIPTIONS: Mapping[str, str] = {
    TREE_SAFE: "No link leads out, no settings act on whoever opens the repo, no file or number of files is too large.",
    SECRETS: "No secret of this factory, in any form, and none that a scanner knows stands in any commit.",
    SOURCES: "There are real source files beyond the scaffold.",
    TESTS_PRESENT: "There are real tests.",
    PLACEHOLDERS: "No source file stands in for work that was not done, and no document is the scaffold's text.",
    TEST_TARGET: "`make test` runs the tests, and fails when they fail.",
    DOCUMENTS: "README.md, llms.txt, CLAUDE.md and AGENTS.md are real, and what they name exists and works.",
    REVIEW_BOUNDS: "The review mended and took no test away, changed no public interface and rewrote nothing.",
    DEPENDENCIES: "What the code imports is declared, exists and is locked.",
    TESTS_PASS: "`make test` passes in a fresh clone of the commit, without network.",
    TESTS_EXECUTED: "At least three tests were really executed and none failed, by the factory's own run.",
    TESTS_NOTICE: "The tests notice at least one of a few faults that were put into the sources.",
    PROVENANCE: "provenance.json says what the factory knows of this repo.",
}
ALL_GATES = tuple(dict.fromkeys(gate for gates in GATES.values() for gate in gates))
