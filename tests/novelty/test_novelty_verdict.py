"""The score of a spec, and the verdict that stands only where what is not known could not change it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from factory_assets.domain.novelty import (
    USUAL_SHARES,
    Found,
    Hit,
    LookUp,
    Novelty,
    NoveltyShares,
    NoveltySource,
    NoveltyVerdict,
    judge,
)

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
FLOOR = 0.45
LOOKED_UP = (
    NoveltySource.PAPER,
    NoveltySource.PAPER_PAGE,
    NoveltySource.FACTORY,
    NoveltySource.GITHUB,
    NoveltySource.NPM,
    NoveltySource.PYPI,
)


def judged(missing: tuple[NoveltySource, ...] = (), *, floor: float = FLOOR, **likeness: float) -> Novelty:
    """By the likeness of the best hit of each source, named as the enumeration names it."""
    return judge(
        [
            LookUp(
                source=source,
                hits=tuple(
                    Hit(
                        found=Found(name="someones/thing", url="https://github.com/someones/thing"),
                        likeness=figure,
                    )
                    for figure in [likeness.get(source.name, 0.0)]
                    if figure
                ),
                missing=f"{source} cannot be reached." if source in missing else "",
            )
            for source in LOOKED_UP
        ],
        floor=floor,
        now=NOW,
    )


def test_what_nobody_has_made_proceeds_with_the_whole_score() -> None:
    novelty = judged()
    assert (novelty.score, novelty.verdict, novelty.missing) == (1.0, NoveltyVerdict.PROCEED, {})


@pytest.mark.parametrize(
    ("likeness", "score"),
    [
        ({"GITHUB": 1.0}, 0.40),
        ({"NPM": 1.0}, 0.75),
        ({"PYPI": 1.0}, 0.85),
        ({"GITHUB": 1.0, "NPM": 1.0, "PYPI": 1.0}, 0.0),
        ({"GITHUB": 0.5, "NPM": 0.2, "PYPI": 0.2}, 0.62),
        ({"FACTORY": 1.0}, 0.40),
    ],
)
def test_each_source_takes_its_share_of_the_score(likeness: dict[str, float], score: float) -> None:
    assert judged(**likeness).score == score


def test_the_same_repository_found_in_two_ways_counts_once() -> None:
    assert judged(GITHUB=0.8, FACTORY=0.7, PAPER=0.7, PAPER_PAGE=0.7).score == judged(GITHUB=0.8).score


def test_code_of_the_papers_own_is_a_reason_for_caution_and_none_for_a_skip() -> None:
    assert judged(PAPER=0.7).verdict is NoveltyVerdict.CAUTION
    assert judged(PAPER=0.7, PAPER_PAGE=0.7).verdict is NoveltyVerdict.CAUTION
    assert judged(PAPER=0.7, NPM=0.9, PYPI=0.5).verdict is NoveltyVerdict.CAUTION
    assert judged(PAPER=0.7, floor=0.9).verdict is NoveltyVerdict.CAUTION


def test_only_what_is_nearly_the_same_is_skipped() -> None:
    assert judged(GITHUB=0.4).verdict is NoveltyVerdict.PROCEED
    assert judged(GITHUB=0.8).verdict is NoveltyVerdict.CAUTION
    assert judged(GITHUB=1.0).verdict is NoveltyVerdict.SKIP
    assert judged(GITHUB=0.8, NPM=0.5).verdict is NoveltyVerdict.SKIP


def test_a_floor_of_zero_skips_nothing_and_a_high_one_much() -> None:
    assert judged(GITHUB=1.0, NPM=1.0, PYPI=1.0, floor=0.0).verdict is NoveltyVerdict.CAUTION
    assert judged(GITHUB=0.4, floor=0.8).verdict is NoveltyVerdict.SKIP


@pytest.mark.parametrize("source", [NoveltySource.GITHUB, NoveltySource.PAPER_PAGE])
def test_a_source_that_could_change_it_makes_the_verdict_not_looked_up(source: NoveltySource) -> None:
    novelty = judged((source,))
    assert novelty.verdict is NoveltyVerdict.NOT_LOOKED_UP
    assert novelty.missing == {source: f"{source} cannot be reached."}
    assert str(source) in str(novelty)


def test_a_source_that_could_not_change_it_leaves_the_verdict_and_is_named() -> None:
    novelty = judged((NoveltySource.PYPI,))
    assert novelty.verdict is NoveltyVerdict.PROCEED
    assert "not looked up: PyPI" in str(novelty)
    assert judged((NoveltySource.PYPI,), NPM=0.9, GITHUB=0.1).verdict is NoveltyVerdict.NOT_LOOKED_UP


def test_what_speaks_against_a_spec_counts_though_other_sources_are_missing() -> None:
    assert judged((NoveltySource.NPM, NoveltySource.PYPI), GITHUB=1.0).verdict is NoveltyVerdict.SKIP
    assert judged((NoveltySource.NPM, NoveltySource.PYPI), GITHUB=0.8).verdict is NoveltyVerdict.CAUTION


def test_nothing_looked_up_is_told_without_a_figure() -> None:
    told = str(
        judged((NoveltySource.GITHUB, NoveltySource.NPM, NoveltySource.PYPI, NoveltySource.PAPER_PAGE))
    )
    assert told.startswith("not looked up")


def test_the_evidence_begins_with_what_is_most_alike_and_leads_to_its_page() -> None:
    novelty = judged(GITHUB=0.9, NPM=0.3)
    assert [source for source, _ in novelty.evidence] == [NoveltySource.GITHUB, NoveltySource.NPM]
    assert "https://github.com/someones/thing" in str(novelty)


def test_an_operator_weighs_the_sources() -> None:
    weighed = NoveltyShares(github=0.2, npm=0.3, pypi=0.5)
    lookups = judged(PYPI=1.0).lookups
    novelty = judge(lookups, floor=FLOOR, now=NOW, shares=weighed)
    assert (judged(PYPI=1.0).score, novelty.score, novelty.verdict) == (0.85, 0.5, NoveltyVerdict.CAUTION)
    assert novelty.holds(since=NOW, floor=FLOOR, shares=weighed)
    assert not novelty.holds(since=NOW, floor=FLOOR, shares=USUAL_SHARES)


def test_what_was_looked_up_before_shares_could_be_weighed_was_judged_by_the_defaults() -> None:
    kept = judged(NPM=1.0).model_dump(mode="json", exclude={"shares"})
    assert Novelty.model_validate(kept).holds(since=NOW, floor=FLOOR, shares=USUAL_SHARES)
