"""Leases of specs. Their times are the database's: hosts' clocks may be minutes apart."""

from __future__ import annotations

from factory_assets.domain.leases import Lease, LeaseHeldError, LeaseLostError
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch_one

LEASE_SECONDS = 90
"""How long a lease holds that is not renewed."""
RENEW_SECONDS = 15

_HELD = """
SELECT place, run_id, EXTRACT(epoch FROM (now() AT TIME ZONE 'UTC') - renewed_at) AS seconds
FROM leases WHERE spec_id = $1 AND renewed_at IS NOT NULL
"""
_TAKE = """
INSERT INTO leases (spec_id, place, run_id, fence, renewed_at) VALUES ($1, $2, $3, 1, now() AT TIME ZONE 'UTC')
ON CONFLICT (spec_id) DO UPDATE SET
    place = excluded.place, run_id = excluded.run_id, fence = leases.fence + 1, renewed_at = excluded.renewed_at
RETURNING fence
"""
_FENCE = "SELECT fence FROM leases WHERE spec_id = $1"
_RENEW = "UPDATE leases SET renewed_at = now() AT TIME ZONE 'UTC' WHERE spec_id = $1"
_REVOKE = """
UPDATE leases SET fence = fence + 1, renewed_at = NULL WHERE run_id = $1 AND renewed_at IS NOT NULL RETURNING spec_id
"""
_RAISE = "UPDATE leases SET fence = $2 WHERE spec_id = $1"
_END = "UPDATE leases SET renewed_at = NULL WHERE spec_id = $1 AND fence = $2"


def take_lease(connection: Connection, spec_id: int, *, place: str, run_id: str) -> Lease:
    """Take a spec's lease: one that is free, that ran out, or that somebody at the same place held.

    `place` names what only one run at a time can hold the spec's lock in; who holds that lock knows that no other run
    there is alive.

    Raises:
        LeaseHeldError: somebody elsewhere holds it.
    """
    held = fetch_one(connection, _HELD, [spec_id])
    if held is not None and held["place"] != place and held["seconds"] < LEASE_SECONDS:
        raise LeaseHeldError(
            f"Another host works on this spec (run {held['run_id'][:8]}, heard of {held['seconds']:.0f} s ago).",
            fix=f"Wait for that run to end; if its host is gone, its hold ends after {LEASE_SECONDS} s.",
        )
    (fence,) = connection.execute(_TAKE, [spec_id, place, run_id]).fetchall()[0]
    return Lease(spec_id, fence)


def check_lease(connection: Connection, lease: Lease) -> None:
    """Let nobody write who has lost the lease.

    Raises:
        LeaseLostError: another one has taken it.
    """
    row = connection.execute(_FENCE, [lease.spec_id]).fetchone()
    if row is None or row[0] != lease.fence:
        raise LeaseLostError


def renew_lease(connection: Connection, lease: Lease) -> None:
    """Say that the build goes on.

    Raises:
        LeaseLostError: another one has taken the lease.
    """
    check_lease(connection, lease)
    connection.execute(_RENEW, [lease.spec_id])


def raise_fence(connection: Connection, lease: Lease, above: int) -> Lease:
    """The same hold under a number above this one, which a registry older than a repository may not have come to yet.

    Raises:
        LeaseLostError: another one has taken the lease.
    """
    check_lease(connection, lease)
    if lease.fence > above:
        return lease
    connection.execute(_RAISE, [lease.spec_id, above + 1])
    return Lease(lease.spec_id, above + 1)


def end_lease(connection: Connection, lease: Lease) -> None:
    """Let it go; one that was lost is let be."""
    connection.execute(_END, [lease.spec_id, lease.fence])


def revoke_leases(connection: Connection, run_id: str) -> list[int]:
    """Take what a run holds from it, and return the specs: they are free, and it writes nothing more for them."""
    return [spec_id for (spec_id,) in connection.execute(_REVOKE, [run_id]).fetchall()]
