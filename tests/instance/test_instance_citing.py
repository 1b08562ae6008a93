"""Which source of citations an instance asks, and how fast."""

from __future__ import annotations

from datetime import timedelta

import pytest
from citation_world import NOW
from pydantic import SecretStr

from factory_assets.archive.openalex import OpenAlex
from factory_assets.archive.semantic_scholar import SemanticScholar
from factory_assets.domain.citations import PaperCitations, SourceCounts
from factory_assets.instance import Instance
from factory_assets.settings import Settings

OPENALEX, S2 = (
    {"openalex_api_key": SecretStr("openalex-key-1")},
    {"semantic_scholar_api_key": SecretStr("s2-key-1")},
)


@pytest.mark.parametrize(
    ("keys", "kind", "credential", "seconds"),
    [
        (OPENALEX | S2, OpenAlex, {"Authorization": "Bearer openalex-key-1"}, 0.1),
        (S2, SemanticScholar, {"x-api-key": "s2-key-1"}, 1.1),
        ({}, SemanticScholar, {}, 3.1),
    ],
)
def test_the_source_that_has_a_key_is_asked_at_its_own_pace(
    keys: dict[str, SecretStr],
    kind: type[OpenAlex | SemanticScholar],
    credential: dict[str, str],
    seconds: float,
) -> None:
    source = Instance(Settings(_env_file=None, **keys)).citing.graph(print).source
    assert isinstance(source, kind)
    assert source.service.credential == credential
    assert source.service.politeness._interval == seconds
    assert not any(key.get_secret_value() in repr(source) for key in keys.values())


def test_what_a_graph_says_is_said_without_secrets() -> None:
    said: list[str] = []
    instance = Instance(Settings(_env_file=None, **S2))
    instance.citing.graph(said.append).notify("x s2-key-1 y")
    assert said == ["x [secret] y"]


def test_housekeeping_forgets_what_has_been_old_for_as_long_as_things_are_kept(
    replay_settings: Settings,
) -> None:
    instance = Instance(replay_settings)
    papers = {f"2606.0000{weeks}": NOW - timedelta(weeks=weeks) for weeks in (1, 4, 5)}
    told = [
        SourceCounts(arxiv_id=paper, source="openalex", fetched_at=at, cited_by=0, references=0)
        for paper, at in papers.items()
    ]
    instance.registry.citations.keep([PaperCitations(counts=counts) for counts in told])
    instance.housekeeping.sweep(before=NOW, remove=False)
    assert len(instance.registry.citations.counts(list(papers))) == 3
    instance.housekeeping.sweep(before=NOW, remove=True)
    left = [counts.arxiv_id for counts in instance.registry.citations.counts(list(papers))]
    assert left == ["2606.00001", "2606.00004"]
