"""Links to papers and repositories: every usual form is brought to one, and none can carry a password."""

from __future__ import annotations

import pytest

from factory_assets.domain.errors import InputError
from factory_assets.domain.links import is_paper, paper_id, repository, web_page
from factory_assets.domain.specs import Language
from factory_assets.languages.names import language_named

REPOSITORY = (
    "github.com/someone/logs",
    "http://github.com/someone/logs",
    "https://www.github.com/someone/logs/",
    "HTTPS://GitHub.com/someone/logs.git",
    "//github.com/someone/logs",
    "git@github.com:someone/logs.git",
    "ssh://git@github.com/someone/logs.git",
    "ssh://git@ssh.github.com:443/someone/logs.git",
    "git://github.com/someone/logs.git",
    "git+https://github.com/someone/logs.git",
    "git+ssh://git@github.com/someone/logs.git",
    "https://github.com/someone/logs/tree/main/src",
    "https://github.com/someone/logs/blob/main/README.md#usage",
    "https://github.com/someone/logs?tab=readme-ov-file",
    "https://api.github.com/repos/someone/logs",
    "https://raw.githubusercontent.com/someone/logs/main/README.md",
)


@pytest.mark.parametrize(
    "cited",
    [
        "2606.01234",
        "[2606.01234]",
        "2606.01234v3",
        "arXiv:2606.01234v2",
        "ARXIV: 2606.01234",
        "arXiv:2606.01234v2 [cs.LG]",
        "http://arxiv.org/abs/2606.01234v1",
        "arxiv.org/abs/2606.01234/",
        "www.arxiv.org/abs/2606.01234",
        "https://export.arxiv.org/abs/2606.01234",
        "https://arxiv.org/abs/2606.01234?context=cs.LG",
        "https://arxiv.org/pdf/2606.01234v2.pdf",
        "https://arxiv.org/pdf/2606.01234",
        "https://arxiv.org/html/2606.01234v1#S2",
        "https://ar5iv.labs.arxiv.org/html/2606.01234",
        "https://www.alphaxiv.org/abs/2606.01234",
        "https://huggingface.co/papers/2606.01234",
        "10.48550/arXiv.2606.01234",
        "doi:10.48550/arXiv.2606.01234",
        "https://doi.org/10.48550/ARXIV.2606.01234",
    ],
)
def test_a_paper_is_the_same_in_every_form(cited):
    assert paper_id(cited) == "2606.01234"


@pytest.mark.parametrize(
    "cited",
    [
        "math/0309136",
        "math.GT/0309136v2",
        "arXiv:math/0309136",
        "https://arxiv.org/pdf/math.GT/0309136v1.pdf",
    ],
)
def test_an_old_paper_is_the_same_in_every_form(cited):
    assert paper_id(cited) == "math/0309136"


@pytest.mark.parametrize(
    "cited", ["", "no id", "https://arxiv.org/", "https://arxiv.org/list/cs.LG/new", "10.1000/182"]
)
def test_what_names_no_paper_is_refused(cited):
    with pytest.raises(InputError, match="is not an arXiv id"):
        paper_id(cited)


@pytest.mark.parametrize("named", ["someone/logs", "github:someone/logs", *REPOSITORY])
def test_a_repository_is_the_same_in_every_form(named):
    assert repository(named) == "someone/logs"


@pytest.mark.parametrize("link", REPOSITORY)
def test_a_page_of_a_repository_is_the_repositorys_page(link):
    assert web_page(link) == "https://github.com/someone/logs"


def test_other_pages_and_conversations_keep_their_address():
    assert web_page("example.org/idea") == "https://example.org/idea"
    assert web_page("http://example.org/idea?page=2") == "http://example.org/idea?page=2"
    assert (
        web_page("https://github.com/someone/logs/issues/12") == "https://github.com/someone/logs/issues/12"
    )
    assert repository("git@gitlab.com:someone/logs.git") == "https://gitlab.com/someone/logs"


@pytest.mark.parametrize(
    "link", ["ftp://example.org", "no link", "https://", "https://github.com/topics/logs", "plain"]
)
def test_what_is_no_page_is_refused(link):
    with pytest.raises(InputError):
        web_page(link)


def test_a_page_about_papers_is_no_paper():
    assert is_paper("https://arxiv.org/abs/2606.01234")
    assert not is_paper("https://arxiv.org/list/cs.LG/recent")
    assert not is_paper("https://github.com/someone/2606.01234")


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("Go", Language.GO),
        ("golang", Language.GO),
        ("Go 1.22", Language.GO),
        ("TypeScript", Language.TYPESCRIPT),
        ("ts", Language.TYPESCRIPT),
        ("JS", Language.TYPESCRIPT),
        ("Node.js", Language.TYPESCRIPT),
        ("JavaScript", Language.TYPESCRIPT),
        ("sh", Language.BASH),
        ("Shell script", Language.BASH),
        ("Python 3.11+", Language.PYTHON),
        ("py", Language.PYTHON),
        ("rs", Language.RUST),
        (" RUST ", Language.RUST),
    ],
)
def test_a_language_is_known_in_any_case_and_by_its_common_names(said, language):
    assert language_named(said) is language


@pytest.mark.parametrize("said", ["cobol", "", "c++", None, 3])
def test_a_language_that_the_factory_does_not_build_stays_as_it_was_said(said):
    assert language_named(said) == said
