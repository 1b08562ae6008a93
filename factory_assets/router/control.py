"""What the factory and its operator ask of the router itself; no token of a run opens any of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from factory_assets.domain.errors import InputError
from factory_assets.llm.model_access import SeenCalls
from factory_assets.llm.router import RouterFeedback
from factory_assets.router.backends import Backend
from factory_assets.router.grants import Grants, Live
from factory_assets.router.health import Health
from factory_assets.router.incoming import RequestRefusedError
from factory_assets.router.learning import Learner
from factory_assets.router.limits import RateLimits
from factory_assets.router.metrics import Metrics
from factory_assets.router.quality import CallFeedback
from factory_assets.router.relaying import TooLargeError, whole_body
from factory_assets.router.shapes import Totals
from factory_assets.router.tokens import Signer
from factory_assets.router.windows_file import WindowsFile

_SEEN_CALLS = TypeAdapter(SeenCalls)
_MOST_FEEDBACK_BYTES = 64 * 1024


def _read(content: bytes) -> JsonValue:
    try:
        body: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body


@dataclass(frozen=True, kw_only=True)
class Control:
    """The routes in the shapes that users of llm-router know, and those of grants."""

    signer: Signer
    grants: Grants
    backends: tuple[Backend, ...]
    health: Health
    limits: RateLimits
    windows: WindowsFile
    totals: Totals
    metrics: Metrics
    learner: Learner
    clock: Callable[[], datetime]

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/v1/grants", self._grants, methods=["GET"]),
            Route("/v1/grants/{id}", self._seen, methods=["GET"]),
            Route("/v1/grants/{id}/usage", self._usage, methods=["GET"]),
            Route("/v1/grants/{id}", self._end, methods=["DELETE"]),
            Route("/v1/backends", self._backends, methods=["GET"]),
            Route("/v1/feedback", self._feedback, methods=["POST"]),
            Route("/v1/feedback/build", self._build_feedback, methods=["POST"]),
            Route("/v1/windows", self._windows, methods=["GET"]),
            Route("/stats", self._stats, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _grants(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse(self.grants.ids)

    async def _seen(self, request: Request) -> Response:
        live = self._live(request)
        return Response(_SEEN_CALLS.dump_json(live.meter.seen), media_type="application/json")

    async def _usage(self, request: Request) -> Response:
        """What all calls of a grant came to, an earlier router's too."""
        self._check(request)
        used = self.grants.journal.spent(request.path_params["id"])
        return Response(used.model_dump_json(), media_type="application/json")

    async def _end(self, request: Request) -> Response:
        self._check(request)
        self.grants.end(request.path_params["id"], now=self.clock())
        return Response(status_code=204)

    async def _backends(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse([row.model_dump(mode="json") for row in self.health.rows(self.backends)])

    async def _stats(self, request: Request) -> Response:
        self._check(request)
        learned = self.learner.explain(now=self.clock())
        stats = self.totals.stats(limits=self.limits.rows(), learned=learned)
        return Response(stats.model_dump_json(), media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        self._check(request)
        content, content_type = self.metrics.page()
        return Response(content, headers={"content-type": content_type})

    async def _windows(self, request: Request) -> Response:
        self._check(request)
        return Response(self.windows.text(), media_type="application/json")

    async def _feedback(self, request: Request) -> Response:
        self._check(request)
        try:
            given = CallFeedback.read(_read(await whole_body(request, most_bytes=_MOST_FEEDBACK_BYTES)))
        except (InputError, TooLargeError) as error:
            raise RequestRefusedError(400, str(error)) from error
        self.learner.learn(given, now=self.clock())
        explained = self.learner.explain(now=self.clock())
        answer = RouterFeedback(
            total_feedback=explained.total_feedback,
            threshold=explained.threshold,
            avg_quality=explained.avg_quality,
            by_tier=explained.by_tier,
        )
        return Response(answer.model_dump_json(), media_type="application/json")

    async def _build_feedback(self, request: Request) -> Response:
        """Take in how good a repo turned out whose calls this instance's routers have passed."""
        self._check(request)
        body = _read(await whole_body(request, most_bytes=_MOST_FEEDBACK_BYTES))
        told = body if isinstance(body, dict) else {}
        routed = self.grants.journal.routed(str(told.get("repo")))
        if routed is None:
            raise RequestRefusedError(404, "No call for this repo's build has been made here.")
        try:
            given = CallFeedback.read({"score": routed[0], "tier": routed[1], "quality": told.get("quality")})
        except InputError as error:
            raise RequestRefusedError(400, str(error)) from error
        self.learner.learn(given, now=self.clock())
        return JSONResponse(given.model_dump())

    def _check(self, request: Request) -> None:
        shown = request.headers.get("authorization", "").rpartition(" ")[2] or request.headers.get(
            "x-api-key", ""
        )
        if not self.signer.is_control(shown):
            raise RequestRefusedError(401, "This is not the factory's own token.")

    def _live(self, request: Request) -> Live:
        self._check(request)
        live = self.grants.find(request.path_params["id"])
        if live is None:
            raise RequestRefusedError(404, "No call with this grant has been made here.")
        return live
