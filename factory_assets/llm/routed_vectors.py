"""Vectors of texts by the router's `POST /v1/embeddings`: within the day's budget, and written in the ledger.

Wire form: https://platform.openai.com/docs/api-reference/embeddings/create.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from factory_assets.domain.agents import Purpose, Route
from factory_assets.domain.builds import ModelCall, Usage
from factory_assets.domain.errors import (
    BudgetError,
    CredentialError,
    FactoryError,
    InfrastructureError,
    InputError,
    RateLimitedError,
)
from factory_assets.domain.ports import CallLedger
from factory_assets.domain.return_times import header_time
from factory_assets.llm.model_access import ModelAccess, Pass
from factory_assets.network.clients import http_client

STAGE = "embed"
# A model without a graphics card takes its time over 64 abstracts.
_SECONDS = 300.0
_FIX = "Check FACTORY_EMBEDDINGS_MODEL, and its server: FACTORY_EMBEDDINGS_URL, or the backends file."
_BUDGET_FIX = "Raise FACTORY_DAY_BUDGET_USD, or let it wait: it goes on when the day (UTC) turns."


class _Heard(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Vector(_Heard):
    embedding: list[float]


class _Vectors(_Heard):
    data: list[_Vector]


class _Error(_Heard):
    message: str


class _Refusal(_Heard):
    error: _Error


@dataclass(frozen=True)
class RoutedVectors:
    """Implements archive.embedded.VectorSource. `access` is opened when the first text is to be sent.

    `day_usd` is what one day may cost, `spent_usd` what today is spent or reserved of it.
    """

    access: Callable[[], ModelAccess]
    model: str
    day_usd: float
    spent_usd: Callable[[], float]
    ledger: CallLedger
    now: Callable[[], datetime]

    def of(self, batches: Sequence[Sequence[str]]) -> Iterator[list[list[float]]]:
        """The vectors of each batch of texts, in their order; before they are told, what they took is in the ledger.

        So a kill -9 loses from it what one request took, as with questions; the router's journal keeps that.

        Raises:
            BudgetError: the day has no dollars left for them.
            RateLimitedError, CredentialError, InputError, InfrastructureError: they were not answered.
        """
        access, booked = self.access(), Usage()
        room, seconds = max(0.0, self.day_usd - self.spent_usd()), _SECONDS * len(batches)
        with access.open(Purpose(STAGE), limit_usd=room, seconds=seconds, plain=True) as way:
            for batch in batches:
                began, outcome = time.monotonic(), "broken off"
                try:
                    vectors = self._asked(access.url, way, batch)
                    outcome = "answered"
                except FactoryError:
                    outcome = "failed"
                    raise
                finally:
                    seen = way.seen.usage
                    if seen.calls > booked.calls:
                        self._book(seen - booked, time.monotonic() - began, outcome)
                        booked = seen
                yield vectors

    def _asked(self, url: str, way: Pass, texts: Sequence[str]) -> list[list[float]]:
        body = {"model": self.model, "input": list(texts)}
        headers = {"authorization": f"Bearer {way.token('')}"}
        try:
            with http_client(timeout=_SECONDS, headers=headers) as client:
                answer = client.post(f"{url}/v1/embeddings", json=body)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise InfrastructureError(
                f"The router cannot be asked for embeddings: {why}.", where=url
            ) from error
        if answer.status_code != HTTPStatus.OK:
            raise self._refused(answer, way)
        try:
            return [one.embedding for one in _Vectors.model_validate_json(answer.content).data]
        except ValidationError:
            raise InfrastructureError("The router's answer holds no vectors.", where=url, fix=_FIX) from None

    def _refused(self, answer: httpx.Response, way: Pass) -> FactoryError:
        status, said = answer.status_code, f"HTTP {answer.status_code}"
        with suppress(ValidationError):
            said = _Refusal.model_validate_json(answer.content).error.message
        what = f"There are no embeddings by {self.model}: {said}"
        if way.seen.over_budget:
            return BudgetError(what, fix=_BUDGET_FIX, limit_usd=self.day_usd)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return CredentialError(what, fix=_FIX)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimitedError(what, fix=_FIX, until=header_time(answer.headers, self.now()))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            return InfrastructureError(what, fix=_FIX)
        return InputError(what, fix=f"{_FIX} A router reads both when it starts.")

    def _book(self, usage: Usage, seconds: float, outcome: str) -> None:
        now = self.now()
        self.ledger.record(
            ModelCall(
                stage=STAGE,
                partition=now.date().isoformat(),
                repo=None,
                phase=None,
                route=Route.API,
                model=self.model,
                usage=usage,
                seconds=seconds,
                cache_hit=False,
                outcome=outcome,
                at=now,
            )
        )
