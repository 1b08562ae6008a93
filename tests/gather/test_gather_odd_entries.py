"""One entry of a page that cannot be read, or is never sent, costs no other entry and no other date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from gather_server import (
    Asked,
    LittleArxiv,
    Reply,
    Script,
    feed,
    little_arxiv,
    papers_per_day,
    patient_source,
)

from factory_assets.domain.papers import Paper
from factory_assets.gather.expression import SearchField, Term
from factory_assets.gather.feed import parse_feed
from factory_assets.gather.source import Batch
from factory_assets.gather.topics import Topic

FIRST = date(2026, 6, 1)
WEEK = [FIRST + timedelta(days=number) for number in range(7)]
TOPICS = (Topic(name="guardrails", domain="safety", expression=Term(SearchField.ABSTRACT, "guardrail")),)
PAPERS = papers_per_day(FIRST, 7, 20)
ODD = PAPERS[70]
POISONED = ODD.day
ODD_ID = f"http://arxiv.org/abs/{ODD.arxiv_id}v1"
Change = Callable[[str], str]


def changed(old: str, new: str) -> Change:
    def change(entry: str) -> str:
        assert entry.count(old) == 1
        return entry.replace(old, new)

    return change


FIXED = {
    "a raw vertical tab": changed("About guardrail", "About\x0bguardrail"),
    "a raw control character": changed("guardrail and", "guard\x01rail and"),
    "a control character by number": changed("guardrail and", "guard&#x1;rail and"),
    "a NUL by number": changed("guardrail and", "guard&#0;rail and"),
    "half a surrogate pair by number": changed("guardrail and", "guard&#xD800;rail and"),
    "a number that no character has": changed("guardrail and", f"guard&#{'9' * 5_000};rail and"),
}
LEFT_OUT = {
    "an empty title": changed("<title>A paper</title>", "<title> </title>"),
    "no title": changed("<title>A paper</title>", ""),
    "no summary": changed("<summary>About guardrail and decoding.</summary>", ""),
    "a date that is none": changed("<updated>2026", "<updated>yesterday 2026"),
    "a date that no calendar has": changed("<updated>2026-06-04T", "<updated>2026-02-31T"),
    "a date before all time": changed(
        f"<updated>{ODD.updated:%Y-%m-%dT%H:%M:%SZ}", "<updated>0001-01-01T00:00:00+14:00"
    ),
    "a bare less-than sign": changed("A paper", "x < y"),
    "an element that does not end": changed("</title>", ""),
    "an entry that does not end": changed("</entry>", ""),
    "a comment that does not end": changed("A paper", "<!-- A paper"),
    "a CDATA section that does not end": changed("A paper", "<![CDATA[A paper"),
}
NO_ID = {
    "no id": changed(f"<id>{ODD_ID}</id>", ""),
    "a version beyond all bounds": changed(f"{ODD.arxiv_id}v1", f"{ODD.arxiv_id}v99999999999"),
    "an id in other digits": changed(
        ODD.arxiv_id, "".join(chr(0x660 + int(char)) if char.isdecimal() else char for char in ODD.arxiv_id)
    ),
}


def poisoned(change: Change) -> Script:
    """arXiv, with one entry changed wherever it is sent."""

    def script(asked: Asked, number: int) -> Reply | None:
        found = LittleArxiv(PAPERS).found(asked)
        page = found[asked.start : asked.start + asked.size]
        if ODD not in page:
            return None
        body = feed(page, total=len(found))
        whole = body[body.rindex("<entry>", 0, body.index(ODD_ID)) :]
        whole = whole[: whole.index("</entry>") + len("</entry>")]
        return Reply(body.replace(whole, change(whole)))

    return script


def gathered(script: Script, folder: Path, dates: list[date] = WEEK) -> tuple[list[Batch], LittleArxiv]:
    with little_arxiv(PAPERS, script) as arxiv:
        return list(patient_source(arxiv.url, folder).source.batches(dates, TOPICS)), arxiv


def ids(batches: list[Batch]) -> list[str]:
    return [paper.arxiv_id for batch in batches for paper in batch.papers]


ALL = [paper.arxiv_id for paper in PAPERS]
OTHERS = [paper.arxiv_id for paper in PAPERS if paper != ODD]


@pytest.mark.parametrize("form", FIXED)
def test_characters_that_xml_forbids_are_dropped_and_the_paper_is_read(tmp_path: Path, form: str) -> None:
    (batch,), arxiv = gathered(poisoned(FIXED[form]), tmp_path)
    assert batch.papers == tuple(PAPERS)
    assert (batch.unread, batch.gaps, len(arxiv.asked)) == ((), (), 1)


@pytest.mark.parametrize("title", ["Q & A", "AT&T", "R&D; and more", "a&nbsp;b", "&"])
def test_an_ampersand_that_begins_no_reference_is_read_as_itself(tmp_path: Path, title: str) -> None:
    (batch,), _ = gathered(poisoned(changed("A paper", title)), tmp_path)
    assert ids([batch]) == ALL
    assert batch.papers[70].title == title
    assert batch.unread == ()


@pytest.mark.parametrize(
    "odd", ["cond-mat.mes-hall/0606070", "math.GT/0309136", "physics.acc-ph/0401001", "hep-th/9901001"]
)
def test_an_old_id_with_a_subject_class_is_an_id(tmp_path: Path, odd: str) -> None:
    (batch,), _ = gathered(poisoned(changed(ODD.arxiv_id, odd)), tmp_path)
    assert batch.papers[70].arxiv_id == odd
    assert len(batch.papers) == 140
    assert batch.unread == ()


@pytest.mark.parametrize("form", LEFT_OUT)
def test_an_entry_that_cannot_be_read_is_named_by_its_id_and_its_date(tmp_path: Path, form: str) -> None:
    (batch,), arxiv = gathered(poisoned(LEFT_OUT[form]), tmp_path)
    assert ids([batch]) == OTHERS
    assert batch.gaps == ()
    (unread,) = batch.unread
    assert (unread.entry, unread.dates) == (ODD_ID, (POISONED,))
    assert unread.why
    assert len(arxiv.asked) == 1


@pytest.mark.parametrize("form", NO_ID)
def test_an_entry_whose_id_cannot_be_read_is_named_all_the_same(tmp_path: Path, form: str) -> None:
    (batch,), _ = gathered(poisoned(NO_ID[form]), tmp_path)
    assert ids([batch]) == OTHERS
    (unread,) = batch.unread
    assert unread.dates == (POISONED,)
    if form == "no id":
        assert unread.entry == "entry 70 of the page from 0 on"


def test_an_entry_without_a_legible_date_may_be_of_the_dates_of_its_neighbours(tmp_path: Path) -> None:
    first_of_day = PAPERS[60]
    old = f"<published>{first_of_day.published:%Y-%m-%dT%H:%M:%SZ}"
    script = poisoned_at(first_of_day, changed(old, "<published>soon"))
    (batch,), _ = gathered(script, tmp_path)
    (unread,) = batch.unread
    assert unread.dates == (PAPERS[59].day, PAPERS[61].day)


def poisoned_at(paper: Paper, change: Change) -> Script:
    def script(asked: Asked, number: int) -> Reply | None:
        found = LittleArxiv(PAPERS).found(asked)
        body = feed(found, total=len(found))
        start = body.rindex("<entry>", 0, body.index(paper.arxiv_id))
        end = body.index("</entry>", start) + len("</entry>")
        return Reply(body[:start] + change(body[start:end]) + body[end:])

    return script


def test_an_abstract_about_document_types_is_no_document_type(tmp_path: Path) -> None:
    (batch,), _ = gathered(poisoned(changed("A paper", "<![CDATA[<!DOCTYPE html> & more]]>")), tmp_path)
    assert batch.papers[70].title == "<!DOCTYPE html> & more"
    assert len(batch.papers) == 140


def never_sent(asked: Asked, number: int) -> Reply | None:
    """arXiv counts a paper that it never sends."""
    found = LittleArxiv(PAPERS).found(asked)
    page = found[asked.start : asked.start + asked.size]
    return Reply(feed([paper for paper in page if paper != ODD], total=len(found)))


def test_a_paper_that_is_counted_and_never_sent_leaves_a_gap_for_its_date_alone(tmp_path: Path) -> None:
    batches, arxiv = gathered(never_sent, tmp_path)
    assert ids(batches) == OTHERS
    gaps = [gap for batch in batches for gap in batch.gaps]
    assert [gap.dates for gap in gaps] == [(POISONED,)]
    assert "holds 19 papers and not 20" in gaps[0].error
    assert len(arxiv.asked) < 15


def unsplittable(asked: Asked, number: int) -> Reply | None:
    """An answer with the odd entry in it breaks off in the middle of it."""
    found = LittleArxiv(PAPERS).found(asked)
    page = found[asked.start : asked.start + asked.size]
    if ODD not in page:
        return None
    body = feed(page, total=len(found))
    return Reply(body[: body.index(ODD_ID)])


def test_an_answer_that_breaks_as_a_whole_is_halved_down_to_the_entry(tmp_path: Path) -> None:
    batches, arxiv = gathered(unsplittable, tmp_path)
    assert ids(batches) == OTHERS
    assert [gap for batch in batches for gap in batch.gaps] == []
    (unread,) = [entry for batch in batches for entry in batch.unread]
    assert (unread.entry, unread.dates) == ("entry 10 of the page from 0 on", (POISONED,))
    assert len(arxiv.asked) < 40


def test_a_date_that_cannot_be_read_at_all_is_the_only_gap(tmp_path: Path) -> None:
    def broken_day(asked: Asked, number: int) -> Reply | None:
        first, last = asked.dates
        noon = datetime.combine(POISONED, datetime.min.time(), UTC) + timedelta(hours=12)
        return Reply("<html>Bad</html>") if first <= noon <= last else None

    batches, arxiv = gathered(broken_day, tmp_path)
    assert ids(batches) == [paper.arxiv_id for paper in PAPERS if paper.day != POISONED]
    assert [gap.dates for batch in batches for gap in batch.gaps] == [(POISONED,)]
    assert len(arxiv.asked) < 40


GARBAGE = {
    "a web page": lambda found: "<html><body>Welcome</body></html>",
    "no entry that can be read": lambda found: feed(found, total=len(found)).replace("<title>", "<t>"),
    "entries without a field": lambda found: feed(found, total=len(found)).replace("A paper", ""),
    "a wrong total": lambda found: feed(found, total=1),
    "a total and no entries": lambda found: feed([], total=max(1, len(found))),
}


@pytest.mark.parametrize("form", GARBAGE)
def test_a_feed_that_is_garbage_as_a_whole_is_a_failure_of_every_date(tmp_path: Path, form: str) -> None:
    batches, arxiv = gathered(
        lambda asked, number: Reply(GARBAGE[form](LittleArxiv(PAPERS).found(asked))), tmp_path
    )
    missing = sorted({day for batch in batches for gap in batch.gaps for day in gap.dates})
    assert missing == WEEK
    assert [entry for batch in batches for entry in batch.unread] == []
    assert len(arxiv.asked) < 60


def test_a_year_of_garbage_is_not_asked_for_date_by_date(tmp_path: Path) -> None:
    year = [FIRST + timedelta(days=number) for number in range(365)]
    batches, arxiv = gathered(lambda asked, number: Reply("<html></html>"), tmp_path, year)
    assert sorted({day for batch in batches for gap in batch.gaps for day in gap.dates}) == year
    assert len(arxiv.asked) < 60


def test_an_error_beside_papers_is_an_entry_that_cannot_be_read() -> None:
    error = "<entry><id>https://arxiv.org/api/errors#x</id><title>Error</title></entry></feed>"
    found = parse_feed(feed(PAPERS[:3], total=4).replace("</feed>", error).encode())
    assert (found.error, len(found.papers), len(found.unread)) == (None, 3, 1)
