"""From a command to the rules of its egress proxy, and from its end to its result; the same in both sandboxes."""

from __future__ import annotations

import subprocess

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.sandbox.base import STOPPED_EXIT_CODE, TIMED_OUT_EXIT_CODE, Confines
from factory_assets.sandbox.capture import Captured
from factory_assets.sandbox.egress import EgressRules
from factory_assets.sandbox.watch import Watch
from factory_assets.sandbox.watchdog import Watchdog


def rules_of(command: Command) -> EgressRules | None:
    """What may pass the command's egress proxy; None without one."""
    return None if command.reach is None else EgressRules(command.reach)


def result_of(
    process: subprocess.Popen[bytes],
    captured: Captured,
    watchdog: Watchdog,
    confines: Confines,
    *,
    seconds: float,
    watch: Watch | None = None,
) -> CommandResult:
    """What an ended command did. Why it was stopped stands at the end of its output, too."""
    stopped = watchdog.stopped
    exit_code = process.returncode
    if stopped or captured.timed_out:
        exit_code = STOPPED_EXIT_CODE if stopped else TIMED_OUT_EXIT_CODE
    refused = confines.egress.log.refused.all if confines.egress else ()
    unreached = confines.egress.log.unreached.all if confines.egress else ()
    notes = [
        *([f"stopped: {stopped}"] if stopped else []),
        *(f"not let through: {line}" for line in refused),
        *(f"not reached: {line}" for line in unreached),
    ]
    return CommandResult(
        exit_code=exit_code,
        output=captured.output + "".join(f"\n[{note}]\n" for note in notes),
        timed_out=captured.timed_out and not stopped,
        seconds=seconds,
        stopped=stopped,
        refused=refused,
        unreached=unreached,
        sightings=watch.sightings() if watch else (),
        unwatched=tuple(watch.unwatched) if watch else (),
    )
