"""The bodies of HTTP/1 responses, read while they pass: nothing of them is held back."""

from __future__ import annotations

_LONGEST_SIZE_LINE = 1024


class PassingBody:
    """Takes a body as it goes over the line and gives what it holds. A broken chunk ends what is given.

    `length` is what its head announced, None where it goes on until the connection closes.
    """

    def __init__(self, *, chunked: bool, length: int | None = None) -> None:
        self._chunked = chunked
        self._length = length
        self._passed = 0
        self._line = bytearray()
        # What is left of the chunk; None between two chunks.
        self._left: int | None = None
        self._over = False

    @property
    def is_whole(self) -> bool:
        """Whether nothing more belongs to it."""
        return self._over or (not self._chunked and self._length is not None and self._passed >= self._length)

    def feed(self, data: bytes) -> bytes:
        """The content among the next bytes of the line."""
        if not self._chunked:
            self._passed += len(data)
            return data
        content = bytearray()
        position = 0
        while position < len(data) and not self._over:
            if self._left is None:
                position = self._read_size(data, position)
                continue
            part = data[position : position + self._left]
            content += part
            position += len(part)
            self._left = self._left - len(part) or None
        return bytes(content)

    def _read_size(self, data: bytes, position: int) -> int:
        """Read on in the line before a chunk, which may come in pieces; gives where it stops."""
        end = data.find(b"\n", position)
        after = len(data) if end < 0 else end + 1
        self._line += data[position:after]
        if end < 0:
            self._over = len(self._line) > _LONGEST_SIZE_LINE
            return after
        line = bytes(self._line).partition(b";")[0].strip()
        self._line.clear()
        # The end of the chunk before is an empty line.
        if line:
            try:
                self._left = int(line, 16)
            except ValueError:
                self._left = 0
            self._over = self._left <= 0
        return after
