"""The doctor's check of where citations come from, against the sources as they answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from json_server import Reply
from openalex_server import OpenAlexServer
from pydantic import SecretStr
from semantic_scholar_server import TOO_MANY, Known, SemanticScholarServer

from factory_assets.doctor.citations import check_citations
from factory_assets.doctor.result import DoctorInputs, Severity

NOWHERE = "http://127.0.0.1:9"
ATTENTION = Known("a", "1706.03762", "Attention is all you need")


def inputs(
    tmp_path: Path, *, live: bool = True, openalex: str = "", s2: str = "", url: str = ""
) -> DoctorInputs:
    return DoctorInputs(
        live=live,
        data_dir=tmp_path,
        claude_config=tmp_path / ".claude",
        anthropic_url=NOWHERE,
        github_url=NOWHERE,
        openalex_key=SecretStr(openalex) if openalex else None,
        openalex_url=url or NOWHERE,
        semantic_scholar_key=SecretStr(s2) if s2 else None,
        semantic_scholar_url=url or NOWHERE,
    )


def test_a_key_that_is_taken_is_told_with_its_source(tmp_path: Path) -> None:
    with OpenAlexServer(keys=("openalex-key-1",)) as server:
        told = check_citations(inputs(tmp_path, openalex="openalex-key-1", s2="s2-key-1", url=server.url))
        assert (told.ok, told.found) == (True, f"from OpenAlex: OPENALEX_API_KEY is accepted by {server.url}")
        assert not any("openalex-key-1" in asked.target for asked in server.asked)
    with SemanticScholarServer(ATTENTION, keys=("s2-key-1",)) as server:
        told = check_citations(inputs(tmp_path, s2="s2-key-1", url=f"{server.url}/"))
        assert told.ok, told
        assert "from Semantic Scholar" in told.found


@pytest.mark.parametrize(
    ("keys", "setting"),
    [
        ({"openalex": "expired-key-1"}, "OPENALEX_API_KEY"),
        ({"s2": "expired-key-1"}, "SEMANTIC_SCHOLAR_API_KEY"),
    ],
)
def test_a_key_that_is_refused_is_a_warning_that_names_the_setting(
    tmp_path: Path, keys: dict[str, str], setting: str
) -> None:
    with OpenAlexServer() as openalex, SemanticScholarServer(ATTENTION) as s2:
        told = check_citations(inputs(tmp_path, **keys, url=openalex.url if "openalex" in keys else s2.url))
    assert (told.ok, told.severity) == (False, Severity.WARNING)
    assert f"{setting} was refused" in told.found
    assert setting in told.fix
    assert "expired-key-1" not in told.found + told.fix


@pytest.mark.parametrize("reply", [TOO_MANY, Reply({}, 500), Reply({}, 404)])
def test_what_cannot_be_tried_is_no_verdict_on_the_key(tmp_path: Path, reply: Reply) -> None:
    with SemanticScholarServer(ATTENTION) as server:
        server.next.append(reply)
        told = check_citations(inputs(tmp_path, s2="s2-key-1", url=server.url))
    assert not told.ok
    assert f"could not be tried: {server.url} answered {reply.status}" in told.found
    assert told.fix == "Check the network and FACTORY_SEMANTIC_SCHOLAR_URL."
    assert "cannot be reached" in check_citations(inputs(tmp_path, openalex="openalex-key-1")).found


def test_without_a_key_nothing_is_asked_and_the_slow_limit_is_told(tmp_path: Path) -> None:
    told = check_citations(inputs(tmp_path))
    assert told.ok
    assert "OPENALEX_API_KEY is free" in told.found
    assert check_citations(inputs(tmp_path, live=False, openalex="a-key-of-a-replay")).ok
