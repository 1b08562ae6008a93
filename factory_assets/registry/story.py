"""Everything that is known of one repo, for `factory show`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

from factory_assets.domain.acceptance import Acceptance, ScenarioResult
from factory_assets.domain.builds import GateVerdict, PhaseRecord, ShippedRepo, Usage
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.novelty import Novelty
from factory_assets.domain.papers import Paper
from factory_assets.domain.readings import Reading
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry.acceptances import acceptance_of, last_results
from factory_assets.registry.builds import phases_of, verdicts_of
from factory_assets.registry.calls import usage_of
from factory_assets.registry.database import Connection
from factory_assets.registry.evidence import evidence_of, papers_of_spec
from factory_assets.registry.models import MirrorRecord
from factory_assets.registry.novelty import novelty_of
from factory_assets.registry.readings import last_reading
from factory_assets.registry.repos import mirror_of, shipped_repo
from factory_assets.registry.rows import fetch, fetch_one
from factory_assets.registry.specs import spec_named

_BY_PHASE = """
SELECT coalesce(phase, stage) AS phase, model, outcome, CAST(sum(calls) AS BIGINT) AS calls,
       sum(cost_usd) AS cost_usd, sum(seconds) AS seconds, min(called_at) AS first_at
FROM llm_calls WHERE repo = $1
GROUP BY coalesce(phase, stage), model, outcome
ORDER BY first_at
"""


class AttemptStory(BaseModel):
    """One attempt at building the repo: its phases, and what gates, reader and scenarios came to."""

    model_config = ConfigDict(frozen=True)

    number: int
    phases: tuple[PhaseRecord, ...]
    verdicts: tuple[GateVerdict, ...]
    reading: Reading | None = None
    scenarios: tuple[ScenarioResult, ...] = ()


class Spent(BaseModel):
    """The ledger's lines of one phase and outcome, summed."""

    model_config = ConfigDict(frozen=True)

    phase: str
    model: str
    outcome: str
    calls: int
    cost_usd: float
    seconds: float


class Story(BaseModel):
    """One repo from its papers to its mirror.

    `evidence` is what a researched spec rests on, `acceptance` what was agreed before it was built. `origin` says where
    an imported spec came from, and `further` what its author said beside it.
    """

    model_config = ConfigDict(frozen=True)

    queued: QueuedSpec
    papers: tuple[Paper, ...]
    evidence: SpecEvidence | None
    origin: str | None
    further: Mapping[str, JsonValue]
    acceptance: Acceptance | None
    attempts: tuple[AttemptStory, ...]
    spent: tuple[Spent, ...]
    usage: Usage
    novelty: Novelty | None
    repo: ShippedRepo | None
    mirror: MirrorRecord | None


def story_of(connection: Connection, name: str) -> Story | None:
    """The whole story, or None where no spec has that name."""
    queued = spec_named(connection, name)
    if queued is None:
        return None
    return Story(
        queued=queued,
        papers=tuple(papers_of_spec(connection, queued)),
        evidence=evidence_of(connection, queued.id),
        origin=_origin(connection, queued.id),
        further=further_of(connection, [name]).get(name, {}),
        acceptance=acceptance_of(connection, queued.id),
        attempts=tuple(_attempts(connection, queued)),
        spent=tuple(Spent.model_validate(row) for row in fetch(connection, _BY_PHASE, [name])),
        usage=usage_of(connection, repo=name, day=None, stage=None),
        novelty=novelty_of(connection, [queued.id]).get(queued.id),
        repo=shipped_repo(connection, name),
        mirror=mirror_of(connection, name),
    )


def further_of(connection: Connection, names: Collection[str]) -> dict[str, Mapping[str, JsonValue]]:
    """What the authors of imported specs said beside the fields that the factory knows, by repo."""
    sql = """
    SELECT name, CAST(further AS TEXT) AS further
    FROM spec_origins JOIN build_queue ON build_queue.id = spec_origins.spec_id
    WHERE further IS NOT NULL AND name IN (SELECT unnest($1::TEXT[]))
    ORDER BY name
    """
    return {row["name"]: json.loads(row["further"]) for row in fetch(connection, sql, [list(names)])}


def _attempts(connection: Connection, queued: QueuedSpec) -> list[AttemptStory]:
    # A build that was deferred has given its attempt back, and goes on under the next number.
    made = [
        AttemptStory(
            number=number,
            phases=tuple(phases_of(connection, queued.id, number)),
            verdicts=tuple(verdicts_of(connection, queued.id, number)),
            reading=last_reading(connection, queued.id, number),
            scenarios=last_results(connection, queued.id, number),
        )
        for number in range(1, queued.attempts + 2)
    ]
    return [
        attempt
        for attempt in made
        if attempt.phases or attempt.verdicts or attempt.reading or attempt.scenarios
    ]


def _origin(connection: Connection, spec_id: int) -> str | None:
    row = fetch_one(connection, "SELECT * FROM spec_origins WHERE spec_id = $1", [spec_id])
    return None if row is None else f"{row['origin']} {row['source']}, imported {row['imported_at']:%Y-%m-%d}"
