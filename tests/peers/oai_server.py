"""arXiv's OAI-PMH on loopback, as strict as https://github.com/arXiv/oaipmh: its checks, tokens, errors and forms."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

from factory_assets.domain.archive import ArchiveRecord

EARLIEST = date(2005, 9, 16)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LISTS = {"verb", "metadataPrefix", "from", "until", "set"}
_FORMATS = ("oai_dc", "arXiv", "arXivRaw")
_GROUPS = ("cs", "stat", "math", "physics", "eess", "econ", "q-bio", "q-fin")
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><responseDate>2026-07-01T00:00:00Z</responseDate>'
    "<request>http://peer/oai</request>"
)


@dataclass(frozen=True)
class Reply:
    body: str | bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Asked = dict[str, str]
Script = Callable[[Asked, int], Reply | None]
"""Gets a request's arguments and its number from 1; None means: answer honestly."""


class _RefusedError(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass
class OaiPeer:
    """Holds records, `changed` being their datestamp; `asked` is every request in order.

    Args:
        page_size: arXiv's is 2,500.
        interval: seconds below which a request after another one is answered with 503.
        now: what counts as today.
    """

    records: list[ArchiveRecord]
    page_size: int = 2500
    interval: float = 0.0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    script: Script | None = None
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    too_soon: int = 0
    # Tokens of before are expired.
    valid_since: int = 0
    _issued: int = 0
    _last: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def expire_tokens(self) -> None:
        """As at midnight."""
        self.valid_since = self._issued + 1

    def answer(self, query: str) -> Reply:
        arguments = parse_qs(query, keep_blank_values=True)
        asked = {name: values[0] for name, values in arguments.items()}
        with self._lock:
            self.asked.append(asked)
            since, self._last = time.monotonic() - self._last, time.monotonic()
            # A timer may be a little early.
            if since < self.interval - 0.002:
                self.too_soon += 1
                return Reply("Rate exceeded.", 503, {"Retry-After": "1"})
            if self.script and (scripted := self.script(asked, len(self.asked))):
                return scripted
            try:
                return Reply(self._honest(arguments), headers={"Content-Type": "text/xml"})
            except _RefusedError as error:
                return Reply(failure(error.code, str(error)), headers={"Content-Type": "text/xml"})

    def _honest(self, arguments: Mapping[str, list[str]]) -> str:
        if any(len(values) > 1 for values in arguments.values()):
            raise _RefusedError("badArgument", "Duplicate parameters not allowed")
        asked = {name: values[0] for name, values in arguments.items()}
        if asked.get("verb") != "ListRecords":
            raise _RefusedError("badVerb", "Invalid verb provided")
        skip, resumed = 0, "resumptionToken" in asked
        if resumed:
            if set(asked) != {"verb", "resumptionToken"}:
                raise _RefusedError("badArgument", "No other paramters allowed with resumptionToken")
            asked, skip = self._of_token(asked["resumptionToken"])
        first, last = self._checked(asked)
        found = sorted(
            (
                one
                for one in self.records
                if first <= one.changed <= last and in_set(one.categories, asked.get("set"))
            ),
            key=lambda one: (one.changed, one.arxiv_id),
        )
        page, more = found[skip : skip + self.page_size], found[skip + self.page_size :]
        if not page:
            raise _RefusedError("noRecordsMatch", "")
        token = "<resumptionToken/>" if resumed else ""
        if more:
            token = self._token(asked, page[-1].changed, found, skip, first)
        return f"{_HEAD}<ListRecords>{''.join(map(record_xml, page))}{token}</ListRecords></OAI-PMH>"

    def _token(
        self, asked: Asked, reached: date, found: Sequence[ArchiveRecord], skip: int, first: date
    ) -> str:
        # As arXiv does: on from the last date, past what was sent of it.
        sent = found[: skip + self.page_size]
        to_skip = sum(one.changed == reached for one in sent)
        self._issued += 1
        inner = {**asked, "from": reached.isoformat(), "skip": str(to_skip), "serial": str(self._issued)}
        expires = datetime.combine(self.now().date() + timedelta(days=1), datetime.min.time())
        return (
            f"<resumptionToken expirationDate='{expires:%Y-%m-%dT%H:%M:%SZ}'>"
            f"{quote(urlencode(inner))}</resumptionToken>"
        )

    def _of_token(self, token: str) -> tuple[Asked, int]:
        inner = dict(parse_qsl(unquote(token)))
        if "verb" not in inner or not inner.get("skip", "").isdigit():
            raise _RefusedError("badResumptionToken", "Token decoding failed or format is invalid.")
        if int(inner.pop("serial")) < self.valid_since:
            raise _RefusedError("badResumptionToken", "expired")
        return inner, int(inner.pop("skip"))

    def _checked(self, asked: Asked) -> tuple[date, date]:
        if "metadataPrefix" not in asked:
            raise _RefusedError("badArgument", "metadataPrefix required.")
        if set(asked) - _LISTS:
            raise _RefusedError("badArgument", "Unallowed parameter.")
        if asked["metadataPrefix"] not in _FORMATS:
            raise _RefusedError("cannotDisseminateFormat", "Did not recognize requested format")
        first = self._date(asked.get("from"), EARLIEST, "from")
        last = self._date(asked.get("until"), self.now().date(), "until")
        if "set" in asked and asked["set"].split(":")[0] not in _GROUPS:
            raise _RefusedError("badArgument", "Set does not exist")
        if first > last:
            raise _RefusedError("badArgument", "until date must be greater than or equal to from date")
        if first < EARLIEST:
            raise _RefusedError("badArgument", "start date too early")
        if last > self.now().date():
            raise _RefusedError("badArgument", "until date too late")
        return first, last

    @staticmethod
    def _date(text: str | None, usual: date, name: str) -> date:
        if text is None:
            return usual
        with suppress(ValueError):
            if _DATE.fullmatch(text):
                return date.fromisoformat(text)
        raise _RefusedError("badArgument", f"{name} date format must be YYYY-MM-DD")


def in_set(categories: Sequence[str], set_spec: str | None) -> bool:
    if set_spec is None:
        return True
    group, *rest = set_spec.split(":")
    wanted = ".".join(rest) if rest else group
    return any(one == wanted or one.startswith(f"{wanted}.") for one in categories)


def failure(code: str, reason: str = "") -> str:
    return f"{_HEAD}<error code='{code}'>It is so. Reason: {escape(reason)}</error></OAI-PMH>"


def page_xml(*records: str, token: str = "") -> str:
    return f"{_HEAD}<ListRecords>{''.join(records)}{token}</ListRecords></OAI-PMH>"


def record_xml(one: ArchiveRecord) -> str:
    header = (
        f"<identifier>oai:arXiv.org:{one.arxiv_id}</identifier><datestamp>{one.changed}</datestamp>"
        + "".join(f"<setSpec>{name.replace('.', ':')}</setSpec>" for name in one.categories)
    )
    if one.deleted:
        return f'<record><header status="deleted">{header}</header></record>'
    updated = one.updated or one.submitted
    dates = [
        one.submitted,
        *([updated] * (one.version - 1)),
    ]
    versions = "".join(
        f'<version version="v{number}"><date>{moment:%a, %d %b %Y %H:%M:%S GMT}</date><size>9kb</size></version>'
        for number, moment in enumerate(dates, start=1)
    )
    told = {
        "title": one.title,
        "authors": ", ".join(one.authors),
        "categories": " ".join(one.categories),
        "comments": one.comment,
        "journal-ref": one.journal_ref,
        "doi": one.doi,
        "license": one.licence,
        "abstract": f"  {one.abstract}\n",
    }
    return (
        f"<record><header>{header}</header><metadata>"
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{one.arxiv_id}</id><submitter>A</submitter>{versions}'
        + "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items() if text is not None)
        + "</arXivRaw></metadata></record>"
    )


@contextmanager
def oai_peer(
    records: Sequence[ArchiveRecord] = (),
    *,
    page_size: int = 2500,
    interval: float = 0.0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    script: Script | None = None,
) -> Iterator[OaiPeer]:
    peer = OaiPeer(list(records), page_size=page_size, interval=interval, now=now, script=script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            reply = peer.answer(urlsplit(self.path).query)
            body = reply.body if isinstance(reply.body, bytes) else reply.body.encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    peer.url = f"http://127.0.0.1:{server.server_port}/oai"
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
