"""What still waits at the broker for a worker, read from Redis as kombu lays it there."""

from __future__ import annotations

import json
from collections.abc import Callable

from factory_assets.settings import Settings

# A list for each step of priority, whose names kombu 5.6 makes so: kombu.transport.redis.Channel._q_for_pri.
_BETWEEN, _STEPS = "\x06\x16", (0, 3, 6, 9)
_SECONDS = 5

Waiting = Callable[[], frozenset[str] | None]
"""The tasks that wait, by their ids; None where the broker does not tell."""


def waiting_at(settings: Settings) -> Waiting | None:
    """How to ask the broker for what waits there; None where builds are handed to none."""
    if settings.factory_celery_broker is None:
        return None

    def ask() -> frozenset[str] | None:
        # Only such an instance has them installed.
        import redis  # noqa: PLC0415

        from factory_assets.defs.celery_app import QUEUE, app_arguments  # noqa: PLC0415

        arguments = app_arguments(settings)
        begin = arguments["config_source"]["broker_transport_options"]["global_keyprefix"]
        names = [f"{begin}{QUEUE}{_BETWEEN}{step}" if step else f"{begin}{QUEUE}" for step in _STEPS]
        try:
            with redis.Redis.from_url(
                arguments["broker"], socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
            ) as client:
                messages = [message for name in names for message in client.lrange(name, 0, -1)]
        except redis.RedisError:
            return None
        return frozenset(json.loads(message)["headers"]["id"] for message in messages)

    return ask
