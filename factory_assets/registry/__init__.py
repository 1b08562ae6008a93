"""The registry: papers, specs, builds, repos and the ledger in one DuckDB file; the only place with SQL."""

from __future__ import annotations

from factory_assets.registry.lock import Patience
from factory_assets.registry.models import (
    AnalysisRecord,
    DayContents,
    FailedBuild,
    FunnelDay,
    IdeaCounts,
    MirrorRecord,
    UnmirroredRepo,
)
from factory_assets.registry.registry import Registry
from factory_assets.registry.signs import SilentRun

__all__ = [
    "AnalysisRecord",
    "DayContents",
    "FailedBuild",
    "FunnelDay",
    "IdeaCounts",
    "MirrorRecord",
    "Patience",
    "Registry",
    "SilentRun",
    "UnmirroredRepo",
]
