"""The registry as the rest of the factory uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.domain.redaction import Redactor
from factory_assets.domain.registry_place import RegistryPlace
from factory_assets.registry import subjects
from factory_assets.registry.database import Access, Database, no_secrets
from factory_assets.registry.duckdb_file import DuckDBFile
from factory_assets.registry.lock import USUAL, Patience

if TYPE_CHECKING:
    from factory_assets.registry.postgres_turns import PostgresTurns


class Registry:
    """What the factory knows, by subject; its tables are made at the first use.

    Args:
        place: where it is kept.
        patience: of a transaction that waits for others.
        access: what is done in its transactions.
        redactor: makes what takes the factory's secrets out of whatever is to be written.
    """

    def __init__(
        self,
        place: RegistryPlace,
        patience: Patience = USUAL,
        access: Access = Access.WRITING,
        redactor: Callable[[], Redactor] = no_secrets,
    ) -> None:
        self._place = place
        self._database = _database(place, patience, access, redactor)
        self.papers = subjects.Papers(self._database)
        self.gathers = subjects.Gathers(self._database)
        self.answers = subjects.Answers(self._database)
        self.analyses = subjects.Analyses(self._database)
        self.batches = subjects.Batches(self._database)
        self.imports = subjects.Imports(self._database)
        self.novelty = subjects.Novelties(self._database)
        self.ideas = subjects.Ideas(self._database)
        self.evidence = subjects.Evidence(self._database)
        self.citations = subjects.Citations(self._database)
        self.queue = subjects.Queue(self._database)
        self.launches = subjects.Launches(self._database)
        self.holds = subjects.Holds(self._database)
        self.runs = subjects.Runs(self._database)
        self.builds = subjects.Builds(self._database)
        self.ledger = subjects.Ledger(self._database)
        self.repos = subjects.Repos(self._database)
        self.reports = subjects.Reports(self._database)
        self.stories = subjects.Stories(self._database)
        self.alerts = subjects.Alerts(self._database)

    @property
    def is_shared(self) -> bool:
        """Whether other machines use it too."""
        return self._database.is_shared

    def turns_at(self, server: str) -> PostgresTurns:
        """Where the turn to ask a server is held, of a registry that other machines use too."""
        from factory_assets.registry.postgres import PostgresDatabase  # noqa: PLC0415  heavy
        from factory_assets.registry.postgres_turns import PostgresTurns  # noqa: PLC0415  heavy

        if not isinstance(self._database, PostgresDatabase):
            raise TypeError("A file tells nothing to other machines.")
        return PostgresTurns(self._database, server)

    def reading(self) -> Registry:
        """The same registry for whoever only looks: a write through it is an InfrastructureError."""
        return Registry(self._place, self._database.patience, Access.READING, self._database.redactor)

    def writing(self) -> Registry:
        """The same registry for whoever may write, as every one is that does not come from `reading`."""
        return Registry(self._place, self._database.patience, redactor=self._database.redactor)

    def wait_with(self, patience: Patience) -> None:
        """Wait so long for the registry from now on, when another program holds it."""
        self._database.patience = patience


def _database(
    place: RegistryPlace, patience: Patience, access: Access, redactor: Callable[[], Redactor]
) -> Database:
    if isinstance(place, Path):
        return DuckDBFile(place, patience, access, redactor)
    from factory_assets.registry.postgres import PostgresDatabase  # noqa: PLC0415  heavy

    return PostgresDatabase(place, patience, access, redactor)
