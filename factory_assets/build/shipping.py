"""Shipping: `main` and the tag in the bare repository first, then the registry."""

from __future__ import annotations

from pathlib import Path

from factory_assets.build.provenance import (
    make_tag_record,
    provenance_fields,
    read_provenance,
    read_tag_message,
    tag_message,
)
from factory_assets.build.report import BuildReport
from factory_assets.build.sealing import FIRST_TAG
from factory_assets.build.state import AttemptState
from factory_assets.domain.builds import GateVerdict, Phase, ShippedRepo
from factory_assets.domain.provenance import PROVENANCE_FILE, Provenance, TagRecord
from factory_assets.domain.readings import Reading
from factory_assets.domain.trees import REGULAR, TreeFile
from factory_assets.gates import GATES
from factory_assets.gates.runs import Final
from factory_assets.git_program import find_git, run_git
from factory_assets.languages.sources import lines_of_code

# Where a gate judges in several phases, its last verdict is the one in the tag.
_LAST_PHASE = {gate.name: gate.after[-1] for gate in GATES}


def ship(state: AttemptState, final: Final, tests_executed: int, reading: Reading | None) -> BuildReport:
    """Point `main` and the tag at the commit that passed, and write it down as shipped.

    `reading` is what the reader found in it; None where it was not asked.
    """
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
    lines = lines_of_code(spec.language, state.repo.tree(record.commit))
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
