"""The played GitHub refuses what the real one refuses, and counts as it does."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from factory_assets.replay.catalogue_answer import CatalogueAnswer
from factory_assets.replay.github import PlayedGitHub
from factory_assets.replay.recordings_model import RecordedRepository

AGENT = {"user-agent": "test"}
SIGNED = {**AGENT, "authorization": "Bearer right"}
CACHE = RecordedRepository(
    full_name="acme/cache",
    description="Keys and values",
    stars=12,
    readme="# Cache",
    files=("src/", "README.md"),
    licence="MIT",
    pushed=date(2026, 6, 10),
)
EMPTY = RecordedRepository(full_name="acme/empty")


def played(**changes: Any) -> PlayedGitHub:
    return PlayedGitHub([CACHE, EMPTY], token="right", searches_a_minute=None, **changes)


def ask(
    github: PlayedGitHub, path: str, headers: Mapping[str, str] = SIGNED, **query: str
) -> CatalogueAnswer:
    answer = github.answer(path, query, headers)
    assert answer is not None
    return answer


def names(github: PlayedGitHub, search: str) -> list[str]:
    body: Any = ask(github, "/search/repositories", q=search).body
    return [item["full_name"] for item in body["items"]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("keys", True),
        ('"keys and values"', True),
        ('"values and keys"', False),
        ("keys in:name", False),
        ("cache in:readme", True),
        ("keys stars:>=12 pushed:>=2026-06-10 archived:false", True),
        ("keys stars:>12", False),
        ("keys pushed:<2026-06-10", False),
        ("keys archived:true", False),
    ],
)
def test_terms_and_qualifiers_hold_all_together(search: str, found: bool) -> None:
    assert names(played(), search) == (["acme/cache"] if found else [])


@pytest.mark.parametrize(
    "search",
    [
        "",
        "x" * 257,
        "a OR b OR c OR d OR e OR f OR g",
        "keys in:body",
        "keys stars:many",
        "keys pushed:>=june",
        "stars:>1",
    ],
)
def test_a_search_that_is_not_legal_is_refused(search: str) -> None:
    assert ask(played(), "/search/repositories", q=search).status == 422


def test_who_names_no_agent_or_shows_a_wrong_token_is_refused() -> None:
    assert ask(played(), "/repos/acme/cache/readme", {}).status == 403
    wrong = {**AGENT, "authorization": "Bearer wrong"}
    assert ask(played(), "/repos/acme/cache/readme", wrong).status == 401


def test_searches_and_all_else_are_counted_apart_and_less_is_allowed_without_a_token() -> None:
    github = played()
    searched = [ask(github, "/search/repositories", AGENT, q="keys") for _ in range(11)]
    assert [answer.status for answer in searched] == [200] * 10 + [403]
    assert searched[-1].headers["x-ratelimit-remaining"] == "0"
    assert int(searched[-1].headers["x-ratelimit-reset"]) > datetime.now(UTC).timestamp()
    read = [ask(github, "/repos/acme/cache/readme", AGENT) for _ in range(61)]
    assert [answer.status for answer in read] == [200] * 60 + [403]
    assert ask(github, "/search/repositories", q="keys").status == 200


def test_a_readme_comes_encoded_and_a_tree_with_its_kinds() -> None:
    readme: Any = ask(played(), "/repos/ACME/cache/readme").body
    assert base64.b64decode(readme["content"]).decode() == "# Cache"
    tree: Any = ask(played(), "/repos/acme/cache/git/trees/main").body
    assert [(entry["path"], entry["type"]) for entry in tree["tree"]] == [
        ("src", "tree"),
        ("README.md", "blob"),
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/repos/acme/none/readme", 404),
        ("/repos/acme/empty/readme", 404),
        ("/repos/acme/empty/git/trees/main", 409),
        ("/repos/acme/cache/git/trees/other", 404),
        ("/repos/acme/cache/issues", 404),
    ],
)
def test_what_is_not_there_is_told_as_by_the_real_one(path: str, status: int) -> None:
    assert ask(played(), path).status == status
