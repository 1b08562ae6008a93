"""The source of a paper as arXiv hands it out, to its texts: read in memory, and no name in it becomes a path here.

Forms: https://info.arxiv.org/help/mimetypes.html and https://info.arxiv.org/help/unpack.html: a gzipped tar, one
gzipped file, or PDF or PostScript, which is no source; tar and TeX as they are, where something on the way unpacked it.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import tarfile
import zlib
from typing import BinaryIO, Final

from factory_assets.domain.errors import InputError

MOST_UNPACKED: Final = 128 * 1024 * 1024
"""Bytes that are unpacked of one archive, figures counted: they pass by, and are not held."""

_MOST_FILES = 5_000
_MOST_IN_FILE = 2 * 1024 * 1024
_MOST_IN_ALL = 8 * 1024 * 1024
_TEX = (".tex", ".ltx", ".latex")
_GZIP, _TAR, _TAR_AT, _BLOCK = b"\x1f\x8b", b"ustar", 257, 512
_DRAWN = (b"%PDF", b"%!PS", b"%!Adobe")
_MARKUP = (b"<!doctype", b"<html", b"<?xml")
_DAMAGED = (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, OverflowError)


def tex_files(body: bytes) -> dict[str, str]:
    """The TeX files by their path in the archive; none where there is no TeX, or no end to it, or it is damaged.

    Raises:
        InputError: this is no source at all but a page of markup, such as one that tells of a fault.
    """
    try:
        head = _unpacked(body).read(_BLOCK)
        if head.startswith(_DRAWN):
            return {}
        if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
            return _of_tar(_unpacked(body))
        if head.lstrip().lower().startswith(_MARKUP):
            return _of_page(body)
        text = _unpacked(body).read(_MOST_IN_FILE + 1)
    except _DAMAGED:
        return {}
    if not body:
        raise InputError("arXiv answered with nothing at all.")
    return {"source.tex": _decoded(text)} if b"\\" in text and len(text) <= _MOST_IN_FILE else {}


def _of_page(body: bytes) -> dict[str, str]:
    # A few papers were submitted as a page, which arXiv keeps packed as it does every source.
    if body.startswith(_GZIP):
        return {}
    raise InputError("arXiv answered with a page in the place of a source.")


def _of_tar(stream: _Unpacked) -> dict[str, str]:
    found: dict[str, str] = {}
    left = _MOST_IN_ALL
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for number, member in enumerate(tar):
            if number >= _MOST_FILES or left <= 0:
                break
            path = posixpath.normpath(member.name)
            if not member.isreg() or not path.lower().endswith(_TEX) or path.startswith(("/", "..")):
                continue
            file = tar.extractfile(member)
            # What a header says of a size is not to be relied on.
            text = b"" if file is None else file.read(_MOST_IN_FILE + 1)
            if len(text) <= min(_MOST_IN_FILE, left):
                found[path] = _decoded(text)
                left -= len(text)
    return found


def _unpacked(body: bytes) -> _Unpacked:
    plain = io.BytesIO(body)
    return _Unpacked(gzip.GzipFile(fileobj=plain) if body.startswith(_GZIP) else plain)


class _Unpacked(io.RawIOBase):
    """Reads so much and no more."""

    def __init__(self, file: BinaryIO | gzip.GzipFile) -> None:
        super().__init__()
        self._file = file
        self._left = MOST_UNPACKED

    def read(self, size: int = -1) -> bytes:
        """At most so many of the next bytes.

        Raises:
            OSError: there were too many.
        """
        most = self._left + 1
        read = self._file.read(most if size < 0 else min(size, most))
        self._left -= len(read)
        if self._left < 0:
            raise OSError("it unpacks to too much")
        return read


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What TeX was written in before; every byte is a character of it.
        return text.decode("latin-1")
