"""Every README that ships says whose work it rests on, whatever its agents have written."""

from __future__ import annotations

from pathlib import Path

import pytest
from provenance_material import a_spec
from registry_samples import paper

from factory_assets.building.attribution import HEADING, attributed, attribution_faults
from factory_assets.building.scaffold.scaffold import write_scaffold
from factory_assets.domain.papers import Paper
from factory_assets.gates.markdown import read_markdown

PAPER = paper(title="Windows over bytes", authors=("Ada Löve, Jr.", "Alan T."))
NO_SOURCE = ""


def text(readme: bytes, *papers: Paper) -> str:
    return attributed(readme, papers or (PAPER,), PAPER.url).decode()


def links(readme: str) -> list[str]:
    return [link.target for link in read_markdown(readme).links]


def test_title_authors_link_and_licence_stand_at_the_end() -> None:
    readme = text(b"# byte-window\n\nPrints bytes.\n")
    assert readme.startswith("# byte-window\n\nPrints bytes.\n\n## Attribution\n\n")
    assert "*Windows over bytes*, by Ada Löve, Jr., Alan T.: <https://arxiv.org/abs/2606.01234>." in readme
    assert "licence that is named on their pages" in readme
    assert links(readme) == ["https://arxiv.org/abs/2606.01234", "LICENSE"]


def test_every_paper_is_named() -> None:
    readme = text(b"# x\n", PAPER, paper("2606.09999", title="Second"))
    assert links(readme)[:2] == ["https://arxiv.org/abs/2606.01234", "https://arxiv.org/abs/2606.09999"]
    assert "*Second*" in readme


def test_the_same_again_changes_nothing() -> None:
    once = text(b"# byte-window\n")
    assert text(once.encode()) == once


def test_an_import_without_a_paper_names_the_page_that_it_came_from() -> None:
    readme = attributed(b"# x\n", (), "https://example.com/idea").decode()
    assert links(readme) == ["https://example.com/idea", "LICENSE"]


@pytest.mark.parametrize("opened", [b"```\ncode", b"````sh\nmore", b"<!-- a note", b"~~~\ncode"])
def test_what_an_agent_left_open_does_not_swallow_it(opened: bytes) -> None:
    readme = text(b"# byte-window\n\nPrints bytes.\n\n" + opened)
    assert "https://arxiv.org/abs/2606.01234" in links(readme)
    assert readme.startswith(HEADING)


@pytest.mark.parametrize(
    "title",
    [
        "[click](javascript:alert(1))",
        "<script>alert(1)</script>",
        "a\n# heading",
        "`code` *and* _more_",
        "![x](y)",
    ],
)
def test_a_hostile_title_is_nothing_but_a_title(title: str) -> None:
    readme = text(b"# byte-window\n", paper(title=title))
    assert links(readme) == ["https://arxiv.org/abs/2606.01234", "LICENSE"]
    assert "<script" not in readme.replace("\\<", "")
    assert not [line for line in readme.splitlines() if line.startswith("# heading")]


@pytest.mark.parametrize("readme", [b"", b"\xff\xfe not utf-8", b"\n\n\n"])
def test_a_readme_that_is_none_gets_it_all_the_same(readme: bytes) -> None:
    assert b"https://arxiv.org/abs/2606.01234" in attributed(readme, (PAPER,), "")


def test_a_thousand_authors_are_shortened() -> None:
    readme = text(b"# x\n", paper(authors=tuple(f"Author {number}" for number in range(1000))))
    assert "Author 19 and 980 more" in readme


MANY = paper("2606.09999", title="Many [hands]", authors=tuple(f"Author_{number}" for number in range(30)))


def shipped_documents(root: Path, *papers: Paper) -> tuple[str, str]:
    write_scaffold(a_spec(), papers, workspace=root, year=2026, owner="Example")
    readme = attributed(b"# word-count\n", papers, "https://example.com/idea").decode()
    return readme, (root / "SPEC.md").read_text()


@pytest.mark.parametrize("papers", [(PAPER,), (PAPER, MANY), ()])
def test_what_the_factory_writes_of_its_papers_is_whole(papers: tuple[Paper, ...], tmp_path: Path) -> None:
    readme, spec_file = shipped_documents(tmp_path, *papers)
    assert attribution_faults(readme, spec_file, "https://example.com/idea") == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("*Windows over bytes*", "*Windows*"),
        ("Ada Löve, Jr., Alan T.", "Somebody Else"),
        ("Ada Löve, Jr., Alan T.", ""),
        ("<https://arxiv.org/abs/2606.01234>", "<https://arxiv.org/abs/2606.00000>"),
        ("stay under the licence", "are free"),
        ("MIT licence", "licence"),
        ("## Attribution", "## Thanks"),
        ("- Authors: Ada", "- By: Ada"),
        ("- Link: https", "- Page: https"),
        ("- Licence: named", "- Terms: named"),
        ("### Windows over bytes", "### "),
    ],
)
def test_a_title_an_author_a_link_or_a_licence_that_is_missing_is_told(
    right: str, wrong: str, tmp_path: Path
) -> None:
    readme, spec_file = shipped_documents(tmp_path, PAPER)
    assert right in readme + spec_file
    if right in readme:
        readme = readme.replace(right, wrong)
    else:
        spec_file = spec_file.replace(right, wrong)
    assert attribution_faults(readme, spec_file, "") != []


def test_an_import_that_does_not_name_its_page_is_told(tmp_path: Path) -> None:
    readme, spec_file = shipped_documents(tmp_path)
    (fault,) = attribution_faults(readme, spec_file, "https://example.com/other")
    assert "https://example.com/other" in fault
