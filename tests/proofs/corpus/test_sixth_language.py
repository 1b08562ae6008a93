"""A language is added by a record, its templates and cases of the corpus; nothing that stands already is edited."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_share import SHARE_SETTINGS
from toolchains import works

from factory_assets.settings import PROJECT_ROOT

SIXTH = Path(__file__).parent / "sixth_language"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout in which the language was added as AGENTS.md says."""
    root = tmp_path_factory.mktemp("six")
    for name in ("factory_assets", "prompts", "tests"):
        shutil.copytree(
            PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "trees")
        )
    for file in ("pyproject.toml", "dagster.yaml", "workspace.yaml", ".env.example", "README.md"):
        shutil.copy(PROJECT_ROOT / file, root / file)
    shutil.copy(SIXTH / "posix.py", root / "factory_assets/languages/posix.py")
    shutil.copytree(SIXTH / "templates", root / "factory_assets/building/scaffold/templates/posix")
    shutil.copytree(SIXTH / "corpus", root / "tests/proofs/corpus/cases/posix")
    return root


def run(checkout: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    whole = {name: value for name, value in os.environ.items() if name not in SHARE_SETTINGS}
    env = {**whole, "PYTHONPATH": str(checkout)}
    return subprocess.run(
        [sys.executable, *argv], cwd=checkout, env=env, capture_output=True, text=True, check=False
    )


def test_a_language_is_known_everywhere_by_its_record_and_its_templates(checkout: Path) -> None:
    code = (
        "from factory_assets.admission import ProposedSpec; from factory_assets.languages import LANGUAGES\n"
        "from factory_assets.languages.names import language_named\n"
        "print(*LANGUAGES, language_named('POSIX'), ProposedSpec.model_json_schema()['$defs']['Language']['enum'])"
    )
    told = run(checkout, "-c", code)
    assert told.stdout.split()[:7] == ["bash", "go", "posix", "python", "rust", "typescript", "posix"], (
        told.stderr
    )
    assert "'posix'" in told.stdout


@pytest.mark.corpus
@pytest.mark.skipif(not works("bwrap"), reason="bwrap is not installed")
def test_an_honest_build_of_it_ships_and_a_dishonest_one_is_refused(checkout: Path) -> None:
    cases = ("-m", "pytest", "-n0", "-q", "-m", "corpus", "tests/proofs/corpus/test_corpus.py", "-k", "posix")
    ended = run(checkout, *cases)
    assert "2 passed" in ended.stdout, ended.stdout[-8000:]
