"""A first harvest against arXiv's limits: its time against the floor of requests and the pauses between them.

Run it alone with `python -m bench.bench_harvest`.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from bench.verdict import verdict
from factory_assets.archive import Archive
from factory_assets.archive.harvest import Harvester
from factory_assets.archive.oai import OaiClient
from factory_assets.domain.archive import ArchiveRecord, DeletedRecord, MergeCounts
from factory_assets.network.politeness import Politeness
from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers
from factory_assets.replay.oai import PlayedOai
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer

FULL = 3.0
"""Seconds between two requests that arXiv asks for."""

INTERVAL = 1.5
"""Seconds between two requests here."""

PAGE = 2_500
"""Records on a page, as arXiv's are."""

RECORDS = 50_000
SETS = ("cs",)
FIRST = date(2025, 1, 1)
TARGET = 1.2

_TEXT = f"""\
## First harvest

{{records:,}} made-up records of a year, listed in pages of {PAGE:,} as arXiv lists them, by the replay server (a
process of its own, over loopback HTTP), into an empty archive. arXiv's {FULL:g} s between requests are scaled by
{INTERVAL / FULL:g}, to {INTERVAL:g} s. Measured on {{today}}.

*Floor* is records / {PAGE:,}, rounded up, times interval. *Beside it* is the time that is no pause between two
requests: the first answer, and what reading, journalling and merging take beyond the pauses that hide them. It does not
shrink with the interval, so the last column says what all of it comes to at arXiv's own.

| records | requests | fewest | time | floor | ratio | beside it | merging | ratio at {FULL:g} s |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""

log = logging.getLogger("bench_harvest")


@dataclass(frozen=True)
class _Result:
    records: int
    requests: int
    seconds: float
    merging: float

    @property
    def fewest(self) -> int:
        return math.ceil(self.records / PAGE)

    @property
    def floor(self) -> float:
        return self.fewest * INTERVAL

    @property
    def beside(self) -> float:
        return self.seconds - (self.requests - 1) * INTERVAL

    @property
    def at_arxiv(self) -> float:
        """Of the floor, with the pauses that arXiv asks for."""
        return ((self.requests - 1) * FULL + self.beside) / (self.fewest * FULL)

    def row(self) -> str:
        return (
            f"| {self.records:,} | {self.requests} | {self.fewest} | {self.seconds:.1f} s | {self.floor:.1f} s"
            f" | {self.seconds / self.floor:.2f} | {self.beside:.1f} s | {self.merging:.1f} s | {self.at_arxiv:.2f} |"
        )


class _Timed(Archive):
    """An archive that remembers how long merging took."""

    seconds = 0.0

    def merge(self, words: Iterable[ArchiveRecord | DeletedRecord]) -> MergeCounts:
        started = time.monotonic()
        counts = super().merge(words)
        self.seconds += time.monotonic() - started
        return counts


def run() -> str:
    """Measure, and return the section for RESULTS.md."""
    with _arxiv() as url:
        result = _measured(url)
    return "\n".join(
        [
            _TEXT.format(records=RECORDS, today=datetime.now(UTC).date()),
            result.row(),
            "",
            verdict(
                f"time at most {TARGET:g} of the floor at {FULL:g} s",
                [f"{RECORDS:,} records"] if result.at_arxiv > TARGET else [],
            ),
        ]
    )


def _measured(url: str) -> _Result:
    with tempfile.TemporaryDirectory() as folder:
        client = OaiClient(
            url=url,
            politeness=Politeness(Path(folder) / "arxiv.lock", interval=INTERVAL),
            user_agent="software-factory-bench",
            notify=log.info,
        )
        archive = _Timed(Path(folder) / "archive")
        harvester = Harvester(client, archive, set_specs=SETS, notify=log.info)
        started = time.monotonic()
        reports = list(harvester.harvest(FIRST, FIRST + timedelta(days=365)))
        seconds = time.monotonic() - started
    return _Result(
        records=sum(report.counts.new for report in reports),
        requests=sum(report.requests for report in reports),
        seconds=seconds,
        merging=archive.seconds,
    )


@contextmanager
def _arxiv() -> Iterator[str]:
    """The server's address: arXiv's work must not take the time of the process that is measured."""
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
    with ReplayServer(recordings=Recordings()) as server, suppress(EOFError):
        server.oai = PlayedOai(made_up_year(), page_size=PAGE)
        # The first request would wait for the list to be put in order.
        nothing = {"from": "2000-01-01", "until": "2000-01-01"}
        server.oai.answer({"verb": "ListRecords", "metadataPrefix": "arXivRaw", **nothing})
        pipe.send(f"{server.url}/oai")
        pipe.recv()


def made_up_year() -> list[ArxivRecord]:
    """So many records of a year: the sample's, with other ids and times, over and over."""
    models = [record for record in load_papers() if any(name.startswith("cs.") for name in record.categories)]
    midnight = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    a_day = math.ceil(RECORDS / 365)
    return [
        models[number % len(models)].model_copy(
            update={
                "id": f"{published:%y%m}.{published.day * 1000 + number % a_day:05d}",
                "published": published,
                "updated": None,
                "version": 1,
            }
        )
        for number in range(RECORDS)
        for published in [midnight + timedelta(days=number // a_day, seconds=number % a_day * 60)]
    ]


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    log.setLevel(logging.INFO)
    print(run())
