"""The mirror stage: what is checked before, what is recorded after, and what a repo says about itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from github_git import git
from mirror_material import SHIPPED_AT, ShippedMaterial, make_shipped
from secret_material import BrokenRules, NoRules

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import GateError, InfrastructureError, InputError, NotOursError
from factory_assets.domain.leases import LeaseLostError
from factory_assets.mirror.description import describe, topics_of, valid_topics
from factory_assets.mirror.local import LocalTarget
from factory_assets.mirror.pacing import FilePlace, Pacing
from factory_assets.mirror.stage import mirror
from factory_assets.mirror.target import MirrorReport, MirrorTarget
from factory_assets.secret_scan.scanner import SecretScanner


@dataclass
class RecordingStore:
    """Remembers what was recorded as mirrored."""

    mirrored: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    is_lost: bool = False

    def check(self) -> None:
        if self.is_lost:
            raise LeaseLostError

    def record_mirror(self, name: str, *, url: str, commit: str, now: datetime) -> None:
        self.mirrored.append((name, url, commit, now))


class TakenTarget:
    """Says that the name is somebody else's."""

    def publish(
        self,
        repo: ShippedRepo,
        bare: Path,
        *,
        description: str,
        topics: Sequence[str],
        before_write: Callable[[], None],
    ) -> MirrorReport:
        raise NotOursError("taken", where=repo.name)


@pytest.fixture
def shipped(tmp_path: Path) -> ShippedMaterial:
    return make_shipped(tmp_path / "git", "kv-tuner")


def run_stage(
    tmp_path: Path,
    shipped: ShippedMaterial,
    store: RecordingStore,
    *,
    target: MirrorTarget,
    scanner: SecretScanner | None = None,
) -> MirrorReport:
    return mirror(
        shipped.repo,
        bare=shipped.bare,
        target=target,
        paper_ids=("2606.01234",),
        store=store,
        scanner=scanner or SecretScanner((), NoRules()),
        pacing=Pacing(FilePlace(tmp_path / "mirror.lock"), 0),
        now=lambda: SHIPPED_AT,
        notify=lambda _: None,
    )


def test_a_mirrored_repo_is_recorded_with_its_url_and_commit(
    tmp_path: Path, shipped: ShippedMaterial
) -> None:
    store = RecordingStore()
    report = run_stage(tmp_path, shipped, store, target=LocalTarget(tmp_path / "mirror"))
    assert store.mirrored == [("kv-tuner", report.url, shipped.repo.commit, SHIPPED_AT)]


def test_a_host_that_has_lost_the_spec_while_it_waited_publishes_nothing(
    tmp_path: Path, shipped: ShippedMaterial
) -> None:
    store = RecordingStore(is_lost=True)
    with pytest.raises(LeaseLostError):
        run_stage(tmp_path, shipped, store, target=LocalTarget(tmp_path / "mirror"))
    assert not list((tmp_path / "mirror").glob("*"))
    assert store.mirrored == []


def test_a_repo_that_could_not_be_mirrored_is_not_recorded(tmp_path: Path, shipped: ShippedMaterial) -> None:
    store = RecordingStore()
    with pytest.raises(NotOursError):
        run_stage(tmp_path, shipped, store, target=TakenTarget())
    assert store.mirrored == []


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v0.1.0"])
def test_a_bare_repository_that_does_not_hold_what_shipped_is_not_mirrored(
    tmp_path: Path, shipped: ShippedMaterial, ref: str
) -> None:
    git("-C", str(shipped.bare), "update-ref", ref, shipped.first_commit)
    with pytest.raises(InputError, match=f"{ref} is {shipped.first_commit}"):
        run_stage(tmp_path, shipped, RecordingStore(), target=LocalTarget(tmp_path / "mirror"))
    assert not (tmp_path / "mirror").exists()


def test_a_missing_bare_repository_is_named(tmp_path: Path, shipped: ShippedMaterial) -> None:
    shipped.bare.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"kv-tuner\.git: refs/heads/main is missing"):
        run_stage(tmp_path, shipped, RecordingStore(), target=LocalTarget(tmp_path / "mirror"))


def test_a_description_is_one_line_of_350_characters_without_control_characters(
    shipped: ShippedMaterial,
) -> None:
    assert describe(shipped.repo) == "Serving engineers guess the size of the KV cache."
    long = shipped.repo.model_copy(update={"problem": "word " * 100})
    assert len(describe(long)) <= 350
    assert describe(long).endswith("word…")


def test_topics_name_the_language_and_the_papers(shipped: ShippedMaterial) -> None:
    topics = topics_of(shipped.repo, ("2606.01234", "hep-th/9901001"))
    assert {"software-factory", "python", "arxiv-2606-01234", "arxiv-hep-th-9901001"} <= set(topics)


def test_topics_are_made_legal_and_cut_to_twenty() -> None:
    assert valid_topics(("LLM Serving!", "llm-serving", "--", "x" * 60)) == ("llm-serving", "x" * 50)
    assert len(valid_topics([f"topic-{number}" for number in range(30)])) == 20


def test_a_secret_in_an_earlier_commit_keeps_the_whole_repo_at_home(
    tmp_path: Path, shipped: ShippedMaterial
) -> None:
    # `print('tuned')` stands in the first commit's tool.py.
    scanner = SecretScanner(["print('tuned')"], NoRules())
    store = RecordingStore()
    with pytest.raises(GateError, match=r"tool\.py:1: a secret of this factory \(pri…\)") as caught:
        run_stage(tmp_path, shipped, store, target=LocalTarget(tmp_path / "mirror"), scanner=scanner)
    assert "tuned" not in str(caught.value)
    assert not (tmp_path / "mirror").exists()
    assert store.mirrored == []


def test_a_secret_in_the_message_of_a_tag_is_found_before_the_tag_is_pushed(
    tmp_path: Path, shipped: ShippedMaterial
) -> None:
    git(
        "-C",
        str(shipped.bare),
        "tag",
        "--annotate",
        "--message=key-0123456789",
        "v0.0.9",
        shipped.first_commit,
    )
    scanner = SecretScanner(["key-0123456789"], NoRules())
    with pytest.raises(GateError, match=r"commit or tag"):
        run_stage(
            tmp_path, shipped, RecordingStore(), target=LocalTarget(tmp_path / "mirror"), scanner=scanner
        )
    assert not (tmp_path / "mirror").exists()


def test_a_scanner_that_fails_is_no_leave_to_push(tmp_path: Path, shipped: ShippedMaterial) -> None:
    scanner = SecretScanner((), BrokenRules())
    with pytest.raises(InfrastructureError, match="broken"):
        run_stage(
            tmp_path, shipped, RecordingStore(), target=LocalTarget(tmp_path / "mirror"), scanner=scanner
        )
    assert not (tmp_path / "mirror").exists()
