"""Routers in threads of the tests, before a model's API on loopback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr

from factory_assets.llm.claude_code import ClaudeCode
from factory_assets.llm.claude_code_home import Login
from factory_assets.router.backends import Backend, CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess
from factory_assets.router.credentials import LoginFile
from factory_assets.router.made import RouterConfig, router_of
from factory_assets.router.serving import in_thread
from factory_assets.router.whereabouts import Whereabouts
from factory_assets.sandbox import Sandbox

_held = ExitStack()


def router_to(
    url: str,
    folder: Path,
    *,
    api_key: str | None = None,
    auth_token: str | None = None,
    login_file: Path | None = None,
) -> RouterAccess:
    """The way to the API at `url` through a router with this credential, which ends with the test."""
    if api_key is not None:
        backend = default_backend(url, CredentialKind.API_KEY, SecretStr(api_key))
    elif auth_token is not None:
        backend = default_backend(url, CredentialKind.AUTH_TOKEN, SecretStr(auth_token))
    else:
        backend = default_backend(url)
    return router_before(folder, backend, login_file=login_file)


def router_before(
    folder: Path,
    *backends: Backend,
    login_file: Path | None = None,
    cache_hours: float = 0,
    embedders: Sequence[Backend] = (),
) -> RouterAccess:
    """The way through a router to these, in their order, which ends with the test."""
    config = RouterConfig(
        chains={"api": backends},
        embedders=tuple(embedders),
        login=LoginFile(login_file) if login_file else None,
        cache_hours=cache_hours,
    )
    place = Whereabouts(folder / "router")
    router = _held.enter_context(router_of(place, config))
    return place.access_to(_held.enter_context(in_thread(router)))


def end_routers() -> None:
    """End them all."""
    _held.close()


def claude_code(
    sandbox: Sandbox,
    *,
    base_url: str,
    credentials: Mapping[str, SecretStr],
    state_dir: Path,
    binary: Path | None = None,
    login_home: Path | None = None,
    retries: int = 10,
) -> ClaudeCode:
    """The real program's runner, whose way to the API at `base_url` is a router that ends with the test."""
    held = {name: secret.get_secret_value() for name, secret in credentials.items()}
    access = router_to(
        base_url,
        state_dir.parent,
        api_key=held.get("ANTHROPIC_API_KEY"),
        auth_token=held.get("ANTHROPIC_AUTH_TOKEN") or held.get("CLAUDE_CODE_OAUTH_TOKEN"),
        login_file=Login(login_home).file if login_home else None,
    )
    return ClaudeCode(
        sandbox,
        access,
        asked=base_url,
        credentials=credentials,
        binary=binary,
        state_dir=state_dir,
        login_home=login_home,
        retries=retries,
    )
