"""What is packed inside a file: members of archives, compressed data, and texts that stand there in another form."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from factory_assets.secret_scan.views import JOINED, ROT13, decoded, rearranged

DEEPEST = 3
LARGEST_TOTAL = 64_000_000
MOST_PARTS = 2_000

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_PACKED = (*_COMPRESSED, b"PK\x03\x04")


class TooMuchError(Exception):
    """More is packed into a file than is looked into; a bomb or not, it was not read to its end."""


@dataclass(frozen=True)
class ArchivePart:
    """Something packed. `name` is its path in what it came from; `is_file` tells members from other readings."""

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


def unpack(data: bytes) -> Iterator[ArchivePart]:
    """Everything packed in the data, three levels deep; damaged archives as far as they can be read.

    Raises:
        TooMuchError: more than 64 MB or 2,000 parts are packed in it.
    """
    yield from _unpack(data, "", DEEPEST, _Allowance())


def _unpack(data: bytes, name: str, levels: int, allowance: _Allowance) -> Iterator[ArchivePart]:
    if levels == 0:
        return
    for part in _parts(data, name, allowance):
        if part.data in allowance.seen:
            continue
        allowance.seen.add(part.data)
        inner = f"{name}!{part.name}"
        yield ArchivePart(inner, part.data, part.is_file)
        # Nobody hides a text twice by what anybody undoes; all further readings of this one would take as long again.
        if part.name != ROT13:
            yield from _unpack(part.data, inner, levels - 1, allowance)


def _parts(data: bytes, name: str, allowance: _Allowance) -> Iterator[ArchivePart]:
    if data.startswith(_COMPRESSED):
        yield ArchivePart("content", allowance.member(_decompress(data, allowance.left)), is_file=True)
    elif zipfile.is_zipfile(io.BytesIO(data)):
        yield from _zip_members(data, allowance)
    elif data[257:262] == b"ustar":
        yield from _tar_members(data, allowance)
    else:
        yield from _read_otherwise(data, name, allowance)


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


def _zip_members(data: bytes, allowance: _Allowance) -> Iterator[ArchivePart]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield ArchivePart("comment", archive.comment, is_file=False)
            for info in archive.infolist():
                try:
                    with archive.open(info) as member:
                        content = member.read(allowance.left + 1)
                # RuntimeError is how zipfile says that a member is encrypted.
                except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError):
                    continue
                yield ArchivePart(info.filename, allowance.member(content), is_file=True)
    except (zipfile.BadZipFile, ValueError):
        return


def _tar_members(data: bytes, allowance: _Allowance) -> Iterator[ArchivePart]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for info in archive:
                member = archive.extractfile(info) if info.isfile() else None
                content = (
                    member.read(allowance.left + 1) if member else info.linkname.encode(errors="replace")
                )
                yield ArchivePart(info.name, allowance.member(content), is_file=True)
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return


def _read_otherwise(data: bytes, path: str, allowance: _Allowance) -> Iterator[ArchivePart]:
    """Archives that stand encoded one by one, all else of a kind as one part, which is much faster.

    A text is rearranged in each way once on a path, and joined last: more would only lead back.
    """
    kinds: dict[str, list[bytes]] = {}
    for kind, block in decoded(data):
        if block.startswith(_PACKED) or block[257:262] == b"ustar":
            yield ArchivePart(kind, allowance.member(block), is_file=False)
        else:
            kinds.setdefault(kind, []).append(allowance.block(block))
    for kind, blocks in kinds.items():
        yield ArchivePart(kind, b"\n".join(blocks), is_file=False)
    if JOINED not in path:
        yield from (
            ArchivePart(kind, text, is_file=False)
            for kind, text in rearranged(data)
            if f"!{kind}" not in path
        )
