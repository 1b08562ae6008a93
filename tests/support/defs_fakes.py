"""Hand-written stages for the tests of the Dagster layer: no network, no agent, the real registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from registry_samples import labelled, phase_record, shipped, spec

from factory_assets.building.outcome import Deferred, Outcome, Refused, Shipped, Stops
from factory_assets.building.report import BuildReport
from factory_assets.domain.analysis_report import AnalysisReport, DroppedSpec
from factory_assets.domain.builds import GateVerdict, Phase, ShippedRepo, Usage, WaitCause
from factory_assets.domain.errors import CredentialError, InfrastructureError, InputError
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.novelty import Found, Hit, LookUp, Novelty, NoveltySource, judge
from factory_assets.domain.papers import LabelledPaper
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.gates import names_after
from factory_assets.gates.names import PLACEHOLDERS, TESTS_PASS
from factory_assets.gather.agreement import Difference
from factory_assets.gather.report import DayCount, GatherIncompleteError, GatherReport
from factory_assets.gather.source import Gap, Unread
from factory_assets.mirror.target import MirrorReport
from factory_assets.registry import Registry

NOW = datetime(2026, 6, 22, 6, tzinfo=UTC)
TOPIC, DOMAIN = "kv-cache", "inference and serving"
RANKS, LATE_RANKS = range(1, 4), range(4, 5)

Notify = Callable[[str], None]


def paper_on(day: date, number: int, **changes: object) -> LabelledPaper:
    """A paper that was submitted at noon of that date, under the one topic that the fakes know."""
    noon = datetime.combine(day, time(12), UTC)
    arxiv_id = f"{day:%y%m}.{day.day:02d}{number:03d}"
    return labelled(TOPIC, arxiv_id=arxiv_id, **{"published": noon, "updated": noon, **changes})


def spec_on(day: date, name: str, **changes: object) -> Spec:
    """A spec that rests on the first paper of that date."""
    return spec(name, source_papers=(paper_on(day, 1).paper.arxiv_id,), **changes)


@dataclass
class FakeGathering:
    """Brings `papers` without those in `unread`, and fails on the dates in `broken` after it stored the others.

    The dates in `early` it reports before the others, if it is asked by an asset; `ends` is raised thereafter.
    """

    registry: Registry
    papers: dict[date, list[LabelledPaper]] = field(default_factory=dict)
    broken: frozenset[date] = frozenset()
    unread: tuple[Unread, ...] = ()
    asked: list[tuple[date, ...]] = field(default_factory=list)
    early: frozenset[date] = frozenset()
    ends: Exception | None = None
    differing: tuple[Difference, ...] = ()

    def gather(
        self,
        days: Sequence[date],
        notify: Notify,
        brought: Callable[[GatherReport], None] = lambda _part: None,
    ) -> GatherReport:
        self.asked.append(tuple(days))
        good = [day for day in days if day not in self.broken]
        found = {day: self.papers.get(day, []) for day in good}
        stored = self.registry.papers.upsert([paper for day in good for paper in found[day]], now=NOW)
        counts = {day: {TOPIC: len(papers)} for day, papers in found.items()}
        report = GatherReport(
            days=tuple(
                DayCount(
                    day=day,
                    papers=len(found.get(day, [])),
                    topics=counts.get(day, {}),
                    domains={DOMAIN: len(found.get(day, []))},
                )
                for day in days
            ),
            domain_of={TOPIC: DOMAIN},
            stored=stored,
            requests=1,
            seconds=0.25,
            failures=tuple(
                Gap(dates=(day,), topics=(TOPIC,), error="503 Service Unavailable", fix="Gather again later")
                for day in days
                if day in self.broken
            ),
            unread=self.unread,
        )
        if self.early:
            brought(
                report.model_copy(update={"days": tuple(one for one in report.days if one.day in self.early)})
            )
        if self.ends:
            raise self.ends
        if report.failures:
            raise GatherIncompleteError(report)
        return report

    def differences(self, days: Sequence[date]) -> list[Difference]:
        return [one for one in self.differing if one.day in days]


@dataclass
class FakeAnalysis:
    """Finds `specs` in the unread papers of a date, for so many of which there is `no_room`."""

    registry: Registry
    specs: dict[date, list[Spec]] = field(default_factory=dict)
    is_refused: bool = False
    no_room: int = 0
    stopped_by: WaitCause | None = None

    def analyze(self, day: date, notify: Notify) -> AnalysisReport:
        if self.stopped_by is not None:
            raise ModelStoppedError("Refused.", fix="Fix it.", cause=self.stopped_by)
        if self.is_refused:
            raise CredentialError("401 invalid x-api-key", fix="Put a valid key into ANTHROPIC_API_KEY.")
        unread = [paper.arxiv_id for paper in self.registry.papers.unanalysed(day)]
        left = unread[len(unread) - self.no_room :]
        unread = unread[: len(unread) - self.no_room]
        found = self.specs.get(day, []) if unread else []
        queued = self.registry.queue.add(
            day, found, unread, dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=datetime.now(UTC)
        )
        if not unread:
            return AnalysisReport(day=day, papers=0)
        return AnalysisReport(
            day=day,
            papers=len(unread),
            unread=tuple(left),
            queued=tuple(queued),
            dropped=(DroppedSpec(name="Bad Name", reasons=("a name is lower case",)),),
            usage=Usage(calls=1, input_tokens=900, output_tokens=80, cost_usd=0.25),
            routes=("api",),
            notes=("router failed: 503",),
        )


@dataclass
class FakeSynthesis:
    """Makes `specs` of a date's unread papers, each with its evidence; without any there is no research yet."""

    registry: Registry
    specs: dict[date, list[tuple[Spec, SpecEvidence]]] = field(default_factory=dict)

    def synthesize(self, day: date, notify: Notify) -> AnalysisReport:
        if day not in self.specs:
            raise InputError("No candidates were chosen among its papers.", fix="factory ideas run")
        unread = [paper.arxiv_id for paper in self.registry.papers.unanalysed(day)]
        queued = self.registry.queue.add(
            day,
            [spec for spec, _ in self.specs[day]],
            unread,
            dropped=0,
            ranks=RANKS,
            late_ranks=LATE_RANKS,
            now=datetime.now(UTC),
            evidence={spec.name: evidence for spec, evidence in self.specs[day]},
        )
        return AnalysisReport(day=day, papers=len(unread), queued=tuple(queued))


@dataclass
class FakeScouting:
    """Knows of the specs in `existing` how alike the repository someone/NAME is, and of all others that there is none.

    Like the real one it keeps what it knows, and looks up nothing whose build has begun.
    """

    registry: Registry
    existing: dict[str, float] = field(default_factory=dict)
    missing: str = ""
    is_broken: bool = False
    looked_up: list[str] = field(default_factory=list)

    def look_up(self, specs: Sequence[QueuedSpec], notify: Notify) -> dict[int, Novelty]:
        if self.is_broken:
            raise InfrastructureError("The disk is full.")
        for queued in specs:
            if queued.started_at is None:
                name = queued.spec.name
                self.looked_up.append(name)
                self.registry.novelty.record(
                    queued.id, novelty_of(name, self.existing.get(name, 0.0), self.missing)
                )
        return self.registry.novelty.of([queued.id for queued in specs])


def novelty_of(name: str, likeness: float = 0.0, missing: str = "") -> Novelty:
    """What is known of a spec like which there is one repository, if any."""
    found = Found(name=f"someone/{name}", url=f"https://github.com/someone/{name}", about="The same.")
    hits = (Hit(found=found, likeness=likeness),) if likeness else ()
    lookups = [
        LookUp(source=NoveltySource.GITHUB, hits=hits, missing=missing),
        LookUp(source=NoveltySource.NPM),
    ]
    return judge(lookups, floor=0.45, now=NOW)


def every_verdict(refused: GateVerdict | None = None) -> tuple[GateVerdict, ...]:
    """The verdicts of all phases, in order; some gates judge after each phase. All passed but the refused one."""
    return tuple(
        refused
        if refused is not None and (gate, phase) == (refused.gate, refused.phase)
        else GateVerdict(gate=gate, phase=phase, passed=True, saw="as it should be")
        for phase in Phase
        for gate in names_after(phase)
    )


TESTS_FAILED = GateVerdict(
    gate=TESTS_PASS,
    phase=Phase.REVIEW,
    passed=False,
    saw="FAILED tests/test_probe.py::test_sum - assert 3 == 4",
    fix="Read the output, then launch this partition again.",
)


STUBS_FOUND = GateVerdict(
    gate=PLACEHOLDERS,
    phase=Phase.BUILD,
    passed=False,
    saw="src/probe.py:3: raise NotImplementedError",
    fix="Launch this partition again.",
)
JUDGED_IN_BUILD = tuple(verdict for verdict in every_verdict() if verdict.phase is Phase.BUILD)


@dataclass
class FakeCredential:
    """What the model's server takes once it is in `accepted`; of a login nobody can tell."""

    value: str = "good"
    accepted: frozenset[str] = frozenset({"good"})
    probes: int = 0

    def digest(self) -> str:
        return f"digest of {self.value}"

    def works(self) -> bool | None:
        self.probes += 1
        return None if self.value == "login" else self.value in self.accepted


@dataclass
class FakeBuilding:
    """Ships every spec, but defers those in `deferred`, and all while the credential is refused.

    Those in `refused` it refuses at the last gate, those in `refused_early` after the build phase.
    """

    registry: Registry
    credential: FakeCredential
    refused: frozenset[str] = frozenset()
    refused_early: frozenset[str] = frozenset()
    deferred: frozenset[str] = frozenset()
    stopped_by: WaitCause | None = None
    built: list[str] = field(default_factory=list)

    def build(self, queued: QueuedSpec, run_id: str, notify: Notify) -> Outcome:
        name = queued.spec.name
        self.built.append(name)
        started = self.registry.builds.start(queued.id, run_id=run_id, now=NOW)
        if name in self.deferred:
            self.registry.builds.defer(
                queued.id, cause=WaitCause.RATE_LIMIT, until=NOW, reason="529 overloaded"
            )
            return Deferred(
                what="529 overloaded",
                where=f"{name}, phase build",
                fix="Nothing: it is launched again by itself.",
                cause=WaitCause.RATE_LIMIT,
                until=NOW,
                stops=None,
                report=self._report(started, JUDGED_IN_BUILD, None),
            )
        if self.stopped_by is not None:
            self.registry.builds.defer(queued.id, cause=self.stopped_by, until=None, reason="400")
            return Deferred(
                what="The account has no credit left: Your credit balance is too low (HTTP 400).",
                where=f"{name}, phase build",
                fix="Add credit to it.",
                cause=self.stopped_by,
                until=None,
                stops=Stops.MODEL,
                report=self._report(started, (), None),
            )
        if self.credential.value not in self.credential.accepted:
            self.registry.builds.defer(queued.id, cause=WaitCause.CREDENTIAL, until=None, reason="401")
            return Deferred(
                what="401 invalid x-api-key",
                cause=WaitCause.CREDENTIAL,
                until=None,
                stops=Stops.MODEL,
                where=f"{name}, phase build",
                fix="Put a valid key into ANTHROPIC_API_KEY.",
                report=self._report(started, (), None),
            )
        early = name in self.refused_early
        for phase in [Phase.BUILD] if early else Phase:
            self.registry.builds.enter_phase(queued.id, phase)
        refused = name in self.refused or early
        judge = STUBS_FOUND if early else TESTS_FAILED
        verdicts = every_verdict(judge if refused else None)
        if early:
            verdicts = tuple(verdict for verdict in verdicts if verdict.phase is Phase.BUILD)
        for verdict in verdicts:
            self.registry.builds.record_verdict(queued.id, started.attempts, verdict, now=NOW)
        verdicts = tuple({verdict.gate: verdict for verdict in verdicts}.values())
        if refused:
            outcome = Refused(
                by="gate",
                what=f"The gate {judge.gate} refused: {judge.saw}",
                where=f"{name}, phase {judge.phase}",
                fix=judge.fix,
                report=self._report(started, verdicts, None),
            )
            self.registry.builds.fail(queued.id, str(outcome))
            return outcome
        repo = shipped(name, commit=f"commit-of-{name}")
        self.registry.builds.ship(queued.id, repo)
        return Shipped(report=self._report(started, verdicts, repo))

    def _report(
        self, queued: QueuedSpec, verdicts: tuple[GateVerdict, ...], repo: ShippedRepo | None
    ) -> BuildReport:
        return BuildReport(
            name=queued.spec.name,
            attempts=queued.attempts,
            phases=(phase_record(),),
            verdicts=verdicts,
            usage=Usage(calls=7, input_tokens=900, output_tokens=80, cost_usd=0.25),
            seconds=12.5,
            commit=repo.commit if repo else None,
            protections=("PID namespace",),
        )


@dataclass
class FakeMirroring:
    """Publishes to GitHub that is not there; a repo that is there already is unchanged."""

    registry: Registry
    published: list[str] = field(default_factory=list)

    def mirror(self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Notify) -> MirrorReport:
        known = self.registry.repos.mirror_of(repo.name) is not None
        self.published.append(repo.name)
        url = f"https://github.com/example/{repo.name}"
        self.registry.repos.record_mirror(repo.name, url=url, commit=repo.commit, now=NOW)
        return MirrorReport(url=url, commit=repo.commit, created=not known, pushed=not known, seconds=0.5)
