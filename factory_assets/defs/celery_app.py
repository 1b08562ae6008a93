"""How Celery is set up, on the side that hands builds over and on the side that takes them."""

from __future__ import annotations

import socket
from typing import Any

from dagster_celery.make_app import make_app

from factory_assets.domain.errors import InputError
from factory_assets.settings import Settings

QUEUE = "dagster"
"""Dagster's own name (dagster_celery.make_app), which its routes are made for."""
# A worker only waits for the broker's answer. One that is cut off, or is another by the time the network is back, is
# noticed within half a minute; by the system's own times in two hours.
_KEEPALIVE = {
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 20_000,
}


def app_arguments(settings: Settings) -> dict[str, Any]:
    """What dagster_celery's launcher and its `make_app` are given.

    Raises:
        InputError: no broker is set.
    """
    if settings.factory_celery_broker is None:
        raise InputError(
            "It is not set.",
            where="FACTORY_CELERY_BROKER",
            fix="Set it to the Redis by which builds are handed over; docs/scale.md says what else is needed.",
        )
    return {
        "broker": settings.factory_celery_broker.get_secret_value(),
        # What became of a run is in Dagster's storage, and nowhere else.
        "backend": None,
        "include": [],
        "default_queue": QUEUE,
        "config_source": {
            # The demo and a live instance may use one Redis; no `:` in it, which separates keys of the library's own.
            "broker_transport_options": {
                "global_keyprefix": f"factory-{settings.factory_mode}-",
                "socket_keepalive": True,
                "socket_keepalive_options": _KEEPALIVE,
                "socket_connect_timeout": 10,
                "socket_timeout": 30,
                "max_retries": 3,
                "interval_start": 0,
                "interval_step": 0.2,
                "interval_max": 0.5,
            },
            # A broker that is away is waited for, however long.
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,
            # A worker takes one build for each free place, and leaves the others to whoever is free first.
            "worker_prefetch_multiplier": 1,
            "worker_disable_prefetch": True,
            "worker_hijack_root_logger": False,
        },
    }


def made_app(settings: Settings) -> Any:
    """Celery's application, which has no types: for a worker, or for whoever asks the workers.

    Raises:
        InputError: no broker is set.
    """
    arguments = app_arguments(settings)
    return make_app(  # type: ignore[no-untyped-call]
        {
            **{name: arguments[name] for name in ("broker", "backend", "include", "config_source")},
            "task_default_queue": arguments["default_queue"],
        }
    )
