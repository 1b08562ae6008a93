"""One date at a glance: what became of each of its specs; and a digest by date that tells when that has changed."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.analysis_report import ANALYSIS_STAGES
from factory_assets.domain.builds import GateVerdict, ShippedRepo
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry.builds import verdicts_of
from factory_assets.registry.calls import usage_of
from factory_assets.registry.database import Connection
from factory_assets.registry.evidence import evidence_of
from factory_assets.registry.models import MirrorRecord
from factory_assets.registry.repos import mirror_of, shipped_repo
from factory_assets.registry.rows import fetch, fetch_one
from factory_assets.registry.specs import specs_of_day

# Whatever the page of a date shows, but for dollars, which change with the status.
_DIGESTS = """
SELECT coalesce(queued_specs.day, analysed_day) AS day,
       md5(string_agg(
           concat_ws(' ', queued_specs.name, rank, status, attempts, run_id, wait_cause, not_before, mirrors.url),
           ', ' ORDER BY id
       )) AS digest
FROM queued_specs LEFT JOIN mirrors ON mirrors.name = queued_specs.name
WHERE coalesce(queued_specs.day, analysed_day) IS NOT NULL
  AND (CAST($1 AS DATE) IS NULL OR coalesce(queued_specs.day, analysed_day) = $1)
GROUP BY coalesce(queued_specs.day, analysed_day)
"""

_PAPERS = """
SELECT day, count(*) AS papers, count(*) FILTER (WHERE fed_to_claude) AS analysed
FROM raw_items WHERE CAST($1 AS DATE) IS NULL OR day = $1 GROUP BY day
"""

_ANALYSED = "SELECT DISTINCT day FROM analyses WHERE CAST($1 AS DATE) IS NULL OR day = $1"

# The last judgement of each gate over all repos.
_LAST_JUDGED = """
SELECT name, spec_id, attempt, gate, decided_at
FROM (
    SELECT verdicts.*, row_number() OVER (PARTITION BY gate ORDER BY decided_at DESC, spec_id DESC) AS place
    FROM verdicts
) AS judged JOIN build_queue ON build_queue.id = judged.spec_id
WHERE place = 1
ORDER BY gate
"""


class DayRepo(BaseModel):
    """A spec of the date and what became of it.

    `refusals` are the gates that refused its last attempt, `dollars` what all attempts have cost, `evidence` is what a
    researched spec rests on.
    """

    model_config = ConfigDict(frozen=True)

    queued: QueuedSpec
    refusals: tuple[GateVerdict, ...]
    dollars: float
    repo: ShippedRepo | None
    mirror: MirrorRecord | None
    evidence: SpecEvidence | None = None


class DayStory(BaseModel):
    """A date as its page shows it. `dollars` is the analysis; `digest` is equal while nothing of it has changed."""

    model_config = ConfigDict(frozen=True)

    day: date
    papers: int
    papers_read: int
    analysed: bool
    dollars: float
    repos: tuple[DayRepo, ...]
    digest: str


class LastJudged(BaseModel):
    """What a gate decided when it judged last, and about which repo."""

    model_config = ConfigDict(frozen=True)

    repo: str
    verdict: GateVerdict


def day_story(connection: Connection, day: date) -> DayStory:
    """The date by rank, then the specs that wait for a rank."""
    papers = fetch_one(connection, _PAPERS, [day]) or {"papers": 0, "analysed": 0}
    return DayStory(
        day=day,
        papers=papers["papers"],
        papers_read=papers["analysed"],
        analysed=bool(fetch(connection, _ANALYSED, [day])),
        dollars=sum(usage_of(connection, day=day, stage=stage).cost_usd for stage in ANALYSIS_STAGES),
        repos=tuple(_day_repo(connection, queued) for queued in specs_of_day(connection, day)),
        digest=_digests(connection, day).get(day, ""),
    )


def day_digests(connection: Connection) -> dict[date, str]:
    """The digest of every date that holds papers or specs, or was analysed."""
    return _digests(connection, None)


def last_judged(connection: Connection) -> list[LastJudged]:
    """Each gate's last verdict over all repos, by gate."""
    found = []
    for row in fetch(connection, _LAST_JUDGED):
        verdicts = verdicts_of(connection, row["spec_id"], row["attempt"])
        last = next(verdict for verdict in reversed(verdicts) if verdict.gate == row["gate"])
        found.append(LastJudged(repo=row["name"], verdict=last))
    return found


def _digests(connection: Connection, day: date | None) -> dict[date, str]:
    specs = {row["day"]: row["digest"] for row in fetch(connection, _DIGESTS, [day])}
    papers = {row["day"]: f"{row['papers']}-{row['analysed']}" for row in fetch(connection, _PAPERS, [day])}
    analysed = {row["day"] for row in fetch(connection, _ANALYSED, [day])}
    return {
        found: f"{papers.get(found, 0)}-{'analysed' if found in analysed else 'new'}-{specs.get(found, 'none')}"
        for found in specs.keys() | papers.keys() | analysed
    }


def _day_repo(connection: Connection, queued: QueuedSpec) -> DayRepo:
    name = queued.spec.name
    last = {verdict.gate: verdict for verdict in verdicts_of(connection, queued.id, queued.attempts)}
    return DayRepo(
        queued=queued,
        refusals=tuple(verdict for verdict in last.values() if not verdict.passed),
        dollars=usage_of(connection, repo=name, day=None, stage=None).cost_usd,
        repo=shipped_repo(connection, name),
        mirror=mirror_of(connection, name),
        evidence=evidence_of(connection, queued.id),
    )
