"""The part of the registry that an operator works with: stops, retries, novelty, incomplete dates, a repo's story."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from pydantic import JsonValue

from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.novelty import Found, Novelty
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import days, gathers, holds, novelty, requeue, story
from factory_assets.registry.database import Database
from factory_assets.registry.days import DayStory, LastJudged
from factory_assets.registry.story import Story


class Desk:
    """Part of Registry. Every method is one short transaction."""

    _database: Database

    def hold(self, hold: Hold) -> None:
        """Stop the whole queue; a later stop of the same cause takes its place."""
        with self._database.transaction() as connection:
            holds.record_hold(connection, hold)

    def holds(self) -> list[Hold]:
        """The stops that stand, oldest first."""
        with self._database.transaction() as connection:
            return holds.holds(connection)

    def release_hold(self, cause: WaitCause) -> None:
        """Lift the stop; nothing where none stands."""
        with self._database.transaction() as connection:
            holds.release_hold(connection, cause)

    def try_hold(self, cause: WaitCause, now: datetime) -> None:
        """Lift the stop to see whether it comes back; where it does within an hour, the next try waits longer."""
        with self._database.transaction() as connection:
            holds.try_hold(connection, cause, now)

    def hold_tries(self, cause: WaitCause, now: datetime) -> int:
        """How often in a row a stop of this cause, if it is set now, was lifted to try it."""
        with self._database.transaction() as connection:
            return holds.tries_so_far(connection, cause, now)

    def note_gathered(self, days: Collection[date], missing: Mapping[date, str], *, now: datetime) -> None:
        """Keep what is missing of these dates, which were gathered; those of which nothing is, are whole."""
        with self._database.transaction() as connection:
            gathers.note_gathered(connection, days, missing, now)

    def incomplete_dates(self) -> dict[date, datetime]:
        """Since when something has been missing of each date that is not whole."""
        with self._database.transaction() as connection:
            return gathers.incomplete_dates(connection)

    def missing_of_dates(self) -> dict[date, str]:
        """What is missing of each date that is not whole, in words."""
        with self._database.transaction() as connection:
            return gathers.missing_of_dates(connection)

    def requeue(self, spec_id: int) -> QueuedSpec:
        """A failed spec is queued again for a fresh attempt; one that waits in the queue waits no longer, for whatever.

        Raises:
            StatusError: when it has shipped.
        """
        with self._database.transaction() as connection:
            return requeue.requeue(connection, spec_id)

    def failed_since(self, moment: datetime) -> list[QueuedSpec]:
        """The failed specs whose last attempt was judged, or else started, at that moment or later."""
        with self._database.transaction() as connection:
            return requeue.failed_since(connection, moment)

    def story_of(self, name: str) -> Story | None:
        """All that is known of one repo, or None where no spec has that name."""
        with self._database.transaction() as connection:
            return story.story_of(connection, name)

    def day_story(self, day: date) -> DayStory:
        """One date at a glance."""
        with self._database.transaction() as connection:
            return days.day_story(connection, day)

    def day_digests(self) -> dict[date, str]:
        """By date, what tells whether anything that its page shows has changed."""
        with self._database.transaction() as connection:
            return days.day_digests(connection)

    def last_judged(self) -> list[LastJudged]:
        """What each gate decided when it judged last, whatever the repo."""
        with self._database.transaction() as connection:
            return days.last_judged(connection)

    def further_of(self, names: Collection[str]) -> dict[str, Mapping[str, JsonValue]]:
        """What imported specs say beside the fields that the factory knows, by repo."""
        with self._database.transaction() as connection:
            return story.further_of(connection, names)

    def estimated_lines(self, names: Collection[str]) -> dict[str, int]:
        """The sizes of these repos' specs, by name."""
        with self._database.transaction() as connection:
            return story.estimated_lines(connection, names)

    def repo_dollars(self, names: Collection[str]) -> dict[str, float]:
        """What these repos have taken over all attempts, with what is set aside for them now."""
        with self._database.transaction() as connection:
            return story.repo_dollars(connection, names)

    def record_novelty(self, spec_id: int, known: Novelty) -> None:
        """Keep what is known of a spec's novelty now; one that is to be skipped waits from now on for a person."""
        with self._database.transaction() as connection:
            novelty.record_novelty(connection, spec_id, known)

    def novelty_of(self, spec_ids: Collection[int]) -> dict[int, Novelty]:
        """What is known of these specs, by id; those that were never looked up are left out."""
        with self._database.transaction() as connection:
            return novelty.novelty_of(connection, spec_ids)

    def own_repos(self, spec_id: int) -> list[Found]:
        """The repos that have shipped, are being built, or were queued before this spec and are to be built."""
        with self._database.transaction() as connection:
            return novelty.own_repos(connection, spec_id)

    def kept_answers(self, questions: Collection[str], *, since: datetime) -> dict[str, tuple[Found, ...]]:
        """See KeptAnswers."""
        with self._database.transaction() as connection:
            return novelty.kept_answers(connection, questions, since=since)

    def keep_answer(self, question: str, found: Sequence[Found], *, now: datetime) -> None:
        """See KeptAnswers."""
        with self._database.transaction() as connection:
            novelty.keep_answer(connection, question, found, now=now)

    def forget_answers(self, before: datetime) -> None:
        """Drop the catalogues' answers that were kept before that time."""
        with self._database.transaction() as connection:
            novelty.forget_answers(connection, before)
