"""An HTTP proxy on loopback that writes down what it is asked for, and leads every name to one server.

As strict as a firm's: without the login that it wants, it answers 407 and passes nothing on.
"""

from __future__ import annotations

import base64
import http.client
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"proxy-authorization", "proxy-connection", "connection", "transfer-encoding"}


@dataclass
class RecordingProxy:
    """`asked` are the targets of the requests that came with the right login; `port` is where it listens."""

    leads_to: str
    login: str = ""
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.login}{'@' if self.login else ''}127.0.0.1:{self.port}"

    @property
    def target(self) -> tuple[str, int]:
        parts = urlsplit(self.leads_to)
        return parts.hostname or "", parts.port or 80

    def lets_in(self, header: str | None) -> bool:
        expected = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        return not self.login or header == expected


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: RecordingProxy

    def do_CONNECT(self) -> None:
        if not self._enter():
            return
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        with socket.create_connection(self.proxy.target) as there:
            _join(self.connection, there)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if not self._enter():
            return
        parts = urlsplit(self.path)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        there = http.client.HTTPConnection(*self.proxy.target)
        there.request(self.command, path, body, headers)
        answer = there.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        there.close()

    def do_POST(self) -> None:
        self.do_GET()

    def _enter(self) -> bool:
        if self.proxy.lets_in(self.headers["Proxy-Authorization"]):
            self.proxy.asked.append(self.path)
            return True
        self.send_response(407)
        self.send_header("Proxy-Authenticate", "Basic")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""


def _join(one: socket.socket, other: socket.socket) -> None:
    ends = {one: other, other: one}
    while True:
        for ready in select.select(list(ends), [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            ends[ready].sendall(data)


@contextmanager
def recording_proxy(leads_to: str, *, login: str = "") -> Iterator[RecordingProxy]:
    proxy = RecordingProxy(leads_to, login)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
