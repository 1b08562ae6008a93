"""Looking after the programs of a live factory: telling the operator when one ends, or the daemon no longer beats."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from factory_assets.alerts.send import AlertPlaces, send_due
from factory_assets.domain.alerts import Alert
from factory_assets.domain.ports import AlertStore
from factory_assets.network.clients import ask

LOOK_SECONDS = 60.0
# The daemon's parts beat every 30 seconds; an hour's backfill of a slow machine keeps one silent for minutes.
SILENT_SECONDS = 600.0
_QUERY = """{ instance { daemonHealth { allDaemonStatuses { daemonType required lastHeartbeatTime } } } }"""

_log = logging.getLogger(__name__)


@dataclass
class RunWatch:
    """Watches from outside the daemon, which cannot tell of its own end.

    Args:
        alerts: where they are remembered.
        places: where they go.
        url: of the UI, for its answers.
        link: of the UI as the operator opens it.
    """

    alerts: AlertStore
    places: AlertPlaces
    url: str
    link: str
    _next_look: float = field(default_factory=lambda: time.monotonic() + SILENT_SECONDS)

    def ended(self, program: str, code: int | None) -> None:
        """One of the programs has ended by itself; it is started again."""
        self._tell(
            Alert(
                cause=f"program {program} ended",
                title=f"The factory's {program} ended and is started again",
                text=f"It ended with code {code}. If this goes on, read logs/{program}.log in FACTORY_DATA_DIR.",
                link=self.link,
            )
        )

    def look(self) -> None:
        """Every minute: ask the UI when the daemon's parts last beat."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        silent = silent_parts(self.url, now=time.time())
        if silent:
            self._tell(
                Alert(
                    cause="daemon silent",
                    title="The daemon has stopped: nothing is launched",
                    text=f"No sign of life for ten minutes from {', '.join(silent)}."
                    " Restart the factory: `factory down`, `factory up`.",
                    link=f"{self.link}/deployment/daemons",
                )
            )

    def _tell(self, alert: Alert) -> None:
        now = datetime.now(UTC)
        try:
            self.alerts.note(alert, now=now)
            told = send_due(self.alerts, self.places, now=now)
        except Exception as error:  # noqa: BLE001  a fault of the registry takes no program down
            _log.warning("The alert %r could not be kept: %s", alert.title, error)
            return
        for failure in told.failures:
            _log.warning("An alert could not be sent: %s", failure)


def silent_parts(url: str, *, now: float) -> list[str]:
    """The required parts of the daemon that have not beaten for ten minutes; none where the UI does not answer."""
    try:
        answer = ask("POST", f"{url}/graphql", body={"query": _QUERY}, timeout=10)
        parts = answer.json()["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        # A UI that does not answer has ended, which is told of as that.
        return []
    return [
        part["daemonType"].lower()
        for part in parts
        if part["required"] and abs(now - (part["lastHeartbeatTime"] or 0)) > SILENT_SECONDS
    ]
