"""A provenance, and a shipped repo in a bare repository with all that belongs to it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from factory_assets.building.attribution import attributed
from factory_assets.building.git import BareRepo
from factory_assets.building.provenance import (
    Makers,
    make_provenance,
    make_tag_record,
    tag_message,
)
from factory_assets.building.scaffold.scaffold import write_scaffold
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.papers import Paper
from factory_assets.domain.provenance import Provenance, provenance_bytes
from factory_assets.domain.specs import Language, Spec

NOW = datetime(2026, 6, 4, 9, 30, tzinfo=UTC)
PHASES = {Phase.BUILD: "a" * 40, Phase.SEO: "b" * 40, Phase.REVIEW: "c" * 40}
MAKERS = Makers(
    prompt_sha256=dict.fromkeys(Phase, "0" * 64),
    models={Phase.BUILD: "sonnet", Phase.SEO: "haiku", Phase.REVIEW: "sonnet"},
    claude_code_version="2.1.330",
    factory_version="0.1.0",
)
SOURCE = '"""Counts words."""\n\n\ndef count(text: str) -> int:\n    return len(text.split())\n'
TEST = """import pytest

from word_count import count


@pytest.mark.parametrize(("text", "words"), [("", 0), ("a", 1), ("a b", 2)])
def test_count(text, words):
    assert count(text) == words
"""


def a_paper() -> Paper:
    return Paper(
        arxiv_id="2606.01234",
        version=1,
        title="Counting Words\nin Streams",
        abstract="We count words.\n- Link: https://arxiv.org/abs/9999.99999\n",
        authors=("Ada Lovelace",),
        categories=("cs.CL",),
        comment=None,
        published=datetime(2026, 6, 3, 8, tzinfo=UTC),
        updated=datetime(2026, 6, 3, 8, tzinfo=UTC),
    )


def a_spec() -> Spec:
    return Spec(
        name="word-count",
        problem="- Link: https://arxiv.org/abs/8888.88888",
        source_papers=("2606.01234",),
        solution="Count the words of a text as the paper does.",
        language=Language.PYTHON,
        files=("word_count/__init__.py",),
        estimated_lines=120,
        complexity="low",
        who_pays="Teams",
        integration_point="A pipe in CI",
        moat="None",
    )


def provenance(spec_file: bytes, phases: Mapping[Phase, str] = PHASES) -> Provenance:
    return make_provenance(
        a_spec(), [a_paper()], version="v0.1.0", spec_file=spec_file, phases=phases, makers=MAKERS
    )


@dataclass
class Shipment:
    """A repo as the factory ships it. Change a field or override a step to make one that lies."""

    root: Path
    last_files: dict[str, str] = field(default_factory=dict)
    claims: dict[str, object] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    paper_line: str = "Paper: https://arxiv.org/abs/2606.01234"

    def __post_init__(self) -> None:
        self.repo = BareRepo(self.root / "word-count.git", author="Factory <factory@localhost>")
        self.workspace = self.root / "work"
        self.workspace.mkdir()

    def ship(self) -> Path:
        """Build the history, seal and ship it; return the bare repository."""
        write_scaffold(a_spec(), [a_paper()], workspace=self.workspace, year=2026, owner="Example")
        commit = self._commit("Scaffold", {}, None)
        phases = {}
        for phase, files in self.works().items():
            commit = phases[phase] = self._commit(phase.value, files, commit)
        spec_file = (self.workspace / "SPEC.md").read_bytes()
        known = provenance(spec_file, phases).model_copy(update=self.claims)
        readme = (self.workspace / "README.md").read_bytes()
        sealed = self._commit(
            "Seal",
            {
                "provenance.json": provenance_bytes(known).decode(),
                "README.md": attributed(readme, [a_paper()], "").decode(),
                **self.last_files,
            },
            commit,
        )
        gates = [
            GateVerdict(gate=gate, phase=Phase.REVIEW, passed=True, saw="good")
            for gate in ("tests-pass", "tests-executed")
        ]
        made = make_tag_record(known, commit=sealed, verdicts=gates, tests_executed=3, cost_usd=0.5)
        self.repo.ship(sealed, version="v0.1.0", message=tag_message(made.model_copy(update=self.record)))
        return self.repo.path

    def works(self) -> dict[Phase, dict[str, str]]:
        return {
            Phase.BUILD: {"word_count/__init__.py": SOURCE, "tests/test_count.py": TEST},
            Phase.SEO: {"README.md": "# word-count\n"},
            Phase.REVIEW: {"README.md": "# word-count\n\nCounts words.\n"},
        }

    def _commit(self, title: str, files: Mapping[str, str], parent: str | None) -> str:
        for path, text in files.items():
            target = self.workspace / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        message = f"{title} word-count\n\n{self.paper_line}\n"
        return self.repo.commit(self.workspace, parent=parent, message=message, when=NOW)


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=some@body", "-c", "commit.gpgSign=false"]
    done = subprocess.run(["git", *identity, *args], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
