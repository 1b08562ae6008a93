"""Shipping: `main` and the tag in the bare repository first, then the registry."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from factory_assets.building.provenance import (
    make_tag_record,
    provenance_fields,
    read_provenance,
    read_tag_message,
    tag_message,
)
from factory_assets.building.publishing import published_files, without_published
from factory_assets.building.release_commit import FIRST_TAG
from factory_assets.building.report import BuildReport
from factory_assets.building.state import AttemptState
from factory_assets.domain.builds import GateVerdict, Phase, ShippedRepo
from factory_assets.domain.provenance import PROVENANCE_FILE, Provenance, TagRecord
from factory_assets.domain.readings import Reading
from factory_assets.domain.trees import REGULAR, TreeFile, changed_paths
from factory_assets.gates import GATES, Context
from factory_assets.gates.runs import Final
from factory_assets.gates.secrets import judge_secrets
from factory_assets.gates.tree import judge_tree
from factory_assets.git_program import find_git, run_git
from factory_assets.languages.names import names_of
from factory_assets.languages.sources import lines_of_code

# Where a gate judges in several phases, its last verdict is the one in the tag.
_LAST_PHASE = {gate.name: gate.after[-1] for gate in GATES}


def ship(state: AttemptState, judged: Context, tests_executed: int, reading: Reading | None) -> BuildReport:
    """Point `main` and the tag at the commit that passed, and write it down as shipped.

    `reading` is what the reader found in it; None where it was not asked.
    """
    final = _with_scenarios(state, judged)
    spending = state.tools.ledger.spending(state.queued.id, state.queued.attempts)
    provenance = read_provenance(final.tree)
    record = make_tag_record(
        provenance,
        commit=final.commit,
        verdicts=state.verdicts,
        tests_executed=tests_executed,
        cost_usd=spending.repo_usd,
        reading=reading.counts if reading else None,
        acceptance=state.acceptance,
    )
    state.repo.ship(final.commit, version=FIRST_TAG, message=tag_message(record))
    return _write_down(state, provenance, record)


def _with_scenarios(state: AttemptState, judged: Context) -> Final:
    """The commit that was judged, and in it the scenarios that it passed; without them where they look like a secret.

    They were not there while it was judged, so that no program could read in them what it is asked.
    """
    final, repo = judged.runs.final, state.repo
    parent = repo.parent(final.commit)
    published = published_files(
        state.acceptance,
        name=names_of(state.spec.name, state.spec.language).package,
        language=state.spec.language,
        tree=final.tree,
    )
    if not published or parent is None:
        return final
    sealed = {
        path: data
        for path in changed_paths(repo.tree(parent), final.tree)
        if path in final.tree and (data := final.tree[path].data) is not None
    }
    commit = repo.commit_files(
        parent,
        sealed | published,
        message=state.message(f"Release {state.spec.name}"),
        when=state.commit_time,
    )
    tree = repo.tree(commit)
    verdicts = (
        judge_tree(Phase.REVIEW, tree),
        judge_secrets(Phase.REVIEW, repo.path, commit, tree, judged.scanner),
    )
    if refused := [verdict.saw for verdict in verdicts if not verdict.passed]:
        state.say(
            Phase.REVIEW, f"the scenarios are not published with it: {refused[0].partition(chr(10))[0]}"
        )
        return final
    return Final(commit=commit, tree=tree, lay_out=partial(repo.clone, commit), provenance=final.provenance)


def finish_shipping(state: AttemptState, commit: str) -> BuildReport:
    """Write down what an earlier run shipped in git before it died; nothing is judged or made again.

    Raises:
        InputError: when the tag or provenance.json is not as the factory wrote it.
    """
    state.tools.journal.enter_phase(state.queued.id, Phase.REVIEW)
    record = read_tag_message(state.repo.tag_message(FIRST_TAG))
    for gate, verdict in record.gates.items():
        # A gate of an earlier release may be gone since.
        phase = _LAST_PHASE.get(gate, Phase.REVIEW)
        known = GateVerdict(gate=gate, phase=phase, passed=verdict.passed, saw=verdict.saw)
        state.take_verdicts(phase, (known,))
    return _write_down(state, read_provenance(state.repo.tree(commit)), record)


def recorded_fields(git_dir: Path, *, commit: str, version: str) -> dict[str, str]:
    """What a shipped repo says of itself: provenance.json of its commit, and the record in its tag.

    Raises:
        InputError: when one of them is not as the factory wrote it.
        InfrastructureError: when the bare repository has none.
    """
    env, git = {"GIT_DIR": str(git_dir)}, find_git()
    data = run_git(git, ["cat-file", "blob", f"{commit}:{PROVENANCE_FILE}"], env)
    tag = run_git(git, ["cat-file", "tag", f"refs/tags/{version}"], env).decode("utf-8", "replace")
    provenance = read_provenance({PROVENANCE_FILE: TreeFile(REGULAR, "", len(data), data)})
    return provenance_fields(provenance, read_tag_message(tag.partition("\n\n")[2]))


def _write_down(state: AttemptState, provenance: Provenance, record: TagRecord) -> BuildReport:
    spec = state.spec
    lines = lines_of_code(spec.language, without_published(state.repo.tree(record.commit)))
    shipped = ShippedRepo(
        name=spec.name,
        language=spec.language,
        problem=spec.problem,
        source_url=spec.origin_url,
        version=record.version,
        commit=record.commit,
        lines_of_code=lines,
        tests_executed=record.tests_executed,
        shipped_at=state.tools.clock(),
    )
    state.tools.journal.ship(state.queued.id, shipped)
    state.say(
        Phase.REVIEW, f"shipped {record.version}, {lines} lines, {record.tests_executed} tests executed"
    )
    return state.summary().model_copy(
        update={
            "commit": record.commit,
            "tests_executed": record.tests_executed,
            "lines_of_code": lines,
            "provenance": provenance,
            "tag_record": record,
        }
    )
