"""Mirroring for one instance: where shipped repos go, and how fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import InputError
from factory_assets.instance.holding import hold_spec
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.tools import Tools
from factory_assets.instance.turns import ServerTurns
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.mirror.target import MirrorReport, MirrorTarget

Notify = Callable[[str], None]


class Mirroring:
    """Publishes shipped repos."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        replay: Replay,
        secrets: Secrets,
        tools: Tools,
        turns: ServerTurns,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._replay = replay
        self._secrets = secrets
        self._tools = tools
        self._turns = turns

    @property
    def target_name(self) -> str:
        """Where shipped repos go, in words."""
        settings = self._settings
        if self._replay.is_on or settings.github_token is None:
            return f"the folder {settings.factory_mirror_dir}" if settings.factory_mirror_dir else "not set"
        return f"GitHub ({settings.github_user or 'the account of GITHUB_TOKEN'})"

    def mirror(self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Notify) -> MirrorReport:
        """Publish one shipped repo; see mirror.stage."""
        from factory_assets.mirror.stage import mirror

        settings = self._settings
        with (
            self._secrets.redactor().stage(notify) as told,
            hold_spec(settings, self._registry, repo.name, run_id="mirror") as holder,
        ):
            self._tools.check_git()
            pacing = self._turns.mirror()
            return mirror(
                repo,
                bare=settings.git_dir / f"{repo.name}.git",
                target=self._target(told, pacing.put_off),
                paper_ids=paper_ids,
                store=self._registry.repos.held_by(holder) if holder else self._registry.repos,
                scanner=self._secrets.secret_scanner(),
                pacing=pacing,
                now=self._clock.now,
                notify=told,
            )

    def _target(self, notify: Notify, asked_to_wait: Callable[[datetime], None]) -> MirrorTarget:
        settings = self._settings
        if settings.github_token is not None and not self._replay.is_on:
            from factory_assets.mirror.github import GitHubTarget

            return GitHubTarget(
                token=settings.github_token,
                owner=settings.github_user,
                api_url=settings.factory_github_url,
                visibility=settings.factory_github_visibility,
                notify=notify,
                asked_to_wait=asked_to_wait,
            )
        if settings.factory_mirror_dir is None:
            raise InputError(
                "There is nowhere to mirror to.",
                fix="Set GITHUB_TOKEN (and GITHUB_USER) in .env, or name a local folder with FACTORY_MIRROR_DIR.",
            )
        from factory_assets.mirror.local import LocalTarget

        return LocalTarget(settings.factory_mirror_dir)
