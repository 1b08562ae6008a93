"""Harvesting: what is asked for, that nothing is lost or doubled whatever ends it, and what the catalogue tells."""

from __future__ import annotations

import errno
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from archive_records import archived, archived_per_day
from gather_server import little_arxiv
from layout import python_path
from oai_server import OaiPeer, Reply, oai_peer

from factory_assets.archive import Archive
from factory_assets.archive.catalogue import Catalogue
from factory_assets.archive.harvest import Harvester, next_first_day
from factory_assets.archive.oai import OaiClient
from factory_assets.archive.oai_page import ExpiredTokenError
from factory_assets.archive.report import HarvestReport
from factory_assets.archive.sets import in_sets
from factory_assets.domain.archive import MergeCounts
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.gather.arxiv import ArxivSource
from factory_assets.gather.expression import SearchField, Term
from factory_assets.gather.topics import Topic
from factory_assets.network.patience import Backoff, Patience, UnreachableError
from factory_assets.network.politeness import Politeness

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 30)
JUNE = archived_per_day(FIRST, 28, 5)


def harvester(
    url: str,
    folder: Path,
    *,
    now: Callable[[], datetime] = lambda: NOW,
    window_days: int = 366,
    interval: float = 0.0,
) -> Harvester:
    client = OaiClient(
        url=url,
        politeness=Politeness(folder / "arxiv.lock", interval=interval),
        user_agent="software-factory-tests",
        notify=print,
        patience=Patience(busy=Backoff(0, 0, 2), fault=Backoff(0, 0, 2)),
        sleep=lambda _: None,
        now=now,
    )
    archive = Archive(folder / "archive")
    return Harvester(
        client, archive, set_specs=("cs", "stat"), notify=print, now=now, window_days=window_days
    )


def harvest(peer: OaiPeer, folder: Path, first: date = FIRST, last: date = LAST) -> list[HarvestReport]:
    return list(harvester(peer.url, folder).harvest(first, last))


def held(folder: Path) -> list[str]:
    return sorted(one.arxiv_id for one in Archive(folder / "archive").recent(100_000))


def ids(records: list[object]) -> list[str]:
    return sorted(str(getattr(one, "arxiv_id", "")) for one in records)


def test_a_window_brings_the_records_of_all_sets_once(tmp_path: Path) -> None:
    both = archived("2606.90001", datetime(2026, 6, 2, tzinfo=UTC), categories=("stat.ML", "cs.LG"))
    other = archived("2606.90002", datetime(2026, 6, 2, tzinfo=UTC), categories=("math.CO",))
    gone = archived("2606.90003", datetime(2026, 6, 2, tzinfo=UTC), deleted=True)
    with oai_peer([*JUNE, both, other, gone], page_size=50, now=lambda: NOW) as peer:
        (report,) = harvest(peer, tmp_path)
    assert held(tmp_path) == ids([*JUNE, both])
    assert report.counts == MergeCounts(new=141, months=1)
    assert (report.records, report.told_deleted, report.requests) == (142, 1, len(peer.asked))
    assert report.by_day[date(2026, 6, 3)] == 7
    assert len(report.days) == 30
    assert not list((tmp_path / "archive" / "harvest").glob("*"))


def test_the_same_dates_again_change_nothing(tmp_path: Path) -> None:
    with oai_peer(JUNE, now=lambda: NOW) as peer:
        harvest(peer, tmp_path)
        (report,) = harvest(peer, tmp_path)
    assert report.counts == MergeCounts(unchanged=140)


def test_a_day_on_which_nothing_changed_is_in_the_catalogue(tmp_path: Path) -> None:
    with oai_peer(now=lambda: NOW) as peer:
        (report,) = harvest(peer, tmp_path, LAST, LAST)
    assert report.records == 0
    assert list(Catalogue(Archive(tmp_path / "archive")).asked("stat")) == [LAST]


def test_many_dates_are_asked_for_in_windows_and_the_future_not_at_all(tmp_path: Path) -> None:
    with oai_peer(JUNE, now=lambda: NOW) as peer:
        made = harvester(peer.url, tmp_path, window_days=12)
        reports = list(made.harvest(FIRST, date(2027, 1, 1)))
        with pytest.raises(InputError, match="no date from 2026-07-02"):
            list(made.harvest(date(2026, 7, 2), date(2026, 7, 9)))
    assert [(one.first.day, one.last.day) for one in reports] == [(1, 12), (13, 24), (25, 1)]
    assert held(tmp_path) == ids([*JUNE])
    assert [asked["set"] for asked in peer.asked] == ["cs", "stat"] * 3


def test_dates_from_before_the_first_datestamp_are_asked_for_from_it_on(tmp_path: Path) -> None:
    old = archived("hep-th/9901001", datetime(1999, 1, 4, tzinfo=UTC), date(2005, 9, 16))
    with oai_peer([old], now=lambda: NOW) as peer:
        (report,) = harvest(peer, tmp_path, date(1991, 1, 1), date(2005, 9, 30))
    assert report.first == date(2005, 9, 16)
    assert held(tmp_path) == ["hep-th/9901001"]


def test_a_token_that_expires_lets_the_list_begin_again(tmp_path: Path) -> None:
    def expire(asked: dict[str, str], number: int) -> None:
        if number in {3, 6}:
            peer.expire_tokens()

    with oai_peer(JUNE, page_size=30, now=lambda: NOW, script=expire) as peer:
        (report,) = harvest(peer, tmp_path)
    assert held(tmp_path) == ids([*JUNE])
    assert report.counts.new == report.records == 140
    assert sum(asked.get("set") == "cs" for asked in peer.asked) == 3


def test_tokens_that_never_last_end_the_harvest(tmp_path: Path) -> None:
    with (
        oai_peer(JUNE, page_size=30, now=lambda: NOW, script=lambda *_: peer.expire_tokens()) as peer,
        pytest.raises(ExpiredTokenError),
    ):
        harvest(peer, tmp_path)
    assert held(tmp_path) == []


def test_a_list_that_was_begun_before_midnight_is_begun_again_after_it(tmp_path: Path) -> None:
    moment = [datetime(2026, 6, 30, 23, 59, tzinfo=UTC)]

    def clock() -> datetime:
        return moment[0]

    def midnight(asked: dict[str, str], number: int) -> None:
        if number == 2:
            moment[0] = datetime(2026, 7, 1, 0, 5, tzinfo=UTC)

    with oai_peer(JUNE, page_size=60, now=clock, script=midnight) as peer:
        (report,) = harvester(peer.url, tmp_path, now=clock).harvest(FIRST, LAST)
    assert held(tmp_path) == ids([*JUNE])
    assert report.asked_at == moment[0]
    assert [asked.get("set") for asked in peer.asked] == ["cs", None, "cs", None, None, "stat"]


def test_a_night_without_network_stores_nothing_and_the_next_one_goes_on_from_the_token(
    tmp_path: Path,
) -> None:
    def dark(asked: dict[str, str], number: int) -> Reply | None:
        return Reply("down", 500) if number in {3, 4} else None

    with oai_peer(JUNE, page_size=30, now=lambda: NOW, script=dark) as peer:
        with pytest.raises(UnreachableError, match="Given up after 2 tries"):
            harvest(peer, tmp_path)
        assert held(tmp_path) == []
        assert not Catalogue(Archive(tmp_path / "archive")).asked("cs")
        (report,) = harvest(peer, tmp_path)
    assert held(tmp_path) == ids([*JUNE])
    assert report.counts.new == 140
    assert sum(asked.get("set") == "cs" for asked in peer.asked) == 1


def test_the_windows_before_a_failure_are_in(tmp_path: Path) -> None:
    def dark(asked: dict[str, str], number: int) -> Reply | None:
        return Reply("down", 500) if number > 2 else None

    with oai_peer(JUNE, now=lambda: NOW, script=dark) as peer, pytest.raises(UnreachableError):
        list(harvester(peer.url, tmp_path, window_days=10).harvest(FIRST, LAST))
    assert len(held(tmp_path)) == 45
    assert len(Catalogue(Archive(tmp_path / "archive")).asked("cs")) == 10


def test_a_second_process_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    with oai_peer(JUNE, now=lambda: NOW) as peer:
        first = harvester(peer.url, tmp_path, window_days=10).harvest(FIRST, LAST)
        next(first)
        with pytest.raises(InfrastructureError, match="Another process harvests"):
            harvest(peer, tmp_path)
        assert len(list(first)) == 2
    assert held(tmp_path) == ids([*JUNE])


def test_the_next_harvest_asks_from_the_start_of_the_last_one_less_a_day(tmp_path: Path) -> None:
    catalogue = Catalogue(Archive(tmp_path / "archive"))
    assert catalogue.last_harvest(["cs", "stat"]) is None
    morning = datetime(2026, 6, 20, 5, 30, tzinfo=UTC)
    catalogue.note("cs", date(2026, 6, 18), morning.date(), asked_at=morning)
    assert catalogue.last_harvest(["cs", "stat"]) is None
    catalogue.note("stat", date(2026, 6, 18), morning.date(), asked_at=morning + timedelta(minutes=1))
    # A range of the past says nothing of how far the archive is.
    catalogue.note("cs", date(2020, 1, 1), date(2020, 2, 1), asked_at=NOW)
    assert catalogue.last_harvest(["cs", "stat"]) == morning
    assert next_first_day(morning) == date(2026, 6, 19)


def test_what_changes_during_a_harvest_is_brought_by_the_next_one(tmp_path: Path) -> None:
    moment = [datetime(2026, 6, 20, 5, 30, tzinfo=UTC)]
    moved = JUNE[0].model_copy(update={"changed": date(2026, 6, 20), "title": "Moved on"})
    with oai_peer(JUNE[1:], now=lambda: moment[0]) as peer:
        made = harvester(peer.url, tmp_path, now=lambda: moment[0])
        list(made.harvest(FIRST, moment[0].date()))
        peer.records.append(moved)
        moment[0] += timedelta(days=1)
        last = Catalogue(Archive(tmp_path / "archive")).last_harvest(["cs", "stat"])
        assert last is not None
        list(made.harvest(next_first_day(last), moment[0].date()))
    assert Archive(tmp_path / "archive").read([moved.arxiv_id])[0].title == "Moved on"


def test_a_date_is_held_when_all_dates_up_to_the_last_harvest_are(tmp_path: Path) -> None:
    catalogue = Catalogue(Archive(tmp_path / "archive"))
    day, settled = date(2026, 6, 3), datetime(2026, 6, 5, 6, tzinfo=UTC)

    def is_held() -> bool:
        return day in catalogue.holds([day], ["cs", "stat"], settled=[settled])

    def note(first: date, last: date, asked_at: datetime) -> None:
        for set_spec in ("cs", "stat"):
            catalogue.note(set_spec, first, last, asked_at=asked_at)

    assert not is_held()
    morning = datetime(2026, 6, 5, 5, tzinfo=UTC)
    note(date(2026, 6, 1), date(2026, 6, 5), morning)
    assert not is_held(), "it was not announced in full by then"
    note(date(2026, 6, 4), date(2026, 6, 6), morning + timedelta(days=1))
    assert is_held()
    # Its papers may have changed meanwhile, and are then listed under later dates.
    note(date(2026, 6, 1), date(2026, 6, 3), NOW)
    assert not is_held()
    note(date(2026, 6, 4), NOW.date(), NOW)
    assert is_held()
    catalogue.note("cs", date(2026, 6, 10), date(2026, 6, 10), asked_at=datetime(2026, 6, 10, 9, tzinfo=UTC))
    assert not is_held(), "a date that was not over is not whole"


def test_a_full_disk_is_told_and_the_pages_that_were_kept_are_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = gzip.compress

    def full(content: bytes, compresslevel: int) -> bytes:
        if peer.asked[-1].get("resumptionToken"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(content, compresslevel)

    with oai_peer(JUNE, page_size=60, now=lambda: NOW) as peer:
        monkeypatch.setattr(gzip, "compress", full)
        with pytest.raises(InfrastructureError, match="No space left on device"):
            harvest(peer, tmp_path)
        monkeypatch.undo()
        harvest(peer, tmp_path)
    assert held(tmp_path) == ids([*JUNE])
    assert [asked.get("set") for asked in peer.asked] == ["cs", None, None, None, "stat"]


def test_a_catalogue_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    catalogue = Catalogue(Archive(tmp_path / "archive"))
    catalogue.note("cs", FIRST, LAST, asked_at=NOW)
    catalogue.path.write_bytes(catalogue.path.read_bytes()[:-40])
    with pytest.raises(InfrastructureError, match="cannot be used"):
        catalogue.asked("cs")


def test_a_harvest_and_a_gather_keep_the_interval_between_them(tmp_path: Path) -> None:
    moments: list[float] = []

    def note(*_: object) -> None:
        moments.append(time.monotonic())

    interval = 0.15
    topic = Topic(name="guardrails", domain="safety", expression=Term(SearchField.ABSTRACT, "guardrail"))
    with (
        oai_peer(JUNE, page_size=40, interval=interval, now=lambda: NOW, script=note) as peer,
        little_arxiv([], note) as arxiv,
    ):
        gather = ArxivSource(
            url=arxiv.url,
            politeness=Politeness(tmp_path / "arxiv.lock", interval=interval),
            user_agent="software-factory-tests",
            notify=print,
        )
        days = [FIRST + timedelta(days=2 * number) for number in range(4)]
        with ThreadPoolExecutor() as pool:
            gathered = pool.submit(lambda: list(gather.batches(days, [topic])))
            list(harvester(peer.url, tmp_path, interval=interval).harvest(FIRST, LAST))
            gathered.result()
    assert len(moments) == len(peer.asked) + len(arxiv.asked) == 5 + 4
    # The server notes a request a little after the client has begun it.
    assert min(later - earlier for earlier, later in pairwise(sorted(moments))) > 0.6 * interval
    assert peer.too_soon == 0


@pytest.mark.parametrize(
    ("categories", "set_specs", "inside"),
    [
        (("math.OC", "cs.LG"), ("cs", "stat"), True),
        (("csx.LG",), ("cs",), False),
        (("eess.SP",), ("cs", "stat"), False),
        (("cs.LG",), ("cs:cs:LG",), True),
        (("cs.CL",), ("cs:cs:LG",), False),
        (("hep-th",), ("physics",), True),
        (("astro-ph.CO",), ("physics:astro-ph",), True),
        (("hep-th",), ("physics:hep-ph",), False),
    ],
)
def test_a_paper_is_in_a_set_by_any_of_its_categories(
    categories: tuple[str, ...], set_specs: tuple[str, ...], inside: bool
) -> None:
    assert in_sets(categories, set_specs) is inside


KILLED = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from test_archive_harvest import harvester
made = harvester(sys.argv[1], Path(sys.argv[2]), now=lambda: datetime(2026, 7, 1, 12, tzinfo=UTC))
for report in made.harvest(date(2025, 7, 1), date(2026, 6, 30)):
    print(report.counts.new, report.records, flush=True)
"""


def test_a_years_harvest_goes_on_after_three_kills_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    year = [
        archived(f"{day:%y%m}.{number:05d}", datetime(day.year, day.month, day.day, 9, tzinfo=UTC), day)
        for number, day in enumerate(
            date(2025, 7, 1) + timedelta(days=(number * 7) % 365) for number in range(3650)
        )
    ]
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    pages = 3650 // 150 + 1

    def slow(asked: dict[str, str], number: int) -> None:
        time.sleep(0.02)

    with oai_peer(year, page_size=150, now=lambda: NOW, script=slow) as peer:
        arguments = [sys.executable, "-c", KILLED, peer.url, str(tmp_path)]
        for reached in (4, 11, 19):
            with subprocess.Popen(arguments, env=env, stdout=subprocess.DEVNULL) as process:
                while len(peer.asked) < reached:
                    assert process.poll() is None
                    time.sleep(0.005)
                process.send_signal(signal.SIGKILL)
            assert held(tmp_path) == []
        ended = subprocess.run(arguments, env=env, check=True, capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1] == "3650 3650"
    assert held(tmp_path) == ids([*year])
    # A kill may cost the page that was under way, and no other.
    assert pages + 1 <= len(peer.asked) <= pages + 1 + 3
    assert sum(asked.get("set") == "cs" for asked in peer.asked) == 1


def test_a_kill_between_storing_and_forgetting_changes_nothing(tmp_path: Path) -> None:
    with oai_peer(JUNE, now=lambda: NOW) as peer:
        made = harvester(peer.url, tmp_path)
        made._archive.merge = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            list(made.harvest(FIRST, LAST))
        (report,) = harvest(peer, tmp_path)
    assert report.requests == 0
    assert held(tmp_path) == ids([*JUNE])
