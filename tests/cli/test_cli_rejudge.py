"""`factory rejudge`: kept failed states are judged by the gates of today, and nothing of them changes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from build_fakes import Act, NoRules, ScriptedAgent, SubprocessCommands
from build_material import NOW, PAPER, Factory, does_nothing, good_acts, make_spec
from rich.console import Console
from toolchains import works

from factory_assets.building.config import BuildJob
from factory_assets.building.git import BareRepo
from factory_assets.building.judge import judge
from factory_assets.building.outcome import Refused
from factory_assets.building.stage import Builder
from factory_assets.cli.rejudge import chosen, rejudge_all
from factory_assets.domain.agents import OutcomeKind
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InputError
from factory_assets.domain.readings import ReaderMode
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import Language, QueuedSpec
from factory_assets.gates import Context
from factory_assets.instance import Instance
from factory_assets.secret_scan.scanner import SecretScanner
from factory_assets.settings import Settings

sandboxed = pytest.mark.skipif(not works("bwrap"), reason="bubblewrap is not installed")
SPEC = make_spec(Language.BASH)


@pytest.fixture
def instance(replay_settings: Settings) -> Instance:
    """An instance in whose queue one spec waits."""
    made = Instance(replay_settings)
    made.registry.queue.add(
        date(2026, 6, 17), [SPEC], (), dropped=0, ranks=range(1, 2), late_ranks=range(2, 3), now=NOW
    )
    return made


def fail(instance: Instance, root: Path, acts: Mapping[Phase, Act], *, repair_rounds: int = 0) -> QueuedSpec:
    """Build the spec to an end that is none, as an instance does; the spec as it then stands in the queue."""
    settings = instance.settings
    factory = Factory(root, SPEC, ScriptedAgent(acts), git_dir=settings.git_dir, repair_rounds=repair_rounds)
    registry = instance.registry
    builder = Builder(
        factory.config,
        agents=factory.agent,
        commands=SubprocessCommands(),
        scanner=SecretScanner((), NoRules()),
        journal=registry.builds,
        ledger=registry.ledger,
        redact=Redactor(()),
        clock=lambda: NOW,
    )
    queued = registry.queue.named(SPEC.name)
    assert queued is not None
    outcome = builder.build(BuildJob(queued=queued, papers=(PAPER,), run_id="run-1", partition="p"), print)
    assert isinstance(outcome, Refused)
    (failed,) = chosen(registry, SPEC.name, all_failed=False)
    return failed


def said_of(
    instance: Instance, failed: QueuedSpec, *, reader: ReaderMode = ReaderMode.DECIDE
) -> tuple[bool, str]:
    """Whether all would pass, and what is told."""
    paper = io.StringIO()
    passes = rejudge_all([failed], instance, Console(file=paper, width=200), reader=reader)
    return passes, paper.getvalue()


def kept(instance: Instance) -> dict[str, str]:
    settings = instance.settings
    return BareRepo(settings.git_dir / f"{SPEC.name}.git", author=settings.factory_git_author).refs()


def strict_after(phase: Phase) -> Callable[[Context], Iterator[GateVerdict]]:
    """The gates of a day on which one after this phase was too strict."""

    def judged(context: Context) -> Iterator[GateVerdict]:
        if context.phase is phase:
            yield GateVerdict(gate="documents", phase=phase, passed=False, saw="too strict", fix="Wait.")
        else:
            yield from judge(context)

    return judged


@sandboxed
def test_a_state_that_the_gates_of_today_let_pass_is_told_and_left_as_it_is(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("factory_assets.building.attempt.judge", strict_after(Phase.SEO))
        failed = fail(instance, tmp_path, good_acts(Language.BASH), repair_rounds=1)
    before = kept(instance)
    passes, told = said_of(instance, failed)
    assert passes
    assert (
        "word-count: attempt 1 would pass the gates after seo now; `factory retry word-count` takes it up."
        in told
    )
    assert kept(instance) == before
    assert instance.registry.queue.named(SPEC.name) == failed


@sandboxed
def test_a_state_that_a_retry_has_read_is_not_said_to_pass_before(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("factory_assets.building.attempt.judge", strict_after(Phase.REVIEW))
        failed = fail(instance, tmp_path, good_acts(Language.BASH))
    passes = "word-count: attempt 1 would pass the gates after review now"
    takes = "`factory retry word-count` takes it up"
    _, told = said_of(instance, failed, reader=ReaderMode.DECIDE)
    but = "but for the reader, which is not asked here"
    assert f"{passes} {but}; {takes}, if the reader lets it pass." in told
    assert "1 of 1 would pass now, 1 of them if the reader agrees." in told
    _, told = said_of(instance, failed, reader=ReaderMode.ADVISE)
    assert f"{passes}; {takes}." in told
    assert "1 of 1 would pass now." in told


@sandboxed
def test_a_state_that_is_still_refused_is_told_with_its_gate(instance: Instance, tmp_path: Path) -> None:
    failed = fail(instance, tmp_path, good_acts(Language.BASH) | {Phase.SEO: does_nothing})
    passes, told = said_of(instance, failed)
    assert not passes
    assert "word-count: attempt 1 is still refused after seo:" in told
    assert "documents: " in told
    assert "0 of 1 would pass now." in told


def test_what_no_gate_refused_cannot_be_judged_and_says_why(instance: Instance, tmp_path: Path) -> None:
    acts = good_acts(Language.BASH) | {Phase.BUILD: lambda workspace: OutcomeKind.AGENT_FAILURE}
    passes, told = said_of(instance, fail(instance, tmp_path, acts))
    assert not passes
    assert "word-count: could not be judged: word-count: No gate refused it" in told


def test_only_what_has_failed_is_judged(instance: Instance) -> None:
    registry = instance.registry
    assert chosen(registry, None, all_failed=True) == []
    for name, all_failed, says in (
        ("no-such-repo", False, "No spec has this name."),
        ("word-count", False, "It has not failed: it is queued."),
        (None, False, "Name one repo, or give --all-failed."),
        ("word-count", True, "Name one repo, or give --all-failed."),
    ):
        with pytest.raises(InputError, match=says):
            chosen(registry, name, all_failed=all_failed)
