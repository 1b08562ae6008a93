"""What is shown of where a shipped repo comes from, compared with what the repo itself says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.building.provenance import disagreements, provenance_fields
from factory_assets.building.report import BuildReport
from factory_assets.building.shipping import recorded_fields
from factory_assets.domain.builds import GateVerdict, ShippedRepo
from factory_assets.domain.errors import FactoryError
from factory_assets.gates.names import PROVENANCE

_AGREES = "what is shown here agrees with provenance.json and the tag's record"
_FIX = (
    "Do not use this repo before it is clear who changed it or the registry: restore the one that is wrong."
)


@dataclass(frozen=True)
class ShownProvenance:
    """The fields that are shown, and where they differ from the repo's own records; `note` sums it up."""

    fields: Mapping[str, str]
    faults: tuple[str, ...]
    note: str

    def judge(self, verdicts: Sequence[GateVerdict]) -> tuple[GateVerdict, ...]:
        """The verdicts with this comparison added to that of the gate `provenance`."""
        return tuple(
            self._compared(verdict) if verdict.gate == PROVENANCE else verdict for verdict in verdicts
        )

    def _compared(self, verdict: GateVerdict) -> GateVerdict:
        saw = "\n".join([verdict.saw, self.note, *self.faults])
        if not self.faults:
            return verdict.model_copy(update={"saw": saw})
        return verdict.model_copy(update={"passed": False, "saw": saw, "fix": _FIX})


def show_provenance(repo: ShippedRepo, git_dir: Path, report: BuildReport | None) -> ShownProvenance:
    """The provenance to show of a shipped repo. `git_dir` is its bare repository, `report` this run's, if it built.

    What the registry and the report know is shown as they know it, so that a repo that was changed is noticed.
    """
    known = _known(repo, report)
    if not (git_dir / "HEAD").exists():
        return ShownProvenance(known, (), f"not compared with the repo: there is none at {git_dir}")
    try:
        recorded = recorded_fields(git_dir, commit=repo.commit, version=repo.version)
    except FactoryError as error:
        return ShownProvenance(known, (str(error),), "the repo's own records cannot be read")
    shown = recorded | known
    faults = disagreements(recorded, shown)
    return ShownProvenance(shown, faults, "what is shown here differs from the repo" if faults else _AGREES)


def _known(repo: ShippedRepo, report: BuildReport | None) -> dict[str, str]:
    fields: dict[str, str] = {}
    if report is not None and report.provenance is not None and report.tag_record is not None:
        fields = provenance_fields(report.provenance, report.tag_record)
    return fields | {
        "name": repo.name,
        "version": repo.version,
        "language": repo.language,
        "source": repo.source_url,
        "commit": repo.commit,
        "tests executed": str(repo.tests_executed),
    }
