"""The factory's own commit on top of a review: lock files, attribution and provenance.json, judged with the rest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from factory_assets.building.attribution import README_FILE, attributed
from factory_assets.building.provenance import Makers, make_provenance, prompt_hashes
from factory_assets.building.scaffold.scaffold import FIRST_VERSION
from factory_assets.building.state import AttemptState
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.provenance import PROVENANCE_FILE, SPEC_FILE, Provenance, provenance_bytes
from factory_assets.domain.trees import SYMLINK
from factory_assets.gates.runs import Final

FIRST_TAG = f"v{FIRST_VERSION}"


def make_release_commit(
    state: AttemptState, *, scaffold: str, phases: Mapping[Phase, str], locked: Mapping[str, bytes]
) -> Final:
    """Commit what the factory adds to the review; the same again gives the same commit.

    README.md gets the section that says whose idea it is.

    Raises:
        InputError: when a prompt template cannot be read.
        InfrastructureError: when the scaffold is not as the factory wrote it.
    """
    provenance = _provenance(state, scaffold, phases)
    commit = state.repo.commit_files(
        phases[Phase.REVIEW],
        {**locked, **_readme(state, phases[Phase.REVIEW]), PROVENANCE_FILE: provenance_bytes(provenance)},
        message=state.message(f"Release {state.spec.name}"),
        when=state.commit_time,
    )
    return Final(
        commit=commit,
        tree=state.repo.tree(commit),
        lay_out=partial(state.repo.clone, commit),
        provenance=provenance,
    )


def _readme(state: AttemptState, review: str) -> dict[str, bytes]:
    file = state.repo.tree(review).get(README_FILE)
    if file is None or file.data is None or file.mode == SYMLINK:
        # The gate on documents says so.
        return {}
    return {README_FILE: attributed(file.data, state.job.papers, state.spec.origin_url)}


def _provenance(state: AttemptState, scaffold: str, phases: Mapping[Phase, str]) -> Provenance:
    config = state.config
    written = state.repo.tree(scaffold).get(SPEC_FILE)
    if written is None or written.data is None:
        raise InfrastructureError(
            f"The scaffold {scaffold[:12]} holds no {SPEC_FILE}.",
            where=str(state.repo.path),
            fix="Restore this bare repository from a backup, or remove it and launch this partition again.",
        )
    # The scaffold and one commit for each phase; what is beyond them are repairs.
    repairs = state.repo.distance(scaffold, phases[Phase.REVIEW]) - len(phases)
    makers = Makers(
        prompt_sha256=prompt_hashes(
            config.prompts_dir,
            repairs=repairs,
            is_read=state.tools.reader is not None,
            is_agreed=state.acceptance is not None,
        ),
        models=config.models,
        claude_code_version=config.claude_code_version,
        factory_version=config.factory_version,
    )
    return make_provenance(
        state.spec,
        state.job.papers,
        version=FIRST_TAG,
        spec_file=written.data,
        phases=phases,
        makers=makers,
        acceptance=state.acceptance,
        evidence=state.job.evidence,
    )
