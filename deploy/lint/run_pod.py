"""Print the Kubernetes Job of a run, made by dagster-k8s itself from deploy/values.yaml: what a run's pod will be like.

Run by `make lint-cluster` in the factory's own environment. What dagster-k8s does not know in the values, it refuses.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._config import process_config
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster_k8s import K8sRunLauncher
from kubernetes.client import ApiClient

_VALUES = Path(__file__).resolve().parents[1] / "values.yaml"
# What dagster-k8s wants before it does anything; nothing is asked there.
_KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
}


class Cluster:
    """Takes the Job in place of a cluster."""

    def __init__(self) -> None:
        self._job: Any = None

    def create_namespaced_job(self, body: Any, namespace: str, **_: object) -> None:
        """As Kubernetes' own client has it."""
        body.metadata.namespace = namespace
        self._job = body

    def job(self) -> dict[str, Any]:
        """What it was given last."""
        return dict(ApiClient().sanitize_for_serialization(self._job))


@dg.job
def _nothing() -> None:
    """A run needs a job."""


def launcher_config(values: dict[str, Any]) -> dict[str, Any]:
    """The config of the run launcher, as Dagster's chart (1.13) writes it into dagster.yaml."""
    given = values["runLauncher"]["config"]["k8sRunLauncher"]
    extra = given.get("runK8sConfig", {})
    return {
        "load_incluster_config": given["loadInclusterConfig"],
        "job_namespace": "factory",
        "image_pull_policy": given["imagePullPolicy"],
        "service_account_name": "dagster",
        "dagster_home": values["global"]["dagsterHome"],
        "instance_config_map": "dagster-instance",
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "env_config_maps": [each["name"] for each in given["envConfigMaps"]],
        "env_secrets": [each["name"] for each in given["envSecrets"]],
        "volume_mounts": given["volumeMounts"],
        "volumes": given["volumes"],
        "labels": given["labels"],
        "resources": given["resources"],
        "run_k8s_config": {
            "container_config": extra["containerConfig"],
            "pod_spec_config": extra["podSpecConfig"],
            "pod_template_spec_metadata": extra["podTemplateSpecMetadata"],
            "job_spec_config": extra["jobSpecConfig"],
        },
    }


def launcher_of(values: dict[str, Any], folder: Path, cluster: Cluster) -> K8sRunLauncher:
    """What makes a pod of a run. `folder` is for what is needed on the way.

    Raises:
        ValueError: dagster-k8s refuses the config.
    """
    config = launcher_config(values)
    checked = process_config(K8sRunLauncher.config_type(), config)
    if not checked.success:
        raise ValueError("\n".join(error.message for error in checked.errors or ()))
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(_KUBECONFIG), encoding="utf-8")
    image = values["dagster-user-deployments"]["deployments"][0]["image"]
    return K8sRunLauncher(
        **{**(checked.value or {}), "load_incluster_config": False, "kubeconfig_file": str(kubeconfig)},
        job_image=f"{image['repository']}:{image['tag']}",
        k8s_client_batch_api=cluster,
    )


def job_of(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The Job that a run becomes.

    Raises:
        ValueError: dagster-k8s refuses the config.
    """
    cluster = Cluster()
    launcher = launcher_of(values, folder, cluster)
    repository = RepositoryPythonOrigin(
        executable_path="python",
        code_pointer=ModuleCodePointer("factory_assets.definitions", "defs"),
        entry_point=["dagster"],
    )
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        launcher.register_instance(instance)
        run = instance.create_run_for_job(
            _nothing, job_code_origin=JobPythonOrigin(job_name="build", repository_origin=repository)
        )
        launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return cluster.job()


def main() -> None:
    """Print it as YAML."""
    values = yaml.safe_load((Path(sys.argv[1]) if sys.argv[1:] else _VALUES).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        job = job_of(values, Path(folder))
    # Each run has a name of its own.
    job["metadata"]["name"] = job["spec"]["template"]["metadata"]["name"] = "dagster-run"
    print(yaml.safe_dump(job, sort_keys=False))


if __name__ == "__main__":
    main()
