"""The gate on what the factory adds to a repo: provenance.json says what it knows, and SPEC.md is its own."""

from __future__ import annotations

from difflib import unified_diff

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.provenance import (
    PROVENANCE_FILE,
    SPEC_FILE,
    Provenance,
    provenance_bytes,
    sha256,
)
from factory_assets.domain.trees import Tree
from factory_assets.gates.names import PROVENANCE


def judge_provenance(tree: Tree, expected: Provenance | None) -> GateVerdict:
    """Refuse a tree whose provenance.json is not, byte for byte, what the factory knows, or whose SPEC.md changed."""
    if expected is None:
        raise ValueError("nothing is known of where this commit comes from")
    wanted = provenance_bytes(expected)
    faults: list[str] = []
    file = tree.get(PROVENANCE_FILE)
    if file is None or file.data is None:
        faults.append(f"{PROVENANCE_FILE} is missing")
    elif file.data != wanted:
        lines = unified_diff(
            wanted.decode().splitlines(),
            file.text.splitlines(),
            "what the factory knows",
            PROVENANCE_FILE,
            n=0,
        )
        faults += [
            f"{PROVENANCE_FILE} is not what the factory knows:",
            *(line.rstrip("\n") for line in lines),
        ]
    spec = tree.get(SPEC_FILE)
    if spec is None or spec.data is None or sha256(spec.data) != expected.spec_sha256:
        faults.append(f"{SPEC_FILE} is not the one that the factory wrote")
    phases = ", ".join(f"{done.phase} {done.commit[:12]}" for done in expected.phases)
    return GateVerdict(
        gate=PROVENANCE,
        phase=Phase.REVIEW,
        passed=not faults,
        saw="\n".join(faults) if faults else f"{PROVENANCE_FILE} agrees with the factory: {phases}",
        fix=f"Leave {SPEC_FILE} as it is, and {PROVENANCE_FILE} to the factory." if faults else "",
    )
