"""`factory archive read ID --text`: a paper's own text, live from a peer and in a replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from arxiv_texts_server import Answer, ArxivSite, arxiv_site, page
from defs_commands import Commands

from factory_assets.domain.full_text import method_section
from factory_assets.domain.research import FullText

METHOD = "We keep what was asked for last, and let go of what nobody has asked for. " * 40


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def site() -> Iterator[ArxivSite]:
    with arxiv_site() as made:
        yield made


def test_a_text_is_shown_by_sections_and_as_json(commands: Commands, site: ArxivSite) -> None:
    site.pages["2606.00001"] = page(("Introduction", "Caches grow."), ("Method", METHOD))
    asked = {"FACTORY_ARXIV_TEXT_URL": site.url, "FACTORY_ARXIV_INTERVAL": "0"}
    shown = commands("archive", "read", "2606.00001v1", "--text", **asked)
    assert shown.out.startswith(
        "2606.00001: 2 sections from https://arxiv.org/html/2606.00001v1; licence unknown: single"
    )
    assert "# 2 Method We keep what was asked for last" in shown.out
    told = json.loads(commands("archive", "read", "2606.00001", "--text", "--json", **asked).out)
    assert [section["heading"] for section in told["sections"]] == ["1 Introduction", "2 Method"]
    assert len(site.asked) == 1
    none = commands("archive", "read", "2606.00002", "--text", **asked)
    assert (none.code, none.err.startswith("error: 2606.00002: arXiv has no text of this paper")) == (1, True)
    site.faults = [Answer(b"", 503)]
    failed = commands("archive", "read", "2606.00003", "--text", **asked)
    assert (failed.code, failed.err.startswith("error: arXiv answered 503")) == (1, True)


@pytest.mark.parametrize(("arxiv_id", "form"), [("2606.19667", "html"), ("2606.20072", "src")])
def test_a_replay_plays_texts_that_say_what_they_are(commands: Commands, arxiv_id: str, form: str) -> None:
    commands.write_replay()
    shown = commands("archive", "read", arxiv_id, "--text", "--json", FACTORY_MODE="replay")
    text = FullText.model_validate_json(shown.out)
    assert text.source == f"https://arxiv.org/{form}/{arxiv_id}"
    assert "not the paper's text" in text.sections[0].text
    method = method_section(text)
    assert method is not None
    assert method.heading.endswith("Method")


def test_a_paper_that_the_replay_has_no_text_of_has_none_there(commands: Commands) -> None:
    commands.write_replay()
    none = commands("archive", "read", "2606.19881", "--text", FACTORY_MODE="replay")
    assert (none.code, none.err.startswith("error: 2606.19881: arXiv has no text of this paper")) == (1, True)
