"""arXiv's OAI-PMH as the replay plays it: the sample's papers, which changed on the day after their latest version.

Forms: https://github.com/arXiv/oaipmh (oaipmh/templates).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from xml.sax.saxutils import escape

from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers

_PAGE_SIZE = 500
_FORMAT = "arXivRaw"
_OAI = "http://www.openarchives.org/OAI/2.0/"


class PlayedOai:
    """Answers ListRecords. A resumption token is the list's arguments and how many records it has sent.

    Args:
        papers: the sample's by default, which are read when they are first asked for.
        page_size: records of a page.
    """

    def __init__(self, papers: Sequence[ArxivRecord] | None = None, *, page_size: int = _PAGE_SIZE) -> None:
        self._given = papers
        self._page_size = page_size

    def answer(self, asked: Mapping[str, str]) -> bytes:
        """The answer to a request, by its decoded parameters."""
        if asked.get("verb") != "ListRecords":
            return _error("badVerb")
        sent = 0
        if token := asked.get("resumptionToken"):
            parts = token.split("|")
            if len(parts) != 5 or not parts[4].isdecimal() or len(asked) != 2:
                return _error("badResumptionToken")
            asked = dict(zip(("metadataPrefix", "from", "until", "set"), parts[:4], strict=True))
            sent = int(parts[4])
        if asked.get("metadataPrefix") != _FORMAT:
            return _error("cannotDisseminateFormat")
        try:
            first, last = (date.fromisoformat(asked.get(name, "")) for name in ("from", "until"))
        except ValueError:
            return _error("badArgument")
        found = [
            one
            for one in self._papers
            if first <= _datestamp(one) <= last and _is_in(one, asked.get("set", ""))
        ]
        page, left = found[sent : sent + self._page_size], found[sent + self._page_size :]
        if not page:
            return _error("noRecordsMatch")
        named = "|".join([_FORMAT, str(first), str(last), asked.get("set", ""), str(sent + self._page_size)])
        token = f"<resumptionToken>{escape(named)}</resumptionToken>" if left else ""
        return _document(f"<ListRecords>{''.join(map(_record, page))}{token}</ListRecords>")

    @cached_property
    def _papers(self) -> list[ArxivRecord]:
        papers = load_papers() if self._given is None else self._given
        return sorted(papers, key=lambda one: (_datestamp(one), one.id))


def _datestamp(one: ArxivRecord) -> date:
    return one.changed.date() + timedelta(days=1)


def _is_in(one: ArxivRecord, set_spec: str) -> bool:
    group, _, below = set_spec.partition(":")
    wanted = below.replace(":", ".") or group
    return not wanted or any(name == wanted or name.startswith(f"{wanted}.") for name in one.categories)


def _error(code: str) -> bytes:
    return _document(f"<error code='{code}'>The replay's list has no other answer.</error>")


def _document(inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="{_OAI}">{inner}</OAI-PMH>'.encode()


def _record(one: ArxivRecord) -> str:
    moments = [one.published, *([one.changed] * (one.version - 1))]
    versions = "".join(
        f'<version version="v{number}"><date>{moment:%a, %d %b %Y %H:%M:%S GMT}</date></version>'
        for number, moment in enumerate(moments, start=1)
    )
    told = {
        "title": one.title,
        "authors": ", ".join(one.authors),
        "categories": " ".join(one.categories),
        "comments": one.comment,
        "abstract": one.summary,
    }
    texts = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in told.items() if text)
    return (
        f"<record><header><identifier>oai:arXiv.org:{one.id}</identifier><datestamp>{_datestamp(one)}</datestamp>"
        f'</header><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{one.id}</id>'
        f"<submitter>The replay</submitter>{versions}{texts}</arXivRaw></metadata></record>"
    )
