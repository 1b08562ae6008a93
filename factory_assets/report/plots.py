"""The report's plots: one picture that shows at a glance what the factory did."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from factory_assets.domain.statistics import Statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    _Panel = tuple[str, Callable[[Axes], None]]

_INCHES, _ROUTERS_INCHES = (12.0, 9.6), (9.0, 2.8)
_DOTS_PER_INCH = 72
_SHIPPED, _FAILED, _NEUTRAL = "#2e7d5b", "#c0453b", "#4b6a9b"
_PALETTE = ("#4b6a9b", "#d08c3f", "#2e7d5b", "#8d6cab", "#777777")
_PHASES = ("build", "seo", "review")
_MOST_CAUSES = 8
_DAY_LABELS = 8


def plot(statistics: Statistics, *, now: datetime) -> bytes:
    """A PNG of six plots: funnel, builds by day, dollars by day and model, phases, failures, age of the queue."""
    panels: list[_Panel] = [
        ("Funnel", lambda axes: _funnel(axes, statistics)),
        ("Builds by day", lambda axes: _builds(axes, statistics)),
        ("Dollars by day", lambda axes: _dollars(axes, statistics)),
        ("Minutes per phase", lambda axes: _phases(axes, statistics)),
        ("Failures by class", lambda axes: _failures(axes, statistics)),
        ("Age of the queue in days", lambda axes: _queue(axes, statistics, now)),
    ]
    return _picture(panels, rows=3, inches=_INCHES)


def plot_router(dollars: Mapping[str, float], room: Mapping[str, float]) -> bytes:
    """A PNG of two plots: dollars by phase, and what is left (0 to 1) of each rate limit."""
    per_cent = {name: 100 * left for name, left in room.items()}
    panels: list[_Panel] = [
        ("Dollars by phase", lambda axes: _bars(axes, dollars, "%.2f", lacking="No dollar was spent.")),
        (
            "Per cent left of rate limits",
            lambda axes: _bars(axes, per_cent, "%.0f", lacking="No limit is known.", most=100),
        ),
    ]
    return _picture(panels, rows=1, inches=_ROUTERS_INCHES)


def _picture(panels: list[_Panel], *, rows: int, inches: tuple[float, float]) -> bytes:
    """The panels in rows of two."""
    from matplotlib.figure import Figure  # noqa: PLC0415  heavy

    figure = Figure(figsize=inches, dpi=_DOTS_PER_INCH, layout="constrained")
    for axes, (title, draw) in zip(figure.subplots(rows, 2).flat, panels, strict=True):
        axes.set_title(title, loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
    output = io.BytesIO()
    # Without these the same numbers would give other bytes every day.
    figure.savefig(output, format="png", metadata={"Software": None})
    return output.getvalue()


def _bars(
    axes: Axes, values: Mapping[str, float], form: str, *, lacking: str, most: float | None = None
) -> None:
    """A bar for each name, the largest on top; `most` is where the axis ends."""
    if not any(values.values()):
        return _nothing(axes, lacking)
    shown = sorted(values.items(), key=lambda item: item[1])
    bars = axes.barh([name for name, _ in shown], [value for _, value in shown], color=_NEUTRAL)
    axes.bar_label(bars, fmt=form, padding=3, fontsize=9)
    axes.set_xlim(0, most)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return None


def _funnel(axes: Axes, statistics: Statistics) -> None:
    steps = {
        "papers": statistics.papers,
        "analysed": statistics.analysed,
        "specs": statistics.specs,
        "shipped": statistics.shipped,
        "mirrored": statistics.mirrored,
    }
    bars = axes.barh(list(steps), list(steps.values()), color=_NEUTRAL)
    axes.bar_label(bars, padding=3, fontsize=9)
    axes.invert_yaxis()
    # From thousands of papers to a few repos: on a linear scale the end of the funnel is not seen.
    axes.set_xscale("symlog", linthresh=10)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)


def _builds(axes: Axes, statistics: Statistics) -> None:
    places = range(len(statistics.days))
    shipped = [day.shipped for day in statistics.days]
    failed = [day.failed for day in statistics.days]
    if not any(shipped) and not any(failed):
        return _nothing(axes, "No build has ended.")
    axes.bar(places, shipped, color=_SHIPPED, label="shipped")
    axes.bar(places, failed, bottom=shipped, color=_FAILED, label="failed")
    _whole_numbers(axes)
    _by_day(axes, statistics)
    _legend(axes)
    return None


def _dollars(axes: Axes, statistics: Statistics) -> None:
    if not statistics.spend:
        return _nothing(axes, "No dollar was spent.")
    days = [day.day for day in statistics.days]
    by_model: dict[str, dict[object, float]] = defaultdict(lambda: defaultdict(float))
    for line in statistics.spend:
        by_model[line.model][line.day] += line.dollars
    below = [0.0] * len(days)
    for number, (model, dollars) in enumerate(sorted(by_model.items())):
        heights = [dollars.get(day, 0.0) for day in days]
        axes.bar(range(len(days)), heights, bottom=below, color=_PALETTE[number % len(_PALETTE)], label=model)
        below = [low + height for low, height in zip(below, heights, strict=True)]
    _by_day(axes, statistics)
    _legend(axes)
    return None


def _phases(axes: Axes, statistics: Statistics) -> None:
    if not statistics.phases:
        return _nothing(axes, "No phase was finished.")
    minutes = [[line.seconds / 60 for line in statistics.phases if line.phase == phase] for phase in _PHASES]
    axes.boxplot(minutes, orientation="horizontal", tick_labels=list(_PHASES), widths=0.5, whis=(5, 95))
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    return None


def _failures(axes: Axes, statistics: Statistics) -> None:
    causes = statistics.causes[:_MOST_CAUSES]
    if not causes:
        return _nothing(axes, "No build has failed.")
    bars = axes.barh([cause for cause, _ in causes], [count for _, count in causes], color=_FAILED)
    axes.bar_label(bars, padding=3, fontsize=9)
    # The most frequent on top, and a single one no thicker than one of four.
    axes.set_ylim(max(len(causes), 4) - 0.5, -0.5)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return None


def _queue(axes: Axes, statistics: Statistics, now: datetime) -> None:
    ages = [(now.astimezone(UTC) - spec.queued_at).total_seconds() / 86_400 for spec in statistics.waiting]
    if not ages:
        return _nothing(axes, "The queue is empty.")
    axes.hist(ages, bins=min(20, max(5, len(ages))), color=_NEUTRAL)
    _whole_numbers(axes)
    axes.set_xlim(left=0)
    return None


def _by_day(axes: Axes, statistics: Statistics) -> None:
    """Name some of the days: on the axis they are counted from 0."""
    step = max(1, math.ceil(len(statistics.days) / _DAY_LABELS))
    named = range(0, len(statistics.days), step)
    axes.set_xticks(list(named), [f"{statistics.days[at].day:%d %b}" for at in named], fontsize=9)


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=9, ncols=4, loc="lower right", bbox_to_anchor=(1, 0.99))


def _whole_numbers(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  heavy

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _nothing(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", color="#777777", transform=axes.transAxes)
    axes.set_axis_off()
