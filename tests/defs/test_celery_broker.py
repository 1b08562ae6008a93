"""What waits at a real Redis, as Celery lays it there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import redis_server
from pydantic import SecretStr

from factory_assets.defs.celery_app import made_app
from factory_assets.defs.celery_broker import waiting_at
from factory_assets.settings import Settings

pytestmark = pytest.mark.skipif(
    bool(redis_server.missing_programs()), reason=f"not here: {redis_server.missing_programs()}"
)


def settings(folder: Path, broker: str) -> Settings:
    made = Settings(_env_file=None, factory_data_dir=folder)
    return made.model_copy(update={"factory_celery_broker": SecretStr(broker)})


def test_tasks_that_no_worker_has_taken_are_told_by_their_ids(tmp_path: Path) -> None:
    with redis_server.redis_server() as broker:
        given = settings(tmp_path, broker)
        waiting = waiting_at(given)
        assert waiting is not None
        assert waiting() == frozenset()
        app = made_app(given)
        sent = {app.send_task("execute_job", priority=priority).id for priority in (0, 3, 9, 10)}
        assert waiting() == sent
    assert waiting() is None, "a broker that is away does not tell"


def test_a_worker_notices_within_half_a_minute_that_its_broker_is_cut_off(tmp_path: Path) -> None:
    """It only waits for an answer: by the system's own times it would for two hours, after the broker is back too."""
    with (
        redis_server.redis_server() as broker,
        made_app(settings(tmp_path, broker)).connection() as connection,
    ):
        client = connection.channel().client
        client.ping()
        used = client.connection_pool.get_connection()
        told = {
            option: used._sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (
                socket.TCP_KEEPIDLE,
                socket.TCP_KEEPINTVL,
                socket.TCP_KEEPCNT,
                socket.TCP_USER_TIMEOUT,
            )
        }
        client.connection_pool.release(used)
    waits = told[socket.TCP_KEEPIDLE] + told[socket.TCP_KEEPINTVL] * told[socket.TCP_KEEPCNT]
    assert waits <= 30
    assert 0 < told[socket.TCP_USER_TIMEOUT] <= 30_000


def test_without_a_broker_nobody_is_asked(tmp_path: Path) -> None:
    assert waiting_at(Settings(_env_file=None, factory_data_dir=tmp_path)) is None
