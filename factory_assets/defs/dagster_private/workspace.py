"""The workspace and its GraphQL, as the UI asks: more than a second to import."""

from __future__ import annotations

from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_graphql.cli import execute_query

__all__ = [
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "execute_query",
]
