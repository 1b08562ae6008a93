"""Structured questions to the Messages API by way of the router, which holds the credential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import SecretStr

from factory_assets.domain.agents import Answer, Question
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.claude_code_tokens import API_KEY_BEGINNING
from factory_assets.llm.model_access import UNORDERED_HEADER, VARIABLE_HEADER, ModelAccess, Pass
from factory_assets.llm.prices import most_usd


@dataclass(frozen=True)
class RoutedApi:
    """Asks as `api` would, with a token of the router in the place of its credential."""

    access: ModelAccess
    api: ClaudeApi

    def ask(self, question: Question) -> Answer:
        """See domain.agents.StructuredModel."""
        calls = self.api.retries + 1
        seconds = calls * (self.api.timeout_seconds + self.api.patience_seconds)
        with self.access.open(
            question.purpose, limit_usd=most_usd(question, calls=calls), seconds=seconds, plain=True
        ) as way:
            named = {UNORDERED_HEADER: question.unordered, VARIABLE_HEADER: question.about}
            headers = {name: value for name, value in named.items() if value is not None}
            return by_way_of(self.access, way, self.api, headers).ask(question)


def by_way_of(access: ModelAccess, way: Pass, api: ClaudeApi, headers: Mapping[str, str]) -> ClaudeApi:
    """The same API by way of the router, with a token in the place of its credential."""
    token = SecretStr(way.token(API_KEY_BEGINNING))
    by_router = replace(api, by=access.url, headers=headers)
    if api.api_key:
        return replace(by_router, api_key=token)
    return replace(by_router, auth_token=token if api.auth_token else None)
