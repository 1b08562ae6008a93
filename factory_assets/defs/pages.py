"""Where a repo is found in the Dagster UI. The addresses are as its own links write them (seen in 1.13.27).

A repo is a partition, and the UI's search knows assets, jobs, schedules, sensors and resources alone. What leads from a
name to its repo is the tag of its runs and these addresses.
"""

from __future__ import annotations

from urllib.parse import quote

from factory_assets.domain.specs import QueuedSpec, rank_key

# REPO_TAG of defs.runs, which would cost a command the seconds that importing Dagster takes.
_REPO_TAG = "factory/repo"


def partition_page(asset: str, partition: str) -> str:
    """The page of one partition, within the UI."""
    return f"/assets/{asset}?view=partitions&partition={quote(partition, safe='')}"


def repo_page(queued: QueuedSpec) -> str | None:
    """The page of the repo as it was built, within the UI; None of a spec that waits for a free rank."""
    if queued.day is None or queued.rank is None:
        return None
    return partition_page("built_repos", f"{queued.day.isoformat()}|{rank_key(queued.rank)}")


def runs_page(name: str) -> str:
    """The runs that built or mirrored this repo, within the UI.

    Without `view=runs`, which its switch "Show runs within backfills" writes, the UI lists a backfill as one line, and
    the filter goes by the tags of the backfill itself, which has none of its repos'.
    """
    return f"/runs?{quote('q[]')}={quote(f'tag:{_REPO_TAG}={name}', safe='')}&view=runs"
