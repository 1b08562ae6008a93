"""Papers' full texts: what is kept, else arXiv's HTML version, else the LaTeX source, as plain sections.

https://info.arxiv.org/help/bulk_data.html names the site that programs are to ask. What cannot be had now is told as a
failure and kept as nothing; that a paper has no text is kept with its date, and asked again after some weeks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from factory_assets.archive.html_text import read_html
from factory_assets.archive.latex_text import read_latex
from factory_assets.archive.read_text import ReadText
from factory_assets.archive.source_files import tex_files
from factory_assets.archive.store import Archive
from factory_assets.archive.text_store import KeptText, TextStore
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import CredentialError, InfrastructureError, InputError
from factory_assets.domain.licences import may_be_quoted
from factory_assets.domain.papers import split_arxiv_id
from factory_assets.domain.research import FullText, Section
from factory_assets.network.service import Service, TooLongError

ASK_AGAIN: Final = timedelta(days=30)
"""A paper that has no text may get one: a conversion that failed is done again."""

# arXiv converts a new version within hours, and shows the last one until then.
_CONVERTED = timedelta(days=1)

# The site for programs may lag behind the announcement, and a paper that it does not show yet is no paper without text.
_YOUNG = timedelta(days=7)
_LATER = "Ask again later."
# Where a text stands for its readers, whichever server of arXiv's it was asked of.
_PUBLIC = "https://arxiv.org"
_LEAST_CHARS = 1_500
_WORD = re.compile(r"\w+")
# Of a section's runs of words so many stand in the abstract where it is the abstract, perhaps cut or with a heading.
_RUN, _SAME = 4, 0.6
# 403 is also this page's: https://github.com/arXiv/arxiv-browse (browse/templates/dissemination/not_public.html).
_NOT_PUBLIC = "<title>Not public"


class ArxivTexts:
    """Implements `FullTexts` over arXiv's site at `url`; all requests are the service's, in its turns.

    Args:
        archive: says which version is the latest, by which licence, and what the abstract is.
        store: what is kept.
        service: arXiv.
        url: without a slash at its end, as https://export.arxiv.org.
        now: dates what is kept.
    """

    def __init__(
        self,
        archive: Archive,
        store: TextStore,
        service: Service,
        *,
        url: str,
        now: Callable[[], datetime],
    ) -> None:
        self._archive = archive
        self._store = store
        self._service = service
        self._url = url.rstrip("/")
        self._now = now

    def read(self, arxiv_id: str) -> FullText | None:
        """The text, fetched where it is not kept yet or the archive knows of a later version; None where there is none.

        Raises:
            InputError: this is no arXiv id.
            InfrastructureError: it cannot be fetched now, or what is kept cannot be read or written.
        """
        key, _ = split_arxiv_id(arxiv_id)
        record = next(iter(self._archive.read([key])), None)
        if record and record.deleted:
            return None
        version, licence = (record.version, record.licence) if record else (0, None)
        kept = self._store.get(key)
        if kept is None or self._is_stale(kept, version):
            kept = self._fetched(key, version, record)
            self._store.put(kept)
        else:
            self._store.touch(key, self._now())
        if not kept.sections:
            return None
        return FullText(
            arxiv_id=key,
            source=kept.source,
            licence=licence,
            quotable=may_be_quoted(licence),
            sections=kept.sections,
        )

    def _is_stale(self, kept: KeptText, version: int) -> bool:
        age = self._now() - kept.asked_at
        lags = kept.version < version and age >= _CONVERTED
        return kept.known < version or lags or (not kept.sections and age >= ASK_AGAIN)

    def _fetched(self, key: str, known: int, record: ArchiveRecord | None) -> KeptText:
        abstract = record.abstract if record else ""
        page = self._of_page(key)
        sections, version = _body(page, abstract), (page and page.version) or known
        source = f"{_PUBLIC}/html/{key}" + (f"v{version}" if version else "")
        if not sections:
            is_young = record is not None and self._now() - record.submitted < _YOUNG
            sections, version = _body(self._of_source(key, is_young=is_young), abstract), known
            source = f"{_PUBLIC}/src/{key}"
        return KeptText(
            arxiv_id=key,
            known=known,
            version=version,
            asked_at=self._now(),
            source=source,
            sections=sections,
        )

    def _of_page(self, key: str) -> ReadText | None:
        try:
            page = self._got(f"{self._url}/html/{key}")
        except _NotForUsError:
            return None
        return read_html(page) if page else None

    def _of_source(self, key: str, *, is_young: bool) -> ReadText | None:
        try:
            body = self._got(f"{self._url}/src/{key}")
            if body is None and is_young:
                raise InfrastructureError("arXiv shows nothing of this paper yet.", where=key, fix=_LATER)
            return None if body is None else read_latex(tex_files(body))
        except _NotForUsError:
            return None
        except InputError as error:
            raise InfrastructureError(error.what, where=key, fix=_LATER) from error

    def _got(self, url: str) -> bytes | None:
        """The body; None where there is nothing.

        Raises:
            _NotForUsError: there is something, and there always will be, that we do not get.
            InfrastructureError: it was not answered.
        """
        try:
            return self._service.get(url)
        except TooLongError as error:
            raise _NotForUsError from error
        except (InputError, CredentialError) as error:
            if _NOT_PUBLIC in error.what:
                raise _NotForUsError from error
            # That arXiv refuses us says nothing about the paper.
            raise InfrastructureError(error.what, fix=error.fix) from error


class _NotForUsError(Exception):
    """It is larger than any text, or its author has not made it public."""


def _body(read: ReadText | None, abstract: str) -> tuple[Section, ...]:
    """The sections of a text that is more than its abstract; none otherwise."""
    if read is None:
        return ()
    known = {run for said in (abstract, read.abstract) for run in _runs(said)}
    sections = tuple(section for section in read.sections if not _is_known(section.text, known))
    return sections if sum(len(section.text) for section in sections) >= _LEAST_CHARS else ()


def _is_known(text: str, known: set[tuple[str, ...]]) -> bool:
    runs = _runs(text)
    return bool(runs) and sum(run in known for run in runs) >= _SAME * len(runs)


def _runs(text: str) -> list[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]
