"""Plays arXiv's HTML versions and sources of a few papers of the sample: texts that were made for the replay.

They are short, say so themselves, and have the forms of the real ones (LaTeXML's page, a gzipped tar with a LaTeX
file), so that what reads those reads these. Papers that have none are not found, as most old papers are not at arXiv.
"""

from __future__ import annotations

import gzip
import html
import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

TEXTS_FILE = Path(__file__).with_name("arxiv_texts.json")
_PATH = re.compile(r"/(html|src)/([^/?]+(?:/\d{7})?)")
_FORMULA = re.compile(r"\$([^$]+)\$")
_SPECIAL = re.compile(r"([%&#_])")

Sections = tuple[tuple[str, str], ...]


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal["html", "tex"]
    sections: Sections


class _Texts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    note: str
    texts: dict[str, _Text]


@dataclass(frozen=True)
class PlayedText:
    """A page or a source."""

    content_type: str
    body: bytes


class PlayedTexts:
    """The texts of `path`, read when the first one is asked for."""

    def __init__(self, path: Path = TEXTS_FILE) -> None:
        self._path = path

    def answer(self, path: str) -> PlayedText | None:
        """What arXiv has at a path; None where it has nothing."""
        match = _PATH.fullmatch(path)
        text = self._texts.get(match[2]) if match else None
        if match is None or text is None:
            return None
        if match[1] == "html":
            return PlayedText("text/html", _page(text.sections)) if text.form == "html" else None
        return PlayedText("application/x-eprint-tar", _source(text.sections))

    @cached_property
    def _texts(self) -> dict[str, _Text]:
        return _Texts.model_validate_json(self._path.read_bytes()).texts


def _page(sections: Sections) -> bytes:
    made = "".join(
        '<section class="ltx_section"><h2 class="ltx_title ltx_title_section">'
        f'<span class="ltx_tag ltx_tag_section">{number} </span>{html.escape(heading)}</h2>'
        f"{_paragraphs(text)}</section>"
        for number, (heading, text) in enumerate(sections, start=1)
    )
    page = f'<!DOCTYPE html><html><body><article class="ltx_document">{made}</article></body></html>'
    return page.encode()


def _paragraphs(text: str) -> str:
    return "".join(
        f'<div class="ltx_para"><p class="ltx_p">{_FORMULA.sub(_math, html.escape(line))}</p></div>'
        for line in text.splitlines()
    )


def _math(formula: re.Match[str]) -> str:
    return f'<math class="ltx_Math" alttext="{formula[1]}"></math>'


def _source(sections: Sequence[tuple[str, str]]) -> bytes:
    body = "\n\n".join(
        f"\\section{{{heading}}}\n" + _SPECIAL.sub(r"\\\1", text.replace("\n", "\n\n"))
        for heading, text in sections
    )
    tex = f"\\documentclass{{article}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n".encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("main.tex")
        member.size = len(tex)
        tar.addfile(member, io.BytesIO(tex))
    return gzip.compress(buffer.getvalue(), mtime=0)
