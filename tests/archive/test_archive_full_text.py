"""Full texts of papers: where they come from, what is kept, and that a failure is never kept as none."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from arxiv_texts_server import NOT_PUBLIC, Answer, ArxivSite, arxiv_site, page, tar_of
from test_archive_store import OLD, record

from factory_assets.archive import Archive
from factory_assets.archive.full_text import ArxivTexts
from factory_assets.archive.text_store import TextStore
from factory_assets.domain.archive import DeletedRecord
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.research import FullTexts
from factory_assets.network.politeness import Politeness
from factory_assets.network.service import Service

# The paper was submitted a week before.
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
KEY = "2606.00001"
METHOD = "We keep what was asked for last, and let go of what nobody has asked for. " * 40
ABSTRACT = (
    "Caches of language models grow with each token that is asked for, and we evict what is not needed. " * 20
)
PAGE = page(("Introduction", "Caches grow."), ("Method", METHOD))
TEX = (r"\documentclass{article}\begin{document}\section{Method}" + METHOD + r"\end{document}").encode()


class World:
    def __init__(self, folder: Path, site: ArxivSite) -> None:
        self.archive = Archive(folder / "archive")
        self.archive.merge([record(KEY, abstract=ABSTRACT), OLD])
        self.store = TextStore(self.archive.folder)
        self.site = site
        self.now = NOW
        self.waits: list[float] = []
        self.folder = folder

    def texts(self) -> FullTexts:
        service = Service(
            name="arXiv",
            politeness=Politeness(self.folder / "turns", interval=0),
            notify=lambda line: None,
            fix="Check the network.",
            later="Later.",
            headers={"User-Agent": "software-factory/0.1"},
            sleep=self.waits.append,
            most_bytes=1_000_000,
        )
        return ArxivTexts(self.archive, self.store, service, url=self.site.url, now=lambda: self.now)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with arxiv_site() as site:
        yield World(tmp_path, site)


def test_the_html_version_is_read_by_sections_and_kept(world: World) -> None:
    world.site.pages[KEY] = PAGE
    found = world.texts().read(KEY)
    assert found is not None
    assert [section.heading for section in found.sections] == ["1 Introduction", "2 Method"]
    assert (found.source, found.quotable) == (f"https://arxiv.org/html/{KEY}v1", True)
    assert world.texts().read(f"https://arxiv.org/abs/{KEY}v1") == found
    assert world.site.asked == [f"/html/{KEY}"]


def test_without_html_the_source_is_read(world: World) -> None:
    world.site.sources[KEY] = tar_of({"main.tex": TEX, "figure.pdf": b"%PDF"})
    found = world.texts().read(KEY)
    assert found is not None
    assert (found.sections[0].heading, found.source) == ("Method", f"https://arxiv.org/src/{KEY}")
    assert world.site.asked == [f"/html/{KEY}", f"/src/{KEY}"]


def test_an_id_with_a_slash_is_asked_for_and_kept_in_a_folder_of_its_own_name(world: World) -> None:
    world.site.sources[OLD.arxiv_id] = tar_of({"main.tex": TEX})
    found = world.texts().read(OLD.arxiv_id)
    assert found is not None
    assert found.arxiv_id == "hep-th/9901001"
    assert sorted(path.name for path in world.store.folder.iterdir()) == [
        ".gitignore",
        "hep-th_9901001.text.json",
    ]
    with pytest.raises(InputError):
        world.texts().read("../../etc/passwd")


@pytest.mark.parametrize(
    "source",
    [None, b"%PDF-1.5", tar_of({"paper.pdf": b"%PDF"}), NOT_PUBLIC, b"x" * 1_000_001],
    ids=["nothing", "a PDF", "a PDF in a tar", "not public", "too large"],
)
def test_that_there_is_no_text_is_kept_and_asked_again_after_30_days(
    world: World, source: bytes | None
) -> None:
    if source is not None:
        world.site.sources[KEY] = source
    assert world.texts().read(KEY) is None
    world.now = NOW + timedelta(days=29, hours=23)
    assert world.texts().read(KEY) is None
    assert len(world.site.asked) == 2
    world.site.pages[KEY] = PAGE
    world.now = NOW + timedelta(days=30)
    assert world.texts().read(KEY) is not None
    assert world.store.count() == 1


@pytest.mark.parametrize(
    "faults",
    [
        [Answer(b"Rate exceeded.", 429)] * 2,
        [Answer(b"Rate exceeded.", 429, {"Retry-After": "900"})],
        [Answer(b"", 503, {"Retry-After": "900"})],
        [Answer(b"", 503)],
        [Answer(b"", 500)],
        [Answer(b"Access denied", 403)],
        [Answer(b"", 404), Answer(b"", 503)],
        [Answer(b"", 404), Answer(b"<html>Are you a robot?</html>")],
        [Answer(b"", 404), Answer(b"")],
    ],
)
def test_a_failure_is_told_and_never_kept_as_none(world: World, faults: list[Answer]) -> None:
    world.site.sources[KEY] = tar_of({"main.tex": TEX})
    world.site.faults = list(faults)
    with pytest.raises(InfrastructureError):
        world.texts().read(KEY)
    assert not world.store.folder.exists()
    world.site.faults = []
    assert world.texts().read(KEY) is not None


def test_a_wait_that_arxiv_asks_for_is_waited_and_no_one_asks_on_after_it_refused(world: World) -> None:
    world.site.pages[KEY] = PAGE
    world.site.faults = [Answer(b"", 503, {"Retry-After": "5"})]
    assert world.texts().read(KEY) is not None
    assert len(world.waits) == 1
    texts = world.texts()
    world.site.faults = [Answer(b"", 429, {"Retry-After": "900"})]
    for arxiv_id in ("2606.00002", "2606.00003"):
        with pytest.raises(InfrastructureError):
            texts.read(arxiv_id)
    assert world.site.asked.count("/html/2606.00002") == 1
    assert "/html/2606.00003" not in world.site.asked


def test_a_paper_of_this_week_that_arxiv_does_not_show_yet_is_not_kept_as_one_without_a_text(
    world: World,
) -> None:
    world.now = NOW - timedelta(hours=1)
    with pytest.raises(InfrastructureError, match="nothing of this paper yet"):
        world.texts().read(KEY)
    world.site.sources[KEY] = NOT_PUBLIC
    assert world.texts().read(KEY) is None


def test_nothing_that_answers_is_a_failure_too(world: World) -> None:
    world.site.url = "http://127.0.0.1:1"
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        world.texts().read(KEY)


def test_a_later_version_is_read_again_and_an_earlier_one_is_not(world: World) -> None:
    world.site.pages[KEY] = PAGE
    world.texts().read(KEY)
    world.archive.merge([record(KEY, version=2, changed=NOW.date())])
    world.site.pages[KEY] = page(("Method of version two", METHOD), version=2)
    again = world.texts().read(KEY)
    assert again is not None
    assert [section.heading for section in again.sections] == ["1 Method of version two"]
    world.texts().read(KEY)
    assert len(world.site.asked) == 2


def test_a_page_that_is_not_converted_anew_yet_is_asked_for_once_a_day(world: World) -> None:
    world.archive.merge([record(KEY, version=2, changed=NOW.date())])
    world.site.pages[KEY] = PAGE
    for hours in (0, 23, 24, 30):
        world.now = NOW + timedelta(hours=hours)
        world.texts().read(KEY)
    assert len(world.site.asked) == 2
    world.site.pages[KEY] = page(("Method", METHOD), version=2)
    for hours in (48, 100):
        world.now = NOW + timedelta(hours=hours)
        found = world.texts().read(KEY)
        assert found is not None
        assert found.source.endswith("v2")
    assert len(world.site.asked) == 3


def test_the_abstract_is_no_text_under_whatever_name(world: World) -> None:
    world.site.pages[KEY] = page(("Introduction", ABSTRACT), ("Contents", "See the PDF."))
    body = rf"\documentclass{{a}}\begin{{document}}\section{{Summary}}{ABSTRACT}\end{{document}}"
    world.site.sources[KEY] = tar_of({"main.tex": body.encode()})
    assert world.texts().read(KEY) is None


def test_a_stub_is_no_text(world: World) -> None:
    world.site.pages[KEY] = page(("Method", "The text is in the ancillary files."))
    assert world.texts().read(KEY) is None


@pytest.mark.parametrize(
    ("licence", "quotable"),
    [
        ("https://creativecommons.org/licenses/by-sa/4.0", True),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", False),
        (None, False),
    ],
)
def test_what_may_be_quoted_follows_the_records_licence_of_today(
    world: World, licence: str | None, quotable: bool
) -> None:
    world.site.pages[KEY] = PAGE
    world.texts().read(KEY)
    world.archive.merge([record(KEY, licence=licence, changed=NOW.date())])
    found = world.texts().read(KEY)
    assert found is not None
    assert (found.licence, found.quotable) == (licence, quotable)
    assert len(world.site.asked) == 1


def test_a_paper_that_the_archive_does_not_hold_is_read_and_not_quoted_and_a_deleted_one_is_not_asked_for(
    world: World,
) -> None:
    world.site.pages["2606.00009"] = PAGE
    found = world.texts().read("2606.00009")
    assert found is not None
    assert (found.licence, found.quotable) == (None, False)
    world.archive.merge([DeletedRecord(arxiv_id=KEY, changed=NOW.date())])
    assert world.texts().read(KEY) is None
    assert f"/html/{KEY}" not in world.site.asked


def test_a_kept_file_that_is_broken_is_fetched_again(world: World) -> None:
    world.site.pages[KEY] = PAGE
    found = world.texts().read(KEY)
    kept = world.store.folder / f"{KEY}.text.json"
    for broken in (b"", b"{", b"\xff", kept.read_bytes().replace(KEY.encode(), b"2606.00002")):
        kept.write_bytes(broken)
        assert world.texts().read(KEY) == found
    assert len(world.site.asked) == 5


def test_kept_texts_are_this_users_alone_and_git_passes_them_over(world: World) -> None:
    world.site.pages[KEY] = PAGE
    world.texts().read(KEY)
    assert (world.store.folder / f"{KEY}.text.json").stat().st_mode & 0o077 == 0
    assert world.store.folder.stat().st_mode & 0o077 == 0
    assert "*" in (world.store.folder / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_what_was_asked_for_longest_ago_makes_room(world: World) -> None:
    world.store = TextStore(world.archive.folder, most=2)
    for number, arxiv_id in enumerate(("2606.00011", "2606.00012", "2606.00013")):
        world.site.pages[arxiv_id] = PAGE
        world.texts().read(arxiv_id)
        moment = time.time() - 1000 + number
        os.utime(world.store.folder / f"{arxiv_id}.text.json", (moment, moment))
    assert [world.store.holds(f"2606.0001{number}") for number in (1, 2, 3)] == [False, True, True]
    world.now = datetime.now(UTC)
    world.texts().read("2606.00012")
    world.site.pages[KEY] = PAGE
    world.texts().read(KEY)
    assert [world.store.holds(f"2606.0001{number}") for number in (2, 3)] == [True, False]


def test_what_a_writer_that_was_killed_has_left_is_no_text_and_goes(world: World) -> None:
    world.site.pages[KEY] = PAGE
    world.texts().read(KEY)
    left = world.store.folder / ".2606.00002.text.json.0.new"
    left.write_text("half")
    os.utime(left, (time.time() - 7200, time.time() - 7200))
    assert (world.store.holds("2606.00002"), world.store.count()) == (False, 1)
    world.texts().read("2606.00002")
    assert not left.exists()


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_half_written(world: World) -> None:
    world.site.pages[KEY] = PAGE
    world.store.folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(InfrastructureError, match="kept full texts"):
        world.texts().read(KEY)
