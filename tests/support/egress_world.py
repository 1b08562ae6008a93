"""What stands outside a sandbox's egress in the tests: a server that keeps what it was sent, and an open egress."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from factory_assets.domain.agents import Reach
from factory_assets.sandbox.egress import EgressProxy, EgressRules
from factory_assets.sandbox.proxy_thread import open_local_egress

REAL = "sk-ant-real-credential"


@dataclass
class Outside:
    """A server on loopback; `seen` is what arrived, `hung_up` whether a client left a stream that never ends.

    A slow stream says its second event once `first_heard` is set.
    """

    port: int = 0
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    first_heard: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the last request, names in lower case."""
        return {name.lower(): value for name, value in self.seen[-1][2].items()}


@contextmanager
def outside_server(*, certificate: Path | None = None, key: Path | None = None) -> Iterator[Outside]:
    """Serve on a free port, with TLS where there is a certificate."""
    outside = Outside()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(outside))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    outside.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield outside
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def access_to(outside: Outside, *, hosts: tuple[str, ...] = ()) -> Iterator[EgressProxy]:
    """A egress on the host's loopback, to these hosts and to `outside` in the place of the router."""
    with open_local_egress(EgressRules(Reach(hosts), f"http://127.0.0.1:{outside.port}")) as egress:
        yield egress


def ask(
    egress: EgressProxy, path: str, *, method: str = "POST", body: bytes = b"{}", **headers: str
) -> tuple[int, bytes]:
    """Ask the egress as a program inside does; underscores in names of headers stand for dashes."""
    return ask_port(egress.port, path, method=method, body=body, **headers)


def ask_port(
    port: int, path: str, *, method: str = "POST", body: bytes = b"{}", **headers: str
) -> tuple[int, bytes]:
    """Ask at a port of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _handler(outside: Outside) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            outside.seen.append((self.command, self.path, dict(self.headers), body))
            if "slow" in self.path:
                _stream(self, outside)
                return
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.send_header("Keep-Alive", "timeout=5")
            self.send_header("X-Kept", "yes")
            self.end_headers()
            self.wfile.write(b"hello")

    return Handler


def _stream(handler: BaseHTTPRequestHandler, outside: Outside) -> None:
    """One event and, when the client has it, another; or events until the client has gone."""

    def chunk(data: bytes) -> None:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    try:
        chunk(b"first")
        while "forever" in handler.path:
            time.sleep(0.02)
            chunk(b"again")
        outside.first_heard.wait(30)
        chunk(b"second")
        handler.wfile.write(b"0\r\n\r\n")
    except OSError:
        outside.hung_up.set()
        handler.close_connection = True
