"""The assets of ideas: what an operator sees of them, and what they do when something cannot be looked up."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest
from defs_factory import DefsFactory, checks, failure_of, metadata
from defs_fakes import paper_on
from fake_ideas import FakeIdeas

from factory_assets.defs.runs import OUTCOME_TAG
from factory_assets.domain.errors import InfrastructureError, InputError

DAY = date(2026, 6, 17)


@pytest.fixture
def ideas(factory: DefsFactory) -> FakeIdeas:
    made = FakeIdeas(factory.registry)
    vars(factory.parts)["ideas"] = made
    factory.gathering.papers[DAY] = [paper_on(DAY, number) for number in (1, 2, 3)]
    factory.run_day("gather", DAY)
    return made


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = result.get_asset_check_evaluations()
    return found


def test_candidates_show_the_best_with_the_reason_for_each_point(
    factory: DefsFactory, ideas: FakeIdeas
) -> None:
    result = factory.run_day("discover", DAY)
    shown = metadata(result, "candidates")
    assert (shown["papers"], shown["chosen"], shown["lowest score that is chosen"]) == (3, 2, 38.0)
    table = str(shown["the best"])
    assert "+39 `in the category cs.SE`" in table
    assert "https://arxiv.org/abs/2606.17001" in table
    assert "2606.17003" not in table
    assert ideas.asked == [("discover", DAY)]


def test_the_same_candidates_again_make_nothing_stale(factory: DefsFactory, ideas: FakeIdeas) -> None:
    factory.run_day("discover", DAY)
    factory.run_day("research", DAY)
    before = factory.data_version("research_contexts", str(DAY))
    factory.run_day("discover", DAY)
    assert not factory.is_stale("research_contexts", str(DAY))
    factory.run_day("research", DAY)
    assert factory.data_version("research_contexts", str(DAY)) == before


def test_contexts_show_their_pieces_and_are_whole(factory: DefsFactory, ideas: FakeIdeas) -> None:
    factory.run_day("discover", DAY)
    result = factory.run_day("research", DAY)
    shown = metadata(result, "research_contexts")
    assert (shown["pieces"], shown["contexts with gaps"]) == (2, 0)
    assert "| 1 | [2606.17001](https://arxiv.org/abs/2606.17001) | 1 | 0 | 0 | yes |  |" in str(
        shown["contexts"]
    )
    assert checks(result) == {"contexts_whole": True}
    assert OUTCOME_TAG not in factory.tags(result)


def test_gaps_are_a_warning_that_names_them_and_the_next_run_closes_them(
    factory: DefsFactory, ideas: FakeIdeas
) -> None:
    factory.run_day("discover", DAY)
    ideas.gaps = ("repositories: the search for its arXiv id: GitHub broke it off | `x`",)
    result = factory.run_day("research", DAY)
    assert result.success
    found = check(result)
    assert (found.passed, found.severity, found.partition) == (False, dg.AssetCheckSeverity.WARN, str(DAY))
    told = str(found.metadata["not looked up"].value)
    assert "2606.17002" in told
    assert "`repositories: the search for its arXiv id: GitHub broke it off \\| 'x'`" in told
    assert factory.tags(result)[OUTCOME_TAG] == "unfinished"
    ideas.gaps = ()
    assert checks(factory.run_day("research", DAY)) == {"contexts_whole": True}


@pytest.mark.parametrize("job", ["discover", "research"])
def test_without_a_network_the_partition_is_red_and_heals(
    factory: DefsFactory, ideas: FakeIdeas, job: str
) -> None:
    factory.run_day("discover", DAY)
    ideas.error = InfrastructureError("Nothing could be looked up.", fix="Check the network.")
    result = factory.run_day(job, DAY)
    assert not result.success
    told, shown = failure_of(result)
    assert "Nothing could be looked up." in told
    assert shown["what to do"] == "Check the network."
    assert factory.tags(result)[OUTCOME_TAG] == "deferred"
    assert checks(result) == {}
    ideas.error = None
    assert factory.run_day(job, DAY).success


def test_a_wrong_scoring_file_is_told_as_it_is(factory: DefsFactory, ideas: FakeIdeas) -> None:
    ideas.error = InputError("'novelty' is given twice.", where="/x/scoring.yaml", fix="Correct that line.")
    result = factory.run_day("discover", DAY)
    told, shown = failure_of(result)
    assert "given twice" in told
    assert shown["where"] == "/x/scoring.yaml"
    assert OUTCOME_TAG not in factory.tags(result)


def test_a_date_without_papers_is_green_with_nothing(factory: DefsFactory, ideas: FakeIdeas) -> None:
    other = date(2026, 6, 18)
    assert metadata(factory.run_day("discover", other), "candidates")["papers"] == 0
    result = factory.run_day("research", other)
    assert metadata(result, "research_contexts")["contexts"] == "none"
    assert checks(result) == {"contexts_whole": True}
