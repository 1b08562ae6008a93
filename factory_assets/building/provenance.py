"""Writing and reading provenance: the file in the tree, the tag's message, the metadata in the UI."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from factory_assets.building.acceptance import SOLVE, WRITE
from factory_assets.building.prompts import REPAIR_TEMPLATE
from factory_assets.building.reader import CONFIRM, READ
from factory_assets.domain.acceptance import Acceptance, AcceptanceCounts
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.papers import Paper
from factory_assets.domain.provenance import (
    PROVENANCE_FILE,
    AgreedAcceptance,
    GateRecord,
    PhaseCommit,
    Provenance,
    SourcePaper,
    SourceRepository,
    TagRecord,
    sha256,
)
from factory_assets.domain.readings import ReadingCounts
from factory_assets.domain.specs import Spec
from factory_assets.domain.text import single_line
from factory_assets.domain.trees import Tree

REPAIR = "repair"


@dataclass(frozen=True, kw_only=True)
class Makers:
    """What made a repo: the factory, its prompts (SHA-256 of each template), models and agent program."""

    prompt_sha256: Mapping[str, str]
    models: Mapping[Phase, str]
    claude_code_version: str
    factory_version: str


def prompt_hashes(
    prompts_dir: Path, *, repairs: int, is_read: bool, is_agreed: bool = False
) -> dict[str, str]:
    """SHA-256 of the prompt template of each phase, of repairs where there were any, of reader and acceptance.

    Raises:
        InputError: when a template cannot be read.
    """
    templates = {phase.value: f"{phase}.md.j2" for phase in Phase}
    if repairs:
        templates[REPAIR] = REPAIR_TEMPLATE
    if is_read:
        templates |= {task: f"{task}.md.j2" for task in (READ, CONFIRM)}
    if is_agreed:
        templates |= {task: f"{task}.md.j2" for task in (WRITE, SOLVE)}
    try:
        return {name: sha256((prompts_dir / file).read_bytes()) for name, file in templates.items()}
    except OSError as error:
        raise InputError(
            f"The prompt template cannot be read: {error.strerror}.",
            where=str(error.filename),
            fix="Restore it, or set FACTORY_PROMPTS_DIR.",
        ) from error


def make_provenance(
    spec: Spec,
    papers: Sequence[Paper],
    *,
    version: str,
    spec_file: bytes,
    phases: Mapping[Phase, str],
    makers: Makers,
    acceptance: Acceptance | None = None,
    evidence: SpecEvidence | None = None,
) -> Provenance:
    """The provenance of a repo. `spec_file` is SPEC.md as the factory wrote it; `phases` their last commits."""
    return Provenance(
        name=spec.name,
        version=version,
        language=spec.language,
        papers=tuple(
            SourcePaper(id=paper.arxiv_id, title=single_line(paper.title), url=paper.url) for paper in papers
        ),
        repositories=tuple(
            SourceRepository(name=single_line(each.title), url=each.url, licence=each.licence)
            for each in (evidence.repositories if evidence else ())
        ),
        source_url=spec.origin_url,
        spec_sha256=sha256(spec_file),
        prompt_sha256=dict(makers.prompt_sha256),
        models=dict(makers.models),
        claude_code_version=makers.claude_code_version,
        phases=tuple(PhaseCommit(phase=phase, commit=phases[phase]) for phase in Phase if phase in phases),
        factory_version=makers.factory_version,
        acceptance=AgreedAcceptance(
            model=acceptance.model,
            digest=acceptance.digest,
            scenarios=len(acceptance.scenarios),
            examples=len(acceptance.examples),
        )
        if acceptance is not None
        else None,
    )


def read_provenance(tree: Tree) -> Provenance:
    """The provenance that a tree claims.

    Raises:
        InputError: when the file is missing or is none.
    """
    if PROVENANCE_FILE not in tree:
        raise InputError("The file is missing.", where=PROVENANCE_FILE)
    try:
        return Provenance.model_validate_json(tree[PROVENANCE_FILE].text)
    except ValidationError as error:
        raise InputError(_first(error), where=PROVENANCE_FILE) from error


def make_tag_record(
    provenance: Provenance,
    *,
    commit: str,
    verdicts: Sequence[GateVerdict],
    tests_executed: int,
    cost_usd: float,
    reading: ReadingCounts | None = None,
    acceptance: Acceptance | None = None,
) -> TagRecord:
    """The record for the annotated tag; of a gate that judged more than once, the last verdict counts.

    Of the acceptance all that counts has passed, or the repo would not ship.
    """
    return TagRecord(
        name=provenance.name,
        version=provenance.version,
        commit=commit,
        gates={
            verdict.gate: GateRecord(passed=verdict.passed, saw=verdict.saw.partition("\n")[0])
            for verdict in verdicts
        },
        tests_executed=tests_executed,
        cost_usd=round(cost_usd, 4),
        reading=reading,
        acceptance=AcceptanceCounts(
            passed=len(acceptance.active),
            held_out=len(acceptance.held_out),
            struck=len(acceptance.scenarios) - len(acceptance.active),
        )
        if acceptance is not None and acceptance.active
        else None,
    )


def tag_message(record: TagRecord) -> str:
    """The message of the annotated tag: a line for people, then the record as JSON."""
    passed = sum(gate.passed for gate in record.gates.values())
    summary = (
        f"{record.name} {record.version}: {record.tests_executed} tests executed, {passed} of"
        f" {len(record.gates)} gates passed"
    )
    fields = record.model_dump(mode="json")
    return f"{summary}\n\n{json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False)}\n"


def read_tag_message(message: str) -> TagRecord:
    """The record in a tag's message.

    Raises:
        InputError: when there is none.
    """
    try:
        return TagRecord.model_validate_json(message.partition("\n\n")[2])
    except ValidationError as error:
        raise InputError(_first(error), where="the tag's message") from error


def provenance_fields(provenance: Provenance, tag: TagRecord) -> dict[str, str]:
    """Both records as flat fields: what the UI shows is what the repo says."""
    fields = {
        "name": provenance.name,
        "version": provenance.version,
        "language": provenance.language.value,
        "papers": " ".join(paper.url for paper in provenance.papers),
        "source": provenance.source_url,
        "spec sha256": provenance.spec_sha256,
        "claude code": provenance.claude_code_version,
        "factory": provenance.factory_version,
        "commit": tag.commit,
        "tests executed": str(tag.tests_executed),
        "cost usd": f"{tag.cost_usd:.4f}",
    }
    if provenance.repositories:
        fields["repositories"] = " ".join(each.url for each in provenance.repositories)
    fields |= {f"model of {phase}": model for phase, model in provenance.models.items()}
    fields |= {f"prompt sha256 of {phase}": digest for phase, digest in provenance.prompt_sha256.items()}
    if provenance.acceptance is not None:
        agreed = provenance.acceptance
        fields |= {"acceptance by": agreed.model, "acceptance sha256": agreed.digest}
    if tag.acceptance is not None:
        fields["scenarios passed"] = tag.acceptance.words
    if tag.reading is not None:
        fields |= reading_fields(tag.reading)
    fields |= {f"commit of {done.phase}": done.commit for done in provenance.phases}
    return fields | {
        f"gate {name}": "passed" if gate.passed else "failed" for name, gate in sorted(tag.gates.items())
    }


def reading_fields(counts: ReadingCounts) -> dict[str, str]:
    """What a reader found, as flat fields: by kind, and of each how many were confirmed, disputed and struck."""
    kinds = {
        f"finding {kind}": f"{found} found, {confirmed} confirmed, {disputed} disputed, {struck} struck"
        for kind, found, confirmed, disputed, struck in counts.rows
    }
    return {"model of reader": counts.model, "findings dropped": str(counts.dropped), **kinds}


def disagreements(repo: Mapping[str, str], shown: Mapping[str, str]) -> tuple[str, ...]:
    """Where the fields of a repo's own records and those that the UI shows differ; empty where they agree."""
    return tuple(
        f"{name}: the repo says {repo.get(name, 'nothing')}, the metadata {shown.get(name, 'nothing')}"
        for name in sorted(repo.keys() | shown.keys())
        if repo.get(name) != shown.get(name)
    )


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}." if place else f"{first['msg']}."
