"""A registry of an earlier version of the factory, brought up to this one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from registry_samples import DAY, NOW, queue, ship

from factory_assets.registry import Registry
from factory_assets.registry.migrate import migrate

_WEB = "https://github.com/acme/on-github"


def test_what_was_mirrored_before_the_mark_is_known_as_mirrored(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.duckdb")
    of_a_day = queue(registry, "on-github", "in-a-folder", "nowhere-yet")
    for queued in (*of_a_day, *queue(registry, "of-another-commit", day=DAY + timedelta(days=1))):
        ship(registry, queued)
    registry.repos.record_mirror("on-github", url=_WEB, commit="c0ffee", now=NOW)
    registry.repos.record_mirror("in-a-folder", url="file:///srv/in-a-folder", commit="c0ffee", now=NOW)
    registry.repos.record_mirror("of-another-commit", url=_WEB, commit="0ddba11", now=NOW)
    with registry._database.transaction() as connection:
        connection.execute("ALTER TABLE repos DROP COLUMN mirrored_to")
        connection.execute("DELETE FROM schema_migrations WHERE version >= 18")
    with registry._database.transaction() as connection:
        migrate(connection, where="here")

    def left(*, to_github: bool) -> list[str]:
        return [entry.repo.name for entry in registry.repos.unmirrored(to_github=to_github)]

    assert left(to_github=False) == ["nowhere-yet", "of-another-commit"]
    assert left(to_github=True) == ["in-a-folder", "nowhere-yet", "of-another-commit"]
