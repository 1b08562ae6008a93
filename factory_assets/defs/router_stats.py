"""The asset `router_stats`, its job and its hourly schedule: what the way to the model costs, saves and has left."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING

import dagster as dg

from factory_assets.defs.externals import GROUP
from factory_assets.defs.markdown import table
from factory_assets.defs.stages import InstanceParts
from factory_assets.domain.builds import Usage
from factory_assets.domain.clock import Clock
from factory_assets.domain.statistics import percent
from factory_assets.report.plots import plot_router

if TYPE_CHECKING:
    from factory_assets.router.client import RouterState
    from factory_assets.router.health import BackendRow
    from factory_assets.router.learning import Explained

ROUTER_STATS = dg.AssetKey("router_stats")
ROUTER_JOB = "router"
_NOT_THERE = "No router of this instance runs, so there are no numbers of it; `factory up` starts one."


def build_router_stats(*, owner: str) -> dg.AssetsDefinition:
    """The asset. It reads the router alone, so it depends on no partition and is never shown as stale."""

    @dg.asset(
        key=ROUTER_STATS,
        group_name=GROUP,
        kinds={"matplotlib"},
        owners=[owner],
        tags={"stage": "report"},
        code_version="1",
        metadata={"settings": "FACTORY_BACKENDS_FILE, FACTORY_REROUTE, FACTORY_ANSWER_CACHE_HOURS"},
        description=(
            "The router's numbers since it was started: dollars and what routing has saved, the share of the tokens"
            " that the model's prompt cache gave, answers from the router's own cache and calls that joined another,"
            " health of each backend, the threshold of routing and why it stands there, what is left of rate limits"
            " and of a subscription's windows. Looked up every hour; it costs nothing."
        ),
    )
    def router_stats(
        instance: dg.ResourceParam[InstanceParts], clock: dg.ResourceParam[Clock]
    ) -> dg.MaterializeResult[None]:
        state = instance.router.state()
        told: dict[str, dg.MetadataValue] = (
            _told(state) if state is not None else {"router": dg.MetadataValue.text(_NOT_THERE)}
        )
        if windows := instance.router.windows().lines(clock.now()):
            told["subscription"] = _list(windows)
        return dg.MaterializeResult(metadata=told)

    return router_stats


def build_router_schedule(timezone: str) -> dg.ScheduleDefinition:
    """Every hour, from the start: it costs nothing."""
    job = dg.define_asset_job(
        ROUTER_JOB,
        selection=dg.AssetSelection.assets(ROUTER_STATS),
        description="Look up the router's numbers.",
    )
    return dg.ScheduleDefinition(
        name="router_hourly",
        job=job,
        cron_schedule="30 * * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every hour: look up the router's numbers.",
    )


def _told(state: RouterState) -> dict[str, dg.MetadataValue]:
    stats = state.stats
    picture = base64.b64encode(plot_router(stats.by_phase_usd, stats.room)).decode()
    told: dict[str, dg.MetadataValue] = {
        "plots": dg.MetadataValue.md(f"![the router's dollars and limits](data:image/png;base64,{picture})"),
        "calls": dg.MetadataValue.int(stats.total_requests),
        "dollars": dg.MetadataValue.float(round(stats.total_spent_usd, 4)),
        "saved dollars": dg.MetadataValue.float(round(stats.total_saved_usd, 4)),
        "joined calls": dg.MetadataValue.int(stats.total_joined),
        "health": dg.MetadataValue.md(
            table(
                ["model", "status", "in flight", "calls", "errors", "ms", "tried again"],
                [_health(row) for row in state.backends],
            )
        ),
    }
    # Left out while there is none: Dagster draws numbers over time, and a made-up one would show there.
    if stats.total_requests:
        rate = stats.total_cache_hits / stats.total_requests
        told["cache hit rate"] = dg.MetadataValue.float(round(rate, 4))
    if stats.by_phase:
        heads = ["phase", "dollars", "tokens in", "of them from the prompt cache", "tokens out"]
        told["dollars by phase"] = dg.MetadataValue.md(
            table(heads, [_used(*item) for item in sorted(stats.by_phase.items())])
        )
        share = sum(stats.by_phase.values(), Usage()).cached_share
        if share is not None:
            told["prompt cache share"] = dg.MetadataValue.float(round(share, 4))
    if stats.room:
        rows = [(limit, f"{left:.0%}") for limit, left in sorted(stats.room.items())]
        told["rate limits"] = dg.MetadataValue.md(table(["limit", "left"], rows))
    if state.learned is not None:
        told["threshold"] = dg.MetadataValue.float(state.learned.threshold)
        told["why this threshold"] = _list(_why(state.learned))
    if stats.since is not None:
        told["since"] = dg.MetadataValue.timestamp(stats.since)
    return told


def _used(phase: str, used: Usage) -> tuple[object, ...]:
    tokens_in, tokens_out = f"{used.prompt_tokens:,}", f"{used.output_tokens:,}"
    return (phase, f"{used.cost_usd:.4f}", tokens_in, percent(used.cached_share), tokens_out)


def _health(row: BackendRow) -> tuple[object, ...]:
    status = f"{row.status}, credential refused" if row.credential_refused else row.status
    again = f"{row.again_at:%Y-%m-%d %H:%M:%S} UTC" if row.again_at else ""
    return (row.name, status, row.in_flight, row.total_requests, row.total_errors, row.latency_ms, again)


def _why(learned: Explained) -> list[str]:
    """What keeps the threshold from moving, then what moved it, the last time first."""
    stands = [beside.why for beside in (learned.above, learned.below) if beside is not None]
    moved = [f"{move.at}: {move.old:.2f} to {move.new:.2f}. {move.why}" for move in learned.moves]
    return [*stands, *moved, f"Feedback so far: {learned.total_feedback}."]


def _list(lines: Iterable[str]) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines))
