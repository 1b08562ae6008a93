"""What the settings say of the router: the backends behind it and how it works."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from factory_assets.domain.errors import InputError
from factory_assets.router.backends import Backend, CredentialKind
from factory_assets.router.backends_file import default_backend, embeddings_backend, load_backends
from factory_assets.router.credentials import LoginFile
from factory_assets.router.made import EmbeddingsComparison, RouterConfig
from factory_assets.settings import Settings

_KINDS = {
    "ANTHROPIC_API_KEY": CredentialKind.API_KEY,
    "ANTHROPIC_AUTH_TOKEN": CredentialKind.AUTH_TOKEN,
    "CLAUDE_CODE_OAUTH_TOKEN": CredentialKind.OAUTH_TOKEN,
}
# A router on its own machine keeps the real key, and takes whatever it is shown.
_NO_KEY = SecretStr("no-key-needed")


def router_config(
    settings: Settings, credentials: Mapping[str, SecretStr], login: Path | None
) -> RouterConfig:
    """The router of a live instance. `credentials` are by their settings' names; the first one opens the API.

    Raises:
        InputError: a backend's address or the backends file cannot be used, or embeddings are asked for of none.
    """
    named = _api(settings, credentials)
    embedders = _embedders(settings, named)
    # A backend that makes vectors alone answers no question.
    chains = {"api": tuple(backend for backend in named if backend.models or backend.any_model)}
    if settings.gateway_url:
        kind, secret = _first(credentials) or (CredentialKind.API_KEY, _NO_KEY)
        # A gateway takes plain questions by whatever it is shown.
        taken = CredentialKind.AUTH_TOKEN if kind is CredentialKind.OAUTH_TOKEN else kind
        chains["router"] = (
            default_backend(settings.gateway_url, taken, secret, name="router", private_network=True),
        )
    return RouterConfig(
        chains=chains,
        embedders=embedders,
        login=LoginFile(login) if login else None,
        reroutes=settings.factory_reroute,
        lowest_models=settings.factory_lowest_models,
        cache_hours=settings.factory_answer_cache_hours,
        semantic_stages=frozenset(settings.factory_semantic_stages),
        compared_by=_comparison(settings),
    )


def _embedders(settings: Settings, named: tuple[Backend, ...]) -> tuple[Backend, ...]:
    """The backends that make vectors: those of the backends file, then the server of the setting."""
    url, model = settings.factory_embeddings_url, settings.factory_embeddings_model
    own = tuple(backend for backend in named if backend.embeddings)
    if url is not None and not model:
        raise InputError(
            "FACTORY_EMBEDDINGS_URL is set, and no model of that server is named.",
            where="FACTORY_EMBEDDINGS_MODEL",
            fix="Name the model, or leave both out.",
        )
    if url is not None:
        return (*own, embeddings_backend(url, model))
    if model and not any(listed.name == model for backend in own for listed in backend.embeddings):
        raise InputError(
            f"No backend makes embeddings by {model}.",
            where="FACTORY_EMBEDDINGS_MODEL",
            fix="Set FACTORY_EMBEDDINGS_URL, or list it under `embeddings` of a backend in FACTORY_BACKENDS_FILE.",
        )
    return own


def _comparison(settings: Settings) -> EmbeddingsComparison | None:
    model = settings.factory_embeddings_model
    return EmbeddingsComparison(model, settings.factory_embeddings_threshold) if model else None


def _api(settings: Settings, credentials: Mapping[str, SecretStr]) -> tuple[Backend, ...]:
    if settings.factory_backends_file is not None:
        named = {name: secret.get_secret_value() for name, secret in credentials.items()}
        return load_backends(settings.factory_backends_file, {**os.environ, **named})
    # An address in a setting is the operator's own choice, on a network of theirs too.
    first = _first(credentials)
    if first is None:
        return (default_backend(settings.anthropic_base_url, private_network=True),)
    return (default_backend(settings.anthropic_base_url, *first, private_network=True),)


def _first(credentials: Mapping[str, SecretStr]) -> tuple[CredentialKind, SecretStr] | None:
    return next(((kind, credentials[name]) for name, kind in _KINDS.items() if name in credentials), None)
