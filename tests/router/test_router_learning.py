"""The threshold learned from feedback: simulated with a known truth, and kept."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from layout import python_path

from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.router.learning import (
    ERROR_RATE,
    FIRST_THRESHOLD,
    MARGIN,
    MOST_AGE,
    TRIAL_SHARE,
    Learner,
    Lesson,
    band_of,
)
from factory_assets.router.quality import CallFeedback, Tally

NOW = datetime(2026, 6, 17, 8, tzinfo=UTC)
GOOD = 0.8
Draw = Callable[[random.Random, float], float]


def gradual(chance: random.Random, mean: float) -> float:
    return chance.betavariate(4 * mean, 4 * (1 - mean))


def all_or_nothing(chance: random.Random, mean: float) -> float:
    return float(chance.random() < mean)


def taught(seed: int, draw: Draw, *, cheaper: float, calls: int, dearer: float = GOOD) -> list[float]:
    """The thresholds that so many calls beside the threshold lead to; the means are the truth."""
    chance = random.Random(seed)
    lesson, thresholds = Lesson(), [FIRST_THRESHOLD]
    for _ in range(calls):
        score = round(lesson.threshold * 100) - 5 * chance.randrange(2)
        tier, _ = lesson.tier(score, has_tools=False, lot=chance.random())
        quality = draw(chance, dearer if tier == 3 else cheaper)
        lesson, why = lesson.learn(CallFeedback(score=score / 100, tier=tier, quality=quality), at=0.0)
        if why is not None:
            thresholds.append(lesson.threshold)
    return thresholds


@pytest.mark.parametrize(("draw", "worse", "calls"), [(gradual, 0.5, 1500), (all_or_nothing, 0.3, 2000)])
def test_a_cheaper_tier_that_is_worse_loses_calls(draw: Draw, worse: float, calls: int) -> None:
    for seed in range(10):
        thresholds = taught(seed, draw, cheaper=worse, calls=calls)
        assert len(thresholds) > 1
        assert thresholds == sorted(thresholds, reverse=True)


@pytest.mark.parametrize(
    ("draw", "equal", "calls"), [(gradual, GOOD, 2500), (all_or_nothing, GOOD + 0.1, 4000)]
)
def test_a_cheaper_tier_that_is_as_good_wins_calls(draw: Draw, equal: float, calls: int) -> None:
    for seed in range(10):
        thresholds = taught(seed, draw, cheaper=equal, calls=calls)
        assert len(thresholds) > 1
        assert thresholds == sorted(thresholds)


@pytest.mark.parametrize("draw", [gradual, all_or_nothing])
def test_noise_alone_moves_nothing_where_either_move_would_be_wrong(draw: Draw) -> None:
    """The truth is the margin itself, the hardest one. Of 40 runs two may go wrong; of 2,000 longer ones none did."""
    runs = [taught(seed, draw, cheaper=GOOD - MARGIN, calls=1000) for seed in range(40)]
    assert sum(len(run) > 1 for run in runs) <= ERROR_RATE * len(runs)


@pytest.mark.parametrize("mean", [0.03, 0.5, 0.9])
@pytest.mark.parametrize("draw", [gradual, all_or_nothing])
def test_an_interval_misses_the_truth_at_any_time_no_more_often_than_it_says(draw: Draw, mean: float) -> None:
    missed = 0
    for seed in range(100):
        chance, tally, has_missed = random.Random(seed), Tally(began_at=0.0), False
        for _ in range(200):
            tally = tally.with_quality(draw(chance, mean), error_rate=0.1)
            reading = tally.reading(error_rate=0.1)
            has_missed |= not reading.low <= mean <= reading.high
        missed += has_missed
        assert reading.high - reading.low < 0.4
    assert missed <= 10


def test_calls_far_from_the_threshold_or_of_the_first_tier_move_nothing() -> None:
    lesson = Lesson()
    for _ in range(2000):
        for score, tier, quality in ((0.9, 2, 1.0), (0.9, 3, 0.0), (0.5, 1, 1.0), (0.5, 3, 0.0)):
            lesson, why = lesson.learn(CallFeedback(score=score, tier=tier, quality=quality), at=0.0)
            assert why is None


def test_after_a_move_nothing_that_was_known_before_counts() -> None:
    lesson = learned = Lesson()
    while learned.threshold == FIRST_THRESHOLD:
        lesson = learned
        for band in (0.5, 0.55):
            learned, _ = learned.learn(CallFeedback(score=band, tier=2, quality=0.9), at=0.0)
            learned, _ = learned.learn(CallFeedback(score=band, tier=3, quality=0.9), at=0.0)
    assert lesson.tallies
    assert learned.threshold == 0.55
    above = learned.above(at=0.0)
    assert above is not None
    # What came in the same round after the move, and no more.
    assert above.cheaper.samples + above.dearer.samples <= 3


def test_what_is_older_than_it_may_be_counts_no_more() -> None:
    lesson = Lesson()
    for tier in (2, 3):
        for _ in range(20):
            lesson, _ = lesson.learn(CallFeedback(score=0.5, tier=tier, quality=0.9), at=0.0)
    old, stale = MOST_AGE.total_seconds() - 1, MOST_AGE.total_seconds()
    counts = [(lesson.above(at=at).cheaper.samples, lesson.above(at=at).dearer.mean) for at in (old, stale)]  # type: ignore[union-attr]
    assert counts == [(20, pytest.approx(0.9)), (0, None)]
    lesson, _ = lesson.learn(CallFeedback(score=0.5, tier=2, quality=0.1), at=stale)
    assert lesson.above(at=stale).cheaper.samples == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("band", [6, 20])
def test_the_threshold_stays_on_the_scale_and_has_one_band_to_compare_at_its_ends(band: int) -> None:
    lesson = Lesson(band)
    assert [lesson.above(at=0.0) is None, lesson.below(at=0.0) is None] == [band == 20, band == 6]
    assert lesson.tier(29, has_tools=False, lot=0.0) == (1, False)
    assert lesson.tier(100, has_tools=False, lot=0.0) == (3, False)


def test_calls_beside_the_threshold_are_tried_in_the_other_tier_by_their_lot() -> None:
    lesson = Lesson()
    lots = (0.0, TRIAL_SHARE)
    assert [lesson.tier(50, has_tools=False, lot=lot) for lot in lots] == [(2, True), (3, False)]
    assert [lesson.tier(45, has_tools=False, lot=lot) for lot in lots] == [(3, True), (2, False)]
    assert [lesson.tier(score, has_tools=False, lot=0.0) for score in (44, 55, 10)] == [
        (2, False),
        (3, False),
        (1, False),
    ]
    assert lesson.tier(10, has_tools=True, lot=0.0) == (2, False)


def test_each_score_lies_in_the_band_that_its_points_are_in() -> None:
    assert [band_of(points / 100) for points in range(101)] == [points // 5 for points in range(101)]


@pytest.mark.parametrize(
    "body",
    [
        '{"score": NaN, "tier": 2, "quality": 0.5}',
        '{"score": 0.5, "tier": 2, "quality": Infinity}',
        '{"score": 1.01, "tier": 2, "quality": 0.5}',
        '{"score": 0.5, "tier": 2, "quality": -0.01}',
        '{"score": 0.5, "tier": 4, "quality": 0.5}',
        '{"score": 0.5, "tier": 2.5, "quality": 0.5}',
        '{"score": 0.5, "tier": 2, "quality": "0.5"}',
        '{"score": 0.5, "tier": true, "quality": 0.5}',
        '{"score": false, "tier": 1, "quality": 0.5}',
        '{"score": 1' + "0" * 400 + ', "tier": 1, "quality": 0.5}',
        '{"score": 0.5, "tier": 2}',
        "[]",
        "null",
    ],
)
def test_bad_feedback_is_refused_with_one_clear_error(body: str) -> None:
    with pytest.raises(InputError, match="This is no feedback") as caught:
        CallFeedback.read(json.loads(body))
    assert caught.value.where in {"score", "tier", "quality", "body"}
    assert "score 0 to 1" in caught.value.fix


def test_feedback_of_whole_numbers_and_with_further_fields_is_taken() -> None:
    read = CallFeedback.read({"score": 1, "tier": 3, "quality": 0, "request_hash": "x"})
    assert read == CallFeedback(score=1.0, tier=3, quality=0.0)


def test_routers_that_share_a_file_learn_together_and_go_by_the_same_threshold(tmp_path: Path) -> None:
    file = tmp_path / "f.sqlite"
    with Learner.open(file) as one, Learner.open(file) as other:
        learners = [one, other]
        count = 0
        while one.threshold == FIRST_THRESHOLD:
            given = CallFeedback(score=0.5, tier=2 + count // 2 % 2, quality=0.9)
            learners[count % 2].learn(given, now=NOW)
            count += 1
        assert other.threshold == one.threshold == 0.55
        assert one.explain(now=NOW) == other.explain(now=NOW)
        assert one.explain(now=NOW).total_feedback == count
        assert other.tier(50, has_tools=False, lot=TRIAL_SHARE) == (2, False)


def test_calls_still_have_a_tier_while_the_file_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "f.sqlite"
    with Learner.open(file) as learner, sqlite3.connect(file) as other:
        other.execute("DROP TABLE feedback_tallies")
        other.commit()
        assert learner.tier(45, has_tools=False, lot=1.0) == (2, False)
        assert learner.threshold == 0.5
        with pytest.raises(InfrastructureError, match="The router's feedback cannot be kept: no such table"):
            learner.learn(CallFeedback(score=0.5, tier=2, quality=0.9), now=NOW)


def test_what_was_learned_outlives_a_router_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "data" / "router.sqlite"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from test_router_learning import NOW, CallFeedback, Learner\n"
        "with Learner.open(Path(sys.argv[1])) as learner:\n"
        "    while learner.threshold < 0.55:\n"
        "        for tier in (2, 3):\n"
        "            learner.learn(CallFeedback(score=0.5, tier=tier, quality=0.9), now=NOW)\n"
        "    for quality in (0.4, 0.6):\n"
        "        learner.learn(CallFeedback(score=0.55, tier=2, quality=quality), now=NOW)\n"
        "    print(learner.explain(now=NOW).model_dump_json(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    killed = subprocess.run(
        [sys.executable, "-c", code, str(file)], env=env, check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with Learner.open(file) as learner:
        explained = learner.explain(now=NOW)
    assert explained.model_dump_json() == killed.stdout.strip()
    assert explained.threshold == 0.55
    assert explained.above is not None
    assert (explained.above.cheaper.samples, explained.above.cheaper.mean) == (2, 0.5)
    (move,) = explained.moves
    assert (move.at, move.old, move.new) == ("2026-06-17T08:00:00+00:00", 0.5, 0.55)
    assert move.why.startswith("Raised: tier 2 is good enough, at worst 0.8")


def test_the_threshold_is_explained_as_plain_data(tmp_path: Path) -> None:
    with Learner.open(tmp_path / "f.sqlite") as learner:
        nothing = learner.explain(now=NOW)
        for score, tier, quality in ((0.47, 2, 0.5), (0.47, 3, 0.7), (0.1, 1, 0.9), (0.9, 3, 0.3)):
            assert learner.learn(CallFeedback(score=score, tier=tier, quality=quality), now=NOW) is None
        explained = json.loads(learner.explain(now=NOW + timedelta(days=1)).model_dump_json())
    assert (nothing.total_feedback, nothing.avg_quality, nothing.by_tier) == (0, None, {})
    assert explained["threshold"] == 0.5
    assert (explained["total_feedback"], explained["by_tier"]) == (4, {"1": 1, "2": 1, "3": 2})
    assert explained["avg_quality"] == pytest.approx(0.6)
    assert explained["above"]["cheaper"] == {"samples": 0, "mean": None, "low": 0.0, "high": 1.0}
    below = explained["below"]
    assert (below["from_score"], below["to_score"], below["moves"]) == (0.45, 0.5, False)
    assert (below["cheaper"]["mean"], below["dearer"]["mean"]) == (0.5, 0.7)
    assert below["why"] == (
        "Not lowered: tier 2 is not known to be worse, at best 1.000, against at worst 0.000 of tier 3 (margin 0.1)."
    )


def test_a_file_that_holds_no_feedback_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "f.sqlite"
    file.write_text("no database at all " * 100)
    with pytest.raises(InfrastructureError, match="The router's feedback cannot be kept"), Learner.open(file):
        pass
