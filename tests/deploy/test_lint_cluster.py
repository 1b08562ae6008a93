"""`make lint-cluster` refuses a file that is wrong, and says where; it needs the linters that the command installs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from factory_assets.settings import PROJECT_ROOT

DEPLOY = PROJECT_ROOT / "deploy"
PYTHON = PROJECT_ROOT / ".venv-cluster" / "bin" / "python"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="`make lint-cluster` installs the linters")


def lint(deploy: Path, *more: str) -> tuple[int, str]:
    argv = [str(PYTHON), str(DEPLOY / "lint"), "--deploy", str(deploy), *more]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not ran.stderr
    return ran.returncode, ran.stdout


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    copy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copy)
    return copy


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


# What is spoiled in which file, and what must be told of it.
SPOILED = (
    ("Dockerfile", "apt-get install -y", "apt-get install", "DL3014"),
    ("compose.yaml", "    healthcheck:", "    helthcheck:", "helthcheck"),
    ("compose.yaml", "${FACTORY_IMAGE:?}", "${FACTORY_PICTURE:?}", "FACTORY_PICTURE"),
    ("kubernetes/router.yaml", "containerPort: 4100", "containerPort: high", "containerPort"),
    ("kubernetes/volumes.yaml", "accessModes: [ReadWriteMany]", "accessMode: ReadWriteMany", "accessMode"),
    ("kubernetes/network.yaml", "policyTypes: [Ingress, Egress]", "policyType: [Ingress]", "policyType"),
    ("values.yaml", "procMount: Unmasked", "procMounts: Unmasked", "procMounts"),
    ("values.yaml", "emptyDir:", "emptyFolder:", "emptyFolder"),
)


def test_each_file_that_is_wrong_is_refused(copied: Path) -> None:
    for file, old, new, _ in SPOILED:
        spoil(copied / file, old, new)
    code, said = lint(copied)
    assert code == 1
    for file, _, _, told in SPOILED:
        assert any(Path(file).name in line and told in line for line in said.splitlines()), (file, said)


def test_the_files_as_they_are_are_not_and_an_empty_pod_of_a_run_is_no_pod(
    copied: Path, tmp_path: Path
) -> None:
    (tmp_path / "pod.yaml").touch()
    code, said = lint(copied, "--run-pod", str(tmp_path / "pod.yaml"))
    assert code == 1
    wrong, not_rendered = said.splitlines()
    assert wrong.endswith("pod.yaml: there is nothing in it")
    assert "values.yaml was not rendered" in not_rendered


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("data: {tag: {{ .Values.dagsterDaemon.image.tag | quote }}}", None),
        ("datum: {tag: x}", "datum"),
        ("data: {tag: {{ .Values.dagsterDaemon.nothing.there }}}", "nil pointer"),
    ],
)
def test_the_values_are_rendered_by_a_chart_and_what_comes_out_is_linted(
    copied: Path, tmp_path: Path, template: str, told: str | None
) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: dagster\nversion: 1.0.0\n")
    (chart / "values.schema.json").write_text(json.dumps({"required": ["dagsterDaemon"]}))
    made = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n{template}\n"
    (chart / "templates" / "map.yaml").write_text(made)
    code, said = lint(copied, "--chart", str(chart))
    assert code == (0 if told is None else 1), said
    assert (told or "Nothing wrong") in said


def test_values_that_the_charts_own_schema_refuses_are_refused(copied: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: dagster\nversion: 1.0.0\n")
    (chart / "values.schema.json").write_text(json.dumps({"required": ["somethingElse"]}))
    code, said = lint(copied, "--chart", str(chart))
    assert code == 1
    assert "somethingElse" in said
