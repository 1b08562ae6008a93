"""A scripted Messages server on loopback: what the model says turn by turn, and the faults of the real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """The model answers with a text and ends its turn."""

    text: str


@dataclass(frozen=True)
class Use:
    """The model calls a tool, after a thought of which the API has signed this, where there is one."""

    tool: str
    arguments: dict[str, Any]
    signed: str = ""


@dataclass(frozen=True)
class Fail:
    """The server refuses with an error of the API."""

    status: int
    kind: str
    message: str = "the scripted server refuses"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """The connection breaks in the middle of the stream."""


Reply = Say | Use | Fail | Cut


class Script:
    """The replies to the agent's main calls, in order; the last one is repeated. Requests are kept.

    `served_as` is the model that answers, whichever was asked for.
    """

    def __init__(self, replies: Sequence[Reply], served_as: str | None = None) -> None:
        self.served_as = served_as
        self._replies = list(replies)
        self._lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def next_reply(self, request: dict[str, Any], headers: dict[str, str]) -> Reply:
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)
            return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


@contextmanager
def claude_server(*replies: Reply, served_as: str | None = None) -> Iterator[Script]:
    """Serve the replies on a free loopback port."""
    script = Script(replies, served_as)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            # A router may have a path of its own before.
            if "/v1/messages" not in self.path or "count_tokens" in self.path:
                return self._json(
                    404, {"type": "error", "error": {"type": "not_found_error", "message": "no"}}
                )
            reply = script.next_reply(request, dict(self.headers))
            if isinstance(reply, Fail):
                error = {"type": reply.kind, "message": reply.message}
                self._json(reply.status, {"type": "error", "error": error}, reply.headers)
            else:
                self._stream(reply, request)
            return None

        def _json(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def _stream(self, reply: Say | Use | Cut, request: dict[str, Any]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            request["model"] = script.served_as or request["model"]
            for event in _events(reply, request, number=len(script.requests)):
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            self.close_connection = True

    return Handler


def _events(reply: Say | Use | Cut, request: dict[str, Any], *, number: int) -> Iterator[dict[str, Any]]:
    usage = {"input_tokens": 1000, "output_tokens": 1, "cache_read_input_tokens": 500}
    message = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [],
        "stop_reason": None,
        "usage": usage,
    }
    yield {"type": "message_start", "message": message}
    if isinstance(reply, Use):
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": reply.tool, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(reply.arguments)}
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": reply.text if isinstance(reply, Say) else "I was about to"}
    index = 0
    if isinstance(reply, Use) and reply.signed:
        thought = {"type": "thinking", "thinking": "", "signature": ""}
        yield {"type": "content_block_start", "index": 0, "content_block": thought}
        for part in (
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": reply.signed},
        ):
            yield {"type": "content_block_delta", "index": 0, "delta": part}
        yield {"type": "content_block_stop", "index": 0}
        index = 1
    yield {"type": "content_block_start", "index": index, "content_block": block}
    yield {"type": "content_block_delta", "index": index, "delta": delta}
    if isinstance(reply, Cut):
        return
    yield {"type": "content_block_stop", "index": index}
    reason = "tool_use" if isinstance(reply, Use) else "end_turn"
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 100},
    }
    yield {"type": "message_stop"}
