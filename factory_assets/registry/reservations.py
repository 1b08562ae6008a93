"""Dollars set aside for agents that are running, and what they have metered."""

from __future__ import annotations

from datetime import datetime, timedelta

from factory_assets.domain.builds import WORKER_LOST, ModelCall, Phase, Reservation, Usage
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import Row, fetch, from_db, to_db

# No build lasts longer (FACTORY_BUILD_HOURS), so an older reservation belongs to a worker that died.
LONGEST_BUILD = timedelta(hours=16)

# The column takes no NULL.
_NO_PHASE = ""

_OPEN = """
INSERT INTO reservations (id, spec_id, repo, stage, partition, phase, route, model, run_id, reserved_usd,
                          spent_usd, usage, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

_RESERVED = """
SELECT coalesce(sum(greatest(reserved_usd, spent_usd)), 0) AS dollars FROM reservations WHERE opened_at >= $1
"""


def is_open(connection: Connection, reservation_id: str) -> bool:
    """Whether that reservation stands."""
    return bool(fetch(connection, "SELECT id FROM reservations WHERE id = $1", [reservation_id]))


def open_reservation(connection: Connection, reservation: Reservation) -> None:
    """Set the dollars aside."""
    connection.execute(
        _OPEN,
        [
            reservation.id,
            reservation.spec_id,
            reservation.repo,
            reservation.stage,
            reservation.partition,
            reservation.phase or _NO_PHASE,
            reservation.route,
            reservation.model,
            reservation.run_id,
            reservation.dollars,
            0.0,
            Usage().model_dump_json(),
            to_db(reservation.at),
        ],
    )


def meter(connection: Connection, reservation_id: str, usage: Usage) -> None:
    """Write down what a reservation has spent so far; one that is settled stays so."""
    connection.execute(
        "UPDATE reservations SET spent_usd = $1, usage = $2 WHERE id = $3",
        [usage.cost_usd, usage.model_dump_json(), reservation_id],
    )


def close_reservation(connection: Connection, reservation_id: str) -> None:
    """Let go what is left of the dollars."""
    connection.execute("DELETE FROM reservations WHERE id = $1", [reservation_id])


def reserved_since(connection: Connection, moment: datetime) -> float:
    """Dollars of the open reservations that can be running still, or were opened from that moment on."""
    (row,) = fetch(connection, _RESERVED, [to_db(moment - LONGEST_BUILD)])
    return float(row["dollars"])


def lost_calls(connection: Connection, spec_id: int) -> list[tuple[str, ModelCall]]:
    """What dead runs of a spec left open: each reservation's id, and its line for the ledger as it was metered."""
    rows = fetch(connection, "SELECT * FROM reservations WHERE spec_id = $1 ORDER BY opened_at", [spec_id])
    return [(row["id"], _lost_call(row)) for row in rows]


def _lost_call(row: Row) -> ModelCall:
    return ModelCall(
        stage=row["stage"],
        partition=row["partition"],
        repo=row["repo"],
        phase=Phase(row["phase"]) if row["phase"] != _NO_PHASE else None,
        route=row["route"],
        model=row["model"],
        usage=Usage.model_validate_json(row["usage"]),
        # How long it lived nobody knows; the dollars were spent on the day of the reservation.
        seconds=0.0,
        cache_hit=False,
        outcome=WORKER_LOST,
        at=from_db(row["opened_at"]),
    )
