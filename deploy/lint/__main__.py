"""Hold the files of a cluster to what reads them: Docker, compose, Kubernetes and Dagster's chart. Needs no network.

Run by `make lint-cluster`, in an environment that has requirements.txt. What is wrong is told line by line, and the
exit code is 1 then. Dagster's chart is not part of this repository; `--chart` names an unpacked one, which the values
are rendered with, and without it they are held to what Kubernetes says of their parts alone.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compose_spec
import helm_python
import kubernetes_validate
import yaml

DEPLOY = Path(__file__).resolve().parents[1]
# The first release in which a pod may have user namespaces without being asked for them, and the newest known here.
RELEASES = ("1.33", "1.37")
# What the values hold of Kubernetes' own kinds, wherever it stands: the kind that it is a part of.
_PARTS = {
    "podSecurityContext": ("spec", "securityContext"),
    "volumes": ("spec", "volumes"),
    "securityContext": ("container", "securityContext"),
    "volumeMounts": ("container", "volumeMounts"),
    "resources": ("container", "resources"),
    "livenessProbe": ("container", "livenessProbe"),
    "readinessProbe": ("container", "readinessProbe"),
    "containerConfig": ("container", None),
    "podSpecConfig": ("spec", None),
}


def lint_dockerfile(path: Path) -> Iterator[str]:
    """What hadolint says of a Dockerfile."""
    hadolint = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([hadolint, "--no-color", path], capture_output=True, text=True, check=False)
    yield from ran.stdout.splitlines()
    if ran.returncode and not ran.stdout:
        yield f"{path}: hadolint failed: {ran.stderr.strip()}"


def lint_compose(path: Path) -> Iterator[str]:
    """What the specification of compose files says of one: https://github.com/compose-spec/compose-spec."""
    given = path.with_name("hosts.env.example")
    text, unknown = _interpolated(path.read_text(encoding="utf-8"), given.read_text(encoding="utf-8"))
    yield from (f"{path}: ${{{name}}} is not in {given.name}" for name in unknown)
    try:
        # PyYAML lays merged parts out, however deep they are.
        compose_spec.PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(text))).validate()
    except ValueError as error:
        yield f"{path}: {error}"


def _interpolated(text: str, env: str) -> tuple[str, list[str]]:
    """The text as compose reads it, and the variables in it that the example does not name.

    Compose's own rules: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md.
    """
    named = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", env, re.MULTILINE))
    found = sorted(set(re.findall(r"\$\{(\w+)", text)))

    def value(match: re.Match[str]) -> str:
        # What is left open in the example is a secret.
        return match["default"] or named.get(match["name"]) or "x"

    pattern = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}")
    return pattern.sub(value, text), [name for name in found if name not in named]


def lint_objects(path: Path, objects: Iterator[Any]) -> Iterator[str]:
    """What Kubernetes says of objects, in each of the releases."""
    read = [found for found in objects if found is not None]
    if not read:
        yield f"{path}: there is nothing in it"
    for found in read:
        name = f"{found.get('kind')} {found.get('metadata', {}).get('name')}"
        for release in RELEASES:
            try:
                kubernetes_validate.validate(found, release, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{path}: {name}, Kubernetes {release}: {_where(error.path)}{error.message}"
            except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
                yield f"{path}: {name}: {error}"


def lint_parts(path: Path) -> Iterator[str]:
    """What Kubernetes says of the parts of the chart's values that are its own, each put into a pod."""
    for where, key, value in _parts_of(yaml.safe_load(path.read_text(encoding="utf-8")), ""):
        container: dict[str, Any] = {"name": "x", "image": "x"}
        spec: dict[str, Any] = {"containers": [container]}
        into, field = _PARTS[key]
        target = spec if into == "spec" else container
        target.update({field: value} if field else value)
        # The chart's own.
        container.get("readinessProbe", {}).pop("enabled", None)
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": where.strip(".")}, "spec": spec}
        yield from lint_objects(path, iter([pod]))


def _parts_of(value: Any, where: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _PARTS and inner:
                yield f"{where}.{key}", key, inner
            if key != "podSpecConfig":
                yield from _parts_of(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _parts_of(inner, f"{where}.{number}")


def lint_chart(values: Path, chart: Path) -> Iterator[str]:
    """What the chart's own schema says of the values, and Kubernetes of what comes of both."""
    given = yaml.safe_load(values.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        ours = Path(folder) / "chart"
        _copy_for_offline(chart, ours)
        try:
            with helm_python.Chart.load(str(ours)) as loaded:
                rendered = loaded.render(given, name="dagster", namespace="factory")
        except helm_python.HelmError as error:
            yield f"{values}: {error}"
            return
    for name, text in rendered.items():
        # What the values leave out is an empty text.
        if name.endswith(".yaml") and any(objects := list(yaml.safe_load_all(text))):
            yield from lint_objects(Path(name), iter(objects))


def _copy_for_offline(chart: Path, to: Path) -> None:
    """Copy a chart without the schemas that would fetch others; the chart above holds the same values to its own."""

    def fetching(folder: str, names: list[str]) -> set[str]:
        schemas = {name for name in names if name == "values.schema.json"}
        return {
            name for name in schemas if '"$ref": "http' in (Path(folder) / name).read_text(encoding="utf-8")
        }

    shutil.copytree(chart, to, ignore=fetching)


def _where(path: Any) -> str:
    place = ".".join(map(str, path or ()))
    return f"{place}: " if place else ""


def main() -> int:
    """Lint what is named; 1 where something is wrong."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--deploy", type=Path, default=DEPLOY, help="the folder with the files")
    asked.add_argument("--run-pod", type=Path, help="a file with the pod of a run, as dagster-k8s makes it")
    asked.add_argument("--chart", type=Path, help="Dagster's chart, unpacked")
    args = asked.parse_args()
    deploy, values = args.deploy, args.deploy / "values.yaml"
    manifests = sorted((deploy / "kubernetes").rglob("*.yaml"))
    if args.run_pod:
        manifests.append(args.run_pod)
    wrong = [
        *lint_dockerfile(deploy / "Dockerfile"),
        *lint_compose(deploy / "compose.yaml"),
        *(
            line
            for path in manifests
            for line in lint_objects(path, yaml.safe_load_all(path.read_text(encoding="utf-8")))
        ),
        *lint_parts(values),
        *(lint_chart(values, args.chart) if args.chart else ()),
    ]
    for line in wrong or [
        f"Nothing wrong in the Dockerfile, compose.yaml and {len(manifests)} files of Kubernetes."
    ]:
        print(line)
    if not args.chart:
        print(
            "values.yaml was not rendered: `make lint-cluster CHART=FOLDER` names Dagster's chart, unpacked."
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
