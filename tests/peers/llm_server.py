"""A loopback server that plays the Messages API and llm-router, as scripted by one test, and is strict."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "test-key-of-the-loopback-server"
VERSION = "2026-10-21"


@dataclass(frozen=True)
class Reply:
    """What the server answers to one request. `events` makes it a stream."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    events: Sequence[tuple[str, dict[str, Any]]] | None = None
    content_type: str = "application/json"


def usage(input_tokens: int = 100, output_tokens: int = 50, read: int = 0, write: int = 0) -> dict[str, int]:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
    }


def message(
    text: str, *, stop: str = "end_turn", model: str = "claude-haiku-5-5", **fields: Any
) -> dict[str, Any]:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": text}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage(),
    }
    return {**body, **fields}


def stream(text: str, *, stop: str | None = "end_turn") -> list[tuple[str, dict[str, Any]]]:
    """The events of a streamed answer; without `stop` it breaks off in the middle."""
    start = message("", stop="end_turn") | {"content": [], "stop_reason": None}
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"type": "message_start", "message": start}),
        (
            "content_block_start",
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        ),
        (
            "content_block_delta",
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        ),
    ]
    if stop is None:
        return events
    return [
        *events,
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
        (
            "message_delta",
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": usage(),
            },
        ),
        ("message_stop", {"type": "message_stop"}),
    ]


def error(kind: str, words: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": words}}


@dataclass
class ScriptedServer:
    """Replies in order, the last one for ever. What it did not like about a request is in `complaints`."""

    replies: list[Reply]
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    url: str = ""

    def reply(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        self.paths.append(path)
        self.requests.append(json.loads(body) if body else {})
        if path.startswith("/v1/messages"):
            self.complaints += self._complaints(headers, self.requests[-1])
        number = min(len(self.paths), len(self.replies)) - 1
        return self.replies[number]

    @staticmethod
    def _complaints(headers: dict[str, str], body: dict[str, Any]) -> list[str]:
        wanted = {
            "bearer": headers.get("authorization") == f"Bearer {KEY}",
            "no x-api-key": "x-api-key" not in headers,
            "version": headers.get("anthropic-version") == VERSION,
            "max_tokens": isinstance(body.get("max_tokens"), int),
            "one user message": [item["role"] for item in body.get("messages", [])] == ["user"],
            "no sampling": not {"temperature", "top_p", "top_k"} & set(body),
            "schema": body.get("output_config", {}).get("format", {}).get("type") == "json_schema",
            "long answers streamed": body.get("max_tokens", 0) <= 21_333 or body.get("stream") is True,
        }
        return [name for name, held in wanted.items() if not held]


@contextmanager
def serving(*replies: Reply) -> Iterator[ScriptedServer]:
    script = ScriptedServer(list(replies))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = script.reply(self.path, headers, self.rfile.read(length))
            streamed = reply.events is not None
            payload = _sse(reply.events) if reply.events is not None else _json(reply.body)
            self.send_response(reply.status)
            self.send_header("content-type", "text/event-stream" if streamed else reply.content_type)
            self.send_header("content-length", str(len(payload)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST  # noqa: N815  the name that http.server looks up

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _sse(events: Sequence[tuple[str, dict[str, Any]]]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()
