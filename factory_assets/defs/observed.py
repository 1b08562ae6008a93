"""How Dagster's storage stands at one moment, in counts and times."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from factory_assets.domain.observed import DagsterState

_ALIVE = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_LATELY = timedelta(days=1)


def dagster_state(instance: dg.DagsterInstance, now: datetime) -> DagsterState:
    """Counts of runs, and when assets and daemons were last heard of."""
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _LATELY)
    latest = {
        key.to_user_string(): instance.get_latest_materialization_event(key)
        for key in instance.all_asset_keys()
    }
    return DagsterState(
        runs={
            status.value.lower(): instance.get_runs_count(dg.RunsFilter(statuses=[status]))
            for status in _ALIVE
        },
        failed_runs=instance.get_runs_count(failed),
        materialized_at={
            name: datetime.fromtimestamp(event.timestamp, UTC) for name, event in latest.items() if event
        },
        daemons_seen_at={
            name: datetime.fromtimestamp(heartbeat.timestamp, UTC)
            for name, heartbeat in instance.get_daemon_heartbeats().items()
        },
        failing_ticks=tuple(_failing(instance)),
    )


def _failing(instance: dg.DagsterInstance) -> list[str]:
    names = []
    for state in instance.all_instigator_state():
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        if ticks and ticks[0].status.value == "FAILURE":
            names.append(state.instigator_name)
    return sorted(names)
