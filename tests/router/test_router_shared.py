"""One router for several hosts: each has a folder of its own, and the router's alone holds the credential."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from claude_code_server import Say, Use, claude_server
from messages_api import MessagesApi, Reply, messages_api, usage
from pydantic import SecretStr

from factory_assets.cli.router_commands import router
from factory_assets.cli.supervisor import Ports, programs_of
from factory_assets.doctor.services import check_router
from factory_assets.domain.agents import AgentTask, OutcomeKind, Purpose, Question
from factory_assets.domain.errors import CredentialError, InputError
from factory_assets.instance import Instance
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.routed_api import RoutedApi, by_way_of
from factory_assets.router.made import router_of
from factory_assets.router.serving import in_thread
from factory_assets.settings import Mode, Settings

REAL = "sk-ant-api03-the-real-one-1234567890"
SHARED = "a-key-that-the-hosts-share-0123456789abcdef"
MODEL = "claude-sonnet-5-5"
ASKED = Question("Be short.", "How many?", {"type": "object"}, MODEL, purpose=Purpose("analyze"))


def host(folder: Path, **settings: object) -> Instance:
    made = Settings(
        _env_file=None,
        factory_mode=Mode.LIVE,
        factory_data_dir=folder / "data",
        factory_start_date="2026-06-17",
        factory_mirror_dir=folder / "mirrored",
        factory_answer_cache_hours=0,
    )
    return Instance(made.model_copy(update={"factory_router_key": SecretStr(SHARED), **settings}))


@contextmanager
def router_host(folder: Path, api: str) -> Iterator[str]:
    """The host with the credential, whose router is there for the others; its address."""
    owner = host(folder, anthropic_base_url=api, anthropic_api_key=SecretStr(REAL))
    with ExitStack() as held:
        held.callback(owner.close)
        yield held.enter_context(
            in_thread(held.enter_context(router_of(owner.router.place, owner.router.config())))
        )


@pytest.fixture
def answering() -> Iterator[MessagesApi]:
    told = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": '{"n": 7}'}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage(),
    }
    with messages_api(Reply(json.dumps(told).encode())) as api:
        yield api


def test_a_host_without_a_credential_asks_by_the_router_of_another(
    tmp_path: Path, answering: MessagesApi
) -> None:
    with router_host(tmp_path / "a", f"http://{answering.place}") as url:
        worker = host(tmp_path / "b", llm_router_url=url)
        worker.credential.check()
        answer = worker.models.by_routes(print).ask(ASKED)
        assert worker.credential.works() is True
    assert json.loads(answer.text) == {"n": 7}
    assert answer.usage.cost_usd > 0
    assert answering.headers["x-api-key"] == REAL
    assert REAL not in worker.secrets.values()
    assert not (tmp_path / "b" / "data" / "router").exists()


@pytest.mark.end_to_end
def test_an_agent_in_its_sandbox_reaches_the_router_of_another_host(tmp_path: Path) -> None:
    with (
        claude_server(
            Use("Bash", {"command": "echo hi > said", "description": "says"}), Say("done")
        ) as script,
        router_host(tmp_path / "a", script.url) as url,
    ):
        worker = host(tmp_path / "b", llm_router_url=url)
        workspace = tmp_path / "work"
        workspace.mkdir()
        purpose = Purpose("build", "word-count", "build")
        task = AgentTask("Say hi.", workspace, MODEL, 10, 5.0, 120.0, purpose=purpose)
        outcome = worker.agents.for_builds().run_agent(task, lambda line: None, lambda used: None)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.DONE, "done")
    assert (workspace / "said").read_text() == "hi\n"
    assert outcome.usage.calls == 2
    assert {headers.get("x-api-key") for headers in script.headers} == {REAL}


def test_a_host_with_another_key_is_told_which_setting_is_wrong(
    tmp_path: Path, answering: MessagesApi
) -> None:
    with router_host(tmp_path / "a", f"http://{answering.place}") as url:
        stranger = host(
            tmp_path / "b", llm_router_url=url, factory_router_key=SecretStr("another-key-0123456789")
        )
        checked = check_router(stranger.doctor_inputs())
        with pytest.raises(CredentialError, match="no token of this factory"):
            stranger.models.by_routes(print).ask(ASKED)
    assert checked is not None
    assert not checked.ok
    assert "FACTORY_ROUTER_KEY" in checked.found
    assert answering.seen == []


def test_the_doctor_tells_a_router_that_takes_the_key_and_one_that_is_down(
    tmp_path: Path, answering: MessagesApi
) -> None:
    with router_host(tmp_path / "a", f"http://{answering.place}") as url:
        worker = host(tmp_path / "b", llm_router_url=url)
        well = check_router(worker.doctor_inputs())
    down = check_router(worker.doctor_inputs())
    assert well is not None
    assert well.ok
    assert down is not None
    assert not down.ok
    assert "Start `factory router` there" in down.fix
    assert worker.credential.works() is False


def test_what_was_spent_before_the_router_was_started_anew_is_known_to_other_hosts(
    tmp_path: Path, answering: MessagesApi
) -> None:
    place = host(tmp_path / "b", llm_router_url="http://127.0.0.1:1").router.place
    spent = Purpose("analyze")
    with router_host(tmp_path / "a", f"http://{answering.place}") as url:
        access = place.access_to(url)
        with access.open(spent, limit_usd=1.0, seconds=60, plain=True) as before:
            way = RoutedApi(access, ClaudeApi(url, api_key=SecretStr(SHARED)))
            by_way_of(access, before, way.api, {}).ask(ASKED)
    with (
        router_host(tmp_path / "a", f"http://{answering.place}") as url,
        place.access_to(url).open(spent, limit_usd=1.0, seconds=60, plain=True) as after,
    ):
        after.grant = before.grant
        assert after.seen.usage.calls == 1
        assert after.seen.usage.cost_usd > 0


def test_a_host_that_uses_anothers_router_starts_none(tmp_path: Path) -> None:
    ports, workspace = Ports("127.0.0.1", 1, 2, 3), tmp_path / "workspace.yaml"
    worker = host(tmp_path / "b", llm_router_url="http://10.0.0.5:4100")
    assert "router" not in programs_of(worker.settings, ports, workspace)
    assert "router" in programs_of(host(tmp_path / "a").settings, ports, workspace)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LLM_ROUTER_URL": "http://10.0.0.5:4100"}, "go through the router at http://10.0.0.5:4100"),
        ({"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-of-a-person-0123456789"}, "needs an API key"),
        ({}, "needs an API key"),
    ],
)
def test_a_router_that_hosts_could_not_share_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], said: str
) -> None:
    given = {"FACTORY_MODE": "live", "FACTORY_DATA_DIR": str(tmp_path / "data"), "FACTORY_ROUTER_KEY": SHARED}
    for name, value in {**given, **settings}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=said):
        router(port=0)
