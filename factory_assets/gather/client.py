"""One page of arXiv's query API: asked politely, asked again where that helps, checked before it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

import httpx

from factory_assets.domain.errors import InputError
from factory_assets.domain.text import single_line
from factory_assets.gather.failures import (
    BadFeedError,
    EmptyPageError,
    FailedQueryError,
    RefusedQueryError,
    ShortPageError,
)
from factory_assets.gather.feed import Feed, parse_feed
from factory_assets.network.clients import http_client
from factory_assets.network.patience import (
    Backoff,
    BusyError,
    Patience,
    RefusedAccessError,
    TransientError,
    UnreachableError,
    ask_patiently,
    retry_after,
)
from factory_assets.network.politeness import Turns

PAGE_SIZE: Final = 2_000
"""The most entries arXiv returns at once."""

_TIMEOUT = httpx.Timeout(120.0, connect=30.0)
_QUERY_REFUSED = frozenset({400, 413, 414})
_TWICE = Backoff(first=5.0, longest=5.0, tries=2)
_LATER = "Gather these dates again later; arXiv's state is at https://status.arxiv.org."


@dataclass(frozen=True)
class ArxivPatience(Patience):
    """How long to go on asking for one page. `again` is for what has failed already and is asked for in parts."""

    failed_query: Backoff = _TWICE
    again: Backoff = _TWICE

    def in_parts(self) -> ArxivPatience:
        """The same with less patience for faults: what is asked for in parts failed as a whole before."""
        return replace(self, fault=self.again)

    def backoff(self, error: TransientError) -> Backoff:
        """The waits for this kind of failure."""
        return self.failed_query if isinstance(error, FailedQueryError) else super().backoff(error)


class ArxivClient:
    """Asks for single pages. `notify` gets a line for every wait; `now` dates a Retry-After given as a date."""

    def __init__(
        self,
        *,
        url: str,
        politeness: Turns,
        user_agent: str,
        patience: ArxivPatience,
        notify: Callable[[str], None],
        sleep: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._url = _checked(url)
        self._politeness = politeness
        self._patience = patience
        self._notify = notify
        self._sleep = sleep
        self._now = now
        self._user_agent = user_agent
        self._http: httpx.Client | None = None
        self.requests = 0

    def close(self) -> None:
        """Close the connection; the next page opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def page(
        self, query: str, *, start: int, size: int = PAGE_SIZE, patience: ArxivPatience | None = None
    ) -> Feed:
        """The entries of a query from `start` on, at most `size`, oldest submission first.

        Args:
            query: the raw query.
            start: the position of the first entry, from 0.
            size: at most PAGE_SIZE.
            patience: for this page; the client's own where it is None.

        Raises:
            TransientError: one of its kinds, after the last try.
            RefusedQueryError: the query itself was answered with an error.
            RefusedAccessError: the server does not serve us at all.
        """
        return ask_patiently(
            lambda: self._checked_page(query, start, size),
            patience or self._patience,
            notify=self._notify,
            sleep=self._sleep,
        )

    def _checked_page(self, query: str, start: int, size: int) -> Feed:
        response = self._get(query, start, size)
        self._check_status(response)
        feed = parse_feed(response.content)
        if feed.error is not None:
            raise RefusedQueryError(f"arXiv answered with an error entry: {feed.error}.", fix=_QUERY_FIX)
        expected = max(0, min(size, feed.total - start))
        if expected and not feed.entries:
            raise EmptyPageError(
                f"The page from {start} on is empty, though arXiv counts {feed.total} papers.", fix=_LATER
            )
        if feed.entries < expected:
            raise ShortPageError(
                f"The page from {start} on holds {feed.entries} papers and not {expected}.",
                fix=_LATER,
                feed=feed,
            )
        return feed

    def _get(self, query: str, start: int, size: int) -> httpx.Response:
        parameters = {
            "search_query": query,
            "start": str(start),
            "max_results": str(size),
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
        }
        with self._politeness.turn():
            self.requests += 1
            try:
                return self._connection().get(self._url, params=parameters)
            except (httpx.TransportError, httpx.DecodingError) as error:
                text = single_line(str(error)) or type(error).__name__
                raise UnreachableError(
                    f"{self._url.host} gave no answer: {text}.",
                    fix=f"Check the network and FACTORY_ARXIV_URL. {_LATER}",
                ) from None

    def _connection(self) -> httpx.Client:
        if self._http is None:
            self._http = http_client(headers={"User-Agent": self._user_agent}, timeout=_TIMEOUT)
        return self._http

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        said = f"arXiv answered {status}: {_reason(response)}."
        if status in {429, 503}:
            raise BusyError(
                said, fix=_LATER, wait_hint=retry_after(response.headers.get("Retry-After", ""), self._now)
            )
        if status in _QUERY_REFUSED:
            raise RefusedQueryError(said, fix=_QUERY_FIX)
        if status >= 500:
            # An overloaded server and a query it stumbles over both come as an error entry with 500.
            if _error_entry(response) is not None:
                raise FailedQueryError(said, fix=_LATER)
            raise UnreachableError(said, fix=_LATER)
        raise RefusedAccessError(
            said, fix="Check FACTORY_ARXIV_URL, and that arXiv has not blocked this machine."
        )


_QUERY_FIX = "Correct the topic in the topics file (FACTORY_TOPICS_FILE)."


def utc_now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


def _checked(url: str) -> httpx.URL:
    fix = "Set it to an address such as https://export.arxiv.org/api/query."
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"{url!r} is no address: {error}.", where="FACTORY_ARXIV_URL", fix=fix) from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InputError(f"{url!r} is no web address.", where="FACTORY_ARXIV_URL", fix=fix)
    return parsed


def _error_entry(response: httpx.Response) -> str | None:
    try:
        return parse_feed(response.content).error
    except BadFeedError:
        return None


def _reason(response: httpx.Response) -> str:
    text = _error_entry(response) or single_line(response.text) or response.reason_phrase
    return text[:200].rstrip(".")
