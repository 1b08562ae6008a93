"""arXiv's pages and sources of papers on loopback, as its own code answers for them.

Forms: https://github.com/arXiv/arxiv-browse (browse/routes/dissemination.py, browse/routes/src.py and
browse/controllers/files/dissemination.py), https://info.arxiv.org/help/mimetypes.html: /html/ID gives LaTeXML's page of
the latest version or 404, /src/ID what was submitted as it is stored; /e-print/ID leads there. A source that its author
keeps to himself is 403. Whoever does not name itself is refused.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_ID = r"(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?"
_ASKED = re.compile(rf"^/(?P<form>html|src|e-print)/{_ID}$")
NO_HTML = b"<html><head><title>No HTML</title></head><body><h1>No HTML for '2606.00001v1'</h1></body></html>"
NO_DOCUMENT = b"<html><body><h1>No document for '2606.00001'</h1></body></html>"
NOT_PUBLIC = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head><title>Not public 2606.00001</title></head><body>'
    b"<h1>Source Not Public for 2606.00001</h1></body></html>"
)


@dataclass(frozen=True)
class Answer:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class ArxivSite:
    """Holds pages and sources by id; `faults` come first, one a request; `asked` is every path in order."""

    pages: dict[str, bytes] = field(default_factory=dict)
    sources: dict[str, bytes] = field(default_factory=dict)
    faults: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, agent: str) -> Answer:
        self.asked.append(path)
        if "software-factory" not in agent:
            return Answer(b"Access denied", 403)
        if self.faults:
            return self.faults.pop(0)
        match = _ASKED.match(path)
        if match is None:
            return Answer(b"Bad paper identifier", 400)
        if match["form"] == "e-print":
            return Answer(status=301, headers={"Location": path.replace("/e-print/", "/src/")})
        return self._page(match["id"]) if match["form"] == "html" else self._source(match["id"])

    def _page(self, arxiv_id: str) -> Answer:
        page = self.pages.get(arxiv_id)
        return Answer(NO_HTML, 404) if page is None else Answer(page, 200, {"Content-Type": "text/html"})

    def _source(self, arxiv_id: str) -> Answer:
        source = self.sources.get(arxiv_id)
        if source is None:
            return Answer(NO_DOCUMENT, 404)
        if source == NOT_PUBLIC:
            return Answer(source, 403)
        return Answer(source, 200, {"Content-Type": "application/gzip"})


@contextmanager
def arxiv_site() -> Iterator[ArxivSite]:
    site = ArxivSite()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = site.answer(self.path, self.headers.get("User-Agent", ""))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def page(
    *sections: tuple[str, str], abstract: str = "An abstract.", version: int = 1, extra: str = ""
) -> bytes:
    """A page as LaTeXML makes it for arXiv."""
    made = "".join(
        f'<section class="ltx_section" id="S{number}"><h2 class="ltx_title ltx_title_section">'
        f'<span class="ltx_tag ltx_tag_section">{number} </span>{heading}</h2>'
        f'<div class="ltx_para"><p class="ltx_p">{text}</p></div></section>'
        for number, (heading, text) in enumerate(sections, start=1)
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><title>A paper</title><meta charset="utf-8">'
        '</head><body><header class="arxiv-html-header">arXiv</header>'
        '<div id="infobox" class="infobox"><a id="license-tr">License: CC BY 4.0</a>'
        f'<div id="watermark-tr">arXiv:2606.00001v{version} [cs.LG] 01 Jun 2026</div></div>'
        '<nav class="ltx_page_navbar"><nav class="ltx_TOC">Contents</nav></nav>'
        '<div class="ltx_page_main"><div class="ltx_page_content"><article class="ltx_document">'
        '<h1 class="ltx_title ltx_title_document">A paper</h1><div class="ltx_authors">A. Author</div>'
        '<div class="ltx_abstract"><h6 class="ltx_title ltx_title_abstract">Abstract</h6>'
        f'<p class="ltx_p">{abstract}</p></div>{made}{extra}'
        '<section class="ltx_bibliography"><h2 class="ltx_title ltx_title_bibliography">References</h2>'
        '<ul><li class="ltx_bibitem">[1] Somebody else.</li></ul></section>'
        '</article></div><footer class="ltx_page_footer">Generated by LaTeXML</footer></div></body></html>'
    ).encode()


def tar_of(files: Mapping[str, bytes], *, packed: bool = True) -> bytes:
    """A source with these files, as /src/ID hands it out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue()) if packed else buffer.getvalue()
