"""Gather against arXiv's limits: requests against the fewest possible, time against the politeness floor.

Run it alone with `python -m bench.bench_gather`.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from bench.instances import instance, seconds_to_end
from bench.verdict import verdict
from factory_assets.gather.arxiv import ArxivSource
from factory_assets.gather.source import Batch, Source
from factory_assets.gather.stage import gather
from factory_assets.gather.topics import Topic, TopicSet, load_topics
from factory_assets.network.politeness import Politeness
from factory_assets.registry import Registry
from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers
from factory_assets.replay.arxiv_recorded import RecordedArxiv, load_recording
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer
from factory_assets.settings import PROJECT_ROOT, Mode

FULL = 3.0
"""Seconds between two requests that arXiv asks for."""

INTERVAL = 1.5
"""Seconds between two requests here."""

PAGE = 2_000
TOPICS_FILE = PROJECT_ROOT / "factory_assets" / "gather" / "topics.yaml"
FIRST = date(2025, 1, 1)
SPANS = (1, 30, 365)
BACKFILLS = (30, 365)
PAPERS_A_DAY = (60, 150)
REQUESTS_TARGET, TIME_TARGET, RUN_TARGET = 1.2, 1.05, 1.2

_TEXT = f"""\
## Gather

All {{topics}} topics against the replay server (a process of its own, over loopback HTTP), into a new registry. arXiv's
{FULL:g} s between requests are scaled by {INTERVAL / FULL:g}, to {INTERVAL:g} s. The year is made up from the sample's
papers: {PAPERS_A_DAY[0]} to {PAPERS_A_DAY[1]} a day, all of them about some topic. Measured on {{today}}.

*Fewest* is papers / {PAGE:,} rounded up, per window. *Floor* is requests times interval. *Time* is that of the whole
stage, and *work* what of it is not a pause between two requests: the first answer, and what reading, labelling and
storing take beyond the pauses that hide them. Work does not shrink with the interval as the floor does, so the last
column says what it comes to at arXiv's own interval.

| dates | papers stored | windows | requests | fewest | ratio | time | floor | ratio | work | ratio at {FULL:g} s |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""

_RUNS_TEXT = """
### The same as a backfill: one Dagster run

From its launch to its end, in a process of its own under a daemon. Beside the stage there are the daemon's next look,
the start of that process, and what of the dates' events and of the checks is not written in the stage's pauses.

| dates | the run | of it the stage, as above | beside it | of the floor | at {full:g} s |
|--:|--:|--:|--:|--:|--:|"""

log = logging.getLogger("bench_gather")


@dataclass
class _Watched:
    """A source that remembers how many papers each window brought."""

    source: Source
    windows: list[int] = field(default_factory=list)

    def batches(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
        for batch in self.source.batches(dates, topics):
            self.windows.append(len(batch.papers))
            yield batch

    @property
    def fewest_requests(self) -> int:
        return sum(max(1, math.ceil(papers / PAGE)) for papers in self.windows)


@dataclass(frozen=True)
class _Result:
    dates: int
    papers: int
    windows: int
    requests: int
    fewest: int
    seconds: float

    @property
    def floor(self) -> float:
        """Seconds that the pauses take which arXiv asks for, one for each request."""
        return self.requests * INTERVAL

    @property
    def work(self) -> float:
        """Seconds that are no pause between two requests."""
        return self.seconds - (self.requests - 1) * INTERVAL

    @property
    def of_fewest(self) -> float:
        return self.requests / self.fewest

    @property
    def of_floor(self) -> float:
        return self.seconds / self.floor

    @property
    def at_arxiv(self) -> float:
        """Of the floor, with the pauses that arXiv asks for."""
        return ((self.requests - 1) * FULL + self.work) / (self.requests * FULL)

    def row(self) -> str:
        return (
            f"| {self.dates} | {self.papers:,} | {self.windows} | {self.requests} | {self.fewest}"
            f" | {self.of_fewest:.2f} | {self.seconds:.2f} s | {self.floor:.2f} s"
            f" | {self.of_floor:.2f} | {self.work:.2f} s | {self.at_arxiv:.2f} |"
        )


def run() -> str:
    """Measure, and return the section for RESULTS.md."""
    topics = load_topics(TOPICS_FILE)
    with _arxiv() as url:
        results = [_measured(days, url=url, topics=topics) for days in SPANS]
        runs = _runs(url)
    stage = {result.dates: result for result in results}
    year = dict(runs)[BACKFILLS[-1]] / stage[BACKFILLS[-1]].floor
    return "\n".join(
        [
            _TEXT.format(topics=len(topics.topics), today=datetime.now(UTC).date()),
            *(result.row() for result in results),
            "",
            verdict(
                f"requests at most {REQUESTS_TARGET:g} of the fewest",
                (f"{result.dates} dates" for result in results if result.of_fewest > REQUESTS_TARGET),
            ),
            "",
            verdict(
                f"time at most {TIME_TARGET:g} of the floor",
                (
                    f"{result.dates} dates ({result.at_arxiv:.2f} at {FULL:g} s)"
                    for result in results
                    if result.of_floor > TIME_TARGET
                ),
            ),
            _RUNS_TEXT.format(full=FULL),
            *(_run_row(stage[days], seconds) for days, seconds in runs),
            "",
            verdict(
                f"the year as one run at most {RUN_TARGET:g} of the floor",
                [f"{BACKFILLS[-1]} dates"] if year > RUN_TARGET else [],
            ),
        ]
    )


def _run_row(stage: _Result, seconds: float) -> str:
    beside = seconds - stage.seconds
    at_arxiv = ((stage.requests - 1) * FULL + stage.work + beside) / (stage.requests * FULL)
    return (
        f"| {stage.dates} | {seconds:.1f} s | {stage.seconds:.1f} s | {beside:.1f} s"
        f" | {seconds / stage.floor:.2f} | {at_arxiv:.2f} |"
    )


def _runs(url: str) -> list[tuple[int, float]]:
    environment = {
        "FACTORY_MODE": Mode.LIVE,
        "FACTORY_ARXIV_URL": url,
        "FACTORY_ARXIV_INTERVAL": str(INTERVAL),
    }
    with instance(BACKFILLS[-1], environment, first=FIRST) as made, made.at_work() as client:
        return [
            (days, seconds_to_end(client, [client.launch_days("gather", FIRST, FIRST + timedelta(days - 1))]))
            for days in BACKFILLS
        ]


@contextmanager
def _arxiv() -> Iterator[str]:
    """The replay server's address: arXiv's work must not take the time of the process that is measured."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.close()
        server.join()


def _serve(pipe: Connection) -> None:
    with ReplayServer(recordings=Recordings(), arxiv=made_up_year()) as server, suppress(EOFError):
        pipe.send(server.arxiv_url)
        pipe.recv()


def made_up_year() -> RecordedArxiv:
    """A year of papers: the sample's that some topic finds, with other ids and dates, over and over."""
    recorded = load_recording()
    wanted = set().union(*recorded.values())
    models = [record for record in load_papers() if record.id in wanted]
    dice = random.Random(365)
    papers: list[ArxivRecord] = []
    copies: dict[str, list[str]] = {record.id: [] for record in models}
    for offset in range(max(SPANS)):
        day = FIRST + timedelta(days=offset)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for number in range(dice.randint(*PAPERS_A_DAY)):
            change = {
                "id": f"{day:%y%m}.{day.day * 1000 + number:05d}",
                "published": midnight + timedelta(seconds=dice.randrange(86_400)),
            }
            model = models[len(papers) % len(models)]
            papers.append(model.model_copy(update=change))
            copies[model.id].append(papers[-1].id)
    found = {query: [copy for one in ids for copy in copies[one]] for query, ids in recorded.items()}
    return RecordedArxiv(papers, found)


def _measured(days: int, *, url: str, topics: TopicSet) -> _Result:
    with tempfile.TemporaryDirectory() as folder:
        source = _Watched(
            ArxivSource(
                url=url,
                politeness=Politeness(Path(folder) / "arxiv.lock", interval=INTERVAL),
                user_agent="software-factory-bench",
                notify=log.info,
            )
        )
        started = time.monotonic()
        report = gather(
            [FIRST + timedelta(days=offset) for offset in range(days)],
            source=source,
            topics=topics,
            store=Registry(Path(folder) / "registry.duckdb").papers,
            now=datetime.now(UTC),
            notify=log.info,
        )
        seconds = time.monotonic() - started
    return _Result(
        dates=days,
        papers=report.stored.new,
        windows=len(source.windows),
        requests=report.requests,
        fewest=source.fewest_requests,
        seconds=seconds,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    log.setLevel(logging.INFO)
    print(run())
