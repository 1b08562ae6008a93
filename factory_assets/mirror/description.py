"""What a mirrored repo says about itself on its page: description and topics, as GitHub accepts them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.text import single_line

MAX_DESCRIPTION = 350
MAX_TOPICS = 20
_MAX_TOPIC = 50
_UNPUBLISHED = "Not published yet by the software factory: "
_NOT_IN_TOPICS = re.compile(r"[^a-z0-9]+")
_COMMON_TOPICS = ("software-factory", "arxiv", "developer-tools")


def describe(repo: ShippedRepo) -> str:
    """The problem the repo solves: one line, without control characters, at most 350 characters."""
    text = single_line(repo.problem)
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1].rstrip() + "…"


def unpublished(description: str) -> str:
    """The description that a repository carries until it is complete, by which a later run knows it as half made."""
    return f"{_UNPUBLISHED}{description}"[:MAX_DESCRIPTION]


def is_unpublished(description: str) -> bool:
    """Whether it is one of those."""
    return description.startswith(_UNPUBLISHED)


def topics_of(repo: ShippedRepo, paper_ids: Sequence[str]) -> tuple[str, ...]:
    """Topics of a repo: the factory's own, its language, and each of its papers."""
    return valid_topics((*_COMMON_TOPICS, repo.language, *(f"arxiv-{paper_id}" for paper_id in paper_ids)))


def valid_topics(raw: Sequence[str]) -> tuple[str, ...]:
    """Topics in GitHub's form: lower-case letters, digits and hyphens, 50 characters, at most 20, no doubles.

    Source: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features (topics).
    """
    cleaned = (_NOT_IN_TOPICS.sub("-", topic.lower()).strip("-")[:_MAX_TOPIC].strip("-") for topic in raw)
    return tuple(dict.fromkeys(topic for topic in cleaned if topic))[:MAX_TOPICS]
