"""The names of the gates, as the registry, the tags of shipped repos and the UI know them."""

from __future__ import annotations

from factory_assets.dependencies import resolution

TREE_SAFE = "tree-safe"
SECRETS = "secrets"
SOURCES = "sources"
TESTS_PRESENT = "tests-present"
PLACEHOLDERS = "placeholders"
DOCUMENTS = "documents"
DEPENDENCIES = resolution.GATE
REVIEW_BOUNDS = "review-bounds"
TESTS_RUN = "tests-run"
TESTS_PASS = "tests-pass"  # noqa: S105 - a gate's name
TESTS_EXECUTED = "tests-executed"
TESTS_NOTICE = "tests-notice"
PROVENANCE = "provenance"
HARMLESS = "harmless"
READING = "reading"
ACCEPTANCE = "acceptance"
