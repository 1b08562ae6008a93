"""The Message Batches API of the replay server, by the same recordings, as strict as the real one.

https://platform.claude.com/docs/en/build-with-claude/batch-processing and the API reference beside it. What is wrong
with the parameters of one request is told in its result alone; ids are checked at once.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory_assets.replay.messages import MessagesApi
from factory_assets.replay.messages_reply import ApiError, JsonObject

_LIFETIME = timedelta(hours=24)
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST_REQUESTS = 100_000
_MOST_LISTED = 1000


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    custom_id: str
    params: JsonObject


class _Create(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: list[_Entry] = Field(min_length=1, max_length=_MOST_REQUESTS)


@dataclass
class Batch:
    """One batch; `results` are there once it has ended, by the requests' own ids."""

    id: str
    created_at: datetime
    requests: Mapping[str, JsonObject]
    headers: Mapping[str, str]
    results: dict[str, JsonObject] = field(default_factory=dict)
    ended_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        """When what is not answered by then expires."""
        return self.created_at + _LIFETIME

    @property
    def status(self) -> str:
        """As the API names it."""
        if self.ended_at is not None:
            return "ended"
        return "canceling" if self.cancelled_at is not None else "in_progress"

    def as_json(self, url: str) -> JsonObject:
        """The batch as the server at `url` tells of it. Nothing is counted before all of it has ended."""
        told = [str(result["type"]) for result in self.results.values()]
        kinds = ("succeeded", "errored", "canceled", "expired")
        counts: JsonObject = {kind: told.count(kind) if self.ended_at else 0 for kind in kinds}
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self.status,
            "request_counts": {"processing": 0 if self.ended_at else len(self.requests), **counts},
            "ended_at": _stamp(self.ended_at),
            "created_at": _stamp(self.created_at),
            "expires_at": _stamp(self.expires_at),
            "archived_at": None,
            "cancel_initiated_at": _stamp(self.cancelled_at),
            "results_url": f"{url}/v1/messages/batches/{self.id}/results" if self.ended_at else None,
        }


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class BatchesApi:
    """Batches and what becomes of them. They end when they are first looked at, or, with `holds`, by `finish` alone.

    One that is held expires with its time. While it `refuses`, whatever is asked of it is an error of the server.
    """

    messages: MessagesApi
    holds: bool = False
    refuses: bool = False
    clock: Callable[[], datetime] = _now
    made: dict[str, Batch] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def create(self, headers: Mapping[str, str], body: bytes) -> Batch:
        """Answer POST /v1/messages/batches.

        Raises:
            ApiError: 400, what is wrong with the requests.
        """
        try:
            entries = _Create.model_validate_json(body).requests
        except ValidationError as error:
            first = error.errors()[0]
            raise ApiError(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        for index, entry in enumerate(entries):
            if len(entry.custom_id) > 64:
                raise ApiError(400, f"requests.{index}.custom_id: String should have at most 64 characters")
            if not _CUSTOM_ID.fullmatch(entry.custom_id):
                raise ApiError(
                    400, f"requests.{index}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
                )
        requests = {entry.custom_id: entry.params for entry in entries}
        if len(requests) < len(entries):
            raise ApiError(400, "requests: custom_id must be unique for each request within a batch")
        batch = Batch(f"msgbatch_{secrets.token_hex(12)}", self.clock(), requests, dict(headers))
        with self._lock:
            self.made[batch.id] = batch
        # Told as it was made: it ends in a moment at the earliest.
        return replace(batch)

    def retrieve(self, batch_id: str) -> Batch:
        """Answer GET /v1/messages/batches/ID.

        Raises:
            ApiError: 404.
        """
        batch = self._batch(batch_id)
        if batch.ended_at is None and self.clock() >= batch.expires_at:
            self.finish(batch_id, expired=batch.requests)
        elif batch.ended_at is None and batch.cancelled_at is not None:
            self._end(batch, {one: {"type": "canceled"} for one in batch.requests})
        elif batch.ended_at is None and not self.holds:
            self.finish(batch_id)
        return batch

    def list(self, query: Mapping[str, str]) -> tuple[list[Batch], bool]:
        """Answer GET /v1/messages/batches: the newest first, and whether there are more.

        Raises:
            ApiError: 400, a limit that is none.
        """
        limit = query.get("limit", "20")
        if not limit.isdigit() or not 1 <= int(limit) <= _MOST_LISTED:
            raise ApiError(400, f"limit: Input should be between 1 and {_MOST_LISTED}")
        with self._lock:
            ids = list(reversed(self.made))
        if (after := query.get("after_id")) in ids:
            ids = ids[ids.index(after) + 1 :]
        if (before := query.get("before_id")) in ids:
            ids = ids[: ids.index(before)]
        return [self.retrieve(one) for one in ids[: int(limit)]], len(ids) > int(limit)

    def cancel(self, batch_id: str) -> Batch:
        """Answer POST /v1/messages/batches/ID/cancel.

        Raises:
            ApiError: 404, or 400 once it has ended.
        """
        batch = self._batch(batch_id)
        if batch.ended_at is not None:
            raise ApiError(400, f"Batch {batch_id} cannot be canceled because it has already ended.")
        batch.cancelled_at = batch.cancelled_at or self.clock()
        return batch

    def delete(self, batch_id: str) -> JsonObject:
        """Answer DELETE /v1/messages/batches/ID.

        Raises:
            ApiError: 404, or 400 before it has ended.
        """
        batch = self._batch(batch_id)
        if batch.ended_at is None:
            raise ApiError(
                400, f"Batch {batch_id} cannot be deleted while it is processing; cancel it first."
            )
        with self._lock:
            del self.made[batch_id]
        return {"id": batch_id, "type": "message_batch_deleted"}

    def results(self, batch_id: str) -> bytes:
        """Answer GET /v1/messages/batches/ID/results: lines of JSON, in another order than the requests.

        Raises:
            ApiError: 404, or 400 before it has ended.
        """
        batch = self._batch(batch_id)
        if batch.ended_at is None:
            raise ApiError(400, f"Batch {batch_id} has no results yet: it is {batch.status}.")
        lines = [
            json.dumps({"custom_id": one, "result": result}, ensure_ascii=False)
            for one, result in reversed(batch.results.items())
        ]
        return "".join(f"{line}\n" for line in lines).encode()

    def finish(self, batch_id: str, *, expired: Collection[str] = (), errored: Collection[str] = ()) -> None:
        """Let a batch end; these requests of it expire, or end with an error of the server."""
        batch = self._batch(batch_id)
        results: dict[str, JsonObject] = {}
        for one, params in batch.requests.items():
            if one in expired:
                results[one] = {"type": "expired"}
            elif one in errored:
                results[one] = _errored(ApiError(500, "Internal server error"))
            elif params.get("stream"):
                results[one] = _errored(ApiError(400, "stream: Streaming is not supported in batches"))
            else:
                results[one] = self._answer(batch, params)
        self._end(batch, results)

    def _end(self, batch: Batch, results: dict[str, JsonObject]) -> None:
        with self._lock:
            if batch.ended_at is None:
                batch.results, batch.ended_at = results, self.clock()

    def _answer(self, batch: Batch, params: JsonObject) -> JsonObject:
        try:
            message = self.messages.answer(batch.headers, json.dumps(params).encode()).reply.as_json()
        except ApiError as error:
            return _errored(error)
        usage = message["usage"]
        told = {**usage, "service_tier": "batch"} if isinstance(usage, dict) else usage
        return {"type": "succeeded", "message": {**message, "usage": told}}

    def _batch(self, batch_id: str) -> Batch:
        with self._lock:
            batch = self.made.get(batch_id)
        if self.refuses:
            raise ApiError(500, "Internal server error")
        if batch is None:
            raise ApiError(404, f"Batch {batch_id} not found.")
        return batch


def _errored(error: ApiError) -> JsonObject:
    return {"type": "errored", "error": error.as_json(f"req_{secrets.token_hex(12)}")}


def _stamp(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
