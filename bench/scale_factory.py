"""The factory as bench/scale_model.py can simulate it: each figure measured, or published by whoever sets the limit."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.figures import Figure, cell, column
from bench.scale_model import Draw, Limit, Network, Regular, Seen, Servers, Step, Use, Wait, Within, demand
from factory_assets.domain.planning import USUAL_BUILD_MINUTES
from factory_assets.registry.leases import RENEW_SECONDS

DAY = 86_400.0
_BUILDS_OF_A_DAY = 30
_MEASURED_CORES = 2
_COSTS, _SHARED = "## A factory day in dollars", "## What a build takes of what builds share"
_REGISTRY, _WORKERS, _BUILD = "## Registry on PostgreSQL", "## Build workers", "## Build"
_SONNET, _HAIKU = ("acceptance", "build", "review"), ("seo", "reader")
# What a run takes of a whole machine of two cores before and after its agents' time, by `calibrated`.
_RUN_STARTS, _RUN_ENDS = 2.4, 0.9
_PHASES = 5


@dataclass(frozen=True)
class Tier:
    """Rate limits of Anthropic's API, for each model: requests, input tokens that come from no cache, output tokens."""

    name: str
    requests: float
    sonnet_in: float
    sonnet_out: float
    haiku_in: float
    haiku_out: float


# https://platform.claude.com/docs/en/api/rate-limits as it stood in June 2026 for Sonnet 4.x and Haiku 4.5. Since then
# the page names its tiers Start, Build and Scale; an account's own limits stand in the headers of each answer.
TIERS = (
    Tier("tier 2", 1_000, 450_000, 90_000, 450_000, 90_000),
    Tier("tier 3", 2_000, 800_000, 160_000, 1_000_000, 200_000),
    Tier("tier 4", 4_000, 2_000_000, 400_000, 4_000_000, 800_000),
)


@dataclass(frozen=True)
class Setup:
    """One way to run it. `agent_minutes` is what a build's agents take where no limit holds them up."""

    name: str
    tier: Tier
    hosts: int = 1
    cores: int = 2
    slots: int = 16
    registry: str = "DuckDB"
    agent_minutes: float = USUAL_BUILD_MINUTES
    mirror_seconds: float = 30.0
    accounts: int = 1
    daemons: int = 1
    times_the_tokens: float = 1.0

    def but(self, **changes: object) -> Setup:
        """The same with some of it changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def figures() -> list[Figure]:
    """What is measured, with the place where it stands."""
    results = "bench/RESULTS.md"
    return [
        Figure(
            "a run, before its agents",
            _RUN_STARTS,
            "s of a machine with 2 cores",
            "fitted to *Build workers*",
        ),
        Figure(
            "a run, after its agents", _RUN_ENDS, "s of a machine with 2 cores", "fitted to *Build workers*"
        ),
        Figure(
            "a build, beside its agents' waiting",
            _processor(),
            "s of a core",
            f"{results}, *What a build takes*",
        ),
        Figure("asking for a run", _asking(), "s of the daemon", f"{results}, *What a build takes*"),
        Figure("launching a run", _launching(), "s of the daemon", f"{results}, *What a build takes*"),
        Figure("a tick of `queued_specs`", _tick(), "s of the daemon, 500 queued", f"{results}, *Ticks*"),
        Figure(
            "the registry's transactions of a build", _transactions(), "", f"{results}, *What a build takes*"
        ),
        Figure(
            "one of them", _write("DuckDB"), "s on DuckDB", f"{results}, *Registry on PostgreSQL*, a claim"
        ),
        Figure(
            "the same",
            _write("PostgreSQL"),
            "s on PostgreSQL",
            f"{results}, *Registry on PostgreSQL*, a claim",
        ),
        Figure(
            "a push of a finished repo", _push(), "s of the git server", f"{results}, *What a build takes*"
        ),
        Figure("agents of a build", USUAL_BUILD_MINUTES, "minutes", "what `factory plan` reckons with"),
        Figure("memory of a build", _memory(), "MiB", f"{results}, *Memory of a build run*"),
        Figure("dollars of a repo", _dollars(), "", f"{results}, *A factory day in dollars*"),
    ]


def _processor() -> float:
    return cell(_SHARED, "median", "processor")


def _asking() -> float:
    return cell(_SHARED, "asking for a run", "seconds")


def _launching() -> float:
    return cell(_SHARED, "the daemon until its end, beyond what an idle one does", "seconds")


def _tick() -> float:
    return cell("### Ticks", "queued_specs", "ms") / 1000


def _transactions() -> float:
    return cell(_SHARED, "median", "transactions")


def _write(registry: str) -> float:
    """Seconds of a short transaction that writes."""
    return cell(_REGISTRY, "ms: a claim, alone", registry) / 1000


def _push() -> float:
    return cell(_SHARED, "median", "push")


def _memory() -> float:
    return max(column("### Memory of a build run", "both at one moment"))


def _dollars() -> float:
    return cell(_COSTS, "all", "dollars") / _BUILDS_OF_A_DAY


def tokens_of(stages: Sequence[str]) -> tuple[float, float, float]:
    """Calls, input tokens that come from no cache, and output tokens of a build in those stages."""
    calls = asked = written = 0.0
    for stage in stages:
        calls += cell(_COSTS, stage, "calls")
        asked += cell(_COSTS, stage, "tokens in") * (1 - cell(_COSTS, stage, "from the prompt cache") / 100)
        written += cell(_COSTS, stage, "tokens out")
    return calls / _BUILDS_OF_A_DAY, asked / _BUILDS_OF_A_DAY, written / _BUILDS_OF_A_DAY


def steps_of(setup: Setup) -> tuple[Step, ...]:
    """What one repo does, from the tick that asks for it until it is on GitHub."""
    registry, host = _write(setup.registry), 1 / setup.cores
    work = _processor() * host / _PHASES
    agents = 60 * setup.agent_minutes
    # A lease is renewed meanwhile, where the registry is shared.
    renewals = agents / RENEW_SECONDS if setup.registry == "PostgreSQL" else 0.0
    writes = Use("registry", (_transactions() + renewals) * registry / _PHASES)
    phase = (
        *_asked(setup),
        Wait(agents / _PHASES),
        Use("hosts", work),
        writes,
        Use("git", _push() / _PHASES),
    )
    start, end = (seconds * _MEASURED_CORES * host for seconds in (_RUN_STARTS, _RUN_ENDS))
    return (
        Use("daemon", _asking() + _launching()),
        Within("slots", (Use("hosts", start), *(phase * _PHASES), Use("hosts", end))),
        Within(
            "mirror",
            (Draw("creations", 1), Draw("GitHub requests", _GITHUB_REQUESTS), Wait(setup.mirror_seconds)),
        ),
    )


# A new repo that is public and has topics: mirror/github.py looks for it, creates it, looks again, sets its topics and
# its description, and reads what is there, twice.
_GITHUB_REQUESTS = 7


def _asked(setup: Setup) -> Sequence[Step]:
    """A fifth of what a build asks of the models."""
    steps: list[Step] = []
    for model, stages in (("Sonnet", _SONNET), ("Haiku", _HAIKU)):
        for kind, amount in zip(_KINDS, tokens_of(stages), strict=True):
            steps.append(Draw(f"{model} {kind}", amount * setup.times_the_tokens / _PHASES))
    return steps


_KINDS = ("requests", "tokens in", "tokens out")


def network_of(setup: Setup) -> Network:
    """What there is in such a setup."""
    tier, minute, hour = setup.tier, 60.0, 3_600.0
    per_minute = {
        "Sonnet requests": tier.requests,
        "Sonnet tokens in": tier.sonnet_in,
        "Sonnet tokens out": tier.sonnet_out,
        "Haiku requests": tier.requests,
        "Haiku tokens in": tier.haiku_in,
        "Haiku tokens out": tier.haiku_out,
    }
    # https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api, of each account.
    per_hour = {"creations": 500.0 * setup.accounts, "GitHub requests": 5_000.0 * setup.accounts}
    return Network(
        servers=[
            Servers("daemon", setup.daemons),
            Servers("slots", setup.hosts * setup.slots),
            Servers("hosts", setup.hosts),
            Servers("registry", 1),
            Servers("git", 1),
            Servers("mirror", setup.accounts),
        ],
        limits=[
            *(Limit(name, amount / minute, amount) for name, amount in per_minute.items()),
            *(Limit(name, amount / hour, amount / 60) for name, amount in per_hour.items()),
        ],
        regular=[Regular(60.0, (Use("daemon", _tick()),))],
    )


def ceilings(setup: Setup) -> Mapping[str, float]:
    """Repos a day at which each resource is full, all others being there without end."""
    network, taken = network_of(setup), demand(steps_of(setup))
    there = {one.name: float(one.count) for one in network.servers}
    there |= {one.name: one.per_second for one in network.limits}
    idle = {"daemon": 1 - _tick() / 60 / setup.daemons}
    return {name: there[name] * DAY * idle.get(name, 1.0) / taken[name] for name in taken}


def saturated(setup: Setup, *, hours: float = 4.0) -> Seen:
    """Simulate it with more specs queued than it can build."""
    most = min(ceilings(setup).values())
    jobs = ((0.0, steps_of(setup)) for _ in range(round(most * hours / 24 * 1.2) + setup.hosts * setup.slots))
    return network_of(setup).run(jobs, until=hours * 3_600, warm_up=hours * 900)


def offered(setup: Setup, repos_a_day: int, *, hours: float = 6.0) -> Seen:
    """Simulate it with so many specs queued in the course of a day."""
    count, apart, steps = round(repos_a_day * hours / 24), DAY / repos_a_day, steps_of(setup)
    jobs = ((number * apart, steps) for number in range(count))
    return network_of(setup).run(jobs, until=hours * 3_600, warm_up=hours * 900)


def calibrated() -> Sequence[tuple[int, float, float]]:
    """Workers, seconds as measured by bench_workers, and as simulated for the same two rounds of builds."""
    return [
        (round(workers), seconds, _two_rounds(round(workers)))
        for workers, seconds in zip(column(_WORKERS, "workers"), column(_WORKERS, "seconds"), strict=True)
    ]


def _two_rounds(workers: int) -> float:
    steps = (Within("slots", (Use("hosts", _RUN_STARTS), Wait(30.0), Use("hosts", _RUN_ENDS))),)
    network = Network([Servers("slots", workers), Servers("hosts", 1)])
    return max(network.run(((0.0, steps) for _ in range(2 * workers)), until=3_600.0).in_system)


def build_seconds() -> float:
    """The median seconds of a build beside its agents, as bench_build has them on idle cores."""
    return statistics.median(column(_BUILD, "without the agent"))
