"""What papers are worth, point by point, and which of a date are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from registry_samples import DAY, NOW, paper

from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.novelty import Found
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Candidate, CitationCounts
from factory_assets.ideas.scoring import Built, Likeness, PaperPage, Surroundings, choose
from factory_assets.ideas.scoring_file import DEFAULT_FILE, load_scoring

SCORING = load_scoring()


def unlike(text: str, texts: Sequence[str]) -> list[float]:
    del text
    return [0.0 for _ in texts]


def no_page(paper: Paper) -> Found | None:
    del paper
    return None


def around(
    cited: dict[str, int] | None = None,
    *,
    built: Sequence[Built] = (),
    likeness: Likeness = unlike,
    page: PaperPage = no_page,
) -> Surroundings:
    counts = {
        key: CitationCounts(arxiv_id=key, cited_by=count, references=0, source="test", fetched_at=NOW)
        for key, count in (cited or {}).items()
    }
    return Surroundings(counts, built, likeness, page)


def only(one: Paper, surroundings: Surroundings | None = None) -> Candidate:
    (candidate,) = choose(
        [one], DAY, surroundings or around({one.arxiv_id: 0}), scoring=SCORING, most=30, now=NOW
    )
    return candidate


def points(candidate: Candidate) -> dict[str, float]:
    return {reason.what: reason.points for reason in candidate.reasons}


def test_every_point_has_its_reason_and_the_table_is_idea_engines() -> None:
    one = paper(title="A Novel Framework for Code Search", categories=("cs.SE", "cs.CL", "math.CO"))
    candidate = only(one, around({one.arxiv_id: 4}))
    assert points(candidate) == {
        "4 citations in 2 days": pytest.approx(23.13),
        "submitted in the last 7 days": 20,
        "in the category cs.SE": 15,
        "in the category cs.CL": 12,
        "a word of novelty in its title: novel": 3,
        "a word of novelty in its title: framework": 3,
        "a word of products in its title: code": 5,
        "a word of products in its title: search": 5,
    }
    assert candidate.score == pytest.approx(86.13)


@pytest.mark.parametrize(("days", "expected"), [(0, 20), (7, 20), (8, 10), (14, 10), (21, 5), (22, 0)])
def test_a_paper_is_recent_by_the_clock_of_the_run(days: int, expected: float) -> None:
    one = paper(published=NOW - timedelta(days=days), categories=())
    assert only(one).score == expected


def test_citations_bring_thirty_points_at_most_and_count_a_day_at_least() -> None:
    old = paper(published=NOW - timedelta(days=100), categories=())
    assert only(old, around({old.arxiv_id: 10})).score == 1.0
    assert only(old, around({old.arxiv_id: 100_000})).score == 30.0
    new = paper(published=NOW - timedelta(hours=1), categories=())
    assert only(new, around({new.arxiv_id: 1})).score == 30.0


def test_citations_that_could_not_be_looked_up_are_told_and_cost_nothing() -> None:
    candidate = only(paper(categories=()), around({}))
    assert points(candidate)["its citations could not be looked up"] == 0
    assert (
        points(only(paper(categories=()), Surroundings(None, (), unlike, no_page)))[
            "its citations could not be looked up"
        ]
        == 0
    )


@pytest.mark.parametrize(
    ("title", "found"),
    [("Rapidly encoded", False), ("APIs of the web", True), ("Real time", True), ("real-time", True)],
)
def test_words_are_whole_in_singular_or_plural_and_by_any_hyphen(title: str, found: bool) -> None:
    assert (only(paper(title=title, categories=())).score > 20) is found


def test_no_score_is_over_a_hundred_and_that_is_a_reason_too() -> None:
    one = paper(
        title="A novel efficient scalable agent framework, system and tool for code search and retrieval",
        categories=("cs.SE", "cs.CL", "cs.AI", "cs.LG", "cs.CV"),
    )
    candidate = only(one, around({one.arxiv_id: 1000}))
    assert candidate.score == 100
    assert sum(reason.points for reason in candidate.reasons) == pytest.approx(100)
    assert points(candidate)["a score lies between 0 and 100"] < 0


def test_what_is_like_something_built_loses_points_by_how_like_it_is() -> None:
    built = [Built("far", "far"), Built("cache-probe", "Show the cache.")]

    def likeness(text: str, texts: Sequence[str]) -> list[float]:
        assert (text, list(texts)) == (
            "On 2606.01234. We cache keys.\nAnd values: $O(n)$.",
            ["far", "Show the cache."],
        )
        return [0.1, 0.7]

    candidate = only(paper(categories=()), around({"2606.01234": 0}, built=built, likeness=likeness))
    assert points(candidate)["like cache-probe (0.70)"] == -10
    assert candidate.score == 10


def test_a_likeness_that_cannot_be_told_is_no_unlikeness() -> None:
    surroundings = around({"2606.01234": 0}, built=[Built("a", "a")], likeness=lambda text, texts: None)
    assert points(only(paper(), surroundings))["how like it is to what was built could not be told"] == 0


@pytest.mark.parametrize("place", ["abstract", "comment"])
def test_code_that_the_authors_have_published_costs_points(place: str) -> None:
    one = paper(**{place: "Our code: https://github.com/lab/cache."})
    assert points(only(one))["its authors have published code: lab/cache"] == -10


def test_code_that_the_papers_page_names_costs_points_too() -> None:
    surroundings = around({"2606.01234": 0}, page=lambda paper: Found(name="lab/cache", url="https://x.org"))
    assert points(only(paper(), surroundings))["its page names code: lab/cache"] == -10


def test_a_page_that_cannot_be_asked_is_told_and_costs_nothing() -> None:
    def broken(paper: Paper) -> Found | None:
        raise InfrastructureError("Hugging Face cannot be reached: no route.")

    told = points(only(paper(), around({"2606.01234": 0}, page=broken)))
    assert [what for what in told if "could not be looked up" in what] == [
        "whether its page names code could not be looked up: Hugging Face cannot be reached: no route."
    ]
    assert only(paper(), around({"2606.01234": 0}, page=broken)).score == only(paper()).score


def test_the_best_are_chosen_of_equal_ones_the_lower_id_and_all_have_their_place() -> None:
    papers = [
        paper(f"2606.0000{number}", categories=("cs.SE",) if number == 4 else ()) for number in range(1, 6)
    ]
    for order in (papers, papers[::-1]):
        chosen = choose(order, DAY, around(), scoring=SCORING, most=2, now=NOW)
        assert [(one.arxiv_id[-1], one.place, one.chosen) for one in chosen] == [
            ("4", 1, True),
            ("1", 2, True),
            ("2", 3, False),
            ("3", 4, False),
            ("5", 5, False),
        ]


def test_only_papers_that_could_be_chosen_are_looked_up_and_who_loses_by_it_makes_room() -> None:
    asked: list[str] = []

    def page(paper: Paper) -> Found | None:
        asked.append(paper.arxiv_id)
        return Found(name="lab/code", url="https://x.org") if paper.arxiv_id < "2606.00003" else None

    papers = [paper(f"2606.0000{number}") for number in range(1, 10)]
    chosen = choose(papers, DAY, around(page=page), scoring=SCORING, most=2, now=NOW)
    assert [one.arxiv_id[-1] for one in chosen if one.chosen] == ["3", "4"]
    assert asked == ["2606.00001", "2606.00002", "2606.00003", "2606.00004"]


def test_a_date_without_papers_has_no_candidate() -> None:
    assert choose([], DAY, around(), scoring=SCORING, most=30, now=NOW) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("points: 3", "points: three", "field 'novelty.points'"),
        ("published_code: -10", "published_code: 10", "field 'published_code'"),
        ("built:", "bilt:", "field 'built'"),
        ("    - novel\n", "    - 7\n", "field 'novelty.words.0'"),
        ("  - revisit\n", "  - /revisit(/\n", "no regular expression"),
        ("  - fails\n", "  - [a, b]\n", "field 'disagreement.3'"),
        ("product:", "novelty:", "'novelty' is given twice"),
        ("cs.SE: 15", "cs.SE: 1500", "field 'categories.cs.SE'"),
        ("  7: 20", "  soon: 20", "field 'recency.soon'"),
        ("citations: {", "citations: [", "This is no YAML"),
    ],
)
def test_a_mistake_in_the_file_is_one_clear_error(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = DEFAULT_FILE.read_text()
    assert old in text
    file = tmp_path / "scoring.yaml"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_scoring(file)
    assert told in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\xff\xfe\x00", b"? [a]\n: 1\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "scoring.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError):
        load_scoring(file)


def test_a_file_that_is_not_there_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="FACTORY_SCORING_FILE"):
        load_scoring(tmp_path / "none.yaml")
