"""Making the archive ready for questions, once records have come: else the first question does it, in minutes."""

from __future__ import annotations

from collections.abc import Callable

from factory_assets.archive.search import SearchIndex
from factory_assets.archive.space import Space
from factory_assets.archive.store import Archive
from factory_assets.domain.errors import InfrastructureError


def make_ready(archive: Archive, space: Space | None, notify: Callable[[str], None]) -> None:
    """Bring the search index up to date, and the space where one is given.

    What cannot be written is told and left to the next question: the records are in, and asking for them again would
    mend nothing.
    """
    for bring in (SearchIndex(archive).update, *([space.update] if space else [])):
        try:
            bring()
        except InfrastructureError as error:
            notify(f"The records are in. {error}")
