"""One server that is asked in turns: a bounded answer at a time, and left alone once it does not serve us."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import httpx
from pydantic import BaseModel, JsonValue, ValidationError

from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    InfrastructureError,
    InputError,
    RateLimitedError,
)
from factory_assets.domain.text import single_line
from factory_assets.network.clients import http_client
from factory_assets.network.politeness import Turns

Form = TypeVar("Form", bound=BaseModel)
_SECONDS = 30.0
_TIMEOUT = httpx.Timeout(10.0)
_MOST_BYTES = 16 * 1024 * 1024
ABSENT = frozenset({404, 410})
# GitHub's search counts by the minute, so that a wait which it asks for is mostly over soon.
_SOON = timedelta(seconds=70)
_FAILURES_IN_A_ROW = 2


class TooLongError(InfrastructureError):
    """An answer is longer than anybody wants to read, and will be the next time."""


@dataclass
class Service:
    """A server. `name` is how the operator knows it, `fix` what to check when it does not answer.

    `later` says what comes of a fault that passes by itself; with a status of `absent` it says that there is nothing.
    `credential` are the headers that hold a secret: with them no redirect is followed, since it could lead to another
    server. `refusals` are the statuses by which it refuses a credential. What says `answered` is an answer, though its
    status be 400. `pauses` are the seconds to wait after each 429 in a row that names no time; without them it is not
    asked again.
    An answer is read up to `most_bytes`, and for as many `seconds`.

    What cannot be reached, asks to wait or refuses the credential is not asked again by this object: whoever looks up
    thirty specs meets each fault once.
    """

    name: str
    politeness: Turns
    notify: Callable[[str], None]
    fix: str
    later: str
    headers: Mapping[str, str] = field(default_factory=dict)
    credential: Mapping[str, str] = field(default_factory=dict, repr=False)
    refusals: frozenset[int] = frozenset({401})
    answered: str = ""
    pauses: tuple[float, ...] = ()
    sleep: Callable[[float], None] = time.sleep
    absent: frozenset[int] = ABSENT
    most_bytes: int = _MOST_BYTES
    seconds: float = _SECONDS
    _closed: FactoryError | None = None
    _failures: int = 0

    def get(self, url: str) -> bytes | None:
        """The body of an answer, or None where there is nothing at this address.

        Raises:
            InfrastructureError, CredentialError, InputError: it was not answered, or not asked any more.
        """
        return self._answered("GET", url, None)

    def post(self, url: str, body: JsonValue) -> bytes | None:
        """The same for a question that is sent as JSON.

        Raises:
            InfrastructureError, CredentialError, InputError: as `get`.
        """
        return self._answered("POST", url, body)

    def _answered(self, method: str, url: str, body: JsonValue) -> bytes | None:
        if self._closed is not None:
            raise self._closed
        try:
            answer = self._waiting(method, url, body)
        except TooLongError:
            self._failures = 0
            raise
        except FactoryError as error:
            self._failures += 1
            lasts = isinstance(error, RateLimitedError | CredentialError | _UnreachableError)
            if lasts or self._failures >= _FAILURES_IN_A_ROW:
                self._closed = error
            raise
        self._failures = 0
        return answer

    def read(self, form: type[Form], url: str) -> Form | None:
        """An answer in JSON, or None where there is nothing at this address.

        Raises:
            InfrastructureError, CredentialError, InputError: as `get`, or it is of another form.
        """
        body = self.get(url)
        if body is None:
            return None
        try:
            return form.model_validate_json(body)
        except ValidationError as error:
            raise InfrastructureError(
                f"{self.name}'s answer is malformed: {error.errors()[0]['msg']}.", fix=self.fix
            ) from error

    def _waiting(self, method: str, url: str, body: JsonValue) -> bytes | None:
        waits = 0
        while True:
            try:
                return self._asked(method, url, body)
            except RateLimitedError as error:
                seconds = self._pause(error, waits)
                if seconds is None:
                    raise
                self.notify(f"{self.name} asks to wait for {seconds:.0f} s.")
                # A clock that runs behind the server's must not make the next request come too early.
                self.sleep(seconds + 1)
                waits += 1

    def _pause(self, error: RateLimitedError, waits: int) -> float | None:
        """Seconds to wait after so many waits; None where that is not worth while any more."""
        if error.until is None:
            return self.pauses[waits] if waits < len(self.pauses) else None
        seconds = (error.until - datetime.now(UTC)).total_seconds()
        soon = seconds <= _SOON.total_seconds() and waits < max(1, len(self.pauses))
        return max(seconds, 0) if soon else None

    def _asked(self, method: str, url: str, question: JsonValue) -> bytes | None:
        headers = {**self.headers, **self.credential}
        try:
            with (
                http_client(
                    timeout=_TIMEOUT, headers=headers, follow_redirects=not self.credential
                ) as client,
                # Last, so that nothing but the request comes between the turn and its arrival there.
                self.politeness.turn(),
                client.stream(method, url, json=question) as answer,
            ):
                body = self._read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = single_line(str(error)) or type(error).__name__
            raise _UnreachableError(f"{self.name} cannot be reached: {why}.", fix=self.fix) from error
        if answer.status_code == 200:
            return body
        if answer.status_code in self.absent:
            return None
        said = single_line(body[:300].decode("utf-8", "replace"))
        if answer.status_code == 400 and self.answered and self.answered in said:
            return body
        raise self._refused(answer, said)

    def _read(self, answer: httpx.Response) -> bytes:
        body, end = bytearray(), time.monotonic() + self.seconds
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > self.most_bytes:
                raise TooLongError(f"{self.name}'s answer is longer than {self.most_bytes >> 20} MB.")
            if time.monotonic() > end:
                raise InfrastructureError(
                    f"{self.name}'s answer takes longer than {self.seconds:.0f} s.", fix=self.later
                )
        return bytes(body)

    def _refused(self, answer: httpx.Response, said: str) -> FactoryError:
        status, told = answer.status_code, f"{self.name} answered {answer.status_code}: {said}"
        if status in self.refusals:
            return CredentialError(told, fix=self.fix)
        spent = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
        busy = status == 429 or (status == 503 and "retry-after" in answer.headers)
        if busy or (status == 403 and (spent or "rate limit" in said.lower())):
            return RateLimitedError(told, fix=self.later, until=_until(answer.headers))
        if status >= 500:
            return InfrastructureError(told, fix=self.later)
        return InputError(told, fix=self.fix)


class _UnreachableError(InfrastructureError):
    """There was no answer at all."""


def _until(headers: httpx.Headers) -> datetime | None:
    """https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api."""
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdigit():
        return datetime.now(UTC) + timedelta(seconds=int(after))
    return datetime.fromtimestamp(int(reset), UTC) if reset.isdigit() and len(reset) < 12 else None
