"""What the doctor is given, and what each check says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from factory_assets.domain.worker_places import WorkerPlaces
from factory_assets.sandbox import ResourceLimits


class Severity(StrEnum):
    """How much a failed check matters: an error stops a stage, a warning takes something away from it."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class CheckResult:
    """One check. `severity` counts only where it is not `ok`; then `affects` and `fix` say what to do."""

    name: str
    ok: bool
    severity: Severity
    found: str
    affects: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class DoctorInputs:
    """The settings that the checks concern.

    `live` is False for a replay instance, which needs no credentials. `claude_config` is the folder where
    Claude Code keeps its login (~/.claude, or CLAUDE_CONFIG_DIR). `search_path` is the PATH to look for
    programs on, the process's own where it is None. `sandbox_limits` hold each program of an agent or gate.
    `weak_secrets` are the settings whose secret cannot be told from an ordinary word. `changed_settings` are those
    that are others than when the running factory was started. `router_token` is what a router that hosts share takes
    from the factory's own processes. `open_registry` opens the registry's database, where it has one, and says what it
    holds. `worker_places` asks the workers on all hosts how many builds they take. `redact` takes the secrets out of
    what the checks say.
    """

    live: bool
    data_dir: Path
    claude_config: Path
    anthropic_url: str
    github_url: str
    api_key: SecretStr | None = None
    auth_token: SecretStr | None = None
    oauth_token: SecretStr | None = None
    router_url: str | None = None
    router_token: SecretStr | None = None
    claude_binary: Path | None = None
    github_token: SecretStr | None = None
    github_owner: str | None = None
    mirror_dir: Path | None = None
    openalex_key: SecretStr | None = None
    openalex_url: str = ""
    semantic_scholar_key: SecretStr | None = None
    semantic_scholar_url: str = ""
    pypi_url: str | None = None
    npm_url: str | None = None
    alert_urls: tuple[SecretStr, ...] = ()
    unsandboxed: bool = False
    sandbox_limits: ResourceLimits = field(default_factory=ResourceLimits)
    search_path: str | None = None
    weak_secrets: tuple[str, ...] = ()
    changed_settings: tuple[str, ...] = ()
    open_registry: Callable[[], str] | None = None
    dagster_url: SecretStr | None = None
    broker_url: SecretStr | None = None
    worker_places: Callable[[], WorkerPlaces] | None = None
    redact: Callable[[str], str] = str


def passed(name: str, found: str) -> CheckResult:
    """A check with nothing to fix."""
    return CheckResult(name, ok=True, severity=Severity.WARNING, found=found, affects="", fix="")


def error(name: str, found: str, *, affects: str, fix: str) -> CheckResult:
    """A check that stops a stage."""
    return CheckResult(name, ok=False, severity=Severity.ERROR, found=found, affects=affects, fix=fix)


def warning(name: str, found: str, *, affects: str, fix: str) -> CheckResult:
    """A check that takes something away, or could not be made."""
    return CheckResult(name, ok=False, severity=Severity.WARNING, found=found, affects=affects, fix=fix)
