"""Copies what runs leave behind, transcripts and logs, to where FACTORY_LOG_STORE says."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.domain.errors import FactoryError
from factory_assets.instance.secrets import Secrets
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.keeping.outbox import Outbox

Notify = Callable[[str], None]


class Keeping:
    """Sends this host's transcripts and logs; without the setting it does nothing."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._made: Outbox | None = None

    def send(self, notify: Notify) -> bool:
        """Send what has not been sent, and say so; a place that is away fails nothing.

        Returns:
            Whether nothing waits any more.
        """
        if self._settings.factory_log_store is None:
            return True
        try:
            sent = self._outbox().send()
        except FactoryError as error:
            notify(str(error))
            return False
        if sent.files:
            notify(f"{sent.files} transcripts and logs were sent to {self._settings.factory_log_store}.")
        if sent.waiting:
            notify(f"{sent.waiting} transcripts and logs wait here and are sent later. {sent.problem}")
        return not sent.waiting

    def unsent(self) -> frozenset[Path]:
        """The files that are to stay here, however old they are, because they are nowhere else yet."""
        if self._settings.factory_log_store is None:
            return frozenset()
        return frozenset(file for _, file in self._outbox().waiting())

    def forget_gone(self) -> None:
        """Forget what was sent of files that are gone."""
        if self._settings.factory_log_store is not None:
            self._outbox().forget_gone()

    def _outbox(self) -> Outbox:
        if self._made is None:
            from factory_assets.keeping.outbox import Kind, Outbox
            from factory_assets.keeping.places import place_of

            settings = self._settings
            data = settings.factory_data_dir
            self._made = Outbox(
                kinds=[
                    Kind("transcripts", settings.transcripts_dir, "*/*.jsonl", of_host=True),
                    # As dagster's LocalComputeLogManager lays them out.
                    Kind("logs", data, "*/compute_logs/*.out"),
                    Kind("logs", data, "*/compute_logs/*.err"),
                ],
                place=place_of(settings.factory_log_store or "", settings.bucket_options),
                marks=data / "sent",
                redactor=self._secrets.redactor,
                host=socket.gethostname(),
            )
        return self._made
