"""`make bench`: all measurements, as the Markdown of bench/RESULTS.md."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import (
    bench_archive,
    bench_backfill,
    bench_build,
    bench_cluster_workers,
    bench_commands,
    bench_day,
    bench_definitions,
    bench_gather,
    bench_harvest,
    bench_ideas,
    bench_orchestration,
    bench_registry,
    bench_registry_postgres,
    bench_router,
    bench_router_cache,
    bench_shared,
    bench_workers,
)

_PACKAGES = ("dagster", "duckdb", "anthropic", "claude-agent-sdk", "httpx")


def machine() -> str:
    """The machine, its Python and the packages that matter."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}; {packages}."
    )


def main() -> None:
    print("# Measurements\n")
    print(f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}. Ratios hold; seconds are this machine's.\n")
    print(f"{machine()}")
    for part in (
        bench_definitions,
        bench_registry,
        bench_registry_postgres,
        bench_gather,
        bench_harvest,
        bench_archive,
        bench_build,
        bench_shared,
        bench_commands,
        bench_orchestration,
        bench_backfill,
        bench_workers,
        bench_cluster_workers,
        bench_router,
        bench_router_cache,
        bench_ideas,
        bench_day,
    ):
        print(f"measuring {part.__name__} …", file=sys.stderr)
        print(f"\n{part.run()}")


main()
