"""10,000 repos a day on paper: where a factory is full first, and what to change; docs/scale.md shows it.

`python -m bench.scale` simulates it with the figures of bench/RESULTS.md and writes the section and its pictures anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.scale_factory import (
    DAY,
    TIERS,
    Setup,
    calibrated,
    ceilings,
    figures,
    offered,
    saturated,
    tokens_of,
)
from bench.scale_model import Seen
from factory_assets.settings import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "scale.md"
PICTURES = PROJECT_ROOT / "docs" / "img"
BEGIN, END = "<!-- Begin: python -m bench.scale -->", "<!-- End: python -m bench.scale -->"
GOAL = 10_000
_TIER_2, _TIER_3, _TIER_4 = TIERS
# As `make up` leaves it, and with what it takes to reach the goal, one change after the other.
AS_IT_IS = Setup("one machine as it is set up at first", _TIER_2, slots=1)
_FULL = AS_IT_IS.but(name="64 builds at once (`BUILD_WORKERS`), the most that a pool may have", slots=64)
_HOSTS = _FULL.but(
    name="4 hosts of 8 cores with 40 builds each, PostgreSQL",
    hosts=4,
    cores=8,
    slots=40,
    registry="PostgreSQL",
)
_MIRRORS = _HOSTS.but(
    name="a mirror every 7.2 s (`FACTORY_MIRROR_INTERVAL`), as often as GitHub lets create",
    mirror_seconds=7.2,
)
_LIMITS = _MIRRORS.but(name="tier 4 of the API", tier=_TIER_4)
# A session of all the turns that the settings allow costs 2.7 times a recorded one (docs/costs.md).
_LONG = _LIMITS.but(name="the same, with three times the tokens", times_the_tokens=3.0)
LADDER = (AS_IT_IS, _FULL, _HOSTS, _MIRRORS, _LIMITS, _LONG)
LARGE = _LIMITS
# So that GitHub does not hide what the tiers do.
_BY_HOSTS = _LONG.but(accounts=2)
HOSTS = (1, 2, 4, 8, 16)
OFFERED = (500, 1_000, 2_000, 4_000, 6_000, 8_000, 10_000, 12_000, 14_000)


def ceilings_table(setup: Setup) -> Iterator[str]:
    """Repos a day at which each resource of a setup is full, the scarcest first."""
    yield "| full at | of | which is raised by |"
    yield "|--:|:--|:--|"
    found = {**ceilings(setup), **_OF_SETTINGS}
    for name, most in sorted(found.items(), key=lambda item: item[1]):
        yield f"| {_repos(most)} | {_NAMES.get(name, name)} | {_RAISED_BY[name]} |"


# What no queue stands for.
_OF_SETTINGS = {"papers": 700.0, "ranks": 99.0}
_NAMES = {
    "papers": "arXiv's papers in the seven categories of AI and software, on its fullest days, a spec each",
    "ranks": "the ranks of a date (`FACTORY_RANKS`, 99 at most)",
    "daemon": "the daemon, which asks for and launches one run after the other",
    "slots": "builds at once",
    "hosts": "the hosts' cores",
    "registry": "the registry, in which one at a time writes",
    "git": "one git server with one core",
    "mirror": "mirroring, one repo at a time",
    "creations": "GitHub's 500 creations an hour",
    "GitHub requests": "GitHub's 5,000 requests an hour",
}
_MODEL = "a higher tier, more of a session from the prompt cache, a second organisation's key"
_RAISED_BY = {
    "papers": "more categories, more sources, several specs a paper",
    "ranks": "a wider rank in the partitions: a change of the factory",
    "daemon": "several code locations, each with an instance and a daemon of its own",
    "slots": "`BUILD_WORKERS`, 64 at most in one pool; then more instances",
    "hosts": "more hosts, or more cores",
    "registry": "a lock a spec instead of one a schema, for what touches only that spec",
    "git": "repositories on several servers, by name",
    "mirror": "`FACTORY_MIRROR_INTERVAL`, then an account of its own for each part of the repos",
    "creations": "a second account or organisation, with a token of its own",
    "GitHub requests": "the same; a GitHub App has 15,000",
    **{
        f"{model} {kind}": _MODEL
        for model in ("Sonnet", "Haiku")
        for kind in ("requests", "tokens in", "tokens out")
    },
}


def figures_table() -> Iterator[str]:
    """What it starts from."""
    yield "| figure | value | of | from |"
    yield "|:--|--:|:--|:--|"
    for figure in figures():
        yield f"| {figure.name} | {figure.value:.4g} | {figure.unit} | {figure.source} |"
    for model, stages in (("Sonnet", ("acceptance", "build", "review")), ("Haiku", ("seo", "reader"))):
        calls, asked, written = tokens_of(stages)
        yield (
            f"| {model} a repo | {calls:.1f} / {asked:,.0f} / {written:,.0f} | calls / tokens in that no cache has /"
            f" tokens out | bench/RESULTS.md, *A factory day in dollars* |"
        )


def calibration_table() -> Iterator[str]:
    """The machine that was measured, simulated."""
    yield "| builds at once | measured | simulated | off by |"
    yield "|--:|--:|--:|--:|"
    for workers, seconds, simulated in calibrated():
        yield f"| {workers} | {seconds:.1f} s | {simulated:.1f} s | {simulated / seconds - 1:+.1%} |"


def ladder_table(seen: Mapping[str, Seen]) -> Iterator[str]:
    """One change after the other."""
    yield "| setup | repos a day | full first | then |"
    yield "|:--|--:|:--|:--|"
    for setup in LADDER:
        one = seen[setup.name]
        (first, share), (then, its) = sorted(one.busy.items(), key=lambda item: -item[1])[:2]
        yield f"| {setup.name} | {_repos(_a_day(one))} | {first}, {share:.0%} | {then}, {its:.0%} |"


def hosts_table(seen: Mapping[tuple[str, int], Seen]) -> Iterator[str]:
    """Repos a day by hosts and tier."""
    yield f"| hosts | {' | '.join(tier.name for tier in TIERS)} |"
    yield "|--:|" + "--:|" * len(TIERS)
    for hosts in HOSTS:
        cells = (seen[tier.name, hosts] for tier in TIERS)
        yield f"| {hosts} | {' | '.join(f'{_repos(_a_day(one))} ({one.fullest})' for one in cells)} |"


def load_table(seen: Mapping[int, Seen]) -> Iterator[str]:
    """What is in use, by how many repos come."""
    names = [name for name in _SHOWN if name in seen[OFFERED[0]].busy]
    yield f"| come a day | shipped | hours in it | {' | '.join(names)} |"
    yield "|--:|--:|--:|" + "--:|" * len(names)
    for count, one in seen.items():
        hours = sum(one.in_system) / max(1, len(one.in_system)) / 3_600
        shares = " | ".join(f"{one.busy[name]:.0%}" for name in names)
        yield f"| {count:,} | {_repos(_a_day(one))} | {hours:.1f} | {shares} |"


_SHOWN = (
    "creations",
    "mirror",
    "slots",
    "hosts",
    "daemon",
    "registry",
    "git",
    "Sonnet tokens in",
    "Sonnet tokens out",
)


def _a_day(seen: Seen) -> float:
    return seen.done * DAY / seen.seconds


def _repos(count: float) -> str:
    return f"{count:,.0f}"


def section(
    ladder: Mapping[str, Seen], hosts: Mapping[tuple[str, int], Seen], load: Mapping[int, Seen]
) -> str:
    """The part of docs/scale.md between its two marks."""
    parts: Sequence[str | Iterator[str]] = (
        "What the factory starts from, in tokens and seconds of one repo:",
        figures_table(),
        (
            "The model is held to the machine that was measured: the seconds of two rounds of builds of 30 s"
            " (*Build workers* in bench/RESULTS.md)."
        ),
        calibration_table(),
        (
            f"Each resource alone, for {LARGE.hosts} hosts of {LARGE.cores} cores with {LARGE.slots} builds each on"
            f" {LARGE.registry} and {LARGE.tier.name}: repos a day at which it is full."
        ),
        ceilings_table(LARGE),
        "All together, one change after the other, with more specs waiting than can be built:",
        ladder_table(ladder),
        (
            f"Hosts of {LARGE.cores} cores with {LARGE.slots} builds each, sessions of three times the tokens, and two"
            " accounts of GitHub: repos a day, and what is full first."
        ),
        hosts_table(hosts),
        "![Repos a day by hosts and tier](img/scale-hosts.svg)",
        (
            f"The same {LARGE.hosts} hosts and {LARGE.tier.name}, by how many specs come in a day: what is in use,"
            " and how long a repo is in the factory."
        ),
        load_table(load),
        "![What is in use by repos a day](img/scale-load.svg)",
    )
    return "\n\n".join(part if isinstance(part, str) else "\n".join(part) for part in parts)


def draw(hosts: Mapping[tuple[str, int], Seen], load: Mapping[int, Seen], folder: Path) -> None:
    """The two pictures."""
    # The same file for the same numbers.
    mpl.rcParams["svg.hashsalt"] = "scale"
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for tier in TIERS:
        axes.plot(HOSTS, [_a_day(hosts[tier.name, count]) for count in HOSTS], marker="o", label=tier.name)
    axes.axhline(GOAL, linestyle=":", color="grey")
    axes.set(xlabel="hosts", ylabel="repos a day", xscale="log", xticks=HOSTS, ylim=(0, None))
    axes.set_xticklabels([str(count) for count in HOSTS])
    axes.minorticks_off()
    axes.legend()
    figure.savefig(folder / "scale-hosts.svg", metadata={"Date": None})

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in _SHOWN:
        axes.plot(list(load), [100 * one.busy[name] for one in load.values()], marker=".", label=name)
    axes.axvline(GOAL, linestyle=":", color="grey")
    axes.set(xlabel="specs that come a day", ylabel="in use, percent", ylim=(0, 102))
    axes.legend(fontsize="small")
    figure.savefig(folder / "scale-load.svg", metadata={"Date": None})


def run() -> str:
    """Simulate all of it, draw the pictures, and return the section."""
    ladder = {setup.name: _told(setup.name, saturated(setup)) for setup in LADDER}
    hosts = {
        (tier.name, count): _told(
            f"{count} hosts, {tier.name}", saturated(_BY_HOSTS.but(hosts=count, tier=tier))
        )
        for tier in TIERS
        for count in HOSTS
    }
    load = {count: _told(f"{count} a day", offered(LARGE, count)) for count in OFFERED}
    draw(hosts, load, PICTURES)
    return section(ladder, hosts, load)


def _told(what: str, seen: Seen) -> Seen:
    print(f"{what}: {_repos(_a_day(seen))} a day, {seen.fullest} full", file=sys.stderr)
    return seen


def write() -> None:
    """Put the section into docs/scale.md."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{run()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
