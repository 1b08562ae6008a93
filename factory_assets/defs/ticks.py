"""Who evaluates a schedule or sensor: the daemon in a tick of its own, or somebody who only looks.

"Preview tick result" in the UI ("Test schedule", "Test sensor") and `dagster sensor preview` evaluate what the daemon
evaluates. So an evaluation reads through a registry that refuses to write (build_defs gives it no other) and decides;
what follows from the decision is written with the pen, which only a tick has.
"""

from __future__ import annotations

import dagster as dg

from factory_assets.registry import Registry

Evaluation = dg.ScheduleEvaluationContext | dg.SensorEvaluationContext


def is_tick(context: Evaluation) -> bool:
    """Whether the daemon evaluates, and launches what is asked for.

    The daemon names its tick in the log key, by number; for all others Dagster fills in the time of day. Seen in
    1.13.27: dagster/_daemon/sensor.py, dagster/_scheduler/scheduler.py, and the constructors of both contexts.
    """
    *_, number = context.log_key or [""]
    return number.isdecimal()


def pen(context: Evaluation, registry: Registry) -> Registry | None:
    """The registry to write to in a tick; None for who only looks."""
    return registry.writing() if is_tick(context) else None


def log(context: Evaluation, text: str) -> None:
    """Keep a line in the log of a tick. Of who only looks Dagster would keep a file that nothing shows."""
    if is_tick(context):
        context.log.info(text)
