"""compose.yaml: what it gives the factory's programs is what these read, and each secret comes from outside."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml
from pydantic import SecretStr
from typer.main import get_command

from factory_assets.cli.app import app
from factory_assets.settings import PROJECT_ROOT, Settings

DEPLOY = PROJECT_ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
EXAMPLE = (DEPLOY / "hosts.env.example").read_text(encoding="utf-8")
OURS = ("router", "factory", "worker")


@cache
def services() -> Any:
    return yaml.safe_load(TEXT)["services"]


def filled(value: Any) -> str:
    return re.sub(r"\$\{(\w+)(?::-([^}]*)|[^}]*)\}", lambda match: match[2] or "x", str(value))


def test_every_setting_that_a_program_is_given_exists_and_can_be_read() -> None:
    for name in OURS:
        given = {each.lower(): filled(value) for each, value in services()[name]["environment"].items()}
        assert set(given) <= set(Settings.model_fields)
        Settings(_env_file=None, **{**given, "build_workers": 2})


def test_hosts_share_what_builds_on_several_machines_must_share() -> None:
    worker, main = services()["worker"]["environment"], services()["factory"]["environment"]
    assert worker == {name: value for name, value in main.items() if name != "FACTORY_UI_HOST"}
    assert {"FACTORY_REGISTRY_URL", "FACTORY_DAGSTER_URL", "FACTORY_CELERY_BROKER"} <= set(worker)
    folder = "${FACTORY_GIT_FOLDER:?}:/factory/git"
    assert folder in services()["worker"]["volumes"]
    assert folder in services()["factory"]["volumes"]


def test_only_the_router_has_the_credential_and_it_asks_no_other_router() -> None:
    having = [name for name in OURS if "ANTHROPIC_API_KEY" in services()[name]["environment"]]
    assert having == ["router"]
    assert "LLM_ROUTER_URL" not in services()["router"]["environment"]


def test_every_secret_comes_from_outside() -> None:
    kinds = {name: field.annotation for name, field in Settings.model_fields.items()}
    for name in OURS:
        for setting, value in services()[name]["environment"].items():
            if "Secret" in str(kinds[setting.lower()]) or SecretStr in getattr(
                kinds[setting.lower()], "__args__", ()
            ):
                assert "${" in str(value), setting
    assert not re.search(r"^(?!#)\w*(PASSWORD|KEY|TOKEN)=.+$", EXAMPLE, re.MULTILINE)


def test_the_example_names_each_variable_and_none_that_is_not_read() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    assert set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)) == asked


def test_each_program_is_started_by_a_command_that_there_is() -> None:
    known = get_command(app).commands  # type: ignore[attr-defined]
    for name in OURS:
        program, command, *options = services()[name]["command"]
        assert program == "factory"
        taken = {option for each in known[command].params for option in each.opts}
        assert {option for option in options if option.startswith("--")} <= taken


def test_the_router_is_asked_where_it_listens() -> None:
    command = services()["router"]["command"]
    port = command[command.index("--port") + 1]
    assert services()["factory"]["environment"]["LLM_ROUTER_URL"].endswith(f":{port}")
    assert services()["router"]["ports"] == [f"${{FACTORY_LISTEN_ON:-127.0.0.1}}:{port}:{port}"]


def test_what_makes_a_sandbox_is_let_and_has_time_to_end() -> None:
    for name in ("factory", "worker"):
        assert {"seccomp=unconfined", "systempaths=unconfined", "no-new-privileges=true"} <= set(
            services()[name]["security_opt"]
        )
        assert services()[name]["cap_drop"] == ["ALL"]
        assert services()[name]["stop_grace_period"] == "120s"


def test_nothing_listens_beyond_this_host_unless_it_is_told_to() -> None:
    for service in services().values():
        for port in service.get("ports", ()):
            assert filled(port).startswith("127.0.0.1:")
