"""What researched specs rest on, and the papers of a spec wherever the factory has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.papers import Paper
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.registry.database import Connection
from factory_assets.registry.papers import papers_by_id
from factory_assets.registry.rows import fetch, fetch_one

# What a spec rests on is known when it is queued, and stays.
_KEEP = """
INSERT INTO spec_evidence (spec_id, route, evidence)
SELECT id, $2, CAST($3 AS JSON) FROM build_queue WHERE name = $1
ON CONFLICT (spec_id) DO NOTHING
"""


def keep_evidence(
    connection: Connection, evidence: Mapping[str, SpecEvidence], names: Collection[str]
) -> None:
    """Keep what these specs rest on; what there is of others is not kept."""
    for name in names:
        if (found := evidence.get(name)) is not None:
            connection.execute(_KEEP, [name, found.route, found.model_dump_json()])


def evidence_of(connection: Connection, spec_id: int) -> SpecEvidence | None:
    """What a spec rests on; None of one that no research is behind."""
    sql = "SELECT CAST(evidence AS TEXT) AS evidence FROM spec_evidence WHERE spec_id = $1"
    row = fetch_one(connection, sql, [spec_id])
    return None if row is None else SpecEvidence.model_validate_json(row["evidence"])


def routes_of(connection: Connection, spec_ids: Collection[int]) -> dict[int, str]:
    """By which route these specs came, by id; those of papers alone are left out."""
    sql = "SELECT spec_id, route FROM spec_evidence WHERE spec_id IN (SELECT unnest($1::BIGINT[]))"
    return {row["spec_id"]: row["route"] for row in fetch(connection, sql, [list(spec_ids)])}


def fused_papers(connection: Connection) -> list[frozenset[str]]:
    """The papers of each spec that was fused from several."""
    sql = """
    SELECT CAST(spec AS TEXT) AS spec FROM spec_evidence
    JOIN build_queue ON build_queue.id = spec_evidence.spec_id WHERE route = 'fusion' ORDER BY spec_id
    """
    specs = [Spec.model_validate_json(row["spec"]) for row in fetch(connection, sql)]
    return [frozenset(spec.source_papers) for spec in specs]


def papers_of_spec(connection: Connection, queued: QueuedSpec) -> list[Paper]:
    """The papers that a spec rests on, in its order: as they were gathered, else as they were when it was written."""
    found = {paper.arxiv_id: paper for paper in papers_by_id(connection, queued.spec.source_papers)}
    if len(found) < len(queued.spec.source_papers):
        evidence = evidence_of(connection, queued.id)
        kept = {paper.arxiv_id: paper for paper in evidence.papers} if evidence else {}
        found = kept | found
    return [found[paper] for paper in queued.spec.source_papers if paper in found]
