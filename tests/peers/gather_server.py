"""A small arXiv on loopback for the failure cases: it answers by date and word, or as a script says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from factory_assets.domain.papers import Paper
from factory_assets.gather.arxiv import ArxivSource
from factory_assets.gather.client import ArxivPatience
from factory_assets.network.patience import Backoff
from factory_assets.network.politeness import Politeness

_RANGE = re.compile(r"submittedDate:\[(\d{12}) TO (\d{12})\]")
_WORD = re.compile(r'abs:(?:"([^"]+)"|([\w-]+))')


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    query: str
    start: int
    size: int
    parameters: Mapping[str, str]
    user_agent: str

    @property
    def dates(self) -> tuple[datetime, datetime]:
        match = _RANGE.search(self.query)
        assert match is not None, self.query
        first, last = (datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC) for text in match.groups())
        return first, last

    @property
    def words(self) -> list[str]:
        return [quoted or plain for quoted, plain in _WORD.findall(self.query)]


@dataclass(frozen=True)
class Reply:
    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[Asked, int], Reply | None]
"""Gets a request and its number from 1; None means: answer honestly."""


@dataclass
class LittleArxiv:
    """Holds papers; `asked` is every request in order."""

    papers: list[Paper]
    script: Script | None = None
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        scripted = self.script(asked, len(self.asked)) if self.script else None
        return scripted or self.honest(asked)

    def honest(self, asked: Asked) -> Reply:
        found = self.found(asked)
        return Reply(feed(found[asked.start : asked.start + asked.size], total=len(found)))

    def found(self, asked: Asked) -> list[Paper]:
        first, last = asked.dates
        return sorted(
            (
                paper
                for paper in self.papers
                if first <= paper.published <= last
                and any(word in paper.abstract.lower() for word in asked.words)
            ),
            key=lambda paper: (paper.published, paper.arxiv_id),
        )


def paper(
    number: int,
    published: datetime | str,
    *,
    abstract: str = "About guardrail and decoding.",
    version: int = 1,
    title: str = "A paper",
) -> Paper:
    moment = datetime.fromisoformat(published) if isinstance(published, str) else published
    return Paper(
        arxiv_id=f"2606.{number:05d}",
        version=version,
        title=title,
        abstract=abstract,
        authors=("Ada Lovelace",),
        categories=("cs.CL", "cs.AI"),
        comment=None,
        published=moment,
        updated=moment,
    )


def papers_per_day(first: date, days: int, count: int, **kwargs: str) -> list[Paper]:
    """`count` papers on each day, spread over it."""
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    step = timedelta(days=1) / count
    return [
        paper(
            day * count + number,
            (midnight + timedelta(days=day) + step * number + step / 2).replace(microsecond=0),
            **kwargs,
        )
        for day in range(days)
        for number in range(count)
    ]


def feed(papers: Sequence[Paper], *, total: int) -> str:
    entries = "".join(entry(one) for one in papers)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"'
        ' xmlns:arxiv="http://arxiv.org/schemas/atom"'
        ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
        f"<opensearch:totalResults>{total}</opensearch:totalResults>{entries}</feed>"
    )


def entry(one: Paper) -> str:
    primary, *_ = one.categories
    return (
        f"<entry><id>http://arxiv.org/abs/{one.arxiv_id}v{one.version}</id>"
        f"<title>{escape(one.title)}</title><summary>{escape(one.abstract)}</summary>"
        f"<published>{one.published:%Y-%m-%dT%H:%M:%SZ}</published>"
        f"<updated>{one.updated:%Y-%m-%dT%H:%M:%SZ}</updated>"
        + "".join(f"<author><name>{escape(name)}</name></author>" for name in one.authors)
        + (f"<arxiv:comment>{escape(one.comment)}</arxiv:comment>" if one.comment else "")
        + "".join(f'<category term="{term}"/>' for term in reversed(one.categories))
        + f'<arxiv:primary_category term="{primary}"/></entry>'
    )


def error_entry(text: str, *, status: int) -> Reply:
    body = feed([], total=1).replace(
        "</feed>",
        "<entry><id>https://arxiv.org/api/errors#x</id><title>Error</title>"
        f"<summary>{escape(text)}</summary></entry></feed>",
    )
    return Reply(body, status=status)


@contextmanager
def little_arxiv(papers: Sequence[Paper] = (), script: Script | None = None) -> Iterator[LittleArxiv]:
    arxiv = LittleArxiv(list(papers), script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parameters = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            reply = arxiv.answer(
                Asked(
                    query=parameters["search_query"],
                    start=int(parameters["start"]),
                    size=int(parameters["max_results"]),
                    parameters=parameters,
                    user_agent=self.headers["User-Agent"],
                )
            )
            body = reply.body.encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    arxiv.url = f"http://127.0.0.1:{server.server_port}/api/query"
    try:
        yield arxiv
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Patient:
    """A source on a little arXiv whose waits are only written down."""

    source: ArxivSource
    waits: list[float]
    notices: list[str]


NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
PATIENCE = ArxivPatience(
    busy=Backoff(first=30, longest=100, tries=4),
    fault=Backoff(first=5, longest=60, tries=3),
    failed_query=Backoff(first=5, longest=5, tries=2),
)


def patient_source(url: str, folder: Path, *, interval: float = 0.0) -> Patient:
    waits: list[float] = []
    notices: list[str] = []
    source = ArxivSource(
        url=url,
        politeness=Politeness(folder / "arxiv.lock", interval=interval, sleep=waits.append),
        user_agent="software-factory-tests",
        notify=notices.append,
        patience=PATIENCE,
        sleep=waits.append,
        now=lambda: NOW,
    )
    return Patient(source, waits, notices)
