"""The ledger's transactions: reserving a budget, and settling what was reserved."""

from __future__ import annotations

from datetime import UTC, datetime, time

from factory_assets.domain.builds import ModelCall, Reservation
from factory_assets.domain.errors import BudgetError
from factory_assets.domain.papers import as_utc
from factory_assets.registry import reservations
from factory_assets.registry.calls import record_call, spent_since
from factory_assets.registry.database import Connection

_ROUNDING = 1e-9


def reserve(connection: Connection, reservation: Reservation, *, day_budget_usd: float) -> None:
    """Set dollars aside if today's budget has room for them.

    Raises:
        BudgetError: when it has not.
    """
    if reservations.is_open(connection, reservation.id):
        return
    who = f"Phase {reservation.phase}" if reservation.phase else f"A call of the stage {reservation.stage}"
    midnight = datetime.combine(as_utc(reservation.at).date(), time(), UTC)
    taken = spent_since(connection, midnight)
    if taken + reservation.dollars > day_budget_usd + _ROUNDING:
        raise BudgetError(
            f"{who} reserves {reservation.dollars:.2f} dollars, and of the day's"
            f" {day_budget_usd:.2f} dollars {taken:.2f} are spent or reserved.",
            where=reservation.repo,
            fix="Raise FACTORY_DAY_BUDGET_USD, or let it wait: it goes on when the day (UTC) turns.",
            limit_usd=day_budget_usd,
        )
    reservations.open_reservation(connection, reservation)


def settle(connection: Connection, reservation_id: str, call: ModelCall) -> None:
    """Write the call down and let go what is left of its reservation."""
    record_call(connection, call)
    reservations.close_reservation(connection, reservation_id)


def settle_lost(connection: Connection, spec_id: int) -> None:
    """Write down what dead runs of this spec had metered, so that a crash loop spends no more than budgets allow."""
    for reservation_id, call in reservations.lost_calls(connection, spec_id):
        settle(connection, reservation_id, call)
