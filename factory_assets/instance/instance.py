"""One instance in one process: its settings, its clock, its registry, and its parts, each made when first needed.

In replay mode all ways out lead to a replay server inside this process, and nothing else is reached.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import InputError
from factory_assets.domain.text import counted
from factory_assets.instance.agents import Agents
from factory_assets.instance.analysis import Analysis
from factory_assets.instance.archiving import Archiving
from factory_assets.instance.batching import Batching
from factory_assets.instance.builds import Builds
from factory_assets.instance.citing import Citing
from factory_assets.instance.credential import Credential
from factory_assets.instance.gathering import Gathering
from factory_assets.instance.ideas import Ideas
from factory_assets.instance.keeping import Keeping
from factory_assets.instance.mirroring import Mirroring
from factory_assets.instance.models import Models
from factory_assets.instance.router import InstanceRouter
from factory_assets.instance.scouting import Scouting
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.synthesis import Synthesis
from factory_assets.instance.texts import Texts
from factory_assets.instance.tools import Tools
from factory_assets.instance.turns import ServerTurns
from factory_assets.instance.upkeep import Alerts, Imports, Upkeep
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.doctor.result import DoctorInputs


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)


class Instance:
    """What one instance has at hand.

    Args:
        settings: of the instance.
        clock: the machine's, unless weeks are simulated.
        parts: by name, in the place of its own; whatever needs such a part works with the one that is given.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None, **parts: object) -> None:
        if foreign := [name for name in parts if not isinstance(vars(Instance).get(name), cached_property)]:
            raise TypeError(f"An instance has no part {', '.join(foreign)}.")
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        # What is started for it ends with it, or with whoever has been handed a part of it.
        self._held = ExitStack()
        # Where a cached property keeps what it has made.
        vars(self).update(parts)

    def close(self) -> None:
        """End what was started in this process: the replay server, a router of its own."""
        self._held.close()

    # What the stages share

    @cached_property
    def registry(self) -> Registry:
        """Its records."""
        return Registry(self.settings.registry_place, redactor=self.secrets.redactor)

    @cached_property
    def replay(self) -> Replay:
        """Whether it replays, and the server that plays the others' parts then."""
        return Replay(self.settings, self._held)

    @cached_property
    def secrets(self) -> Secrets:
        """Its credentials, and what takes them out of texts and finds them in commits."""
        return Secrets(self.settings, self.replay)

    @cached_property
    def tools(self) -> Tools:
        """What it has of this machine: the sandbox, git, package indexes."""
        return Tools(self.settings, self.replay)

    @cached_property
    def router(self) -> InstanceRouter:
        """The one way to a model."""
        return InstanceRouter(self.settings, self.replay, self.secrets, self._held)

    @cached_property
    def agents(self) -> Agents:
        """What runs Claude Code."""
        return Agents(self.settings, self.replay, self.secrets, self.tools, self.router)

    @cached_property
    def models(self) -> Models:
        """What plain questions are asked of."""
        return Models(
            self.settings,
            self.replay,
            self.secrets,
            tools=self.tools,
            router=self.router,
            agents=self.agents,
        )

    @cached_property
    def credential(self) -> Credential:
        """Whether the credential in use serves, and when it has changed."""
        return Credential(self.settings, self.replay, self.secrets, self.router, self.doctor_inputs)

    @cached_property
    def turns(self) -> ServerTurns:
        """In whose turn it asks a server."""
        return ServerTurns(self.settings, self.registry, self.replay)

    # The stages

    @cached_property
    def gathering(self) -> Gathering:
        """Papers from arXiv."""
        return Gathering(
            self.settings,
            self.registry,
            self.clock,
            replay=self.replay,
            secrets=self.secrets,
            archiving=self.archiving,
            turns=self.turns,
        )

    @cached_property
    def archiving(self) -> Archiving:
        """The metadata of arXiv on this machine."""
        return Archiving(
            self.settings,
            self.registry,
            self.clock,
            replay=self.replay,
            secrets=self.secrets,
            router=self.router,
            turns=self.turns,
        )

    @cached_property
    def analysis(self) -> Analysis:
        """Specs from papers."""
        return Analysis(
            self.settings,
            self.registry,
            self.clock,
            secrets=self.secrets,
            models=self.models,
            batching=self.batching,
        )

    @cached_property
    def synthesis(self) -> Synthesis:
        """Specs from the research around papers."""
        return Synthesis(self.settings, self.registry, self.clock, secrets=self.secrets, models=self.models)

    @cached_property
    def batching(self) -> Batching:
        """The same, asked in message batches."""
        return Batching(self.settings, self.registry, self.clock, self.secrets, self.models)

    @cached_property
    def scouting(self) -> Scouting:
        """What exists already."""
        return Scouting(
            self.settings,
            self.registry,
            self.clock,
            replay=self.replay,
            secrets=self.secrets,
            tools=self.tools,
            turns=self.turns,
        )

    @cached_property
    def texts(self) -> Texts:
        """Papers' own texts."""
        return Texts(self.settings, self.clock, self.replay, self.turns)

    @cached_property
    def citing(self) -> Citing:
        """Who cites whom."""
        return Citing(
            self.settings,
            self.registry,
            self.clock,
            replay=self.replay,
            secrets=self.secrets,
            turns=self.turns,
        )

    @cached_property
    def ideas(self) -> Ideas:
        """Candidates and the research around them."""
        return Ideas(
            self.settings,
            self.registry,
            self.clock,
            replay=self.replay,
            secrets=self.secrets,
            archiving=self.archiving,
            citing=self.citing,
            texts=self.texts,
            turns=self.turns,
        )

    @cached_property
    def builds(self) -> Builds:
        """Repos from specs."""
        return Builds(
            self.settings,
            self.registry,
            self.clock,
            secrets=self.secrets,
            tools=self.tools,
            agents=self.agents,
            models=self.models,
            router=self.router,
            keeping=self.keeping,
        )

    @cached_property
    def mirroring(self) -> Mirroring:
        """Repos to where they are published."""
        return Mirroring(
            self.settings,
            self.registry,
            self.clock,
            replay=self.replay,
            secrets=self.secrets,
            tools=self.tools,
            turns=self.turns,
        )

    @cached_property
    def intake(self) -> Imports:
        """Specs from outside."""
        return Imports(self.settings, self.registry, self.secrets)

    # What keeps it going

    @cached_property
    def housekeeping(self) -> Upkeep:
        """What nobody needs any more, and what is to be done anew."""
        return Upkeep(self.settings, self.registry, self.agents, self.keeping)

    @cached_property
    def keeping(self) -> Keeping:
        """Where transcripts and logs are kept beside this machine."""
        return Keeping(self.settings, self.secrets)

    @cached_property
    def alerts(self) -> Alerts:
        """Where an operator is told of what needs a person."""
        return Alerts(self.settings)

    def doctor_inputs(self) -> DoctorInputs:
        """What the doctor looks at."""
        from factory_assets.doctor.result import DoctorInputs

        settings = self.settings
        return DoctorInputs(
            live=not self.replay.is_on,
            data_dir=settings.factory_data_dir,
            claude_config=self.secrets.claude_config,
            anthropic_url=settings.anthropic_base_url,
            github_url=settings.factory_github_url,
            api_key=settings.anthropic_api_key,
            auth_token=settings.anthropic_auth_token,
            oauth_token=settings.claude_code_oauth_token,
            router_url=settings.llm_router_url,
            router_token=self.router.shared_token,
            claude_binary=settings.claude_binary,
            github_token=settings.github_token,
            github_owner=settings.github_user,
            mirror_dir=settings.factory_mirror_dir,
            openalex_key=settings.openalex_api_key,
            openalex_url=settings.factory_openalex_url,
            semantic_scholar_key=settings.semantic_scholar_api_key,
            semantic_scholar_url=settings.factory_semantic_scholar_url,
            pypi_url=settings.factory_pypi_url,
            npm_url=settings.factory_npm_url,
            alert_urls=settings.alert_urls,
            unsandboxed=settings.factory_unsandboxed,
            sandbox_limits=self.tools.limits(),
            weak_secrets=tuple(settings.weak_secrets()),
            open_registry=self._open_registry if settings.factory_registry_url else None,
            dagster_url=settings.factory_dagster_url,
            broker_url=settings.factory_celery_broker,
            redact=self.secrets.redactor(),
        )

    def _open_registry(self) -> str:
        """What the registry's database holds.

        Raises:
            InputError: nothing, though the file that it takes the place of holds something.
        """
        specs, papers = self.registry.reports.sizes()
        file = self.settings.registry_file
        if not (specs or papers) and file.exists() and any(Registry(file).reports.sizes()):
            raise InputError(
                "The database holds nothing yet, and the registry's file does.",
                where=str(file),
                fix="Give `factory registry copy file database`, or move the file away to begin anew.",
            )
        return f"PostgreSQL with {counted(papers, 'paper', 'papers')} and {counted(specs, 'spec', 'specs')}"
