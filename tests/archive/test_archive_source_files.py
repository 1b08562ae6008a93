"""arXiv's sources to the texts in them, whatever an archive says of itself."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from arxiv_texts_server import NO_DOCUMENT, tar_of

from factory_assets.archive import source_files
from factory_assets.archive.source_files import tex_files
from factory_assets.domain.errors import InputError


@pytest.mark.parametrize("packed", [True, False])
def test_an_archive_gives_its_tex_files_by_their_paths(packed: bool) -> None:
    files = {
        "./main.tex": b"\\a",
        "sections/x.TEX": "ü".encode("latin-1"),
        "fig.png": b"\x89PNG",
        "x.bbl": b"no",
    }
    assert tex_files(tar_of(files, packed=packed)) == {"main.tex": "\\a", "sections/x.TEX": "ü"}


def test_a_single_file_is_a_source_packed_or_not() -> None:
    assert tex_files(gzip.compress(b"\\documentclass{a}")) == {"source.tex": "\\documentclass{a}"}
    assert tex_files(b"\xef\xbb\xbf\\documentclass{a}") == {"source.tex": "\\documentclass{a}"}


@pytest.mark.parametrize(
    "body",
    [
        b"%PDF-1.5",
        gzip.compress(b"%!PS-Adobe-3.0"),
        tar_of({"paper.pdf": b"%PDF-1.5"}),
        b"plain words",
        gzip.compress(b"<!DOCTYPE html><p>A paper that was submitted as a page."),
        gzip.compress(b"\\a")[:-9],
        tar_of({"a.tex": b"x" * 5000})[:60],
        b"\x1f\x8bno gzip",
    ],
)
def test_what_holds_no_tex_gives_none(body: bytes) -> None:
    assert tex_files(body) == {}


@pytest.mark.parametrize("body", [NO_DOCUMENT, b"  <!DOCTYPE html><p>Rate exceeded", b""])
def test_a_page_in_the_place_of_a_source_or_nothing_is_a_fault(body: bytes) -> None:
    with pytest.raises(InputError, match="arXiv answered with"):
        tex_files(body)


def test_paths_that_lead_out_and_links_and_devices_are_passed_over() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in [
            ("/etc/a.tex", tarfile.REGTYPE),
            ("../b.tex", tarfile.REGTYPE),
            ("x/../../c.tex", tarfile.REGTYPE),
            ("d.tex", tarfile.SYMTYPE),
            ("e.tex", tarfile.LNKTYPE),
            ("f.tex", tarfile.FIFOTYPE),
            ("g.tex", tarfile.REGTYPE),
        ]:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    assert tex_files(buffer.getvalue()) == {"g.tex": ""}


def test_a_bomb_is_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_files, "MOST_UNPACKED", 1_000_000)
    assert tex_files(gzip.compress(b"\\" * 3_000_000)) == {}
    assert tex_files(tar_of({"a.tex": b"\\a", "fig.png": b"\0" * 3_000_000})) == {}
    assert tex_files(tar_of({"a.tex": b"\\a", "fig.png": b"\0" * 500_000})) == {"a.tex": "\\a"}


def test_a_file_that_is_too_large_and_files_beyond_all_counting_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_files, "_MOST_IN_FILE", 100)
    monkeypatch.setattr(source_files, "_MOST_FILES", 3)
    files = {"a.tex": b"a" * 101, "b.tex": b"b" * 100, "c.png": b"c", "d.tex": b"d"}
    assert tex_files(tar_of(files)) == {"b.tex": "b" * 100}
