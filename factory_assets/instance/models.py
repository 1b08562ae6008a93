"""What plain questions are asked of, for one instance: the routes to a model, and who asks by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from factory_assets.domain.agents import Route, StructuredModel
from factory_assets.domain.readings import ReaderMode
from factory_assets.instance.agents import Agents
from factory_assets.instance.router import InstanceRouter
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.tools import Tools
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.building.acceptance import Acceptor
    from factory_assets.building.reader import Reader
    from factory_assets.domain.ports import AnswerStore
    from factory_assets.llm.claude_api import ClaudeApi
    from factory_assets.llm.claude_batches import Brought
    from factory_assets.router.client import RouterAccess

Notify = Callable[[str], None]


class Models:
    """The models behind an instance's routes. None is told a secret, and no answer brings one."""

    def __init__(
        self,
        settings: Settings,
        replay: Replay,
        secrets: Secrets,
        *,
        tools: Tools,
        router: InstanceRouter,
        agents: Agents,
    ) -> None:
        self._settings = settings
        self._replay = replay
        self._secrets = secrets
        self._tools = tools
        self._router = router
        self._agents = agents

    def by_routes(self, notify: Notify, brought: Brought | None = None) -> StructuredModel:
        """A model that is asked by the first route that answers. What a batch has brought is not asked again."""
        from factory_assets.llm.claude_batches import FromBatch
        from factory_assets.llm.redacted import RedactedModel
        from factory_assets.llm.routes import Routes

        routes = Routes(self.routes(), notify)
        model = FromBatch(brought, routes, notify) if brought else routes
        return RedactedModel(model, self._secrets.redactor())

    def routes(self) -> list[tuple[Route, StructuredModel]]:
        """The ways to ask that the settings allow, the first to be tried first."""
        from factory_assets.llm.routed_api import RoutedApi

        settings, secrets, access = self._settings, self._secrets, self._router.access
        routes: list[tuple[Route, StructuredModel]] = []
        if self._replay.is_on:
            return [(Route.API, RoutedApi(access, self._api()))]
        if settings.gateway_url:
            routes.append((Route.ROUTER, RoutedApi(*self.first_api())))
        if secrets.api_key:
            routes.append((Route.API, RoutedApi(access, self._api())))
        if (secrets.credentials() or secrets.has_login) and self._tools.may_run_agents():
            routes.append((Route.CLAUDE_CODE, self._agents.of("api")))
        return routes

    def first_api(self) -> tuple[RouterAccess, ClaudeApi]:
        """What plain questions are asked of first: the gateway, where there is one."""
        gateway = self._router.gateway()
        if gateway is None:
            return self._router.access, self._api()
        return self._router.access.to("router"), gateway.model()

    @property
    def takes_batches(self) -> bool:
        """Whether there is an API for message batches; a login has none."""
        return self._replay.is_on or bool(self._settings.gateway_url or self._secrets.api_key)

    def reader(self, mode: ReaderMode, answers: AnswerStore, notify: Notify) -> Reader:
        """What reads repos; its answers are kept in `answers`."""
        from factory_assets.building.reader import Reader

        return Reader(
            model=self.by_routes(notify),
            model_name=self._settings.factory_reader_model,
            mode=mode,
            prompts_dir=self._settings.factory_prompts_dir,
            answers=answers,
        )

    def own_reader(self, answers: AnswerStore, notify: Notify) -> Reader | None:
        """The reader of builds; None where the settings say that none reads."""
        mode = self._settings.factory_reader
        return None if mode is ReaderMode.OFF else self.reader(mode, answers, notify)

    def own_acceptor(self, answers: AnswerStore, notify: Notify) -> Acceptor | None:
        """What says before a build what the repo has to do; None where the settings say that nobody does."""
        from factory_assets.building.acceptance import Acceptor

        if not self._settings.factory_acceptance:
            return None
        return Acceptor(
            model=self.by_routes(notify),
            model_name=self._settings.factory_acceptance_model,
            prompts_dir=self._settings.factory_prompts_dir,
            answers=answers,
        )

    def _api(self) -> ClaudeApi:
        from factory_assets.llm.claude_api import ClaudeApi

        held = self._secrets.credentials()
        return ClaudeApi(
            self._replay.url if self._replay.is_on else self._settings.anthropic_base_url,
            api_key=held.get("ANTHROPIC_API_KEY"),
            auth_token=held.get("ANTHROPIC_AUTH_TOKEN"),
        )
