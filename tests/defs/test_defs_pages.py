"""From a repo's name to its pages in the UI: the filter of the runs, and the links that stand in the UI itself."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from automation_ticks import WEDNESDAY, queue_two
from dagster_private import EmptyWorkspaceTarget
from defs_factory import DefsFactory, metadata

from factory_assets.defs.dagster_private.core import BACKFILL_ID_TAG
from factory_assets.defs.dagster_private.workspace import WorkspaceProcessContext, execute_query
from factory_assets.defs.pages import runs_page

_FEED = """
query Feed($filter: RunsFilter, $view: RunsFeedView!) {
  runsFeedOrError(limit: 10, filter: $filter, view: $view) {
    __typename ... on RunsFeedConnection { results { id } }
  }
}
"""


@pytest.fixture
def ui(kept: DefsFactory) -> Iterator[WorkspaceProcessContext]:
    with WorkspaceProcessContext(kept.instance, EmptyWorkspaceTarget()) as context:
        yield context


def listed(ui: WorkspaceProcessContext, address: str) -> list[str]:
    """The runs that the UI's list shows at this address, as its own code reads it."""
    asked = parse_qs(urlsplit(address).query)
    ((token, _, tag),) = [text.partition(":") for text in asked["q[]"]]
    assert token == "tag"
    key, _, value = tag.partition("=")
    (view,) = asked.get("view", ["roots"])
    variables = {"filter": {"tags": [{"key": key, "value": value}]}, "view": view.upper()}
    answer = execute_query(ui, _FEED, variables)["data"]["runsFeedOrError"]
    assert answer["__typename"] == "RunsFeedConnection", answer
    return [result["id"] for result in answer["results"]]


def test_the_runs_of_a_repo_are_found_by_its_name_those_of_backfills_too(
    kept: DefsFactory, ui: WorkspaceProcessContext
) -> None:
    queue_two(kept)
    # As the UI and a backfill ask for them: by the partition alone.
    built = kept.run("build", "2026-06-17|01", {BACKFILL_ID_TAG: "all-four"})
    mirrored = kept.run("mirror", "2026-06-17|01", {BACKFILL_ID_TAG: "all-four"})
    kept.run("build", "2026-06-17|02", {BACKFILL_ID_TAG: "all-four"})
    address = runs_page("cache-probe")
    assert {*listed(ui, address)} == {built.run_id, mirrored.run_id}
    # Why the address says so: the list that the UI shows by itself leaves out what a backfill has made.
    assert listed(ui, address.removesuffix("&view=runs")) == []


def test_a_built_repos_partition_leads_to_its_runs(kept: DefsFactory) -> None:
    queue_two(kept)
    built = metadata(kept.run_rank("build", WEDNESDAY, 1), "built_repos")
    assert built["runs"] == f"[all runs of cache-probe]({runs_page('cache-probe')})"
