"""One step of the work with an archive, alone in its process: `python -m bench.archive_steps STEP FOLDER RECORDS`.

It prints what it took as JSON: seconds, those of them in which a core was at work, and the highest memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from bench.archive_records import changed_records, made_records
from factory_assets.archive import Archive
from factory_assets.archive.learned import Learned
from factory_assets.archive.search import SearchIndex
from factory_assets.archive.space import Space
from factory_assets.domain.archive import ArchiveRecord

UPSERT, UPSERT_MONTHS = 1500, 60
_QUERIES = 200


def main() -> None:
    step, folder, records = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    archive = Archive(folder)
    steps: dict[str, Callable[[], dict[str, float]]] = {
        "load": lambda: _merged(archive, made_records(records)),
        "upsert": lambda: _merged(archive, changed_records(UPSERT, records, months=UPSERT_MONTHS)),
        "index": lambda: _indexed(archive),
        "space": lambda: _spaced(archive),
        "search": lambda: _asked(_searching(archive)),
        "similar": lambda: _asked(_similar(archive)),
    }
    print(json.dumps(steps[step]()))


def _took(started: tuple[float, float], **more: float) -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.perf_counter() - started[0],
        "worked": time.process_time() - started[1],
        "mib": used.ru_maxrss / 1024,
        **more,
    }


def _started() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _merged(archive: Archive, records: Iterator[ArchiveRecord]) -> dict[str, float]:
    """Without what making the records takes."""
    made = [0.0, 0.0]

    def coming() -> Iterator[ArchiveRecord]:
        while True:
            started = _started()
            batch = list(islice(records, 1000))
            for place, now in enumerate(_started()):
                made[place] += now - started[place]
            if not batch:
                return
            yield from batch

    started = _started()
    counts = archive.merge(coming())
    told = _took(started, new=counts.new, changed=counts.changed, months=counts.months)
    return {**told, "seconds": told["seconds"] - made[0], "worked": told["worked"] - made[1]}


def _indexed(archive: Archive) -> dict[str, float]:
    started = _started()
    SearchIndex(archive).search("caches", 1)
    return _took(started)


def _spaced(archive: Archive) -> dict[str, float]:
    learning, learn = [0.0, 0.0], Learned.of

    def learned(texts: Iterator[str]) -> Learned:
        known, started = list(texts), _started()
        made = learn(known)
        learning[:] = [now - then for now, then in zip(_started(), started, strict=True)]
        return made

    Learned.of = learned  # type: ignore[method-assign, assignment]
    started = _started()
    papers = Space(archive).update()
    return _took(started, papers=papers, learning=learning[0], learning_worked=learning[1])


def _searching(archive: Archive) -> Iterator[Callable[[], object]]:
    index = SearchIndex(archive)
    for title in _titles():
        yield lambda title=title: index.search(title, 10)  # type: ignore[misc]


def _similar(archive: Archive) -> Iterator[Callable[[], object]]:
    space = Space(archive)
    for paper in archive.drawn(_QUERIES + 1):
        yield lambda arxiv_id=paper.arxiv_id: space.similar(arxiv_id, 10)  # type: ignore[misc]


def _titles() -> list[str]:
    return [record.title for record in made_records(_QUERIES + 1)]


def _asked(questions: Iterator[Callable[[], object]]) -> dict[str, float]:
    """Seconds of the first answer, which opens what the others use, and of the others."""
    started, took = _started(), []
    for ask in questions:
        before = time.perf_counter()
        ask()
        took.append(time.perf_counter() - before)
    first, others = took[0], sorted(took[1:])
    return _took(
        started,
        first=first,
        p50=others[len(others) // 2],
        p99=others[min(len(others) - 1, len(others) * 99 // 100)],
    )


main()
