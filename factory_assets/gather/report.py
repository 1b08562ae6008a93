"""What a gather brought: counts by date, topic and domain, what is missing, and the tables an operator reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.announcements import is_settled
from factory_assets.domain.errors import SourceError
from factory_assets.domain.papers import LabelledPaper, UpsertCounts
from factory_assets.gather.source import Gap, Unread
from factory_assets.gather.topics import TopicSet
from factory_assets.gather.windows import spans

_SATURDAY = 5
_NAMED_TOPICS = 5
# Fewer days may be a holiday, or all that a few rare topics have.
_BUSY_DAYS = 5


class DayCount(BaseModel):
    """One date: its papers, and how many of them each topic and each domain has.

    `unlabelled` papers were found by the source, but the local matcher sees no topic in them.
    """

    model_config = ConfigDict(frozen=True)

    day: date
    papers: int = 0
    topics: Mapping[str, int] = {}
    domains: Mapping[str, int] = {}
    unlabelled: int = 0


class GatherReport(BaseModel):
    """The result of one gather. `seconds` is wall time; `failures` and `unread` are empty when nothing is missing."""

    model_config = ConfigDict(frozen=True)

    days: tuple[DayCount, ...]
    domain_of: Mapping[str, str]
    stored: UpsertCounts
    requests: int
    seconds: float
    failures: tuple[Gap, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def missing(self) -> Mapping[date, str]:
        """What is missing of each date that is not whole: why a request failed, or which entries cannot be read."""
        why: dict[date, list[str]] = {}
        for gap in self.failures:
            for day in gap.dates:
                why.setdefault(day, []).append(gap.error)
        for entry in self.unread:
            for day in entry.dates:
                why.setdefault(day, []).append(f"{entry.entry}: {entry.why}")
        return {day: "; ".join(dict.fromkeys(reasons)) for day, reasons in sorted(why.items())}

    @property
    def failed_dates(self) -> set[date]:
        """The dates for which a request failed."""
        return {day for gap in self.failures for day in gap.dates}

    @property
    def whole_dates(self) -> tuple[date, ...]:
        """The dates for which every request was answered."""
        failed = self.failed_dates
        return tuple(count.day for count in self.days if count.day not in failed)

    @property
    def is_answered(self) -> bool:
        """Whether the source sent papers, so that what is missing is the fault of the dates it is missing of."""
        return self.papers > 0

    @property
    def papers(self) -> int:
        """Papers of all dates."""
        return sum(day.papers for day in self.days)

    @property
    def topics(self) -> Mapping[str, int]:
        """Papers per topic over all dates, every topic named."""
        return {topic: sum(day.topics.get(topic, 0) for day in self.days) for topic in self.domain_of}

    @property
    def domains(self) -> Mapping[str, int]:
        """Papers per domain over all dates; a paper of two topics of a domain counts once."""
        names = dict.fromkeys(self.domain_of.values())
        return {domain: sum(day.domains.get(domain, 0) for day in self.days) for domain in names}

    @property
    def unlabelled(self) -> int:
        """Papers without a label over all dates."""
        return sum(day.unlabelled for day in self.days)

    def on(self, day: date) -> GatherReport:
        """The same report with the counts and failures of one date only."""
        return self.model_copy(
            update={
                "days": tuple(count for count in self.days if count.day == day),
                "failures": tuple(gap for gap in self.failures if day in gap.dates),
                "unread": tuple(entry for entry in self.unread if day in entry.dates),
            }
        )


class GatherIncompleteError(SourceError):
    """Some dates or topics are missing; `report` says what was gathered and stored all the same."""

    def __init__(self, report: GatherReport) -> None:
        missing = sorted(report.failed_dates)
        super().__init__(
            f"Gathered {report.papers} papers, but {len(missing)} of {len(report.days)} dates are incomplete."
            f" Missing: {'; '.join(_described(gap, report) for gap in report.failures)}.",
            where=f"papers {spans(missing)}",
            fix="; ".join(dict.fromkeys(gap.fix.rstrip(".") for gap in report.failures if gap.fix))
            + ". What was gathered is kept.",
        )
        self.report = report


def day_counts(
    dates: Sequence[date], papers: Sequence[LabelledPaper], topics: TopicSet
) -> tuple[DayCount, ...]:
    """Count the papers of each date by topic and by domain."""
    by_day: dict[date, list[LabelledPaper]] = {day: [] for day in dates}
    for labelled in papers:
        by_day[labelled.paper.day].append(labelled)
    return tuple(_day_count(day, members, topics) for day, members in by_day.items())


def silence(
    counts: Sequence[DayCount], gaps: Sequence[Gap], topics: TopicSet, *, now: datetime
) -> tuple[Gap, ...]:
    """A gap over the settled working days when there are many and not one has a paper: nobody was that idle."""
    failed = {day for gap in gaps for day in gap.dates}
    working = [count for count in counts if count.day not in failed and _is_busy(count.day, now)]
    if len(working) < _BUSY_DAYS or any(count.papers for count in working):
        return ()
    gap = Gap(
        dates=tuple(count.day for count in working),
        topics=tuple(topics.domain_of),
        error=(
            f"arXiv answered, but named no paper at all on {len(working)} working days"
            " that should be complete"
        ),
        fix=(
            "Check that FACTORY_ARXIV_URL is arXiv's query API and that the topics in FACTORY_TOPICS_FILE"
            " are not too narrow, then gather these dates again"
        ),
    )
    return (gap,)


def rules_out_silence(counts: Iterable[DayCount], *, now: datetime) -> bool:
    """Whether `silence` finds nothing whatever other dates bring: a settled working day has a paper."""
    return any(count.papers and _is_busy(count.day, now) for count in counts)


def topics_table(report: GatherReport) -> str:
    """Papers per topic and domain as a Markdown table."""
    per_topic, per_domain = report.topics, report.domains
    rows = ["| Domain | Topic | Papers |", "|---|---|---:|"]
    for domain, papers in per_domain.items():
        rows.append(f"| **{_cell(domain)}** | | **{papers}** |")
        rows += [
            f"| | {_cell(topic)} | {per_topic[topic]} |"
            for topic, its_domain in report.domain_of.items()
            if its_domain == domain
        ]
    if report.unlabelled:
        rows.append(f"| **no label** | | **{report.unlabelled}** |")
    rows.append(f"| **all papers** | | **{report.papers}** |")
    return "\n".join(rows)


def _is_busy(day: date, now: datetime) -> bool:
    return day.weekday() < _SATURDAY and is_settled(day, now)


def _day_count(day: date, papers: Sequence[LabelledPaper], topics: TopicSet) -> DayCount:
    per_topic = Counter(topic for labelled in papers for topic in labelled.topics)
    per_domain = Counter(
        domain for labelled in papers for domain in {topics.domain_of[topic] for topic in labelled.topics}
    )
    return DayCount(
        day=day,
        papers=len(papers),
        topics=dict(per_topic),
        domains=dict(per_domain),
        unlabelled=sum(not labelled.topics for labelled in papers),
    )


def _described(gap: Gap, report: GatherReport) -> str:
    if len(gap.topics) == len(report.domain_of):
        topics = "all topics"
    else:
        more = len(gap.topics) - _NAMED_TOPICS
        topics = ", ".join(gap.topics[:_NAMED_TOPICS]) + (f" and {more} more topics" if more > 0 else "")
    return f"{spans(gap.dates)} ({topics}): {gap.error.rstrip('.')}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
