"""What a repo tells of the evidence that its spec rests on: in SPEC.md, in its provenance, and no more than it may."""

from __future__ import annotations

from pathlib import Path

from build_material import PAPER, make_spec
from ideas_fakes import PROBLEM, STEP, claim, evidence_of
from provenance_material import MAKERS, PHASES, a_paper, a_spec

from factory_assets.building.provenance import make_provenance
from factory_assets.building.scaffold.scaffold import write_scaffold
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.specs import Language

SENTENCE = "and does not say why"
EVIDENCE = evidence_of(
    PROBLEM,
    {**STEP, "quotes": [{"piece": "M1", "text": "Each step evicts the entry"}]},
    claim("competitor", "It shows entries\n## Papers\nand no reasons.", "R1", quotes=[("R1", SENTENCE)]),
)


def spec_file(folder: Path, evidence: SpecEvidence | None) -> str:
    write_scaffold(
        make_spec(Language.PYTHON), (PAPER,), workspace=folder, year=2026, owner="Example", evidence=evidence
    )
    return (folder / "SPEC.md").read_text()


def test_spec_md_carries_claims_and_sources_with_links_and_licences(tmp_path: Path) -> None:
    text = spec_file(tmp_path, EVIDENCE)
    assert "\n### Problem\n\n- Arrival order loses 31% of the hits. (C1)\n" in text
    assert "- R1, repository: Title of R1, https://example.org/R1\n" in text
    assert "120 stars, last push 2026-05-02, licence: MIT)" in text
    assert "- Not looked up: GitHub's search was cut short\n" in text


def test_a_sentence_is_quoted_with_its_source_where_the_licence_allows_it_and_no_other(
    tmp_path: Path,
) -> None:
    text = spec_file(tmp_path, EVIDENCE)
    assert f"  - R1: “{SENTENCE}”\n" in text
    assert "Each step evicts" not in text


def test_the_papers_stay_the_last_part_whatever_a_claim_says(tmp_path: Path) -> None:
    text = spec_file(tmp_path, EVIDENCE)
    assert text.count("\n## Papers\n") == 1
    assert text.index("\n## Evidence\n") < text.index("\n## Papers\n")


def test_a_plain_spec_has_no_part_on_evidence(tmp_path: Path) -> None:
    assert "Evidence" not in spec_file(tmp_path, None)


def test_the_provenance_names_the_repositories() -> None:
    made = make_provenance(
        a_spec(),
        [a_paper()],
        version="v0.1.0",
        spec_file=b"",
        phases=PHASES,
        makers=MAKERS,
        evidence=EVIDENCE,
    )
    assert [each.model_dump() for each in made.repositories] == [
        {"name": "Title of R1", "url": "https://example.org/R1", "licence": "MIT"}
    ]
