"""Checks of the servers: credentials for Claude, the router, GitHub's token. Secrets go in headers only."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from pydantic import SecretStr

from factory_assets.doctor.result import CheckResult, DoctorInputs, error, passed, warning
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.network.clients import ask

_SECONDS = 10.0
# The version that anthropic 2.x sends.
_ANTHROPIC_VERSION = "2026-10-21"
_MODEL_STAGES = "specs and built_repos"


def check_credentials(inputs: DoctorInputs) -> CheckResult:
    """Whether any of the ways to a model is set: key, token, Claude Code's login, router."""
    name = "model credentials"
    ways = {
        "LLM_ROUTER_URL": inputs.router_url is not None,
        "ANTHROPIC_API_KEY": inputs.api_key is not None,
        "ANTHROPIC_AUTH_TOKEN": inputs.auth_token is not None,
        "CLAUDE_CODE_OAUTH_TOKEN": inputs.oauth_token is not None,
        "Claude Code's login": has_claude_login(inputs.claude_config),
    }
    found = ", ".join(way for way, is_set in ways.items() if is_set)
    if found or not inputs.live:
        return passed(name, found or "a replay instance needs none")
    return error(
        name,
        "none",
        affects=_MODEL_STAGES,
        fix="Set one of ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN (from `claude"
        " setup-token`) or LLM_ROUTER_URL in .env, or log in once with the Claude Code program.",
    )


def has_claude_login(config: Path) -> bool:
    """Whether Claude Code's own login file is there and holds a login."""
    try:
        data = json.loads((config / ".credentials.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and bool(data.get("claudeAiOauth"))


def check_claude_api(inputs: DoctorInputs) -> CheckResult | None:
    """Ask the Claude API for one model with the credential that is set; None where there is none to try."""
    name = "Claude API"
    credentials = {"ANTHROPIC_API_KEY": inputs.api_key, "ANTHROPIC_AUTH_TOKEN": inputs.auth_token}
    setting, secret = next(
        ((setting, secret) for setting, secret in credentials.items() if secret), ("", None)
    )
    if secret is None or not inputs.live:
        return None
    url = f"{inputs.anthropic_url.rstrip('/')}/v1/models"
    answer = answer_of(url, secret, {"anthropic-version": _ANTHROPIC_VERSION}, {"limit": "1"})
    if isinstance(answer, str):
        return warning(
            name,
            f"{setting} could not be tried: {answer}",
            affects=f"{_MODEL_STAGES}, if this lasts",
            fix="Check the network and ANTHROPIC_BASE_URL.",
        )
    if answer.status_code in {401, 403}:
        return error(
            name,
            f"{setting} was refused ({answer.status_code}) by {inputs.anthropic_url}",
            affects=_MODEL_STAGES,
            fix=f"Put a valid key into {setting}, or take it out where another credential is to be used.",
        )
    if answer.status_code != 200:
        return warning(
            name,
            f"{setting} could not be tried: {url} answered {answer.status_code}",
            affects=f"{_MODEL_STAGES}, if this lasts",
            fix="Check ANTHROPIC_BASE_URL; a gateway without this route may work all the same.",
        )
    return passed(name, f"{setting} is accepted by {inputs.anthropic_url}")


def check_registry(inputs: DoctorInputs) -> CheckResult | None:
    """Whether the registry's database can be used; None where the registry is a file."""
    if inputs.open_registry is None:
        return None
    try:
        return passed("registry", inputs.open_registry())
    except FactoryError as failed:
        return error("registry", failed.what, affects="every stage", fix=failed.fix)


def check_router(inputs: DoctorInputs) -> CheckResult | None:
    """Whether the router lives and takes the key; None where none is set.

    A gateway answers POST /v1/messages and needs have no other route, so whatever answers as a server in order does.
    """
    if inputs.router_url is None:
        return None
    if inputs.router_token is not None:
        return _check_shared_router(inputs.router_url.rstrip("/"), inputs.router_token)
    secret = inputs.api_key or inputs.auth_token
    answer = answer_of(f"{inputs.router_url.rstrip('/')}/health", secret, {}, {})
    if isinstance(answer, str) or (answer.status_code >= 500 and answer.status_code != 501):
        found = answer if isinstance(answer, str) else f"answered {answer.status_code} to /health"
        return error(
            "router",
            f"{inputs.router_url}: {found}",
            affects=f"{_MODEL_STAGES}: every agent goes through the router",
            fix="Start the router, or correct or remove LLM_ROUTER_URL.",
        )
    if answer.status_code in {401, 403}:
        held = "the key that is set" if secret else "to be asked without a key"
        return warning(
            "router",
            f"{inputs.router_url} answers, and refuses {held} ({answer.status_code} to /health)",
            affects=f"{_MODEL_STAGES}, if it refuses questions too",
            fix="Put a key that this gateway takes into ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN.",
        )
    if answer.is_success:
        return passed("router", f"{inputs.router_url} is healthy")
    return passed("router", f"{inputs.router_url} answers; it has no /health ({answer.status_code})")


def _check_shared_router(url: str, token: SecretStr) -> CheckResult:
    answer = answer_of(f"{url}/v1/grants", token, {}, {})
    if not isinstance(answer, str) and answer.is_success:
        return passed("router", f"{url} is the hosts' router, and takes FACTORY_ROUTER_KEY")
    if isinstance(answer, str) or answer.status_code not in {401, 403}:
        found = answer if isinstance(answer, str) else f"answered {answer.status_code} to /v1/grants"
        fix = (
            "Start `factory router` there, or correct LLM_ROUTER_URL; a gateway needs no FACTORY_ROUTER_KEY."
        )
    else:
        found = "it refuses FACTORY_ROUTER_KEY"
        fix = "Put the key into FACTORY_ROUTER_KEY that the router's own host has there."
    return error("router", f"{url}: {found}", affects=f"{_MODEL_STAGES}: every call goes through it", fix=fix)


def check_mirror(inputs: DoctorInputs) -> CheckResult:
    """GitHub's token with its scopes and owner, or the local folder that takes its place."""
    if not inputs.live:
        return passed("mirror", "a replay instance mirrors into a local folder")
    if inputs.github_token is not None:
        return _check_github(inputs, inputs.github_token)
    if inputs.mirror_dir is not None:
        return passed("mirror", f"into {inputs.mirror_dir}")
    return warning(
        "mirror",
        "neither GITHUB_TOKEN nor FACTORY_MIRROR_DIR is set",
        affects="mirrored_repos",
        fix="Set GITHUB_TOKEN to a token that may create and push repositories, or FACTORY_MIRROR_DIR to a"
        " local folder.",
    )


def _check_github(inputs: DoctorInputs, token: SecretStr) -> CheckResult:
    name, api = "GitHub token", inputs.github_url.rstrip("/")
    answer = answer_of(f"{api}/user", token, {"Accept": "application/vnd.github+json"}, {})
    if isinstance(answer, str) or answer.status_code not in {200, 401}:
        found = answer if isinstance(answer, str) else f"{api} answered {answer.status_code}"
        return warning(
            name,
            f"could not be tried: {found}",
            affects="mirrored_repos, if this lasts",
            fix="Check the network and FACTORY_GITHUB_URL.",
        )
    if answer.status_code == 401:
        return error(
            name,
            f"refused by {api}",
            affects="mirrored_repos",
            fix="Put a valid token into GITHUB_TOKEN, with the scopes `repo` and `workflow`.",
        )
    return _judge_scopes(name, answer, inputs.github_owner)


def _judge_scopes(name: str, answer: httpx.Response, owner: str | None) -> CheckResult:
    login = _login(answer)
    account = f"of {login}" + (f", for {owner}" if owner and owner.lower() != login.lower() else "")
    listed = answer.headers.get("x-oauth-scopes")
    if not listed:
        return passed(name, f"{account}; a fine-grained token: its rights show at the first push")
    scopes = {scope.strip() for scope in listed.split(",")}
    if not scopes & {"repo", "public_repo"}:
        return error(
            name,
            f"{account}, with the scopes {listed}",
            affects="mirrored_repos: no repository can be created",
            fix="Give the token the scopes `repo` and `workflow` (https://github.com/settings/tokens).",
        )
    if "workflow" not in scopes:
        return warning(
            name,
            f"{account}, with the scopes {listed}",
            affects="mirrored_repos: a repo with GitHub workflows cannot be pushed",
            fix="Give the token the scope `workflow` too (https://github.com/settings/tokens).",
        )
    return passed(name, f"{account}, with the scopes {listed}")


def _login(answer: httpx.Response) -> str:
    try:
        data = answer.json()
    except ValueError:
        return "an unknown account"
    return str(data.get("login", "an unknown account")) if isinstance(data, dict) else "an unknown account"


def answer_of(
    url: str, secret: SecretStr | None, headers: dict[str, str], query: dict[str, str]
) -> httpx.Response | str:
    """The answer, or in words why there is none."""
    if secret is not None:
        headers = {**headers, "Authorization": f"Bearer {secret.get_secret_value()}"}
    try:
        return ask("GET", url, headers=headers, query=query, timeout=_SECONDS)
    except InputError as refused:
        return str(refused)
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        return f"{url} cannot be reached: {failure}"
