"""What the registry's SQL runs on: short transactions of one database, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import Enum, auto
from typing import Any, Protocol, TypeVar

from factory_assets.domain.redaction import Redactor
from factory_assets.registry.lock import Patience

Value = TypeVar("Value")


class Cursor(Protocol):
    """What a statement brought."""

    @property
    def description(self) -> Sequence[Any] | None:
        """A sequence for each column, whose first item is the column's name."""
        ...

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        ...


class Connection(Protocol):
    """Runs statements, in one transaction. Parameters are $1, $2 and so on; texts in JSON columns are texts."""

    def execute(self, query: Any, parameters: Any = None, /) -> Cursor:
        """Run one statement."""
        ...


class Access(Enum):
    """What may be done in a transaction."""

    WRITING = auto()
    READING = auto()


_NO_SECRETS = Redactor(())


def no_secrets() -> Redactor:
    """What a registry goes by that is told of no secret."""
    return _NO_SECRETS


class Database(ABC):
    """Where the registry is.

    Args:
        patience: of a transaction that waits for others; it may be set anew at any time.
        access: of its transactions.
        redactor: makes what takes the factory's secrets out of whatever is to be written.
    """

    is_shared = False
    """Whether other machines use it too."""

    def __init__(self, patience: Patience, access: Access, redactor: Callable[[], Redactor]) -> None:
        self.patience = patience
        self.access = access
        self.redactor = redactor

    def clean(self, value: Value) -> Value:
        """What is asked of the registry, as it may be written. Who only reads writes nothing."""
        return value if self.access is Access.READING else self.redactor().value(value)

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Connection]:
        """Begin, and commit at the end of the block; an error in it rolls everything back.

        Never hold one over a network call or an agent's run, and never open one inside another.

        Raises:
            RegistryBusyError: naming who held the registry for the whole wait.
            InfrastructureError: the database is damaged or cannot be reached, or the disk is full.
            InputError: a newer version of the factory has written it.
        """
