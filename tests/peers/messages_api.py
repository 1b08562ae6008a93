"""A Messages API on loopback for the tests of the router: answers as they were prepared, byte for byte."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from egress_world import Outside

MODEL = "claude-haiku-5-5"


@dataclass(frozen=True)
class Reply:
    """One answer. With `chunk` it comes in chunks of this size, with `cut` it breaks off there.

    `wait` and `linger` are seconds before it and before the connection is closed after it, `pace` those between chunks.
    """

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    chunk: int | None = None
    cut: int | None = None
    wait: float = 0.0
    pace: float = 0.0
    linger: float = 0.0


def usage(**counts: Any) -> dict[str, Any]:
    return {"input_tokens": 1000, "output_tokens": 100, **counts}


def message(model: str = MODEL, **counts: Any) -> Reply:
    """An answer in one piece."""
    return Reply(json.dumps({"type": "message", "model": model, "usage": usage(**counts)}).encode())


@dataclass
class MessagesApi(Outside):
    """What is answered: the same reply each time, or what it makes of the request. `most` were under way at once.

    `read` is what a GET is answered.
    """

    reply: Reply | Callable[[dict[str, Any]], Reply] = field(default_factory=message)
    read: Reply = field(default_factory=message)
    under_way: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def error(status: int, kind: str, words: str = "no") -> Reply:
    """An error in the API's form."""
    body = {"type": "error", "error": {"type": kind, "message": words}}
    return Reply(json.dumps(body).encode(), status)


def stream(*events: dict[str, Any], **rest: Any) -> Reply:
    """These events."""
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Reply(body.encode(), content_type="text/event-stream; charset=utf-8", **rest)


def start(model: str = MODEL, **counts: Any) -> dict[str, Any]:
    """The first event of a stream."""
    told = {"model": model, "content": [], "usage": usage(output_tokens=1, **counts)}
    return {"type": "message_start", "message": told}


def text(words: str) -> dict[str, Any]:
    """An event that brings text."""
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": words}}


def end(**counts: Any) -> dict[str, Any]:
    """The event with the final counts."""
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": counts}


@contextmanager
def messages_api(reply: Reply | Callable[[dict[str, Any]], Reply] | None = None) -> Iterator[MessagesApi]:
    """Serve on a free port."""
    api = MessagesApi()
    api.reply = reply or message()
    server = _Server(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    api.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    # As many as knock at once.
    request_queue_size = 512


def _handler(api: MessagesApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with api.lock:
                api.seen.append((self.command, self.path, dict(self.headers), body))
                api.under_way += 1
                api.most = max(api.most, api.under_way)
            try:
                self.send(api.reply if isinstance(api.reply, Reply) else api.reply(json.loads(body)))
            except OSError:
                api.hung_up.set()
                self.close_connection = True
            finally:
                with api.lock:
                    api.under_way -= 1

        def do_GET(self) -> None:
            with api.lock:
                api.seen.append((self.command, self.path, dict(self.headers), b""))
            self.send(api.read)

        def send(self, reply: Reply) -> None:
            time.sleep(reply.wait)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.chunk is None:
                self.send_header("Content-Length", str(len(reply.body)))
            else:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if reply.pace:
                for part in _chunks(reply):
                    self.wfile.write(part)
                    time.sleep(reply.pace)
            else:
                self.wfile.write(_encoded(reply)[: reply.cut])
            time.sleep(reply.linger)
            self.close_connection = True

    return Handler


def _encoded(reply: Reply) -> bytes:
    return reply.body if reply.chunk is None else b"".join(_chunks(reply))


def _chunks(reply: Reply) -> Iterator[bytes]:
    size = reply.chunk or len(reply.body)
    for at in range(0, len(reply.body), size):
        part = reply.body[at : at + size]
        yield b"%x;x=1\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"
