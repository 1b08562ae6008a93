"""The threshold between the second tier and the third, learned from feedback and kept over restarts.

The rule. Scores are cut into bands of 0.05. Two of them count: the band just above the threshold, whose calls go to the
dearer tier, and the one just below it, whose calls go to the cheaper tier. In both a share of the calls (`TRIAL_SHARE`)
goes to the other tier, drawn by a lot that says nothing of the call, so that both tiers are compared on calls that are
alike: without that the dearer tier would be judged by the harder calls. The threshold goes

- up by one band, when in the band above it the lower end of the cheaper tier's interval lies over the upper end of the
  dearer tier's less `MARGIN`: the cheaper tier, of which there is a sample, is not worse by more than the margin;
- down by one band, when in the band below it the upper end of the cheaper tier's interval lies under the lower end of
  the dearer tier's less the margin: the cheaper tier is worse by more than the margin;
- and else nowhere.

The intervals hold at all times at once (quality.py names the theorem), so the rule may look after every piece of
feedback. Four ends of intervals can move it wrongly, and each of them fails with a probability of at most a quarter of
`ERROR_RATE`: between one move and the next the threshold goes wrong with at most that probability, as long as the
quality of a tier in a band stays what it is. As it does not stay so for ever, all tallies begin anew after a move, and
each by itself when it is `MOST_AGE` old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.quality import CallFeedback, QualityReading, Tally
from factory_assets.router.scoring import OPUS, SONNET, tier_of
from factory_assets.router.stored import Stored

CHEAPER, DEARER = SONNET, OPUS
FIRST_THRESHOLD = 0.5
# How much worse the cheaper tier may be and still count as equal, in quality from 0 to 1.
MARGIN = 0.1
ERROR_RATE = 0.05
TRIAL_SHARE = 0.2
MOST_AGE = timedelta(days=90)

_BANDS = 20
# Below 0.30 calls go to the first tier, whatever the threshold.
_LOWEST, _HIGHEST = 6, _BANDS
# An interval has two ends, of which one alone can move the threshold wrongly.
_OF_INTERVAL = ERROR_RATE / 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback_tallies (
    band INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    began_at REAL NOT NULL,
    samples INTEGER NOT NULL,
    total REAL NOT NULL,
    squares REAL NOT NULL,
    bets REAL NOT NULL,
    weighted REAL NOT NULL,
    spread REAL NOT NULL,
    PRIMARY KEY (band, tier)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feedback_totals (tier INTEGER PRIMARY KEY, samples INTEGER NOT NULL, total REAL NOT NULL);
CREATE TABLE IF NOT EXISTS threshold_moves (
    id INTEGER PRIMARY KEY, moved_at TEXT NOT NULL, old REAL NOT NULL, new REAL NOT NULL, why TEXT NOT NULL
);
"""
_TALLIES = (
    "SELECT band, tier, began_at, samples, total, squares, bets, weighted, spread FROM feedback_tallies"
)
_KEEP_TALLY = "INSERT OR REPLACE INTO feedback_tallies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CLEAR_TALLIES = "DELETE FROM feedback_tallies"
_TOTALS = "SELECT tier, samples, total FROM feedback_totals ORDER BY tier"
_ADD_TOTAL = """
INSERT INTO feedback_totals VALUES (?1, 1, ?2)
ON CONFLICT (tier) DO UPDATE SET samples = samples + 1, total = total + ?2
"""
_MOVES = "SELECT moved_at, old, new, why FROM threshold_moves ORDER BY id DESC LIMIT 10"
_KEEP_MOVE = "INSERT INTO threshold_moves (moved_at, old, new, why) VALUES (?, ?, ?, ?)"
_TALLY_ROWS = TypeAdapter(
    list[tuple[int, int, float, int, float, float, float, float, float]]
).validate_python
_TOTAL_ROWS = TypeAdapter(list[tuple[int, int, float]]).validate_python
_MOVE_ROWS = TypeAdapter(list[tuple[str, float, float, str]]).validate_python


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Comparison(_Told):
    """Both tiers in one of the two bands beside the threshold, and what follows from it."""

    from_score: float
    to_score: float
    cheaper: QualityReading
    dearer: QualityReading
    moves: bool
    why: str


class Move(_Told):
    """A change of the threshold; `at` is a time in UTC."""

    at: str
    old: float
    new: float
    why: str


class Explained(_Told):
    """The threshold and why it is where it is. `by_tier` counts all feedback, `moves` has the last one first."""

    threshold: float
    margin: float
    error_rate: float
    total_feedback: int
    avg_quality: float | None
    by_tier: dict[int, int]
    above: Comparison | None
    below: Comparison | None
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Lesson:
    """The rule, and what it rests on. `band` is the one above the threshold; times are seconds of the epoch."""

    band: int = round(FIRST_THRESHOLD * _BANDS)
    tallies: Mapping[tuple[int, int], Tally] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """The score, 0 to 1, from which on calls go to the dearer tier."""
        return self.band / _BANDS

    def tier(self, score: int, *, has_tools: bool, lot: float) -> tuple[int, bool]:
        """The tier for a call of 0 to 100 points, and whether that is a trial. `lot` is the call's draw, 0 to 1."""
        usual = tier_of(score, threshold=self.threshold, has_tools=has_tools)
        band = band_of(score / 100)
        if lot >= TRIAL_SHARE or has_tools or band not in {self._above, self._below}:
            return usual, False
        return (DEARER if usual == CHEAPER else CHEAPER), True

    def learn(self, feedback: CallFeedback, *, at: float) -> tuple[Lesson, str | None]:
        """What is known with one more piece of feedback; why the threshold moved, if it did."""
        if feedback.tier not in {CHEAPER, DEARER}:
            return self, None
        key = (band_of(feedback.score), feedback.tier)
        tally = self._tally(*key, at=at).with_quality(feedback.quality, error_rate=_OF_INTERVAL)
        known = replace(self, tallies={**self.tallies, key: tally})
        if key[0] == self._above and (above := known.above(at=at)) is not None and above.moves:
            return Lesson(self.band + 1), above.why
        if key[0] == self._below and (below := known.below(at=at)) is not None and below.moves:
            return Lesson(self.band - 1), below.why
        return known, None

    def above(self, *, at: float) -> Comparison | None:
        """The band that the cheaper tier may gain; None at the top of the scale."""
        if self._above is None:
            return None
        cheaper, dearer = self._readings(self._above, at=at)
        moves = cheaper.samples > 0 and cheaper.low > dearer.high - MARGIN
        ends = f"at worst {cheaper.low:.3f}, against at best {dearer.high:.3f} of tier {DEARER} (margin {MARGIN})"
        told = (
            "Raised: tier {} is good enough"
            if moves
            else "Not raised: tier {} is not known to be good enough"
        )
        return _comparison(self._above, cheaper, dearer, moves, f"{told.format(CHEAPER)}, {ends}.")

    def below(self, *, at: float) -> Comparison | None:
        """The band that the cheaper tier may lose; None at the bottom of its scores."""
        if self._below is None:
            return None
        cheaper, dearer = self._readings(self._below, at=at)
        moves = cheaper.high < dearer.low - MARGIN
        ends = f"at best {cheaper.high:.3f}, against at worst {dearer.low:.3f} of tier {DEARER} (margin {MARGIN})"
        told = "Lowered: tier {} is worse" if moves else "Not lowered: tier {} is not known to be worse"
        return _comparison(self._below, cheaper, dearer, moves, f"{told.format(CHEAPER)}, {ends}.")

    @property
    def _above(self) -> int | None:
        return self.band if self.band < _HIGHEST else None

    @property
    def _below(self) -> int | None:
        return self.band - 1 if self.band > _LOWEST else None

    def _readings(self, band: int, *, at: float) -> tuple[QualityReading, QualityReading]:
        cheaper, dearer = (self._tally(band, tier, at=at) for tier in (CHEAPER, DEARER))
        return cheaper.reading(error_rate=_OF_INTERVAL), dearer.reading(error_rate=_OF_INTERVAL)

    def _tally(self, band: int, tier: int, *, at: float) -> Tally:
        tally = self.tallies.get((band, tier), Tally(began_at=at))
        return tally if at - tally.began_at < MOST_AGE.total_seconds() else Tally(began_at=at)


@dataclass
class Learner:
    """The lesson in a file, which several routers may share: each goes by what all of them have learned."""

    _stored: Stored
    _lesson: Lesson
    _version: int

    @classmethod
    @contextmanager
    def open(cls, file: Path) -> Iterator[Learner]:
        """Go on from what feedback has taught so far, in a SQLite file.

        Raises:
            InfrastructureError: it cannot be read or written, here and in `learn` and `explain`.
        """
        with Stored.open(file, _SCHEMA, what="The router's feedback") as stored:
            version = stored.version()
            yield cls(stored, _read(stored.rows), version)

    @property
    def threshold(self) -> float:
        """As `Lesson.threshold`."""
        return self._current().threshold

    def tier(self, score: int, *, has_tools: bool, lot: float) -> tuple[int, bool]:
        """As `Lesson.tier`."""
        return self._current().tier(score, has_tools=has_tools, lot=lot)

    def learn(self, feedback: CallFeedback, *, now: datetime) -> str | None:
        """Take in one piece of feedback; why the threshold moved, if it did."""
        with self._stored.transaction() as connection:
            known = _read(lambda sql: connection.execute(sql).fetchall())
            lesson, why = known.learn(feedback, at=now.timestamp())
            connection.execute(_ADD_TOTAL, (feedback.tier, feedback.quality))
            key = (band_of(feedback.score), feedback.tier)
            if why is not None:
                connection.execute(_CLEAR_TALLIES)
                moved_at = now.astimezone(UTC).isoformat(timespec="seconds")
                connection.execute(_KEEP_MOVE, (moved_at, known.threshold, lesson.threshold, why))
            elif key in lesson.tallies:
                connection.execute(_KEEP_TALLY, (*key, *astuple(lesson.tallies[key])))
        self._lesson = lesson
        return why

    def explain(self, *, now: datetime) -> Explained:
        """All of it as plain data; POST /v1/feedback answers with a part of it."""
        totals = {tier: (samples, total) for tier, samples, total in _TOTAL_ROWS(self._stored.rows(_TOTALS))}
        count, at, lesson = sum(samples for samples, _ in totals.values()), now.timestamp(), self._current()
        return Explained(
            threshold=lesson.threshold,
            margin=MARGIN,
            error_rate=ERROR_RATE,
            total_feedback=count,
            avg_quality=sum(total for _, total in totals.values()) / count if count else None,
            by_tier={tier: samples for tier, (samples, _) in totals.items()},
            above=lesson.above(at=at),
            below=lesson.below(at=at),
            moves=tuple(
                Move(at=at, old=old, new=new, why=why)
                for at, old, new, why in _MOVE_ROWS(self._stored.rows(_MOVES))
            ),
        )

    def _current(self) -> Lesson:
        """What is known, read anew where another router has learned; the last that was, where that cannot be read."""
        with suppress(InfrastructureError):
            version = self._stored.version()
            if version != self._version:
                self._lesson, self._version = _read(self._stored.rows), version
        return self._lesson


def _read(rows: Callable[[str], list[tuple[object, ...]]]) -> Lesson:
    tallies = {row[:2]: Tally(*row[2:]) for row in _TALLY_ROWS(rows(_TALLIES))}
    moves = _MOVE_ROWS(rows(_MOVES))
    return Lesson(round((moves[0][2] if moves else FIRST_THRESHOLD) * _BANDS), tallies)


def band_of(score: float) -> int:
    """The band that a score of 0 to 1 lies in."""
    # In whole points first: 0.55 * 20 is less than 11.
    return int(round(score * 100, 6) * _BANDS // 100)


def _comparison(
    band: int, cheaper: QualityReading, dearer: QualityReading, moves: bool, why: str
) -> Comparison:
    return Comparison(
        from_score=band / _BANDS,
        to_score=(band + 1) / _BANDS,
        cheaper=cheaper,
        dearer=dearer,
        moves=moves,
        why=why,
    )
