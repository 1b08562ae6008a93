"""The analyze stage by the real anthropic SDK against the replay server."""

from __future__ import annotations

import pytest
from analyze_fakes import DAY, FakeStore, names, paper, proposal, run_analysis
from pydantic import SecretStr

from factory_assets.analyze.plan import plan_analysis
from factory_assets.domain.agents import Route
from factory_assets.domain.errors import CredentialError
from factory_assets.domain.specs import Spec
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.routes import Routes
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Analysis, RecordedTurn
from factory_assets.replay.server import ReplayServer

SPECS = tuple(Spec.model_validate(proposal(f"tool-{n}", f"2606.{n:05d}")) for n in range(1, 5))
PAPERS = [paper(number, abstract="word " * 300) for number in range(1, 5)]


def api(server: ReplayServer, key: str = "made-up") -> Routes:
    client = ClaudeApi(base_url=server.url, api_key=SecretStr(key), timeout_seconds=20, retries=0)
    return Routes([(Route.API, client)], lambda _notice: None)


def test_a_day_is_analysed_in_one_streamed_request() -> None:
    store = FakeStore()
    with ReplayServer(recordings=Recordings.of(Analysis(date=DAY, specs=SPECS))) as server:
        report = run_analysis(PAPERS, api(server), store)
        assert [request.path for request in server.requests] == ["/v1/messages"]
    assert names(report) == ["tool-1", "tool-2", "tool-3", "tool-4"]
    assert (
        0 < report.usage.cost_usd < plan_analysis(4, model_name="claude-haiku-5-5", specs_wanted=30).worst_usd
    )
    assert report.usage.output_tokens > 0


def test_batches_are_merged_and_the_second_one_reads_the_rules_from_the_cache() -> None:
    store = FakeStore()
    with ReplayServer(recordings=Recordings.of(Analysis(date=DAY, specs=SPECS[::-1]))) as server:
        report = run_analysis(PAPERS, api(server), store, batch_tokens=5_500)
    assert report.batches > 1
    assert names(report) == ["tool-4", "tool-3", "tool-2", "tool-1"]
    assert store.calls[0].usage.cache_write_tokens > 1000
    assert store.calls[1].usage.cache_read_tokens == store.calls[0].usage.cache_write_tokens


def test_an_invalid_spec_is_repaired_over_the_wire() -> None:
    broken = SPECS[0].model_dump_json().replace("tool-1", "Tool One")
    analysis = Analysis(
        date=DAY,
        analyze=(RecordedTurn(say=f'{{"specs": [{broken}]}}'),),
        repair=(RecordedTurn(say=f'{{"specs": [{SPECS[0].model_dump_json()}]}}'),),
    )
    with ReplayServer(recordings=Recordings.of(analysis)) as server:
        report = run_analysis(PAPERS, api(server), FakeStore())
    assert names(report) == ["tool-1"]


def test_a_wrong_key_is_refused_once_and_nothing_is_queued() -> None:
    store = FakeStore()
    recordings = Recordings.of(Analysis(date=DAY, specs=SPECS))
    with ReplayServer(recordings=recordings, accepted_keys=frozenset({"right"})) as server:
        with pytest.raises(CredentialError):
            run_analysis(PAPERS, api(server, "wrong"), store)
        assert len(server.requests) == 1
    assert store.queued == []
