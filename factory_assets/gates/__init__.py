"""The gates: one table says which there are, after which phases each judges, and by what evidence.

Everything that names, orders or describes gates derives from it: the judging, the checks in the UI, the registry's
verdicts, the table in README.md and what the prompts say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from factory_assets.domain.builds import Phase
from factory_assets.gates import names
from factory_assets.gates.acceptance import judge_acceptance
from factory_assets.gates.base import Context, Gate, Needs
from factory_assets.gates.build import judge_sources, judge_tests_present
from factory_assets.gates.documents import judge_documents
from factory_assets.gates.documents_run import judge_documented_commands
from factory_assets.gates.harm import judge_harm, judge_install_code, judge_tests_watched
from factory_assets.gates.mutation import judge_mutations
from factory_assets.gates.placeholders import judge_placeholders
from factory_assets.gates.provenance import judge_provenance
from factory_assets.gates.reader import judge_by_reading
from factory_assets.gates.review_bounds import judge_review
from factory_assets.gates.secrets import judge_secrets, judge_secrets_quickly
from factory_assets.gates.tree import judge_tree

__all__ = [
    "ALL_GATES",
    "DESCRIPTIONS",
    "FINAL_GATES",
    "GATES",
    "Context",
    "Gate",
    "Needs",
    "gates_after",
    "names_after",
]

_TESTS = (names.TESTS_PASS, names.TESTS_RUN, names.TESTS_EXECUTED)

GATES: tuple[Gate, ...] = (
    Gate(
        name=names.TREE_SAFE,
        after=tuple(Phase),
        needs=Needs.TREE,
        judge=lambda c: judge_tree(c.phase, c.tree),
        says="No link leads out of the repo, no file acts on whoever opens it, is a compiled program or hides text,"
        " and it has at most 500 files of at most 1 MB each, or 100 kB if they are not text.",
        is_final=True,
    ),
    Gate(
        name=names.SECRETS,
        after=tuple(Phase),
        needs=Needs.TREE,
        judge=lambda c: judge_secrets_quickly(c.phase, c.git_dir, c.commit, c.tree, c.scanner),
        says="No commit holds a secret of this factory, in any form, or one that a scanner knows.",
        is_final=True,
    ),
    Gate(
        name=names.SOURCES,
        after=(Phase.BUILD,),
        needs=Needs.TREE,
        judge=lambda c: judge_sources(c.language, c.scaffold, c.tree),
        says="There are real source files beyond the scaffold.",
    ),
    Gate(
        name=names.TESTS_PRESENT,
        after=(Phase.BUILD,),
        needs=Needs.TREE,
        judge=lambda c: judge_tests_present(c.language, c.scaffold, c.tree),
        says="There are real tests.",
    ),
    Gate(
        name=names.PLACEHOLDERS,
        after=(Phase.BUILD,),
        needs=Needs.TREE,
        judge=lambda c: judge_placeholders(c.language, c.tree, c.scaffold),
        says="No source file is a placeholder for work that was not done, and no document is the scaffold's text.",
    ),
    Gate(
        name=names.HARMLESS,
        after=(Phase.BUILD, Phase.REVIEW),
        needs=Needs.TREE,
        judge=judge_install_code,
        says="Nothing runs at install time; tests and commands leave other files alone, call nobody and keep working.",
    ),
    Gate(
        name=names.REVIEW_BOUNDS,
        after=(Phase.REVIEW,),
        needs=Needs.COMPARE,
        judge=lambda c: judge_review(c.language, built=c.before, tree=c.tree),
        says="The review removed no test, changed no public interface and rewrote nothing.",
    ),
    Gate(
        name=names.DOCUMENTS,
        after=(Phase.SEO, Phase.REVIEW),
        needs=Needs.TREE,
        judge=lambda c: judge_documents(c.phase, c.language, c.tree, c.scaffold),
        says="README.md, llms.txt, CLAUDE.md and AGENTS.md are real, and what they name exists and works.",
    ),
    Gate(
        name=names.DEPENDENCIES,
        after=(Phase.BUILD, Phase.REVIEW),
        needs=Needs.NETWORK,
        judge=lambda c: c.runs.resolved.verdict,
        says="What the code imports is declared, exists and is locked; no dependency is new, misleading or unused.",
    ),
    Gate(
        name=names.SECRETS,
        after=(Phase.REVIEW,),
        needs=Needs.RUN,
        judge=lambda c: partial(
            judge_secrets, c.phase, c.git_dir, c.runs.final.commit, c.runs.final.tree, c.scanner
        ),
        says="No commit holds a secret of this factory, in any form, or one that a scanner knows.",
        is_final=True,
    ),
    Gate(
        name=names.TESTS_PASS,
        after=(Phase.REVIEW,),
        needs=Needs.RUN,
        judge=lambda c: c.runs.tests.judge_passing(),
        says="`make test` passes in a fresh clone of the commit, without network.",
    ),
    Gate(
        name=names.TESTS_RUN,
        after=(Phase.BUILD, Phase.REVIEW),
        needs=Needs.RUN,
        judge=lambda c: c.runs.tests.judge_running(),
        says="A failing test put into each test file is noticed by `make test` and by the factory's own run.",
        unless_refused=(names.TESTS_PASS,),
        of_code=True,
    ),
    Gate(
        name=names.TESTS_EXECUTED,
        after=(Phase.REVIEW,),
        needs=Needs.RUN,
        judge=lambda c: c.runs.tests.judge_executed(),
        says="At least three tests were really executed and none failed, by the factory's own run.",
        unless_refused=(names.TESTS_PASS,),
    ),
    Gate(
        name=names.HARMLESS,
        after=(Phase.BUILD, Phase.REVIEW),
        needs=Needs.RUN,
        judge=judge_tests_watched,
        says="Nothing runs at install time; tests and commands leave other files alone, call nobody and keep working.",
    ),
    Gate(
        name=names.ACCEPTANCE,
        after=(Phase.BUILD, Phase.REVIEW),
        needs=Needs.RUN,
        unless_refused=_TESTS,
        judge=judge_acceptance,
        says="The repo does what was asked for before it was built, in scenarios that its builder was not shown.",
        asked=lambda c: c.accept is not None,
    ),
    Gate(
        name=names.PROVENANCE,
        after=(Phase.REVIEW,),
        needs=Needs.RUN,
        judge=lambda c: judge_provenance(c.runs.final.tree, c.runs.final.provenance),
        says="provenance.json says what the factory knows of this repo.",
    ),
    Gate(
        name=names.TESTS_NOTICE,
        after=(Phase.REVIEW,),
        needs=Needs.RUN,
        unless_refused=_TESTS,
        judge=lambda c: judge_mutations(
            language=c.language,
            clone=c.runs.clone.folder,
            tree=c.runs.final.tree,
            commands=c.runs.commands,
            seed=c.runs.final.commit,
            env=c.runs.clone.env,
            folders=c.runs.clone.folders,
            before=c.runs.tests.own,
        ),
        says="The tests notice faults that are put into what they claim to test.",
    ),
    Gate(
        name=names.DOCUMENTS,
        after=(Phase.REVIEW,),
        needs=Needs.RUN,
        unless_refused=_TESTS,
        judge=judge_documented_commands,
        says="README.md, llms.txt, CLAUDE.md and AGENTS.md are real, and what they name exists and works.",
    ),
    Gate(
        name=names.HARMLESS,
        after=(Phase.REVIEW,),
        needs=Needs.RUN,
        unless_refused=_TESTS,
        judge=judge_harm,
        says="Nothing runs at install time; tests and commands leave other files alone, call nobody and keep working.",
    ),
    Gate(
        name=names.READING,
        after=(Phase.REVIEW,),
        needs=Needs.READ,
        judge=judge_by_reading,
        asked=lambda c: c.read is not None,
        says="A model that did not write the repo finds no grave fault in it that a second call confirms.",
    ),
)

ALL_GATES: tuple[str, ...] = tuple(dict.fromkeys(gate.name for gate in GATES))
FINAL_GATES = frozenset(gate.name for gate in GATES if gate.is_final)
DESCRIPTIONS: Mapping[str, str] = {gate.name: gate.says for gate in GATES}


def gates_after(phase: Phase, gates: Sequence[Gate] = GATES) -> tuple[Gate, ...]:
    """The rows that judge what a phase made, in order."""
    return tuple(gate for gate in gates if phase in gate.after)


def names_after(phase: Phase) -> tuple[str, ...]:
    """The names of those gates, each once."""
    return tuple(dict.fromkeys(gate.name for gate in gates_after(phase)))
