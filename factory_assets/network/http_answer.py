"""One answer of HTTP/1.1, by the parser that uvicorn uses."""

from __future__ import annotations

import httptools

Headers = list[tuple[bytes, bytes]]

# A server's own bound is far below.
_MOST_HEADER_BYTES = 256 * 1024
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})


class GoneError(Exception):
    """A connection was closed before anything was said."""


class HttpAnswer:
    """Takes the bytes of an answer. Without `has_content` it is one to HEAD."""

    def __init__(self, *, has_content: bool) -> None:
        self._has_content = has_content
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._heard = 0
        self._has_length = False
        self._has_more = False
        self._stays_open = False
        self.headers: Headers = []
        self.status = 0
        self.has_begun = False
        self.is_whole = False

    @property
    def is_heard(self) -> bool:
        """Whether anything has come."""
        return self._heard > 0

    @property
    def leaves_connection(self) -> bool:
        """Whether its connection is good for another request, once it is whole."""
        return self._stays_open and not self._has_more

    def taken(self) -> bytes:
        """The content that has come since this was last asked for."""
        chunks, self._chunks = self._chunks, []
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def feed(self, content: bytes) -> None:
        """Take the next bytes; none are the connection's end.

        Raises:
            GoneError: it ends before anything was said.
            ConnectionError: it ends too early, or begins with too much.
            httptools.HttpParserError: this is no answer.
        """
        self._heard += len(content)
        if not content:
            self._end()
        elif not self.has_begun and self._heard > _MOST_HEADER_BYTES:
            raise ConnectionError("its headers are too long")
        else:
            try:
                self._parser.feed_data(content)
            except httptools.HttpParserError:
                # What follows a whole answer is none of its.
                if not self.is_whole:
                    raise
                self._has_more = True

    def _end(self) -> None:
        if not self._heard:
            raise GoneError
        if not self.has_begun or self._has_length:
            raise ConnectionError("it broke off")
        self.is_whole = True

    # What follows are the names that the parser calls: https://github.com/MagicStack/httptools.

    def on_message_begin(self) -> None:
        """Another one begins."""
        self._has_more = self.is_whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has come."""
        if not self.is_whole:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """All headers have come; those of an answer on the way to the answer (1xx) count for nothing."""
        if self.is_whole:
            return
        self.status = self._parser.get_status_code()
        self.has_begun = self.status >= 200
        self._has_length = any(name.lower() in _LENGTHS for name, _ in self.headers)
        # The parser does not know of HEAD, and waits for content that never comes.
        self.is_whole = self.has_begun and not self._has_content

    def on_body(self, content: bytes) -> None:
        """A part of the content has come."""
        if not self._has_more:
            self._chunks.append(content)

    def on_message_complete(self) -> None:
        """It is whole."""
        if not self.has_begun:
            self.headers = []
        elif not self.is_whole:
            self.is_whole, self._stays_open = True, self._parser.should_keep_alive()
