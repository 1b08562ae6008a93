"""arXiv's licences, and what each lets be quoted."""

from __future__ import annotations

import pytest

from factory_assets.domain.licences import ARXIV_LICENCES, arxiv_licence, may_be_quoted


@pytest.mark.parametrize(
    ("address", "spdx", "quotable"),
    [
        ("http://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0", True),
        ("https://creativecommons.org/licenses/by-sa/4.0", "CC-BY-SA-4.0", True),
        ("http://www.creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0", True),
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0", False),
        ("http://creativecommons.org/licenses/by-nc-nd/4.0/", "CC-BY-NC-ND-4.0", False),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/license.html", None, False),
        ("http://arxiv.org/licenses/assumed-1991-2003/", None, False),
        ("http://creativecommons.org/licenses/by/3.0/", "CC-BY-3.0", True),
    ],
)
def test_a_licence_is_known_by_its_address_in_any_form(
    address: str, spdx: str | None, quotable: bool
) -> None:
    found = arxiv_licence(address)
    assert found is not None
    assert (found.spdx, may_be_quoted(address)) == (spdx, quotable)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "CC-BY-4.0",
        "http://creativecommons.org/licenses/by-nc/4.0/",
        "http://creativecommons.org/licenses/by-nd/4.0/",
        "http://creativecommons.org.evil.example/licenses/by/4.0/",
        "http://evil.example/creativecommons.org/licenses/by/4.0/",
        "ftp://creativecommons.org/licenses/by/4.0/",
        "http://[creativecommons.org/licenses/by/4.0/",
    ],
)
def test_what_is_none_of_arxivs_licences_lets_nothing_be_quoted(address: str | None) -> None:
    assert (arxiv_licence(address), may_be_quoted(address)) == (None, False)


def test_nothing_that_forbids_money_or_change_may_be_quoted() -> None:
    assert not any(one.quotable for one in ARXIV_LICENCES if "-nc" in one.address or "-nd" in one.address)
