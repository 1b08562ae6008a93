"""What waits at a real Redis, as Celery lays it there."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis_server
from dagster_celery.make_app import make_app
from pydantic import SecretStr

from factory_assets.defs.celery_app import app_arguments
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
        arguments = app_arguments(given)
        app = make_app(  # type: ignore[no-untyped-call]
            {
                **{name: arguments[name] for name in ("broker", "backend", "include", "config_source")},
                "task_default_queue": arguments["default_queue"],
            }
        )
        sent = {app.send_task("execute_job", priority=priority).id for priority in (0, 3, 9, 10)}
        assert waiting() == sent
    assert waiting() is None, "a broker that is away does not tell"


def test_without_a_broker_nobody_is_asked(tmp_path: Path) -> None:
    assert waiting_at(Settings(_env_file=None, factory_data_dir=tmp_path)) is None
