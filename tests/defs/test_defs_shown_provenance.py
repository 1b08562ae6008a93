"""What the UI shows of a repo's origin is what the repo says, and a difference is a failed check."""

from __future__ import annotations

from pathlib import Path

from provenance_material import NOW, Shipment, git

from factory_assets.defs.shown_provenance import show_provenance
from factory_assets.domain.builds import GateVerdict, Phase, ShippedRepo
from factory_assets.domain.specs import Language
from factory_assets.gates.names import PROVENANCE, SECRETS

VERDICTS = tuple(
    GateVerdict(gate=gate, phase=Phase.REVIEW, passed=True, saw="as it should be")
    for gate in (SECRETS, PROVENANCE)
)


def shipped(bare: Path, **changes: object) -> ShippedRepo:
    known: dict[str, object] = {
        "name": "word-count",
        "language": Language.PYTHON,
        "problem": "Nobody counts.",
        "source_url": "https://arxiv.org/abs/2606.01234",
        "version": "v0.1.0",
        "commit": git(bare, "rev-parse", "main"),
        "lines_of_code": 5,
        "tests_executed": 3,
        "shipped_at": NOW,
    }
    return ShippedRepo.model_validate(known | changes)


def test_a_repo_that_says_what_the_registry_knows_is_shown_with_its_whole_provenance(tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    shown = show_provenance(shipped(bare), bare, None)
    assert shown.faults == ()
    assert (shown.fields["model of seo"], shown.fields["cost usd"]) == ("haiku", "0.5000")
    assert all(verdict.passed for verdict in shown.judge(VERDICTS))


def test_a_repo_that_says_something_else_fails_the_check_provenance_alone(tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    secrets, provenance = show_provenance(shipped(bare, tests_executed=70), bare, None).judge(VERDICTS)
    assert (secrets.passed, provenance.passed) == (True, False)
    assert "tests executed: the repo says 3, the metadata 70" in provenance.saw


def test_records_that_cannot_be_read_fail_the_check(tmp_path: Path) -> None:
    bare = Shipment(tmp_path, last_files={"provenance.json": "{}"}).ship()
    assert "provenance.json" in show_provenance(shipped(bare), bare, None).faults[0]


def test_without_the_bare_repository_it_is_said_that_nothing_was_compared(tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    shown = show_provenance(shipped(bare), tmp_path / "elsewhere.git", None)
    assert shown.fields["commit"] == git(bare, "rev-parse", "main")
    assert "not compared" in shown.judge(VERDICTS)[1].saw
    assert shown.judge(VERDICTS)[1].passed
