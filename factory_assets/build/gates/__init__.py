"""The gates between the phases: each looks at what was committed and says what it saw."""

from __future__ import annotations

from collections.abc import Mapping

from factory_assets.domain.builds import Phase

TREE_SAFE = "tree-safe"
SECRETS = "secrets"
SOURCES = "sources"
TESTS_PRESENT = "tests-present"
DOCUMENTS = "documents"
SOURCES_UNCHANGED = "sources-unchanged"
TESTS_PASS = "tests-pass"  # noqa: S105 - a gate's name
TESTS_EXECUTED = "tests-executed"

EVERY_PHASE = (TREE_SAFE, SECRETS)
GATES: Mapping[Phase, tuple[str, ...]] = {
    Phase.BUILD: (*EVERY_PHASE, SOURCES, TESTS_PRESENT),
    Phase.SEO: (*EVERY_PHASE, DOCUMENTS, SOURCES_UNCHANGED),
    Phase.REVIEW: (*EVERY_PHASE, TESTS_PASS, TESTS_EXECUTED),
}
DESCRIPTIONS: Mapping[str, str] = {
    TREE_SAFE: "No link leads out of the repo, and no file or number of files is out of all proportion.",
    SECRETS: "No secret of this factory stands in any file.",
    SOURCES: "There are real source files beyond the scaffold.",
    TESTS_PRESENT: "There are real tests.",
    DOCUMENTS: "README.md, llms.txt, CLAUDE.md and AGENTS.md are real, and what they link to exists.",
    SOURCES_UNCHANGED: "The seo phase changed nothing but documents.",
    TESTS_PASS: "`make test` passes in a fresh clone of the commit, without network.",
    TESTS_EXECUTED: "The tests were really executed and none failed, by the factory's own run of them.",
}
ALL_GATES = tuple(dict.fromkeys(gate for gates in GATES.values() for gate in gates))
