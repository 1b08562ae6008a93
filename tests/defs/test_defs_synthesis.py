"""The two routes to specs in Dagster: which one a run takes, and what an operator sees of the evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from automation_ticks import MONDAY_LATER, tick
from defs_factory import DefsFactory, failure_of, metadata
from defs_fakes import paper_on, spec_on
from fake_ideas import FakeIdeas
from ideas_fakes import PROBLEM, STEP, claim, evidence_of

from factory_assets.defs.evidence import piece_link
from factory_assets.domain.batches import AnalysisBatch
from factory_assets.domain.errors import InfrastructureError
from factory_assets.settings import Settings

WEDNESDAY = date(2026, 6, 17)
EVIDENCE = evidence_of(PROBLEM, STEP, claim("competitor", "It watches.", "R1"))


def config(route: str) -> dict[str, object]:
    return {"ops": {"specs": {"config": {"specs_from": route}}}}


def gathered(factory: DefsFactory) -> DefsFactory:
    """A date with a paper of which both routes would make a spec."""
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, "plain-probe")]
    factory.synthesis.specs[WEDNESDAY] = [(spec_on(WEDNESDAY, "researched-probe"), EVIDENCE)]
    assert factory.run_day("gather", WEDNESDAY).success
    return factory


def names(factory: DefsFactory) -> list[str]:
    return [queued.spec.name for queued in factory.registry.queue.of_day(WEDNESDAY)]


def test_specs_come_from_papers_unless_the_run_or_the_setting_says_otherwise(factory: DefsFactory) -> None:
    gathered(factory).run_day("analyze", WEDNESDAY)
    assert names(factory) == ["plain-probe"]


def test_a_run_can_take_the_other_route_for_its_date_and_shows_what_the_specs_rest_on(
    factory: DefsFactory,
) -> None:
    result = gathered(factory).run("analyze", str(WEDNESDAY), config=config("research"))
    assert names(factory) == ["researched-probe"]
    shown = metadata(result, "specs")
    assert str(shown["specs"]).splitlines()[2].endswith("| research |")
    assert (
        "| researched-probe | repository | [Title of R1](https://example.org/R1) | 1 claim | `MIT` |"
        in str(shown["evidence"])
    )
    page = metadata(result, "factory_days")
    assert "| research, 3 claims: [Title of R1](https://example.org/R1) |" in str(page["repos"])


def test_a_date_whose_message_batch_is_open_is_read_by_it_whatever_the_route(factory: DefsFactory) -> None:
    gathered(factory)
    now = datetime.now(UTC)
    factory.registry.batches.begin(
        AnalysisBatch(
            name="batch-1", day=WEDNESDAY, run_id="run-1", papers=(), requests=1, asked_at=now, late_at=now
        )
    )
    factory.run("analyze", str(WEDNESDAY), config=config("research"))
    assert names(factory) == ["plain-probe"]


def test_a_date_without_research_is_red_and_says_what_to_do(factory: DefsFactory) -> None:
    gathered(factory)
    factory.synthesis.specs.clear()
    result = factory.run("analyze", str(WEDNESDAY), config=config("research"))
    assert not result.success
    assert "factory ideas run" in str(failure_of(result))
    assert names(factory) == []


def test_no_other_route_can_be_named(factory: DefsFactory) -> None:
    job = factory.defs.resolve_job_def("analyze")
    assert dg.validate_run_config(job, config("papers")) != {}
    with pytest.raises(dg.DagsterInvalidConfigError, match="dreams"):
        dg.validate_run_config(job, config("dreams"))


def test_a_title_cannot_break_its_link() -> None:
    (piece,) = (each for each in EVIDENCE.pieces if each.id == "R1")
    hostile = piece.model_copy(update={"title": "a](http://evil.example) | <b>"})
    assert piece_link(hostile) == r"[a\](http://evil.example) \| \<b\>](https://example.org/R1)"
    elsewhere = piece.model_copy(update={"url": "https://example.org/a) [b](javascript:c"})
    assert piece_link(elsewhere) == "Title of R1"


def researching(factory: DefsFactory) -> FakeIdeas:
    made = FakeIdeas(factory.registry)
    vars(factory.parts)["ideas"] = made
    return made


def test_where_specs_come_from_research_the_daily_analysis_researches_the_date_first(
    replay_settings: Settings,
) -> None:
    settings = replay_settings.model_copy(update={"factory_specs_from": "research"})
    with dg.DagsterInstance.ephemeral() as instance:
        factory = gathered(DefsFactory(settings, instance))
        ideas = researching(factory)
        assert factory.run_day("analyze", WEDNESDAY).success
        assert names(factory) == ["researched-probe"]
        assert ideas.asked == [("discover", WEDNESDAY), ("research", WEDNESDAY)]
        assert factory.materialized("research_contexts") == {str(WEDNESDAY)}


def from_research(kept: DefsFactory) -> tuple[DefsFactory, FakeIdeas]:
    settings = kept.settings.model_copy(update={"factory_specs_from": "research"})
    factory = gathered(DefsFactory(settings, kept.instance))
    return factory, researching(factory)


def test_a_date_around_whose_candidates_nothing_was_found_is_analysed_once_something_is(
    kept: DefsFactory,
) -> None:
    factory, ideas = from_research(kept)
    ideas.error = InfrastructureError("Nothing could be looked up.", fix="Check the network.")
    assert not factory.run_day("analyze", WEDNESDAY).success
    assert names(factory) == []
    for hours in (0, 24, 48):
        (request,) = tick(factory, "analyze_daily", MONDAY_LATER + timedelta(hours=hours))
        assert isinstance(request, dg.RunRequest)
        assert request.partition_key == str(WEDNESDAY)
    ideas.error = None
    assert factory.run_day("analyze", WEDNESDAY).success
    assert names(factory) == ["researched-probe"]


def test_research_that_is_completed_later_has_no_spec_written_or_paid_for_again(kept: DefsFactory) -> None:
    factory, ideas = from_research(kept)
    ideas.gaps = ("repositories: GitHub answered 403",)
    assert factory.run_day("analyze", WEDNESDAY).success
    (queued,) = factory.registry.queue.of_day(WEDNESDAY)
    ideas.gaps = ()
    assert factory.run_day("research", WEDNESDAY).success
    assert tick(factory, "analyze_daily", MONDAY_LATER) == (
        "Every settled date that was gathered is analysed."
    )
    assert factory.registry.papers.unanalysed(WEDNESDAY) == []
    assert factory.registry.queue.of_day(WEDNESDAY) == [queued]


def test_the_job_of_ideas_takes_the_route_of_research_whatever_the_setting(factory: DefsFactory) -> None:
    researching(gathered(factory))
    assert factory.run_day("ideas", WEDNESDAY).success
    assert names(factory) == ["researched-probe"]
