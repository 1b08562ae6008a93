"""Other readings of a text: what it holds encoded, backwards, or in pieces that a program puts together."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import string
from collections.abc import Callable, Iterator
from itertools import pairwise

BASE64, JOINED, ROT13 = "base64", "joined", "rot13"
SHORTEST_BLOCK = 24
LARGEST_TEXT = 2_000_000
MOST_PIECES = 4_000

_BLOCK = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_GAP = re.compile(rb"[\s\"'`\\,+n]{1,12}")
_URLSAFE = bytes.maketrans(b"-_", b"+/")
_HEX = re.compile(rb"[0-9A-Fa-f]{32,}")
_BASE32 = re.compile(rb"[A-Z2-7]{26,}|[a-z2-7]{26,}")
_BASE85 = re.compile(rb"[!-~]{20,}")
# A byte by its number: %67 of URLs, \x67, \u0067 and &#x67; of literals, 0x67 of lists, and \147 of literals.
_NUMBERED = re.compile(rb"(?:%|\\x|\\u00|\\u\{|&#x|0x)([0-9A-Fa-f]{2})(?:\}|;|,?\s*(?=0x)|)|\\([01][0-7]{2})")
# Decimal numbers in a row, each of them a printable byte: a list, or what chr() is called with one by one.
_DECIMAL = re.compile(rb"(?<![\w.])(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])(?:u8)?(?![\w.])")
_BETWEEN = re.compile(rb"[\s,)+.&|]{1,12}(?:[A-Za-z.]{1,20}\()?")
_ROT13 = bytes.maketrans(
    *(letters.encode() for letters in (string.ascii_letters, codecs.encode(string.ascii_letters, "rot13")))
)
# What stands between two literals that become one: nothing, a comma of a list, an operator, or a line's end.
_GLUE = re.compile(rb"([\"'`])[\s+.,&|\\()]{0,40}(?:[bfru]{0,2})([\"'`])", re.IGNORECASE)
_PIECE = re.compile(rb"[\"'`]([\w+/=.:~-]{2,400})[\"'`]|=[ \t]*([\w+/=.:~-]{4,400})")
_REACH = 6
# Of a string in a binary, what may stand before it (a field's tag, and its length) and after it (the next one's tag).
_BEFORE, _AFTER = 2, 1
_PRINTABLE = string.printable.encode()


def decoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Kind and content of each text that stands encoded in the data; all but base64 only where it is a text."""
    for block in _base64_blocks(data):
        yield BASE64, block
    for match in _HEX.finditer(data):
        yield from _text("hex", bytes.fromhex(match[0][: len(match[0]) // 2 * 2].decode()))
    for codes in _rows(data):
        yield from _text("numbers", bytes(codes))
    for match in _BASE32.finditer(data):
        yield from _text("base32", _base32(match[0]))
    for match in _BASE85.finditer(data):
        for block in {match[0], *re.split(rb"[\"']", match[0]), *match[0].split(b"`")}:
            for decode in (base64.b85decode, base64.a85decode):
                yield from _text("base85", _base85(decode, block))
    if not _is_text(data):
        yield "strings", b"\n".join(_strings(data))


def rearranged(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The data with its numbered bytes put in, backwards, each letter thirteen further, and with its literals joined;
    what would change nothing is left out.

    Joined are literals with nothing but punctuation between them, in place, and beside it each two and three pieces
    that stand near each other, in both orders: a program may give each a name first. Of more than 4,000 pieces, those
    in place alone. What is no text, or more than 2 MB of it, is not rearranged.
    """
    if len(data) > LARGEST_TEXT or not _is_text(data):
        return
    if len(_NUMBERED.findall(data)) >= SHORTEST_BLOCK // 3:
        yield "escapes", _NUMBERED.sub(_byte, data)
    yield "reversed", data[::-1]
    yield ROT13, data.translate(_ROT13)
    glued = _glued(data)
    pieces = [match[1] or match[2] for match in _PIECE.finditer(glued)]
    lines = list(_near(pieces)) if len(pieces) <= MOST_PIECES else []
    if lines or glued != data:
        yield JOINED, b"\n".join([glued, *lines])


def _byte(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else bytes([int(match[2], 8)])


def _rows(data: bytes) -> Iterator[list[int]]:
    """Runs of decimal numbers that may be letters, with nothing but punctuation and the name of a call between two."""
    row: list[int] = []
    end = 0
    for match in _DECIMAL.finditer(data):
        if row and _BETWEEN.fullmatch(data, end, match.start()) is None:
            yield row
            row = []
        row.append(int(match[0].removesuffix(b"u8")))
        end = match.end()
    if row:
        yield row


def is_binary_with_words(data: bytes) -> bool:
    """Whether data is no text, and a run in it is as long as a secret: all other noise was a digest."""
    return not _is_text(data) and _BASE85.search(data) is not None


def is_name(value: str) -> bool:
    """Whether a value looks like names in a row, which pieces of code join to, and not like drawn by chance: it has no
    digit, and few of its letters are large.
    """
    return not any(char.isdigit() for char in value) and 3 * sum(map(str.isupper, value)) < len(value)


def _is_text(data: bytes) -> bool:
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False


def _strings(data: bytes) -> Iterator[bytes]:
    """The strings of a binary, each also without the bytes around it that only look like letters."""
    for match in _BASE85.finditer(data):
        for start in range(_BEFORE + 1):
            yield match[0][start:]
            yield match[0][start:-_AFTER]


def _glued(data: bytes) -> bytes:
    """Where one literal ends and the next begins of the same kind, neither mark is left."""
    return _GLUE.sub(lambda match: b"" if match[1] == match[2] else match[0], data)


def _near(pieces: list[bytes]) -> Iterator[bytes]:
    for place, piece in enumerate(pieces):
        for other in pieces[place + 1 : place + 1 + _REACH]:
            yield piece + other
            yield other + piece
    for (one, two), (_, three) in pairwise(pairwise(pieces)):
        yield one + two + three
        yield three + two + one


def _text(kind: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """What decodes to noise was a digest, or a word."""
    if len(data) >= SHORTEST_BLOCK // 2 and not data.translate(None, _PRINTABLE):
        yield kind, data


def _base32(block: bytes) -> bytes:
    whole = block.upper()[: len(block) // 8 * 8]
    rest = block.upper()[len(whole) :]
    try:
        return base64.b32decode(
            whole + (rest + b"=" * (-len(rest) % 8) if len(rest) in {2, 4, 5, 7} else b"")
        )
    except binascii.Error:
        return b""


def _base85(decode: Callable[[bytes], bytes], block: bytes) -> bytes:
    try:
        return decode(block)
    except (ValueError, binascii.Error):
        return b""


def _base64_blocks(data: bytes) -> Iterator[bytes]:
    """Each run of base64 decoded, and runs that stand in lines one below the other decoded as one."""
    for run in _runs(data):
        text = b"".join(run)
        for block in (text, *run) if len(run) > 1 else (text,):
            content = _base64(block)
            if content:
                yield content


def _runs(data: bytes) -> Iterator[list[bytes]]:
    run: list[bytes] = []
    end = 0
    for match in _BLOCK.finditer(data):
        if run and _GAP.fullmatch(data, end, match.start()) is None:
            yield run
            run = []
        run.append(match[0])
        end = match.end()
    if run:
        yield run


def _base64(block: bytes) -> bytes:
    text = block.rstrip(b"=").translate(_URLSAFE)
    if len(text) < SHORTEST_BLOCK:
        return b""
    text = text[: len(text) - 1] if len(text) % 4 == 1 else text
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""
