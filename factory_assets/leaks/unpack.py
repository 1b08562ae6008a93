"""What is packed inside a file: members of archives, compressed data, and blocks of base64."""

from __future__ import annotations

import base64
import binascii
import bz2
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

DEEPEST = 3
LARGEST_TOTAL = 64_000_000
MOST_PARTS = 2_000
SHORTEST_BLOCK = 24

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_PACKED = (*_COMPRESSED, b"PK\x03\x04")
_BLOCK = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_GAP = re.compile(rb"[\s\"'`\\,+n]{1,12}")
_URLSAFE = bytes.maketrans(b"-_", b"+/")


class TooMuchError(Exception):
    """More is packed into a file than is looked into; a bomb or not, it was not read to its end."""


@dataclass(frozen=True)
class Part:
    """Something packed. `name` is its path in what it came from; `is_file` tells members from base64 blocks."""

    name: str
    data: bytes
    is_file: bool


@dataclass
class _Allowance:
    """How much may still be unpacked from one file."""

    left: int = LARGEST_TOTAL
    parts: int = MOST_PARTS
    seen: set[bytes] = field(default_factory=set)

    def member(self, data: bytes) -> bytes:
        self.parts -= 1
        if self.parts < 0:
            raise TooMuchError
        return self.block(data)

    def block(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left < 0:
            raise TooMuchError
        return data


def unpack(data: bytes) -> Iterator[Part]:
    """Everything packed in the data, three levels deep; damaged archives as far as they can be read.

    Raises:
        TooMuchError: more than 64 MB or 2,000 parts are packed in it.
    """
    yield from _unpack(data, "", DEEPEST, _Allowance())


def _unpack(data: bytes, name: str, levels: int, allowance: _Allowance) -> Iterator[Part]:
    if levels == 0:
        return
    for part in _parts(data, allowance):
        if part.data in allowance.seen:
            continue
        allowance.seen.add(part.data)
        inner = f"{name}!{part.name}"
        yield Part(inner, part.data, part.is_file)
        yield from _unpack(part.data, inner, levels - 1, allowance)


def _parts(data: bytes, allowance: _Allowance) -> Iterator[Part]:
    if data.startswith(_COMPRESSED):
        yield Part("content", allowance.member(_decompress(data, allowance.left)), is_file=True)
    elif zipfile.is_zipfile(io.BytesIO(data)):
        yield from _zip_members(data, allowance)
    elif data[257:262] == b"ustar":
        yield from _tar_members(data, allowance)
    else:
        yield from _decoded(data, allowance)


def _decompress(data: bytes, most: int) -> bytes:
    """One compressed stream, or those that follow each other; what is damaged is read as far as it goes."""
    output = bytearray()
    while data:
        machine = _decompressor(data)
        if machine is None:
            break
        try:
            output += machine.decompress(data, most + 1 - len(output))
        except (zlib.error, OSError, EOFError, lzma.LZMAError):
            break
        if len(output) > most:
            raise TooMuchError
        if not machine.eof:
            break
        data = machine.unused_data.lstrip(b"\0")
    return bytes(output)


def _decompressor(data: bytes) -> zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor | None:
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31)
    if data.startswith(b"BZh"):
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor() if data.startswith(b"\xfd7zXZ\0") else None


def _zip_members(data: bytes, allowance: _Allowance) -> Iterator[Part]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield Part("comment", archive.comment, is_file=False)
            for info in archive.infolist():
                try:
                    with archive.open(info) as member:
                        content = member.read(allowance.left + 1)
                # RuntimeError is how zipfile says that a member is encrypted.
                except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError):
                    continue
                yield Part(info.filename, allowance.member(content), is_file=True)
    except (zipfile.BadZipFile, ValueError):
        return


def _tar_members(data: bytes, allowance: _Allowance) -> Iterator[Part]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for info in archive:
                member = archive.extractfile(info) if info.isfile() else None
                content = (
                    member.read(allowance.left + 1) if member else info.linkname.encode(errors="replace")
                )
                yield Part(info.name, allowance.member(content), is_file=True)
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return


def _decoded(data: bytes, allowance: _Allowance) -> Iterator[Part]:
    """What base64 in the data stands for: archives one by one, all else as one part, which is much faster."""
    others = []
    for block in _base64_blocks(data):
        if block.startswith(_PACKED) or block[257:262] == b"ustar":
            yield Part("base64", allowance.member(block), is_file=False)
        else:
            others.append(allowance.block(block))
    if others:
        yield Part("base64", b"\n".join(others), is_file=False)


def _base64_blocks(data: bytes) -> Iterator[bytes]:
    """Each run of base64 decoded, and runs that stand in lines one below the other decoded as one."""
    for run in _runs(data):
        text = b"".join(run)
        for block in (text, *run) if len(run) > 1 else (text,):
            decoded = _decode(block)
            if decoded:
                yield decoded


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


def _decode(block: bytes) -> bytes:
    text = block.rstrip(b"=").translate(_URLSAFE)
    if len(text) < SHORTEST_BLOCK:
        return b""
    text = text[: len(text) - 1] if len(text) % 4 == 1 else text
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""
