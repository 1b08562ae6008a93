"""Stops of the whole queue in Dagster: the pool of the builds at 0, and what raises it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from factory_assets.defs.stages import Building
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import CredentialError
from factory_assets.registry import Registry

BUILD_POOL = "builds"


def stop_queue(
    context: dg.AssetExecutionContext,
    registry: Registry,
    error: CredentialError,
    credential: str,
    *,
    now: datetime,
) -> None:
    """Hold the queue until the credential that was refused is another one or works again.

    Queued runs stay queued, without a process; builds that run already go on until they meet the same refusal.
    """
    hold = Hold(
        cause=WaitCause.CREDENTIAL,
        reason=f"The model's credential was refused: {error.what}",
        mend=f"{error.mend} Then `factory up`, or `factory resume`.".strip(),
        since=now,
        credential=credential,
    )
    registry.hold(hold)
    context.instance.event_log_storage.set_concurrency_slots(BUILD_POOL, 0)
    context.log.error("The whole queue is stopped: no build starts before this is mended. %s", hold)


def lift_holds(
    instance: dg.DagsterInstance,
    registry: Registry,
    building: Building,
    *,
    workers: int,
    may_probe: Sequence[Hold],
) -> list[Hold]:
    """Lift the stops that are mended, and return those that stand.

    Once none stands any more, `workers` builds may run at once. The credential is tried for the stops in
    `may_probe` alone.
    """
    standing = registry.holds()
    mended = [
        hold
        for hold in standing
        if hold.credential != building.credential_digest()
        or (hold in may_probe and building.credential_works())
    ]
    left = [hold for hold in standing if hold not in mended]
    if mended and not left:
        # Before the stops are forgotten: should this process die in between, the next one does both.
        set_builds(instance, workers)
    for hold in mended:
        registry.release_hold(hold.cause)
    return left


def lift_by_hand(instance: dg.DagsterInstance, registry: Registry, workers: int) -> list[Hold]:
    """Lift every stop and return what was lifted."""
    standing = registry.holds()
    set_builds(instance, workers)
    for hold in standing:
        registry.release_hold(hold.cause)
    return standing


def set_builds(instance: dg.DagsterInstance, workers: int) -> None:
    """Set how many builds run at once."""
    instance.event_log_storage.set_concurrency_slots(BUILD_POOL, workers)
