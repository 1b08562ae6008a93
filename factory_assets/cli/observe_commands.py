"""The command that shows the factory to whoever watches over it: its metrics and its health."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from factory_assets.cli.common import console
from factory_assets.cli.instance import OpenedInstance, open_instance
from factory_assets.domain.errors import InputError
from factory_assets.json_logs import log_as

if TYPE_CHECKING:
    from starlette.applications import Starlette


def metrics(
    port: Annotated[
        int | None,
        typer.Option(help="Serve /metrics and /health there; without it the page is printed once."),
    ] = None,
    host: Annotated[str, typer.Option(help="An address of this machine; loopback unless told otherwise.")] = (
        "127.0.0.1"
    ),
) -> None:
    """Show how the factory stands, for Prometheus; see docs/observability.md."""
    from factory_assets.cli.metrics_page import page
    from factory_assets.cli.observing import observe

    instance = open_instance()
    if port is None:
        sys.stdout.buffer.write(page(lambda: observe(instance, datetime.now(UTC))))
        return
    log_as(instance.settings.factory_log_format)
    console.print(f"Metrics: http://{host}:{port}/metrics (Ctrl-C stops it)", highlight=False)
    _serve(instance, host, port)


def _serve(instance: OpenedInstance, host: str, port: int) -> None:
    import uvicorn

    config = uvicorn.Config(app_of(instance), host=host, port=port, log_config=None, access_log=False)
    try:
        uvicorn.Server(config).run()
    # As uvicorn ends where it cannot listen.
    except SystemExit as error:
        raise InputError(
            f"The metrics cannot be served on {host}:{port}.",
            where="--host and --port, or FACTORY_METRICS_PORT",
            fix="Name an address of this machine and a free port.",
        ) from error


def app_of(instance: OpenedInstance) -> Starlette:
    """The ASGI application: /metrics for Prometheus, /health for probes."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from factory_assets.cli.metrics_page import CONTENT_TYPE, page
    from factory_assets.cli.observing import observe

    def shown(_: Request) -> Response:
        return Response(page(lambda: observe(instance, datetime.now(UTC))), media_type=CONTENT_TYPE)

    def health(_: Request) -> Response:
        state = observe(instance, datetime.now(UTC))
        told = {"status": "ok" if state.is_healthy else "failing", "problems": state.problems}
        return Response(json.dumps(told), 200 if state.is_healthy else 503, media_type="application/json")

    # Not coroutines: both ask databases, in a thread of their own.
    return Starlette(routes=[Route("/metrics", shown), Route("/health", health)])
