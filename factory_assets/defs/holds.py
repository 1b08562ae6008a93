"""Stops of the whole queue in Dagster: the pool of the builds at 0, and what raises it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import dagster as dg

from factory_assets.defs.pools import BUILD_POOL, set_builds
from factory_assets.defs.stages import Credential
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import CredentialError, FactoryError
from factory_assets.domain.refusals import ModelStoppedError
from factory_assets.registry import Registry


def stop_for_model(
    context: dg.AssetExecutionContext,
    registry: Registry,
    error: CredentialError | ModelStoppedError,
    credential: str,
    *,
    now: datetime,
) -> None:
    """Hold the queue until what the model's API refused to everybody is fixed, or its time is over.

    Queued runs stay queued, without a process; builds that run already go on until they meet the same refusal.
    """
    if isinstance(error, ModelStoppedError) and error.cause is not WaitCause.CREDENTIAL:
        _stop_until_fixed(context, registry, error.cause, error, credential, until=error.until, now=now)
        return
    hold = Hold(
        cause=WaitCause.CREDENTIAL,
        reason=f"The model's credential was refused: {error.what}",
        fix=f"{error.fix} Then `factory up`, or `factory resume`.".strip(),
        since=now,
        credential=credential,
        tries=registry.holds.tries(WaitCause.CREDENTIAL, now),
    )
    _stop(context, registry, replace(hold, fix=f"{hold.fix} {_tried_again(hold)}"))


def stop_for_machine(
    context: dg.AssetExecutionContext,
    registry: Registry,
    error: FactoryError,
    credential: str,
    *,
    now: datetime,
) -> None:
    """Hold the queue while this machine lacks what every build needs: each would only meet it anew."""
    _stop_until_fixed(context, registry, WaitCause.TOOLCHAIN, error, credential, until=None, now=now)


def _stop_until_fixed(
    context: dg.AssetExecutionContext,
    registry: Registry,
    cause: WaitCause,
    error: FactoryError,
    credential: str,
    *,
    until: datetime | None,
    now: datetime,
) -> None:
    hold = Hold(
        cause=cause,
        reason=error.what,
        fix=error.fix,
        since=now,
        credential=credential,
        tries=registry.holds.tries(cause, now),
        until=until,
    )
    again = f"Then `factory resume`; by itself the queue goes on at {hold.opens_at:%Y-%m-%d %H:%M} UTC."
    _stop(context, registry, replace(hold, fix=f"{error.fix} {again}".strip()))


def _stop(context: dg.AssetExecutionContext, registry: Registry, hold: Hold) -> None:
    registry.holds.record(hold)
    stopped = "analysis"
    if hold.stops_builds:
        context.instance.event_log_storage.set_concurrency_slots(BUILD_POOL, 0)
        stopped = "build"
    context.log.error("The whole queue is stopped: no %s starts before this is fixed. %s", stopped, hold)


def lift_holds(
    instance: dg.DagsterInstance,
    registry: Registry,
    credential: Credential,
    *,
    workers: int,
    may_probe: Sequence[Hold],
    now: datetime,
) -> list[Hold]:
    """Lift the stops that are fixed, or whose time for a try has come, and return those that stand.

    Once none of the builds stands any more, `workers` builds may run at once. The credential is tried for the stops in
    `may_probe` alone.
    """
    standing = registry.holds.standing()
    fixed, tried, left = _sorted_out(standing, credential, may_probe, now)
    if any(hold.stops_builds for hold in standing) and not any(hold.stops_builds for hold in left):
        # Before the stops are forgotten: should this process die in between, the next one does both.
        set_builds(instance, workers)
    for hold in fixed:
        registry.holds.release(hold.cause)
    for hold in tried:
        registry.holds.release_to_try(hold.cause, now)
    return left


def left_unasked(
    standing: Sequence[Hold], credential: Credential, *, may_probe: Sequence[Hold], now: datetime
) -> list[Hold]:
    """The stops that `lift_holds` would leave, were the credential that it asks for refused. Nobody is asked."""
    unasked = [hold for hold in may_probe if hold.cause is not WaitCause.CREDENTIAL]
    _, _, left = _sorted_out(standing, credential, unasked, now)
    return left


def _sorted_out(
    standing: Sequence[Hold], credential: Credential, may_probe: Sequence[Hold], now: datetime
) -> tuple[list[Hold], list[Hold], list[Hold]]:
    """The stops that are fixed, those whose time for a try has come, and the others."""
    fixed = [hold for hold in standing if hold.credential != credential.digest()]
    tried = [
        hold
        for hold in standing
        if hold not in fixed and hold in may_probe and _worth_a_try(hold, credential, now)
    ]
    return fixed, tried, [hold for hold in standing if hold not in [*fixed, *tried]]


def _worth_a_try(hold: Hold, credential: Credential, now: datetime) -> bool:
    works = credential.works() if hold.cause is WaitCause.CREDENTIAL else None
    return now >= hold.opens_at if works is None else works


def _tried_again(hold: Hold) -> str:
    minutes = hold.probe_pause.total_seconds() / 60
    return (
        f"By itself the credential is tried every {minutes:.0f} minutes; where only a build can tell"
        f" (CLAUDE_CODE_OAUTH_TOKEN, a login), the queue goes on at {hold.opens_at:%Y-%m-%d %H:%M} UTC."
    )


def lift_by_hand(instance: dg.DagsterInstance, registry: Registry, workers: int) -> list[Hold]:
    """Lift every stop and return what was lifted."""
    standing = registry.holds.standing()
    set_builds(instance, workers)
    for hold in standing:
        registry.holds.release(hold.cause)
    return standing
