"""Routers in threads of the tests, before a model's API on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr

from factory_assets.llm.claude_code import ClaudeCode
from factory_assets.llm.claude_code_home import Login
from factory_assets.router.app import Backend
from factory_assets.router.client import RouterDoor
from factory_assets.router.credentials import Credentials
from factory_assets.router.serving import in_thread
from factory_assets.router.whereabouts import door_to, router_of
from factory_assets.sandbox import Sandbox

_held = ExitStack()


def router_to(
    url: str,
    folder: Path,
    *,
    api_key: str | None = None,
    auth_token: str | None = None,
    login_file: Path | None = None,
) -> RouterDoor:
    """The way to the API at `url` through a router with this credential, which ends with the test."""
    backend = Backend(url, Credentials(api_key, auth_token, login_file))
    router = _held.enter_context(router_of(folder / "router", {"api": backend}))
    return door_to(folder / "router", _held.enter_context(in_thread(router)))


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
    door = router_to(
        base_url,
        state_dir.parent,
        api_key=held.get("ANTHROPIC_API_KEY"),
        auth_token=held.get("ANTHROPIC_AUTH_TOKEN") or held.get("CLAUDE_CODE_OAUTH_TOKEN"),
        login_file=Login(login_home).file if login_home else None,
    )
    return ClaudeCode(
        sandbox,
        door,
        asked=base_url,
        credentials=credentials,
        binary=binary,
        state_dir=state_dir,
        login_home=login_home,
        retries=retries,
    )
