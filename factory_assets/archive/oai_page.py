"""One answer of OAI-PMH's ListRecords, with records in arXiv's format `arXivRaw`.

Forms: https://www.openarchives.org/OAI/openarchivesprotocol.html (3.6 for errors),
https://oaipmh.arxiv.org/OAI/arXivRaw.xsd and https://github.com/arXiv/oaipmh (oaipmh/templates). `arXivRaw` and not
`arXiv`, since that server tells there, as the date of creation, the one of the latest version, and no time of day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from lxml import etree
from pydantic import ValidationError

from factory_assets.archive.report import UnreadRecord
from factory_assets.archive.tex import names, plain
from factory_assets.domain.archive import ArchiveRecord, DeletedRecord
from factory_assets.domain.errors import InputError, SourceError
from factory_assets.domain.papers import as_utc, split_arxiv_id
from factory_assets.domain.text import single_line
from factory_assets.network.patience import TransientError

METADATA_PREFIX: Final = "arXivRaw"
_OAI = "{http://www.openarchives.org/OAI/2.0/}"
_RAW = "{http://arxiv.org/OAI/arXivRaw/}"
_IDENTIFIER = "oai:arXiv.org:"
# https://www.w3.org/TR/xml/#charsets: no other character may stand in a document, not as a reference either.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE = re.compile(r"&#(?:x(?P<hex>[0-9a-fA-F]{1,8})|(?P<dec>[0-9]{1,8}));")
_VERSION = re.compile(r"v(\d{1,4})", re.ASCII)
_FIX = "Run the same dates again; if it stays, compare the answer of FACTORY_OAI_URL with OAI-PMH 2.0."


class BadPageError(TransientError):
    """The answer is no list of records: another document, broken XML, or most of its records are none."""


class ExpiredTokenError(SourceError):
    """The server does not know the resumption token any more: the list has to be begun anew."""


class RefusedListError(SourceError):
    """An error of the protocol that asking again does not mend, such as a set that there is not."""


@dataclass(frozen=True)
class OaiPage:
    """What one answer holds; `token` asks for the next one, and there is none behind the last."""

    words: tuple[ArchiveRecord | DeletedRecord, ...] = ()
    unread: tuple[UnreadRecord, ...] = ()
    token: str | None = None


def parse_page(body: bytes) -> OaiPage:
    """Read one answer; where nothing matches it is an empty one.

    Raises:
        BadPageError: it is none.
        ExpiredTokenError, RefusedListError: it is an error of the protocol.
    """
    root = _root(body)
    if root.tag != f"{_OAI}OAI-PMH":
        raise BadPageError(f"The answer is {str(root.tag)[:80]!r} and no OAI-PMH.", fix=_FIX)
    if errors := root.findall(f"{_OAI}error"):
        return _error(errors)
    records = root.find(f"{_OAI}ListRecords")
    if records is None:
        raise BadPageError("The answer holds neither records nor an error.", fix=_FIX)
    read = [_read(record) for record in records.findall(f"{_OAI}record")]
    unread = tuple(one for one in read if isinstance(one, UnreadRecord))
    if not read:
        raise BadPageError("The answer is a list without a record.", fix=_FIX)
    # One record is the fault of that record; most of them are the fault of the answer.
    if len(unread) > 1 and 2 * len(unread) > len(read):
        raise BadPageError(
            f"{len(unread)} of {len(read)} records cannot be read, the first ({unread[0].id}): {unread[0].why}.",
            fix=_FIX,
        )
    return OaiPage(
        words=tuple(one for one in read if not isinstance(one, UnreadRecord)),
        unread=unread,
        token=(records.findtext(f"{_OAI}resumptionToken") or "").strip() or None,
    )


def _root(body: bytes) -> etree._Element:
    try:
        return _parsed(body)
    except etree.XMLSyntaxError:
        text = _REFERENCE.sub(_legal_reference, _FORBIDDEN.sub(" ", body.decode("utf-8", "replace")))
    try:
        return _parsed(text.encode())
    except etree.XMLSyntaxError as error:
        raise BadPageError(f"The answer is broken XML: {single_line(str(error))[:200]}.", fix=_FIX) from None


def _parsed(body: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    root = etree.fromstring(body, parser)
    # Without a document type no entity can be declared that grows when it is read.
    if root.getroottree().docinfo.doctype:
        raise BadPageError("The answer declares a document type, which OAI-PMH has not.", fix=_FIX)
    return root


def _legal_reference(found: re.Match[str]) -> str:
    code = int(found["hex"], 16) if found["hex"] else int(found["dec"])
    return found[0] if code <= 0x10FFFF and not _FORBIDDEN.match(chr(code)) else " "


def _error(errors: Sequence[etree._Element]) -> OaiPage:
    codes = {str(error.get("code")) for error in errors}
    if codes == {"noRecordsMatch"}:
        return OaiPage()
    said = "; ".join(f"{error.get('code')}: {single_line(error.text or '')[:200]}" for error in errors[:3])
    if "badResumptionToken" in codes:
        raise ExpiredTokenError(
            f"arXiv does not go on with the list: {said}.", fix="Harvest these dates again."
        )
    raise RefusedListError(
        f"arXiv refused the list: {said}.", fix="Check FACTORY_OAI_SETS, FACTORY_OAI_URL and the dates."
    )


def _read(record: etree._Element) -> ArchiveRecord | DeletedRecord | UnreadRecord:
    identifier = (record.findtext(f"{_OAI}header/{_OAI}identifier") or "").strip()
    try:
        return _word(record, identifier)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return UnreadRecord(identifier[:60], f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except InputError as error:
        return UnreadRecord(identifier[:60], error.what)
    except ValueError as error:
        return UnreadRecord(identifier[:60], single_line(str(error))[:200])


def _word(record: etree._Element, identifier: str) -> ArchiveRecord | DeletedRecord:
    header = record.find(f"{_OAI}header")
    if header is None:
        raise ValueError("it has no header")
    changed = date.fromisoformat((header.findtext(f"{_OAI}datestamp") or "").strip()[:10])
    arxiv_id, _ = split_arxiv_id(identifier.removeprefix(_IDENTIFIER))
    if header.get("status") == "deleted":
        return DeletedRecord(arxiv_id=arxiv_id, changed=changed)
    raw = record.find(f"{_OAI}metadata/{_RAW}arXivRaw")
    if raw is None:
        raise ValueError(f"it holds no {METADATA_PREFIX}")
    return _record(raw, arxiv_id, changed)


def _record(raw: etree._Element, arxiv_id: str, changed: date) -> ArchiveRecord:
    versions = dict(_version(version) for version in raw.findall(f"{_RAW}version"))
    if not versions:
        raise ValueError("it names no version")

    def told(name: str) -> str:
        return plain(raw.findtext(f"{_RAW}{name}") or "")

    if not (title := told("title")):
        raise ValueError("it has no title")
    return ArchiveRecord(
        arxiv_id=arxiv_id,
        version=max(versions),
        title=title,
        abstract=told("abstract"),
        authors=names(raw.findtext(f"{_RAW}authors") or ""),
        categories=tuple(told("categories").split()),
        comment=told("comments") or None,
        journal_ref=told("journal-ref") or None,
        doi=told("doi") or None,
        licence=told("license") or None,
        submitted=versions[min(versions)],
        updated=versions[max(versions)],
        changed=changed,
    )


def _version(version: etree._Element) -> tuple[int, datetime]:
    number = _VERSION.fullmatch(version.get("version") or "")
    if number is None:
        raise ValueError("a version has no number")
    # As mail has it: Mon, 2 Apr 2007 19:18:42 GMT.
    written = (version.findtext(f"{_RAW}date") or "").strip()
    return int(number[1]), as_utc(parsedate_to_datetime(written))
