"""What a schedule or sensor launches: decisions as pure functions of the clock and the registry."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from factory_assets.domain.announcements import announced_at, is_settled
from factory_assets.domain.back_off import pause_after
from factory_assets.domain.builds import BudgetLimits, WaitCause
from factory_assets.domain.specs import QueuedSpec

# One launch in so many goes to the oldest spec, so that a stream of new dates cannot starve it.
OLDEST_EVERY = 5
PROBE_PAUSE = timedelta(minutes=10)
_BLIND_PAUSE = timedelta(hours=1)
_MACHINE_PAUSE = timedelta(minutes=10)
_LONGEST_ANALYSIS_DOUBLINGS = 3
_ANALYSIS_STOPS = frozenset(
    {
        WaitCause.CREDENTIAL,
        WaitCause.CREDIT,
        WaitCause.ACCOUNT,
        WaitCause.USAGE_LIMIT,
        WaitCause.ANALYSIS_MODEL,
    }
)
# So long is asked for what is missing of a date: what arXiv has not fixed by then, it hardly will.
ASK_AGAIN_FOR = timedelta(days=14)
# Priorities stay below 0, the priority of what a person launches.
_FAR_FUTURE = date(2100, 1, 1)
# Sums of floats are never exact.
_CENT_OF_A_CENT = 1e-4


def trailing_window(
    today: date, *, days: int, first: date, last: date | None, gathered_to: date | None = None
) -> tuple[date, date] | None:
    """The dates to gather now, both ends inclusive: the last `days` days that are partitions.

    `gathered_to` is the end of the latest window that was gathered, whole or but for single dates. After a longer
    pause than a window this one begins where that one began, so that no date is left out between the two.
    """
    end = today if last is None else min(today, last)
    latest = end if gathered_to is None else min(end, gathered_to)
    start = max(first, latest - timedelta(days=days - 1))
    return (start, end) if start <= end else None


def dates_to_ask_again(
    incomplete: Mapping[date, datetime], window: tuple[date, date], now: datetime
) -> list[tuple[date, date]]:
    """The dates outside of the window of which something has been missing for no more than two weeks, as spans.

    Args:
        incomplete: since when something has been missing, by date.
        window: what is gathered anyway, both ends inclusive.
        now: the time, in UTC.
    """
    first, last = window
    spans: list[tuple[date, date]] = []
    for day, since in sorted(incomplete.items()):
        if first <= day <= last or now - since > ASK_AGAIN_FOR:
            continue
        if spans and day == spans[-1][1] + timedelta(days=1):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def given_up(incomplete: Mapping[date, datetime], now: datetime) -> set[date]:
    """The dates that will not become whole by themselves: what was gathered of them is all there is."""
    return {day for day, since in incomplete.items() if now - since > ASK_AGAIN_FOR}


def days_to_analyse(
    gathered: Iterable[date], analysed: Collection[date], unread: Collection[date], now: datetime
) -> list[date]:
    """Settled dates that were gathered and are not analysed, or hold papers that came later, oldest first."""
    return [
        day for day in sorted(gathered) if is_settled(day, now) and (day not in analysed or day in unread)
    ]


def gathered_too_early(gathered_at: Mapping[date, datetime], window: tuple[date, date] | None) -> list[date]:
    """The dates last gathered before arXiv announced them that the next gather, over `window`, brings up to date.

    So it is after the machine was off: an analysis now would miss papers, and pay for the date a second time. What
    has left the window is not gathered again by itself, so that nothing is won by waiting.
    """
    return [
        day
        for day, at in sorted(gathered_at.items())
        if at < announced_at(day) and window is not None and window[0] <= day <= window[1]
    ]


@dataclass(frozen=True)
class FailedAnalysis:
    """How often in a row the analysis of a date has failed, when last, and what the date has cost in all."""

    count: int
    last_at: datetime
    dollars: float

    @property
    def not_before(self) -> datetime:
        """It is tried again the next day, then after two, four and eight days: each time is paid for anew."""
        days: int = 2 ** min(self.count - 1, _LONGEST_ANALYSIS_DOUBLINGS)
        # The ticks come a day apart, and a run ends some time after its own.
        return self.last_at + timedelta(days=days) - timedelta(hours=12)


@dataclass(frozen=True)
class AnalysisChoice:
    """The dates to analyse now, those that failed and wait, and those that failed and have no room in the budget."""

    days: tuple[date, ...]
    paused: tuple[date, ...] = ()
    over_budget: tuple[date, ...] = ()


def choose_analyses(
    days: Sequence[date], failed: Mapping[date, FailedAnalysis], *, room_usd: float, now: datetime
) -> AnalysisChoice:
    """Leave out, for now, dates whose analysis has failed: for a growing while, and where `room_usd` is used up.

    One more analysis of such a date is taken to cost what each so far has cost.
    """
    chosen: list[date] = []
    paused: list[date] = []
    over: list[date] = []
    for day in days:
        before = failed.get(day)
        if before is None:
            chosen.append(day)
        elif before.not_before > now:
            paused.append(day)
        elif before.dollars / before.count > room_usd:
            over.append(day)
        else:
            room_usd -= before.dollars / before.count
            chosen.append(day)
    return AnalysisChoice(tuple(chosen), tuple(paused), tuple(over))


@dataclass(frozen=True)
class Hold:
    """A stop of the whole queue. `credential` is a digest of what was refused: another one lifts the stop.

    `tries` is how often in a row it was lifted to try it and came back: each time the pause doubles. `until` is
    when it ends by itself, where the server that refused has named the time.
    """

    cause: WaitCause
    reason: str
    fix: str
    since: datetime
    credential: str
    tries: int = 0
    until: datetime | None = None

    @property
    def stops_builds(self) -> bool:
        """Whether no build starts meanwhile."""
        return self.cause is not WaitCause.ANALYSIS_MODEL

    @property
    def stops_analyses(self) -> bool:
        """Whether no analysis starts meanwhile: it may do without what a machine or one model lacks for builds."""
        return self.cause in _ANALYSIS_STOPS

    @property
    def probe_pause(self) -> timedelta:
        """The time between two requests that tell whether the credential works."""
        return pause_after(self.tries, first=PROBE_PAUSE)

    @property
    def opens_at(self) -> datetime:
        """When the stop is lifted by itself where no request can tell: a build then does."""
        if self.until is not None and self.until > self.since:
            return self.until
        first = _MACHINE_PAUSE if self.cause is WaitCause.TOOLCHAIN else _BLIND_PAUSE
        return self.since + pause_after(self.tries, first=first)

    def may_probe(self, now: datetime, last_probe: datetime | None) -> bool:
        """Whether the refused credential may be tried again, which costs nothing but a request.

        When the stop opens by itself it is tried at once, however shortly after the last time.
        """
        last = max(self.since, last_probe or self.since)
        return now - last >= self.probe_pause or last < self.opens_at <= now

    def __str__(self) -> str:
        return f"{self.reason} Fix: {self.fix}"


@dataclass(frozen=True)
class Crashes:
    """The runs of one spec in the last day that ended red and left it in the queue."""

    count: int
    last_at: datetime

    @property
    def not_before(self) -> datetime:
        """The first is followed at once, each further one after a growing pause.

        The next run would most likely meet what this one met, and it must not do so every minute.
        """
        if self.count <= 1:
            return self.last_at
        return self.last_at + pause_after(self.count - 2)


@dataclass(frozen=True)
class BuildLaunch:
    """One spec to launch, and its place in Dagster's queue: higher starts first."""

    queued: QueuedSpec
    priority: int


@dataclass(frozen=True)
class Launches:
    """The specs to launch now, in order, and how many wait for what."""

    launches: tuple[BuildLaunch, ...]
    already_running: int = 0
    held_by_budget: int = 0
    held_by_crashes: int = 0

    @property
    def specs(self) -> tuple[QueuedSpec, ...]:
        """The specs alone."""
        return tuple(launch.queued for launch in self.launches)

    @property
    def held(self) -> tuple[str, ...]:
        """Why specs that could start wait all the same, with numbers."""
        causes = {
            "for budget: {} (the day's is used up or set aside; it turns at 00:00 UTC, or raise"
            " FACTORY_DAY_BUDGET_USD)": self.held_by_budget,
            "with a run already: {}": self.already_running,
            "a while, because their runs ended red without a verdict: {}": self.held_by_crashes,
        }
        return tuple(text.format(number) for text, number in causes.items() if number)


@dataclass(frozen=True)
class Budget:
    """Today's dollars: spent or reserved so far, and what single repos have taken, reservations included.

    `repo_usd` is over the whole life of a repo, because that is what its budget is for. `shares` are how many times
    the repo's budget those may take that are larger than usual.
    """

    limits: BudgetLimits
    spent_usd: float
    repo_usd: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)

    def share(self, name: str) -> float:
        """What this repo may still take and nobody has counted yet."""
        return max(0.0, self.limits.repo_usd * self.shares.get(name, 1.0) - self.repo_usd.get(name, 0.0))


def choose_launches(
    launchable: Sequence[QueuedSpec],
    *,
    busy: Collection[str],
    budget: Budget,
    launched_before: int,
    now: datetime,
    crashes: Mapping[str, Crashes] | None = None,
) -> Launches:
    """Launch what has no run yet, in order, while the day's budget covers each repo's whole budget.

    Runs that are queued or running hold what is left of their repo's budget too, so that together they cannot
    overspend. `launched_before` counts every launch there ever was: it says whose turn is next.
    """
    idle = [queued for queued in launchable if queued.spec.name not in busy]
    backed_off = {name for name, found in (crashes or {}).items() if found.not_before > now}
    waiting = [queued for queued in idle if queued.spec.name not in backed_off]
    room = budget.limits.day_usd - budget.spent_usd - sum(budget.share(name) for name in busy)
    chosen: list[BuildLaunch] = []
    for launch in launch_order(waiting, launched_before):
        share = budget.share(launch.queued.spec.name)
        if share > budget.limits.day_usd:
            # No day has room for it, however long the others wait.
            continue
        room -= share
        if room < -_CENT_OF_A_CENT:
            break
        chosen.append(launch)
    return Launches(
        launches=tuple(chosen),
        already_running=len(launchable) - len(idle),
        held_by_budget=len(waiting) - len(chosen),
        held_by_crashes=len(idle) - len(waiting),
    )


def launch_order(waiting: Sequence[QueuedSpec], launched_before: int) -> list[BuildLaunch]:
    """Newest dates first, by rank; each fifth launch is that of the oldest date.

    The oldest one takes the priority of its neighbour in front, so that it keeps its place in Dagster's queue
    among runs that were queued at other times.
    """
    newest_first = deque(sorted(waiting, key=_priority, reverse=True))
    order: list[BuildLaunch] = []
    while newest_first:
        if (launched_before + len(order) + 1) % OLDEST_EVERY:
            queued = newest_first.popleft()
            order.append(BuildLaunch(queued, _priority(queued)))
        else:
            neighbour = order[-1].priority if order else _priority(newest_first[0])
            queued = _oldest(newest_first)
            newest_first.remove(queued)
            order.append(BuildLaunch(queued, neighbour))
    return order


def _oldest(waiting: Iterable[QueuedSpec]) -> QueuedSpec:
    return min(waiting, key=lambda queued: (queued.day or _FAR_FUTURE, queued.rank or 0))


def _priority(queued: QueuedSpec) -> int:
    if queued.day is None or queued.rank is None:
        return (date.min - _FAR_FUTURE).days * 100
    return (queued.day - _FAR_FUTURE).days * 100 - queued.rank
