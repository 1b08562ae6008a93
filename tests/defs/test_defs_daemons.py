"""Whether a daemon runs is told from what it has reported lately, by a clock that may have been set."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest

from factory_assets.defs.daemons import check_no_daemon, daemon_is_running
from factory_assets.defs.dagster_private.daemon import DaemonHeartbeat
from factory_assets.domain.errors import InputError


@pytest.mark.parametrize(
    ("seconds_ago", "runs"), [(0, True), (60, True), (-60, True), (120, False), (3600, False), (-3600, False)]
)
def test_a_daemon_runs_that_has_reported_within_a_minute_of_now(
    tmp_path: Path, seconds_ago: float, runs: bool
) -> None:
    """A report from the future was written before the clock was set back: to believe it would be to wait for ever."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_daemon_heartbeat(
            DaemonHeartbeat(time.time() - seconds_ago, "QUEUED_RUN_COORDINATOR", "an id", [])
        )
        assert daemon_is_running(instance) is runs
        if runs:
            with pytest.raises(InputError, match="has a daemon already"):
                check_no_daemon(instance)
        else:
            check_no_daemon(instance)
