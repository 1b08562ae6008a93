"""A loopback server with OpenAI's `/v1/chat/completions`, as local models have it: it knows its own form alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-of-the-local-model-123456"
_KNOWN = {
    "model",
    "messages",
    "max_tokens",
    "stop",
    "temperature",
    "top_p",
    "stream",
    "stream_options",
    "user",
}
_KNOWN |= {"response_format", "reasoning_effort"}
_USAGE = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}


@dataclass
class LocalModel:
    """What it says; it refuses with `status` where that is none of success, and cuts its stream where it `breaks`.

    `whole` is its answer in one piece, where it has another than the usual; without a `key` it wants none.
    """

    says: str = "It is four."
    key: str | None = KEY
    status: int = 200
    breaks: bool = False
    whole: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    seen_headers: list[dict[str, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    base_url: str = ""

    def answer(self) -> dict[str, Any]:
        if self.status != 200:
            return {"error": {"message": "the local model refuses", "type": "x", "code": None}}
        message = {"role": "assistant", "content": self.says}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return self.whole or {
            "id": "c1",
            "model": self.requests[-1]["model"],
            "choices": choices,
            "usage": _USAGE,
        }

    def chunks(self) -> Iterator[str]:
        head = {"id": "c1", "object": "chat.completion.chunk", "model": "qwen3"}
        for word in self.says.split(" "):
            delta = {"content": f"{word} "}
            yield json.dumps(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        if self.breaks:
            return
        yield json.dumps(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield json.dumps(head | {"choices": [], "usage": _USAGE})
        yield "[DONE]"


@contextmanager
def local_model(**says: Any) -> Iterator[LocalModel]:
    """Serve it on a free port."""
    model = LocalModel(**says)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(model))
    server.daemon_threads = True
    model.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()


def _handler(model: LocalModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))))
            model.requests.append(request)
            model.seen_headers.append({name.lower(): value for name, value in self.headers.items()})
            wanted = {
                "path": self.path == "/v1/chat/completions",
                "key": self.headers.get("authorization") == (model.key and f"Bearer {model.key}"),
                "fields": request.keys() <= _KNOWN,
            }
            model.complaints += [name for name, is_held in wanted.items() if not is_held]
            if request.get("stream") and model.status == 200 and model.whole is None:
                self._stream()
            else:
                self._whole(json.dumps(model.answer()).encode())

        def _whole(self, body: bytes) -> None:
            self.send_response(model.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            for name, value in model.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for chunk in model.chunks():
                self.wfile.write(f"data: {chunk}\n\n".encode())
                self.wfile.flush()
            self.close_connection = True

    return Handler
