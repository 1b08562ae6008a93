"""The loopback server that plays arXiv, Claude's Messages API, catalogues and citations from recorded material."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from factory_assets.replay import citations, sse
from factory_assets.replay.arxiv_atom import AtomAnswer
from factory_assets.replay.arxiv_texts import PlayedTexts
from factory_assets.replay.catalogues import Catalogues
from factory_assets.replay.messages import MessagesApi, ReplayAnswer
from factory_assets.replay.messages_batches import BatchesApi
from factory_assets.replay.messages_reply import ApiError, JsonObject
from factory_assets.replay.oai import PlayedOai
from factory_assets.replay.recordings import Recordings

MAX_REQUEST_BYTES = 32 * 1024 * 1024
_POLL_SECONDS = 0.05
_ARXIV_PATH = "/api/query"
_OAI_PATH = "/oai"
_BATCHES_PATH = "/v1/messages/batches"


class PlayedArxiv(Protocol):
    """Whoever answers arXiv's query API: the recorded player, or a peer that searches as arXiv does."""

    def answer(self, params: Mapping[str, str]) -> AtomAnswer:
        """The answer to one request, by its decoded parameters."""


@dataclass(frozen=True)
class LoggedRequest:
    """One request that the server answered; `path` is with its query."""

    method: str
    path: str
    status: int


class ReplayServer:
    """A server on 127.0.0.1 for as long as its `with` block lasts.

    Args:
        recordings: what Claude answers.
        arxiv: what arXiv answers; without it the query API is a 404.
        pace_seconds: wait before each of Claude's answers.
        accepted_keys: Claude keys that are let in; None lets in any that is not empty.
        github_token: the one that GitHub's search takes; None lets in any. Without a token its limit is lower.
        github_searches: a minute; those of the real one by default.
        port: 0 takes a free one.
        max_request_bytes: larger requests to Claude are refused, as by the API.

    `batches` are Claude's message batches, which a test may hold or end.
    """

    def __init__(
        self,
        *,
        recordings: Recordings,
        arxiv: PlayedArxiv | None = None,
        pace_seconds: float = 0.0,
        accepted_keys: frozenset[str] | None = None,
        github_token: str | None = None,
        github_searches: int | None = None,
        port: int = 0,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        self.requests: list[LoggedRequest] = []
        self.messages = MessagesApi(recordings, accepted_keys=accepted_keys, pace_seconds=pace_seconds)
        self.batches = BatchesApi(self.messages)
        self.arxiv = arxiv
        self.oai = PlayedOai()
        self.catalogues = Catalogues(
            recordings.existing, token=github_token, searches_a_minute=github_searches
        )
        self.texts = PlayedTexts()
        self.citations = citations.PlayedCitations()
        self.max_request_bytes = max_request_bytes
        self.closing = Event()
        self._http = _HttpServer(("127.0.0.1", port), self)
        self._thread = Thread(
            target=self._http.serve_forever, args=(_POLL_SECONDS,), name="replay-server", daemon=True
        )

    @property
    def url(self) -> str:
        """Base URL, without a slash at the end: ANTHROPIC_BASE_URL as it is."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def arxiv_url(self) -> str:
        """The query API's URL: FACTORY_ARXIV_URL."""
        return f"{self.url}{_ARXIV_PATH}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.drop_connections()
        self._http.server_close()


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], replay: ReplayServer) -> None:
        self.replay = replay
        self.connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def drop_connections(self) -> None:
        """Wake the threads that wait for a next request, or for a client to read."""
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was first


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the log is `ReplayServer.requests`."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.request_id = f"req_{secrets.token_hex(12)}"
        routes: Mapping[tuple[str, str], Callable[[], None]] = {
            ("GET", _ARXIV_PATH): self._arxiv,
            ("GET", _OAI_PATH): self._oai,
            ("GET", "/v1/models"): self._models,
            ("POST", "/v1/messages"): self._messages,
            ("POST", "/v1/messages/count_tokens"): self._count_tokens,
            ("POST", citations.PATH): self._citations,
        }
        path = urlsplit(self.path).path
        try:
            if path == _BATCHES_PATH or path.startswith(f"{_BATCHES_PATH}/"):
                self._batches(path.removeprefix(_BATCHES_PATH).strip("/"))
            else:
                routes.get((self.command, path), self._unknown)()
        except ApiError as error:
            self._send_json(error.status, error.as_json(self.request_id), error.headers)
        except ConnectionError:
            self.close_connection = True  # the client is gone

    def _unknown(self) -> None:
        self._drain()
        if self.command == "GET":
            text = self.server.replay.texts.answer(self.path)
            if text is not None:
                self._send(200, text.content_type, text.body, {})
                return
            answer = self.server.replay.catalogues.answer(self.path, self._headers())
            if answer is not None:
                self._send(
                    answer.status, "application/json", json.dumps(answer.body).encode(), answer.headers
                )
                return
        raise ApiError(404, f"Not found: {self.command} {urlsplit(self.path).path}")

    def _arxiv(self) -> None:
        if self.server.replay.arxiv is None:
            raise ApiError(404, "This replay has no arXiv.")
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        answer = self.server.replay.arxiv.answer(query)
        self._send(answer.status, answer.content_type, answer.body, {})

    def _citations(self) -> None:
        answer = self.server.replay.citations.answer(self.path, self._posted())
        self._send(answer.status, "application/json", json.dumps(answer.body).encode(), answer.headers)

    def _oai(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self._send(200, "text/xml", self.server.replay.oai.answer(query), {})

    def _models(self) -> None:
        self.server.replay.messages.check_key(self._headers())
        self._send_json(200, self.server.replay.messages.models(), {})

    def _count_tokens(self) -> None:
        body = self._claude_body()
        self._send_json(200, self.server.replay.messages.count(body), {})

    def _messages(self) -> None:
        body = self._claude_body()
        answer = self.server.replay.messages.answer(self._headers(), body)
        if answer.delay_seconds and self.server.replay.closing.wait(answer.delay_seconds):
            self.close_connection = True
        elif answer.stream:
            self._stream(answer)
        elif answer.cut_after_events is not None:
            self._log(200)
            self.close_connection = True
        else:
            self._send_json(200, answer.reply.as_json(), {})

    def _batches(self, about: str) -> None:
        batches, url = self.server.replay.batches, self.server.replay.url
        batch_id, _, act = about.partition("/")
        body = self._claude_body() if self.command == "POST" else b""
        self.server.replay.messages.check_key(self._headers())
        match (self.command, bool(batch_id), act):
            case ("POST", False, ""):
                self._send_json(200, batches.create(self._headers(), body).as_json(url), {})
            case ("GET", False, ""):
                found, has_more = batches.list(dict(parse_qsl(urlsplit(self.path).query)))
                told: JsonObject = {
                    "data": [batch.as_json(url) for batch in found],
                    "has_more": has_more,
                    "first_id": found[0].id if found else None,
                    "last_id": found[-1].id if found else None,
                }
                self._send_json(200, told, {})
            case ("GET", True, ""):
                self._send_json(200, batches.retrieve(batch_id).as_json(url), {})
            case ("GET", True, "results"):
                self._send(200, "application/x-jsonl", batches.results(batch_id), {})
            case ("POST", True, "cancel"):
                self._send_json(200, batches.cancel(batch_id).as_json(url), {})
            case ("DELETE", True, ""):
                self._send_json(200, batches.delete(batch_id), {})
            case _:
                raise ApiError(404, f"Not found: {self.command} {urlsplit(self.path).path}")

    def _claude_body(self) -> bytes:
        """Check the key, then read the body.

        Raises:
            ApiError: 401, 400 or 413.
        """
        body = self._posted()
        self.server.replay.messages.check_key(self._headers())
        return body

    def _posted(self) -> bytes:
        """What was sent.

        Raises:
            ApiError: 400 or 413.
        """
        if not self.headers.get("content-length", "").isdigit():
            self.close_connection = True
            raise ApiError(400, "A request needs a Content-Length.")
        if self._length > self.server.replay.max_request_bytes:
            self._drain()
            raise ApiError(413, "Request exceeds the maximum size")
        return self.rfile.read(self._length)

    @property
    def _length(self) -> int:
        length = self.headers.get("content-length", "")
        return int(length) if length.isdigit() else 0

    def _drain(self) -> None:
        """Read a body that nobody wants: a client that is still sending would miss the answer."""
        self.close_connection = True
        left = self._length
        while left > 0 and (chunk := self.rfile.read(min(left, 1 << 20))):
            left -= len(chunk)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _stream(self, answer: ReplayAnswer) -> None:
        self._start(200, "text/event-stream; charset=utf-8", {"Cache-Control": "no-cache"})
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(sse.events_of(answer.reply)):
            if number == answer.cut_after_events:
                self.close_connection = True
                return
            data = sse.encode_malformed(event) if number == answer.malformed_event else sse.encode(event)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _send_json(self, status: int, payload: JsonObject, headers: Mapping[str, str]) -> None:
        self._send(status, "application/json", json.dumps(payload).encode(), headers)

    def _send(self, status: int, content_type: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._start(status, content_type, headers)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _start(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        self._log(status)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if urlsplit(self.path).path.startswith("/v1/"):
            for name, value in self._claude_headers().items():
                self.send_header(name, value)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")

    def _claude_headers(self) -> dict[str, str]:
        reset = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {"request-id": self.request_id}
        for kind, limit in (("requests", 4_000), ("input-tokens", 2_000_000), ("output-tokens", 400_000)):
            headers[f"anthropic-ratelimit-{kind}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{kind}-remaining"] = str(limit - 1)
            headers[f"anthropic-ratelimit-{kind}-reset"] = reset
        return headers

    def _log(self, status: int) -> None:
        self.server.replay.requests.append(LoggedRequest(self.command, self.path, status))
