"""Two hosts that share the registry and the folder of bare repositories, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from build_fakes import ScriptedAgent
from build_material import Factory, good_acts, make_spec

from factory_assets.building.git import BareRepo
from factory_assets.building.outcome import Busy
from factory_assets.domain.builds import BuildStatus, Phase
from factory_assets.domain.specs import Language
from factory_assets.registry import leases


def host(tmp_path, name: str, beside: Factory | None = None) -> Factory:
    """A host with a work folder of its own."""
    agent = ScriptedAgent(good_acts(Language.BASH))
    made = Factory(tmp_path / name, make_spec(Language.BASH), agent, git_dir=tmp_path / "git")
    if beside is not None:
        made.registry, made.spec_id = beside.registry, beside.spec_id
        made.journal, made.ledger = beside.journal, beside.ledger
    return made


def fall_silent(factory: Factory) -> None:
    with factory.registry._database.transaction() as connection:
        connection.execute("UPDATE leases SET renewed_at = renewed_at - $1", [timedelta(seconds=1000)])


def refs(tmp_path, factory: Factory) -> dict[str, str]:
    return BareRepo(tmp_path / "git" / f"{factory.spec.name}.git", author=factory.config.author).refs()


class DiedError(BaseException):
    """The host is gone."""


def test_a_host_goes_on_at_the_phase_in_which_another_died(tmp_path, monkeypatch):
    one = host(tmp_path, "one")
    two = host(tmp_path, "two", one)

    def dies(workspace):
        # A host that is gone lets nothing go.
        monkeypatch.setattr(one.journal, "_end_lease", lambda lease: None)
        raise DiedError

    one.agent.acts[Phase.SEO] = dies
    with pytest.raises(DiedError):
        one.run()
    monkeypatch.undo()
    assert isinstance(two.run(), Busy), "nobody knows yet that it is gone"
    fall_silent(one)
    two.build()
    assert one.agent.phases == [Phase.BUILD, Phase.SEO]
    assert two.agent.phases == [Phase.SEO, Phase.REVIEW], "what was done is not paid for again"
    assert two.queued.attempts == 1


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("reaches_registry", [True, False])
def test_a_host_that_was_cut_off_and_comes_back_changes_nothing_of_what_another_has_made(
    tmp_path, monkeypatch, phase, reaches_registry
):
    """Where the registry's own refusal does not reach it, git refuses it."""
    one = host(tmp_path, "one")
    two = host(tmp_path, "two", one)
    acts, shipped = dict(one.agent.acts), {}

    def cut_off(workspace):
        fall_silent(one)
        two.build()
        shipped.update(refs(tmp_path, two))
        if not reaches_registry:
            monkeypatch.setattr(leases, "check_lease", lambda connection, lease: None)
            monkeypatch.setattr(one.journal, "finish_phase", lambda *args: None)
        return acts[phase](workspace)

    one.agent.acts[phase] = cut_off
    outcome = one.run()
    assert isinstance(outcome, Busy)
    assert "Another host has taken this spec over" in str(outcome)
    assert refs(tmp_path, one) == shipped
    assert one.queued.status is BuildStatus.SHIPPED


def test_a_host_that_was_cut_off_does_not_ship(tmp_path, monkeypatch):
    """It passed all gates, and lost the spec after the last thing that it wrote into the registry."""
    one = host(tmp_path, "one")
    two = host(tmp_path, "two", one)
    ship, seen = BareRepo.ship, {}

    def overtaken(repo, commit, **more):
        monkeypatch.setattr(BareRepo, "ship", ship)
        fall_silent(one)
        with two.journal.held(two.spec_id, place="two", run_id="run-2") as journal:
            BareRepo(repo.path, author=two.config.author).take(journal.fence_above(repo.fence()))
            seen.update(repo.refs())
        return repo.ship(commit, **more)

    monkeypatch.setattr(BareRepo, "ship", overtaken)
    assert isinstance(one.run(), Busy)
    assert refs(tmp_path, one) == seen
    assert "refs/heads/main" not in seen
    two.build()
    assert two.agent.phases == [], "all phases were done: they are only judged again"
