"""The report as a page on disk, and its tables as Markdown."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined

from factory_assets.domain.acceptance import Acceptance
from factory_assets.domain.readings import counts_of
from factory_assets.domain.statistics import Statistics, percent

_KEPT_PAGES = 90
_SCENARIOS: dict[str, Callable[[Acceptance], int]] = {
    "written": lambda agreed: len(agreed.scenarios) + agreed.dropped,
    "dropped by the checks": lambda agreed: agreed.dropped,
    "counted": lambda agreed: len(agreed.scenarios),
    "held out": lambda agreed: len(agreed.held_out),
    "wrong: struck after a dispute": lambda agreed: len(agreed.scenarios) - len(agreed.active),
    "specs without any": lambda agreed: int(not agreed.active),
}


@dataclass(frozen=True)
class Table:
    """One table of the report."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary(statistics: Statistics) -> list[tuple[str, str]]:
    """The figures that an operator looks for first, by name."""
    rate, cost = statistics.ship_rate, statistics.cost_per_shipped
    return [
        ("papers gathered", f"{statistics.papers:,}"),
        ("papers analysed", f"{statistics.analysed:,}"),
        ("specs queued", f"{statistics.specs:,}"),
        ("repos shipped", f"{statistics.shipped:,}"),
        ("builds failed", f"{len(statistics.failed):,}"),
        ("repos mirrored", f"{statistics.mirrored:,}"),
        (
            "ship rate",
            "no build has ended"
            if rate is None
            else f"{rate[0]:.0%} (95 per cent interval {rate[1]:.0%} to {rate[2]:.0%})",
        ),
        (
            "dollars per shipped repo",
            "none has shipped" if cost is None else f"{cost:.2f} (failed builds counted in)",
        ),
        ("dollars in all", f"{statistics.dollars:.2f}"),
        ("specs waiting", f"{len(statistics.waiting):,}"),
    ]


def tables(statistics: Statistics, *, now: datetime) -> list[Table]:
    """Spend by day and model, tokens by stage, time per phase, failures, findings, acceptance, the oldest specs."""
    return [
        _spend(statistics),
        _tokens(statistics),
        _phases(statistics),
        Table(
            "Failures by class",
            ("class", "builds"),
            tuple((cause, str(count)) for cause, count in statistics.causes),
        ),
        Table(
            "Failed builds",
            ("repo", "date", "rank", "class"),
            tuple(
                (repo.name, str(repo.day or ""), str(repo.rank or ""), repo.cause)
                for repo in statistics.failed
            ),
        ),
        Table(
            "Findings of the reader",
            ("kind", "found", "confirmed", "disputed", "struck"),
            tuple(counts_of(statistics.readings).rows),
        ),
        _acceptance(statistics),
        _queue(statistics, now),
    ]


def _acceptance(statistics: Statistics) -> Table:
    """What became of the scenarios for the specs of these days, by the model that wrote them."""
    by_writer: dict[str, list[Acceptance]] = defaultdict(list)
    for agreed in statistics.acceptances:
        by_writer[agreed.model].append(agreed)
    writers = sorted(by_writer)
    rows = tuple(
        (name, *(str(sum(map(count, by_writer[writer]))) for writer in writers))
        for name, count in _SCENARIOS.items()
    )
    return Table("Acceptance, by who wrote the scenarios", ("scenarios", *writers), rows if writers else ())


def write_page(statistics: Statistics, picture: bytes, *, folder: Path, now: datetime) -> Path:
    """Write factory-report-<date>.html, complete or not at all; the oldest pages beyond 90 are removed."""
    environment = Environment(
        loader=PackageLoader("factory_assets.report", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
    )
    text = environment.get_template("report.html.j2").render(
        statistics=statistics,
        summary=summary(statistics),
        tables=tables(statistics, now=now),
        picture=base64.b64encode(picture).decode(),
        now=now,
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"factory-report-{now:%Y-%m-%d}.html"
    scratch = path.with_suffix(".new")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
    for old in sorted(folder.glob("factory-report-*.html"))[:-_KEPT_PAGES]:
        old.unlink()
    return path


def _spend(statistics: Statistics) -> Table:
    models = sorted({line.model for line in statistics.spend})
    by_day: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in statistics.spend:
        by_day[str(line.day)][line.model] += line.dollars
    rows = tuple(
        (day, *(f"{dollars.get(model, 0.0):.2f}" for model in models), f"{sum(dollars.values()):.2f}")
        for day, dollars in sorted(by_day.items(), reverse=True)
    )
    return Table("Dollars by day and model", ("day", *models, "all"), rows)


def _tokens(statistics: Statistics) -> Table:
    rows = tuple(
        (
            stage,
            f"{usage.calls:,}",
            f"{usage.prompt_tokens:,}",
            percent(usage.cached_share),
            f"{usage.output_tokens:,}",
            f"{usage.cost_usd:.2f}",
        )
        for stage, usage in statistics.by_stage.items()
    )
    heads = ("stage", "calls", "tokens in", "of them from the prompt cache", "tokens out", "dollars")
    return Table("Tokens by stage", heads, rows)


def _phases(statistics: Statistics) -> Table:
    by_phase: dict[str, list[float]] = defaultdict(list)
    for line in statistics.phases:
        by_phase[line.phase].append(line.seconds / 60)
    rows = tuple(
        (phase, str(len(minutes)), f"{median(minutes):.1f}", f"{max(minutes):.1f}")
        for phase, minutes in by_phase.items()
    )
    return Table("Minutes per phase", ("phase", "finished", "median", "longest"), rows)


def _queue(statistics: Statistics, now: datetime) -> Table:
    rows = tuple(
        (spec.name, f"{(now - spec.queued_at).total_seconds() / 86_400:.1f}", spec.cause or "its turn")
        for spec in statistics.waiting[:20]
    )
    return Table("The oldest of the queue", ("repo", "days", "waits for"), rows)
