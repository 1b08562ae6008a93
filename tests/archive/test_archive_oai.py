"""arXiv's OAI-PMH: what becomes of its records, and of each way in which it fails."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from oai_server import OaiPeer, Reply, Script, failure, oai_peer, page_xml, record_xml
from test_archive_store import record

from factory_assets.archive.oai import ListRequest, OaiClient
from factory_assets.archive.oai_page import (
    BadPageError,
    ExpiredTokenError,
    RefusedListError,
    parse_page,
)
from factory_assets.archive.report import UnreadRecord
from factory_assets.archive.tex import names, plain
from factory_assets.domain.archive import ArchiveRecord, DeletedRecord
from factory_assets.network.patience import (
    Backoff,
    BusyError,
    Patience,
    RefusedAccessError,
    UnreachableError,
)
from factory_assets.network.politeness import Politeness

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
JUNE = ListRequest("cs", date(2026, 6, 1), date(2026, 6, 30))
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE OAI-PMH [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="noRecordsMatch">&b;</error></OAI-PMH>'
)
FILE = BOMB.replace('"ha"', 'SYSTEM "file:///etc/passwd"')


def told(arxiv_id: str = "2606.00001", **changes: object) -> ArchiveRecord:
    """As OAI-PMH tells of it: with the time of the latest version."""
    return record(arxiv_id, **{"updated": record().submitted, **changes})


class Waits(list[float]):
    """The seconds that were waited, and a line for each."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []


def client_of(peer: OaiPeer, folder: Path, waits: Waits | None = None) -> OaiClient:
    waits = Waits() if waits is None else waits
    return OaiClient(
        url=peer.url,
        politeness=Politeness(folder / "arxiv.lock", interval=0),
        user_agent="software-factory-tests",
        notify=waits.told.append,
        patience=Patience(busy=Backoff(30, 100, 3), fault=Backoff(5, 60, 2)),
        sleep=waits.append,
        now=lambda: NOW,
    )


def first_times(times: int, reply: Reply) -> Script:
    return lambda asked, number: reply if number <= times else None


def test_a_record_is_read_as_arxiv_writes_it() -> None:
    revised = record(
        "hep-th/9901001",
        version=3,
        title="On <caches> & co",
        authors=("C. Balázs", "E. Berger"),
        comment="12 pages",
        journal_ref="J. Phys. 1",
        doi="10.1/x",
        updated=datetime(2026, 6, 9, 1, 2, 3, tzinfo=UTC),
    )
    page = parse_page(page_xml(record_xml(revised)).encode())
    assert page.words == (revised,)
    assert (page.unread, page.token) == ((), None)


def test_names_and_accents_are_read_as_their_authors_type_them() -> None:
    assert plain(r"Schr\"odinger's {\'E}tude of Wa\l{}\k{e}sa on $\chi^2$, \c{c}a na\"{\i}ve") == (
        "Schrödinger's Étude of Wałęsa on $\\chi^2$, ça naïve"
    )
    line = r"C. Bal\'azs (1 and 2), E. L. Berger, Jr., P. Nadolsky and Ji\v{r}\'{\i} N. ((1) MSU, (2) Argonne (USA))"
    assert names(line) == ("C. Balázs", "E. L. Berger Jr.", "P. Nadolsky", "Jiří N.")


def test_a_deleted_record_has_its_id_alone() -> None:
    page = parse_page(page_xml(record_xml(record(deleted=True))).encode())
    assert page.words == (DeletedRecord(arxiv_id="2606.00001", changed=date(2026, 6, 4)),)


def test_one_record_that_cannot_be_read_costs_no_other() -> None:
    odd = record_xml(record("2606.00002")).replace("oai:arXiv.org:2606.00002", "oai:arXiv.org:../../etc")
    undated = record_xml(record("2606.00003")).replace("12:00:00 GMT", "noon")
    page = parse_page(
        page_xml(odd, *(record_xml(record(f"2606.0001{n}")) for n in range(3)), undated).encode()
    )
    assert len(page.words) == 3
    assert [one.id for one in page.unread] == ["oai:arXiv.org:../../etc", "oai:arXiv.org:2606.00003"]
    assert page.unread[0] == UnreadRecord("oai:arXiv.org:../../etc", "'../../etc' is not an arXiv id.")


def test_records_that_mostly_cannot_be_read_are_a_broken_answer() -> None:
    odd = record_xml(record()).replace("<title>On caches</title>", "")
    with pytest.raises(BadPageError, match=r"2 of 3 records cannot be read.*it has no title"):
        parse_page(page_xml(odd, odd, record_xml(record())).encode())


def test_a_character_that_xml_forbids_costs_no_record() -> None:
    page = parse_page(page_xml(record_xml(record(abstract="a \x0b&#x2; b"))).replace("&amp;#", "&#").encode())
    assert [one.arxiv_id for one in page.words] == ["2606.00001"]


@pytest.mark.parametrize("body", [BOMB, FILE])
def test_a_document_type_is_refused_before_anything_grows_or_is_opened(body: str) -> None:
    with pytest.raises(BadPageError, match="declares a document type"):
        parse_page(body.encode())


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "broken XML"),
        (b"<html><body>Maintenance</body></html>", "no OAI-PMH"),
        (page_xml(record_xml(record())).encode()[:600], "broken XML"),
        (page_xml().encode(), "list without a record"),
        (failure("x").replace("error", "other").encode(), "neither records nor an error"),
    ],
    ids=["empty", "another document", "cut", "without a record", "without an answer"],
)
def test_what_is_no_list_is_never_taken_for_an_empty_one(body: bytes, told: str) -> None:
    with pytest.raises(BadPageError, match=told):
        parse_page(body)


def test_where_nothing_matches_the_list_is_empty(tmp_path: Path) -> None:
    with oai_peer([record(changed=date(2026, 7, 1))], now=lambda: NOW) as peer:
        page = client_of(peer, tmp_path).first_page(JUNE)
    assert (page.words, page.token) == ((), None)
    assert peer.asked == [
        {
            "verb": "ListRecords",
            "metadataPrefix": "arXivRaw",
            "from": "2026-06-01",
            "until": "2026-06-30",
            "set": "cs",
        }
    ]


def test_the_pages_of_a_list_bring_each_record_once(tmp_path: Path) -> None:
    papers = [told(f"2606.{number:05d}", changed=date(2026, 6, 4 + number // 5)) for number in range(12)]
    with oai_peer(papers, page_size=3, now=lambda: NOW) as peer:
        client = client_of(peer, tmp_path)
        page = client.first_page(JUNE)
        words = list(page.words)
        while page.token:
            page = client.next_page(page.token)
            words += page.words
    assert words == papers
    assert client.requests == len(peer.asked) == 4
    assert all(set(asked) == {"verb", "resumptionToken"} for asked in peer.asked[1:])


def test_a_token_that_has_expired_is_told_apart(tmp_path: Path) -> None:
    papers = [record(f"2606.{number:05d}") for number in range(4)]
    with oai_peer(papers, page_size=3, now=lambda: NOW) as peer:
        client = client_of(peer, tmp_path)
        token = client.first_page(JUNE).token
        peer.expire_tokens()
        with pytest.raises(ExpiredTokenError):
            client.next_page(token or "")


def test_other_errors_of_the_protocol_are_told_with_the_setting(tmp_path: Path) -> None:
    with oai_peer(now=lambda: NOW) as peer, pytest.raises(RefusedListError) as caught:
        client_of(peer, tmp_path).first_page(ListRequest("cats", JUNE.first, JUNE.last))
    assert "badArgument: It is so. Reason: Set does not exist" in str(caught.value)
    assert "FACTORY_OAI_SETS" in str(caught.value)
    assert len(peer.asked) == 1


def test_503_is_waited_for_as_it_asks(tmp_path: Path) -> None:
    waits = Waits()
    busy = Reply("Retry later", 503, {"Retry-After": "42"})
    with oai_peer([record()], now=lambda: NOW, script=first_times(2, busy)) as peer:
        assert client_of(peer, tmp_path, waits).first_page(JUNE).words == (told(),)
    assert waits == [42, 42]
    assert waits.told[0] == "arXiv's OAI-PMH answered 503: Retry later. Waiting 42 s, as it asks."


@pytest.mark.parametrize(
    ("reply", "kind", "times"),
    [
        (Reply("Rate exceeded.", 429), BusyError, 3),
        (Reply("broken", 500), UnreachableError, 2),
        (Reply("gone", 404), RefusedAccessError, 1),
        (Reply("", 301, {"Location": "http://127.0.0.1:9/"}), RefusedAccessError, 1),
        (Reply(page_xml(record_xml(record()))[:700]), BadPageError, 2),
        (Reply("<a/>", headers={"Content-Length": "9999"}), UnreachableError, 2),
    ],
    ids=["busy", "broken", "gone", "moved", "cut", "broken off"],
)
def test_each_failure_is_told_after_the_tries_that_may_help(
    tmp_path: Path, reply: Reply, kind: type[Exception], times: int
) -> None:
    headers = {**reply.headers, **({"Connection": "close"} if "Content-Length" in reply.headers else {})}
    odd = Reply(reply.body, reply.status, headers)
    with oai_peer(now=lambda: NOW, script=first_times(9, odd)) as peer:
        with pytest.raises(kind):
            client_of(peer, tmp_path).first_page(JUNE)
        assert len(peer.asked) == times
