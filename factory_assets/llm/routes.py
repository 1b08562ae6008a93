"""The ways to a model, in order (router, API, Claude Code), each standing in for the one before it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

from factory_assets.domain.agents import Answer, Question, Route, StructuredModel
from factory_assets.domain.errors import CredentialError, FactoryError, InfrastructureError, MissingToolError
from factory_assets.domain.refusals import ModelStoppedError


class Routes:
    """Asks by the first route that answers, and says on each answer which ones failed before it.

    A route that refuses the credential, the account or the model is not asked again while this object lives.
    """

    def __init__(
        self, routes: Sequence[tuple[Route, StructuredModel]], notify: Callable[[str], None]
    ) -> None:
        self._routes = tuple(routes)
        self._notify = notify
        self._refused: dict[Route, FactoryError] = {}

    def ask(self, question: Question) -> Answer:
        """Answer by the first route that can.

        Raises:
            FactoryError: when all failed, the first route's error, which names those of the others.
        """
        failures: list[tuple[Route, FactoryError]] = []
        for route, model in self._routes:
            if route in self._refused:
                failures.append((route, self._refused[route]))
                continue
            try:
                answer = model.ask(question)
            except (InfrastructureError, CredentialError, ModelStoppedError, MissingToolError) as error:
                failures.append((route, error))
                self._remember(route, error)
            else:
                return replace(answer, notes=(*(_note(*failure) for failure in failures), *answer.notes))
        raise _all_failed(failures)

    def _remember(self, route: Route, error: FactoryError) -> None:
        self._notify(_note(route, error))
        if isinstance(error, (CredentialError, ModelStoppedError)):
            self._refused[route] = error


def _note(route: Route, error: FactoryError) -> str:
    return f"route {route} failed: {error}"


def _all_failed(failures: Sequence[tuple[Route, FactoryError]]) -> FactoryError:
    if not failures:
        return CredentialError(
            "There is no way to a model.",
            fix="Set ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN or LLM_ROUTER_URL,"
            " or log in with Claude Code.",
        )
    (_, first), *others = failures
    if not others:
        return first
    error = copy.copy(first)
    also = "; ".join(f"{route}: {other.what}" for route, other in others)
    error.what = f"{first.what} The other routes failed too ({also})."
    return error
