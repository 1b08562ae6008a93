"""arXiv's list of changed records, asked for page by page (OAI-PMH 2.0, https://info.arxiv.org/help/oa/index.html)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

import httpx

from factory_assets.archive.oai_page import METADATA_PREFIX, BadPageError, OaiPage, parse_page
from factory_assets.domain.errors import InputError
from factory_assets.domain.text import single_line
from factory_assets.network.clients import http_client
from factory_assets.network.patience import (
    BusyError,
    Patience,
    RefusedAccessError,
    UnreachableError,
    ask_patiently,
    retry_after,
)
from factory_assets.network.politeness import Turns

EARLIEST: Final = date(2005, 9, 16)
"""The first datestamp that arXiv knows: whatever was changed earlier has this one."""

_TIMEOUT = httpx.Timeout(300.0, connect=30.0)
# 2,500 records are 8 MB.
_MOST_BYTES = 128 * 1024 * 1024
_MOST_SECONDS = 900.0
_LATER = "Harvest these dates again later; arXiv's state is at https://status.arxiv.org."


def utc_now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class ListRequest:
    """A list of a set's records with a datestamp from `first` to `last`, both included."""

    set_spec: str
    first: date
    last: date


class OaiClient:
    """Asks for lists of records. `notify` gets a line for every wait; `now` dates a Retry-After given as a date."""

    def __init__(
        self,
        *,
        url: str,
        politeness: Turns,
        user_agent: str,
        notify: Callable[[str], None],
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._url = url
        self._politeness = politeness
        self._user_agent = user_agent
        self._notify = notify
        self._patience = patience or Patience()
        self._sleep = sleep
        self._now = now
        self._http: httpx.Client | None = None
        self.requests = 0

    def close(self) -> None:
        """Close the connection; the next page opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def first_page(self, asked: ListRequest) -> OaiPage:
        """The first page of a list.

        Raises:
            TransientError: one of its kinds, after the last try.
            RefusedListError: the server refused the list.
            RefusedAccessError: the server does not serve us at all.
        """
        return self._page(
            {
                "verb": "ListRecords",
                "metadataPrefix": METADATA_PREFIX,
                "from": asked.first.isoformat(),
                "until": asked.last.isoformat(),
                "set": asked.set_spec,
            }
        )

    def next_page(self, token: str) -> OaiPage:
        """The page that the one before named.

        Raises:
            ExpiredTokenError: the server does not know the token any more; else as `first_page`.
        """
        return self._page({"verb": "ListRecords", "resumptionToken": token})

    def _page(self, parameters: Mapping[str, str]) -> OaiPage:
        return ask_patiently(
            lambda: parse_page(self._asked(parameters)),
            self._patience,
            notify=self._notify,
            sleep=self._sleep,
        )

    def _asked(self, parameters: Mapping[str, str]) -> bytes:
        with self._politeness.turn():
            self.requests += 1
            try:
                with self._connection().stream("GET", self._url, params=parameters) as answer:
                    body = self._read(answer)
            except (httpx.TransportError, httpx.DecodingError) as error:
                text = single_line(str(error)) or type(error).__name__
                raise UnreachableError(
                    f"arXiv's OAI-PMH gave no answer: {text}.",
                    fix=f"Check the network and FACTORY_OAI_URL. {_LATER}",
                ) from None
            except httpx.InvalidURL as error:
                raise InputError(
                    f"This is no address: {error}.",
                    where="FACTORY_OAI_URL",
                    fix="Set it to an address such as https://oaipmh.arxiv.org/oai.",
                ) from None
        self._check_status(answer, body)
        return body

    def _connection(self) -> httpx.Client:
        if self._http is None:
            self._http = http_client(headers={"User-Agent": self._user_agent}, timeout=_TIMEOUT)
        return self._http

    def _read(self, answer: httpx.Response) -> bytes:
        body, end = bytearray(), time.monotonic() + _MOST_SECONDS
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > _MOST_BYTES or time.monotonic() > end:
                limit = f"{_MOST_BYTES >> 20} MB" if len(body) > _MOST_BYTES else f"{_MOST_SECONDS:.0f} s"
                raise BadPageError(f"The answer is longer than {limit}.", fix=_LATER)
        return bytes(body)

    def _check_status(self, answer: httpx.Response, body: bytes) -> None:
        status = answer.status_code
        if status == httpx.codes.OK:
            return
        reason = single_line(body[:300].decode("utf-8", "replace")) or answer.reason_phrase
        said = f"arXiv's OAI-PMH answered {status}: {reason[:200].rstrip('.')}."
        if status in {429, 503}:
            raise BusyError(
                said, fix=_LATER, wait_hint=retry_after(answer.headers.get("Retry-After", ""), self._now)
            )
        if status >= 500:
            raise UnreachableError(said, fix=_LATER)
        raise RefusedAccessError(
            said, fix="Check FACTORY_OAI_URL, and that arXiv has not blocked this machine."
        )
