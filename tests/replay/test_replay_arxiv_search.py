"""What queries find among a few made-up papers: fields, stems, phrases, wildcards, dates."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest
from arxiv_api import ArxivApi

from factory_assets.replay.arxiv_papers import ArxivRecord

ATOM = "{http://www.w3.org/2005/Atom}"


def paper(number: int, *, published: str = "2026-06-01T12:00:00", **fields: object) -> ArxivRecord:
    values: dict[str, object] = {
        "id": f"2606.{number:05d}",
        "title": "Nothing in particular",
        "summary": "An abstract.",
        "authors": ("Ada Lovelace",),
        "categories": ("cs.CL",),
        "published": datetime.fromisoformat(published).replace(tzinfo=UTC),
    }
    return ArxivRecord.model_validate(values | fields)


def found(api: ArxivApi, query: str, **more: str) -> list[int]:
    """The numbers of the papers found, in ascending order."""
    answer = api.answer({"search_query": query, "max_results": "100", **more})
    assert answer.status == 200, answer.body.decode()
    ids = [entry.findtext(f"{ATOM}id", "") for entry in ET.fromstring(answer.body).findall(f"{ATOM}entry")]
    return sorted(int(one.removeprefix("http://arxiv.org/abs/2606.").partition("v")[0]) for one in ids)


@pytest.fixture(scope="module")
def texts() -> ArxivApi:
    return ArxivApi(
        [
            paper(1, title="Speculative decoding for all", summary="We decode quickly."),
            paper(2, title="Other things", summary="Speculatively, a decoding of speculations is decoded."),
            paper(3, summary="Fine-tuned models; the tuning is fine.", comment="12 pages, decoding inside"),
            paper(4, summary="The state of the art in compressing models", categories=("cs.LG", "stat.ML")),
            paper(5, summary="State, art and models", authors=("José del Maestro", "Ann Smith-Jones")),
            paper(6, summary="Possibly an assembly of technologies; the model's U.S.A. copy of 3.5 points."),
        ]
    )


FOUND = {
    "a word in the title": ("ti:decoding", [1]),
    "a word in the abstract, by its stem": ("abs:decode", [1, 2]),
    "capitals do not matter": ("abs:DECODING", [1, 2]),
    "a phrase by its stems": ('abs:"state of the art"', [4]),
    "a phrase keeps its order": ('abs:"art state"', []),
    "a stop word in a phrase holds its place": ('abs:"state art"', [5]),
    "any stop word may hold it": ('abs:"state in an art"', [4]),
    "words joined by a hyphen are all looked for, anywhere": ("abs:fine-tuning", [3]),
    "in quotation marks they are a phrase": ('abs:"fine-tuning"', [3]),
    "a phrase across a hyphen": ('abs:"tuned-model"', [3]),
    "a stop word alone finds nothing": ("abs:the", []),
    "a missing operator is OR": ("ti:other decoding", [1, 2, 3]),
    "AND": ("ti:speculative AND abs:quickly", [1]),
    "ANDNOT": ("abs:models ANDNOT abs:compress", [3, 5, 6]),
    "ANDNOT with a single term at the front": ("ANDNOT abs:models", [1, 2]),
    "an OR in a chain is the rest of it": ("ti:nonsense AND ti:speculative OR abs:art", []),
    "a wildcard matches stems": ("abs:compres*", [4]),
    "a wildcard does not match words": ("abs:compressing*", []),
    "a wildcard in a phrase is none": ('abs:"compress* models"', [4]),
    "a question mark": ("abs:mod?l", [3, 4, 5, 6]),
    "a lone star is whatever has the field": ("co:*", [3]),
    "comments are not stemmed": ("co:decode", []),
    "a comment's word": ("co:decoding", [3]),
    "a category, whatever its case": ("cat:CS.LG", [4]),
    "any category of a paper": ("cat:stat.ML", [4]),
    "categories by wildcard": ("cat:stat.*", [4]),
    "an archive alone is no category": ("cat:stat", []),
    "an author without accents": ("au:jose", [5]),
    "an author's names in any order": ('au:"maestro del"', [5]),
    "one author has all the names": ('au:"jose smith-jones"', []),
    "an author by wildcard": ("au:del_mae*", [5]),
    "half of a double name is none": ("au:smith", []),
    "an id": ("id:2606.00004", [4]),
    "an id in quotation marks is none": ('id:"2606.00004"', []),
    "everywhere: texts, comments, authors, ids": (
        "all:decoding OR all:lovelace AND all:2606.00001",
        [1, 2, 3],
    ),
    "everywhere: categories": ("all:stat.ML", [4]),
    "journals and reports hold nothing": ("jr:nature OR rn:a OR doi:b", []),
    "an empty phrase is every paper": ('au:""', [1, 2, 3, 4, 5, 6]),
    "ending in -bly": ("abs:possible AND abs:assemble", [6]),
    "ending in -logies": ("abs:technology", [6]),
    "a possessive": ('abs:"technologies; the model"', [6]),
    "an abbreviation is one word": ('abs:"U.S.A. copy"', [6]),
    "a number is one word": ("abs:3.5", [6]),
    "half a number is none": ("abs:5", []),
}


@pytest.mark.parametrize(("query", "numbers"), FOUND.values(), ids=FOUND.keys())
def test_a_query_finds(texts: ArxivApi, query: str, numbers: list[int]) -> None:
    assert found(texts, query) == numbers


def test_a_query_joined_with_plus_signs_finds_nothing(texts: ArxivApi) -> None:
    assert found(texts, "ti:speculative AND ti:decoding") == [1]
    assert found(texts, "ti:speculative+AND+ti:decoding") == []


BROKEN = {
    "ANDNOT before a group": "ANDNOT (abs:a OR abs:b)",
    "ANDNOT before a chain": "ANDNOT abs:a AND abs:b",
    "a day that does not exist": "submittedDate:[202606310000 TO 202607010000]",
    "a date with hyphens": "submittedDate:[2026-06-01 TO 2026-06-02]",
    "an open range": "submittedDate:[20260601 TO *]",
    "one date": "submittedDate:20260601",
    "a leading wildcard": "abs:*ing",
    "a star anywhere": "all:*",
    "a wildcard before a name": "au:?da",
}


@pytest.mark.parametrize("query", BROKEN.values(), ids=BROKEN.keys())
def test_what_arxiv_stumbles_over_is_a_500(texts: ArxivApi, query: str) -> None:
    assert texts.answer({"search_query": query}).status == 500


@pytest.fixture(scope="module")
def dated() -> ArxivApi:
    return ArxivApi(
        [
            paper(1, published="2026-06-01T23:58:59"),
            paper(2, published="2026-06-01T23:59:00"),
            paper(3, published="2026-06-01T23:59:01"),
            paper(4, published="2026-06-02T00:00:00"),
            paper(5, published="2026-06-02T00:00:01"),
            paper(6, published="2026-05-01T10:00:00", updated="2026-06-02T00:00:00Z", version=2),
        ]
    )


def test_both_ends_of_a_date_range_are_included(dated: ArxivApi) -> None:
    assert found(dated, "submittedDate:[202606012359 TO 202606020000]") == [2, 3, 4]


def test_a_range_to_the_last_minute_loses_the_last_seconds(dated: ArxivApi) -> None:
    assert found(dated, "submittedDate:[20260601 TO 20260601]") == [1, 2]


def test_the_date_is_that_of_the_first_version(dated: ArxivApi) -> None:
    assert found(dated, "submittedDate:[20260501 TO 20260501]") == [6]


def test_a_range_that_ends_before_it_begins_finds_nothing(dated: ArxivApi) -> None:
    assert found(dated, "submittedDate:[20260602 TO 20260601]") == []


def test_a_date_in_quotation_marks_is_a_range_too(dated: ArxivApi) -> None:
    assert found(dated, 'submittedDate:"202605010000 TO 202605012359"') == [6]


def test_an_id_list_narrows_a_query(dated: ArxivApi) -> None:
    query = "submittedDate:[20260602 TO 20260602]"
    assert found(dated, query, id_list="2606.00004,2606.00001") == [4]


def test_an_id_list_alone_finds_its_papers(dated: ArxivApi) -> None:
    assert found(dated, "", id_list="2606.00004,2606.00001,2606.09999") == [1, 4]


def test_an_id_with_a_version_finds_that_version_only(dated: ArxivApi) -> None:
    assert found(dated, "", id_list="2606.00006v2,2606.00004v2") == [6]
