"""The files of deploy/ name what is there: settings, secrets, ports, commands, versions; and hold no secret."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from typer.main import get_command

from factory_assets.cli.app import app
from factory_assets.cli.processes import LOCATION
from factory_assets.settings import PROJECT_ROOT, Settings

DEPLOY = PROJECT_ROOT / "deploy"
KUBERNETES = sorted((DEPLOY / "kubernetes").rglob("*.yaml"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
PAGE = (PROJECT_ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
SECRETS = {"factory-secrets", "factory-credential", "factory-database"}
# What the factory says of itself beside its settings.
OTHER_VARIABLES = {"DAGSTER_HOME", "HOME", "PATH", "PYTHONUNBUFFERED"}


@cache
def objects() -> list[dict[str, Any]]:
    found = [yaml.safe_load_all(path.read_text(encoding="utf-8")) for path in KUBERNETES]
    return [made for several in found for made in several]


@cache
def values() -> Any:
    return yaml.safe_load((DEPLOY / "values.yaml").read_text(encoding="utf-8"))


@cache
def run_job() -> dict[str, Any]:
    """The Job of a run, as dagster-k8s makes it."""
    program = DEPLOY / "lint" / "run_pod.py"
    made = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True)
    return dict(yaml.safe_load(made.stdout))


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {made["metadata"]["name"]: made for made in objects() if made["kind"] == kind}


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def everything() -> list[Any]:
    return [*objects(), values(), run_job()]


def pod_of_a_run() -> dict[str, Any]:
    return dict(run_job()["spec"]["template"]["spec"])


def router() -> dict[str, Any]:
    return dict(of_kind("Deployment")["factory-router"]["spec"]["template"]["spec"]["containers"][0])


def test_every_setting_that_a_pod_is_given_exists_and_can_be_read() -> None:
    given = {name: value for made in of_kind("ConfigMap").values() for name, value in made["data"].items()}
    assert set(given) <= {name.upper() for name in Settings.model_fields}
    Settings(_env_file=None, **{name.lower(): value for name, value in given.items()})


def test_no_secret_stands_in_a_file() -> None:
    assert not of_kind("Secret")
    named = set(of_kind("ConfigMap")["factory-settings"]["data"]) | set(
        of_kind("ConfigMap")["factory-model"]["data"]
    )
    secret = {name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    assert not {name for name in named if name.lower() in secret}
    assert "postgresqlPassword" not in values()["postgresql"]
    assert values()["generatePostgresqlPasswordSecret"] is False


def test_only_the_router_has_the_credential_for_claude() -> None:
    having = [made for made in everything() if "factory-credential" in yaml.safe_dump(made)]
    assert [made["kind"] for made in having] == ["Deployment"]
    assert router()["envFrom"][1]["secretRef"]["name"] == "factory-credential"
    # Beside its key, this would be the router of another host, and the command refuses it.
    assert "factory-model" not in yaml.safe_dump(router())


def test_whatever_is_named_is_made_here_or_told_of_in_the_page() -> None:
    for made in everything():
        for key, value in walk(made):
            if key == "claimName":
                assert value in of_kind("PersistentVolumeClaim")
            if key in {"secretRef", "secretKeyRef"}:
                assert value["name"] in SECRETS
            if key == "envSecrets":
                assert {each["name"] for each in value} <= SECRETS
            if key in {"envConfigMaps", "configMapRef"}:
                each = [value] if isinstance(value, dict) else value
                assert {one["name"] for one in each} <= set(of_kind("ConfigMap"))
    for name in SECRETS:
        assert f"create secret generic {name} " in PAGE


def test_the_volumes_are_as_large_as_they_have_to_be() -> None:
    sizes = {
        name: claim["spec"]["resources"]["requests"]["storage"]
        for name, claim in of_kind("PersistentVolumeClaim").items()
    }
    assert (sizes["factory-data"], sizes["factory-git"]) == ("5Gi", "50Gi")


def test_the_router_is_started_by_a_command_that_there_is_and_found_where_it_listens() -> None:
    _, command, *options = router()["args"]
    parameters = {
        option
        for each in get_command(app).commands[command].params
        for option in each.opts  # type: ignore[attr-defined]
    }
    assert {option for option in options if option.startswith("--")} <= parameters
    port = int(options[options.index("--port") + 1])
    assert router()["ports"][0]["containerPort"] == port
    service = of_kind("Service")["factory-router"]
    url = of_kind("ConfigMap")["factory-model"]["data"]["LLM_ROUTER_URL"]
    assert url == f"http://factory-router:{service['spec']['ports'][0]['port']}"
    reached = of_kind("NetworkPolicy")["all-reach-the-router"]["spec"]["egress"][0]["ports"]
    assert reached == [{"protocol": "TCP", "port": port}]


def test_all_parts_are_one_image_of_which_the_tag_is_the_release() -> None:
    images = {f"{each['repository']}:{each['tag']}" for key, each in walk(values()) if key == "image"}
    images |= {router()["image"], pod_of_a_run()["containers"][0]["image"]}
    assert len(images) == 1
    version = re.search(r'^version = "(.+)"', (PROJECT_ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert images.pop().endswith(f"/factory:{version[1]}")


def test_every_version_that_is_named_is_the_pinned_one() -> None:
    pinned = dict(line.split("==") for line in (PROJECT_ROOT / "constraints.txt").read_text().split())
    named = re.findall(
        r"dagster/dagster --version (\S+)", PAGE + (DEPLOY / "values.yaml").read_text(encoding="utf-8")
    )
    assert set(named) == {pinned["dagster"]}


def test_the_code_location_is_the_one_that_every_other_program_knows() -> None:
    (deployment,) = values()["dagster-user-deployments"]["deployments"]
    assert deployment["name"] == LOCATION
    code = of_kind("NetworkPolicy")["the-code-is-reached"]["spec"]["ingress"][0]["ports"]
    assert code == [{"protocol": "TCP", "port": deployment["port"]}]


def test_the_instance_is_that_of_one_machine_but_for_what_a_cluster_does() -> None:
    one = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    daemon = values()["dagsterDaemon"]
    coordinator = daemon["runCoordinator"]["config"]["customRunCoordinator"]
    assert coordinator == one["run_coordinator"]
    assert daemon["runMonitoring"]["maxRuntimeSeconds"] == one["run_monitoring"]["max_runtime_seconds"]
    assert daemon["runRetries"] == {
        "enabled": one["run_retries"]["enabled"],
        "maxRetries": one["run_retries"]["max_retries"],
        "retryOnAssetOrOpFailure": one["run_retries"]["retry_on_asset_or_op_failure"],
    }
    concurrency, kept = values()["concurrency"], values()["retention"]
    assert concurrency["pools"]["granularity"] == one["concurrency"]["pools"]["granularity"]
    assert concurrency["pools"]["defaultLimit"] == one["concurrency"]["pools"]["default_limit"]
    assert concurrency["runs"]["maxConcurrentRuns"] == one["concurrency"]["runs"]["max_concurrent_runs"]
    assert kept["schedule"]["purgeAfterDays"] == one["retention"]["schedule"]["purge_after_days"]
    assert kept["sensor"]["purgeAfterDays"].items() >= one["retention"]["sensor"]["purge_after_days"].items()
    assert values()["telemetry"] == one["telemetry"]
    more = values()["additionalInstanceConfig"]
    assert more == {name: one[name] for name in more}


def test_a_pod_of_a_run_can_make_its_sandbox_and_nothing_beyond() -> None:
    pod = pod_of_a_run()
    (container,) = pod["containers"]
    security = container["securityContext"]
    # Kubernetes takes an unmasked /proc in a user namespace of its own alone.
    assert (pod["hostUsers"], security["procMount"]) == (False, "Unmasked")
    assert security["seccompProfile"]["type"] == "Unconfined"
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False


def test_a_pod_of_a_run_has_the_memory_of_a_sandbox_and_more() -> None:
    limit = pod_of_a_run()["containers"][0]["resources"]["limits"]["memory"]
    sandbox = of_kind("ConfigMap")["factory-settings"]["data"]["FACTORY_SANDBOX_MEMORY_GB"]
    assert int(limit.removesuffix("Gi")) >= float(sandbox) + 3


def test_what_a_build_works_in_stays_on_its_node() -> None:
    mounted = {each["mountPath"]: each["name"] for each in pod_of_a_run()["containers"][0]["volumeMounts"]}
    local = {volume["name"] for volume in pod_of_a_run()["volumes"] if "emptyDir" in volume}
    settings = Settings(_env_file=None, factory_data_dir="/factory/data", factory_git_dir="/factory/git")
    assert mounted[str(settings.workspaces_dir)] in local
    assert mounted[str(settings.git_dir)] not in local


def test_every_container_says_what_it_takes_of_its_node() -> None:
    named = [
        router(),
        *pod_of_a_run()["containers"],
        values()["dagsterWebserver"],
        values()["dagsterDaemon"],
        *values()["dagster-user-deployments"]["deployments"],
    ]
    for container in named:
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_no_pod_of_a_run_is_ended_by_a_probe() -> None:
    assert not {key for key, _ in walk(pod_of_a_run()) if key.endswith("Probe")}


@pytest.mark.parametrize("part", ["runs", "code", "daemon", "web", "router"])
def test_every_part_that_the_network_knows_is_a_pod(part: str) -> None:
    labels = [inner for made in everything() for key, inner in walk(made) if key in {"labels", "matchLabels"}]
    assert {"factory-part": part} in labels or any(each.get("factory-part") == part for each in labels)
    rules = yaml.safe_dump([made for made in objects() if made["kind"] == "NetworkPolicy"])
    assert re.search(rf"\b{part}\b", rules)


@pytest.mark.parametrize("name", ["these-reach-the-internet", "these-reach-the-cluster"])
def test_no_rule_opens_the_addresses_where_a_cloud_gives_away_credentials(name: str) -> None:
    for rule in of_kind("NetworkPolicy")[name]["spec"]["egress"]:
        blocks = [to["ipBlock"] for to in rule["to"]]
        assert all("169.254.0.0/16" in block["except"] for block in blocks if block["cidr"] == "0.0.0.0/0")


def test_the_image_runs_as_a_user_who_owns_no_code() -> None:
    assert re.search(r"^USER 1000:1000$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("--editable") < DOCKERFILE.index("USER 1000:1000")
    copied = {
        line.removeprefix("!")
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split("\n")
        if line.startswith("!")
    }
    assert all((PROJECT_ROOT / name).exists() for name in copied)
    assert {".env", ".factory", ".git", "tests"}.isdisjoint(copied)


def test_the_image_says_where_everything_lies_by_settings_that_there_are() -> None:
    block = DOCKERFILE[DOCKERFILE.index("ENV PATH") :].split("\nUSER")[0]
    names = set(re.findall(r"^(?:ENV| {3}) ?([A-Z_]+)=", block, re.MULTILINE))
    assert names - OTHER_VARIABLES <= {name.upper() for name in Settings.model_fields}
    assert {"FACTORY_DATA_DIR", "FACTORY_GIT_DIR"} <= names


def test_the_extras_of_the_image_exist() -> None:
    project = (PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extras,) = re.findall(r"^ARG EXTRAS=(\S+)", DOCKERFILE, re.MULTILINE)
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)
