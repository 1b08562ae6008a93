"""Executing a run in this process, as `dagster api execute_run` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster._utils.interrupts import capture_interrupts

__all__ = ["capture_interrupts", "execute_run", "run_id_of"]


def execute_run(instance: dg.DagsterInstance, run_id: str) -> int:
    """Execute it to its end, which stands in the instance then; the exit code, 0 where it succeeded."""
    return _execute_run_command_body(
        run_id, instance, write_stream_fn=lambda _: None, set_exit_code_on_failure=True
    )


def run_id_of(packed: Mapping[str, Any]) -> str:
    """The run that a message of dagster_celery's launcher (0.29.27) asks for."""
    return unpack_value(packed, as_type=ExecuteRunArgs).run_id
