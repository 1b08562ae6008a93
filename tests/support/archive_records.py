"""Records for tests of the archive."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from factory_assets.domain.archive import ArchiveRecord


def archived(
    arxiv_id: str, submitted: datetime, changed: date | None = None, **told: object
) -> ArchiveRecord:
    """A paper as a harvest brings it; changed on the day after its submission, where no date is named."""
    usual: dict[str, object] = {
        "arxiv_id": arxiv_id,
        "version": 1,
        "title": "On guardrails",
        "abstract": "About guardrail and decoding.",
        "authors": ("Ada Lovelace",),
        "categories": ("cs.CL", "cs.AI"),
        "comment": None,
        "journal_ref": None,
        "doi": None,
        "licence": "http://creativecommons.org/licenses/by/4.0/",
        "submitted": submitted,
        "updated": submitted,
        "changed": changed or submitted.date() + timedelta(days=1),
    }
    return ArchiveRecord.model_validate({**usual, **told})


def archived_per_day(first: date, days: int, count: int, **told: object) -> list[ArchiveRecord]:
    """`count` papers first submitted on each day, spread over it."""
    midnight = datetime.combine(first, time(), UTC)
    step = timedelta(days=1) / count
    return [
        archived(
            f"{midnight + timedelta(days=day):%y%m}.{day * count + number:05d}",
            (midnight + timedelta(days=day) + step * number + step / 2).replace(microsecond=0),
            **told,
        )
        for day in range(days)
        for number in range(count)
    ]
