"""Claude Code's small parts: its program, a lent login, readable lines, the meter."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest

from factory_assets.domain.errors import CredentialError, MissingToolError
from factory_assets.llm.claude_code_binary import find_claude_binary
from factory_assets.llm.claude_code_home import Login, home_of
from factory_assets.llm.claude_code_lines import one_line, tool_line
from factory_assets.llm.claude_code_meter import Meter, growth, total_usage

FAR = 4_000_000_000_000
TOKENS = {"claudeAiOauth": {"accessToken": "at-1", "refreshToken": "rt-1", "expiresAt": FAR, "scopes": ["x"]}}


def login(folder: Path, content: object = TOKENS) -> Login:
    folder.mkdir(exist_ok=True)
    (folder / ".credentials.json").write_text(json.dumps(content))
    return Login(folder)


def lent(home: Path) -> dict[str, object]:
    return json.loads((home / ".claude" / ".credentials.json").read_text())["claudeAiOauth"]


def test_the_bundled_program_is_found_by_default() -> None:
    assert find_claude_binary(None).name == "claude"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="no-claude") as caught:
        find_claude_binary(tmp_path / "no-claude")
    assert "CLAUDE_BINARY" in caught.value.fix


def test_an_agent_borrows_a_login_with_another_token_and_without_the_token_that_renews_it(
    tmp_path: Path,
) -> None:
    loan = login(tmp_path / "claude").lend(tmp_path / "home", "sk-ant-oat01-x")
    tokens = lent(tmp_path / "home")
    assert not loan.has_expired
    assert tokens == {"accessToken": "sk-ant-oat01-x", "expiresAt": FAR, "scopes": ["x"]}
    mode = (tmp_path / "home" / ".claude" / ".credentials.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize("left", [-3600, 60])
def test_a_login_whose_token_has_expired_or_is_about_to_is_not_lent(tmp_path: Path, left: int) -> None:
    tokens = {**TOKENS["claudeAiOauth"], "expiresAt": int((time.time() + left) * 1000)}
    with pytest.raises(CredentialError, match="expired"):
        login(tmp_path / "person", {"claudeAiOauth": tokens}).lend(tmp_path / "home", "x")
    assert not (tmp_path / "home").exists()


def test_a_login_that_does_not_say_when_it_ends_is_lent(tmp_path: Path) -> None:
    loan = login(tmp_path / "person", {"claudeAiOauth": {"accessToken": "one"}}).lend(tmp_path / "home", "x")
    assert not loan.has_expired


def test_a_login_renewed_by_a_question_is_kept(tmp_path: Path) -> None:
    owner = login(tmp_path / "claude")
    owner.copy(tmp_path / "home")
    renewed = {"claudeAiOauth": {**TOKENS["claudeAiOauth"], "accessToken": "at-2", "refreshToken": "rt-2"}}
    (tmp_path / "home" / ".claude" / ".credentials.json").write_text(json.dumps(renewed))
    owner.take_back(tmp_path / "home")
    assert json.loads((tmp_path / "claude" / ".credentials.json").read_text()) == renewed


def test_a_login_that_came_back_broken_is_not_kept(tmp_path: Path) -> None:
    owner = login(tmp_path / "claude")
    owner.copy(tmp_path / "home")
    (tmp_path / "home" / ".claude" / ".credentials.json").write_text("{}")
    owner.take_back(tmp_path / "home")
    assert json.loads((tmp_path / "claude" / ".credentials.json").read_text()) == TOKENS


@pytest.mark.parametrize("content", [{}, {"claudeAiOauth": {}}, {"claudeAiOauth": {"accessToken": ""}}])
def test_a_login_that_is_none_is_a_clear_error(tmp_path: Path, content: object) -> None:
    with pytest.raises(CredentialError, match="Log in with `claude`"):
        login(tmp_path / "claude", content).lend(tmp_path / "home", "x")
    with pytest.raises(CredentialError, match=r"\.credentials\.json"):
        Login(tmp_path / "nowhere").lend(tmp_path / "home", "x")


def test_two_workspaces_of_one_name_have_different_homes(tmp_path: Path) -> None:
    assert home_of(tmp_path, tmp_path / "a" / "repo") != home_of(tmp_path, tmp_path / "b" / "repo")


def test_lines_are_single_short_and_without_control_characters() -> None:
    line = one_line("echo\n\x1b[31mred\x1b[0m\t" + "x" * 500)
    assert line.startswith("echo [31mred [0m x")
    assert len(line) == 110


def test_a_tool_is_told_with_its_file_or_command(tmp_path: Path) -> None:
    assert (
        tool_line("Write", {"file_path": f"{tmp_path}/src/a.py", "content": "x"}, tmp_path)
        == "Write src/a.py"
    )
    assert tool_line("Bash", {"command": "make\ntest", "description": "d"}, tmp_path) == "Bash make test"
    assert tool_line("TodoWrite", {"todos": []}, tmp_path) == "TodoWrite"


def test_the_meter_counts_a_call_once_however_many_messages_it_comes_as() -> None:
    meter = Meter()
    for _ in range(2):
        counts = {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 50}
        meter.add(message_id="m", model="claude-haiku-5-5", counts=counts, characters=400)
    assert meter.calls == 1
    assert (meter.estimate.input_tokens, meter.estimate.cache_read_tokens) == (100, 50)
    assert meter.estimate.output_tokens == 200
    assert meter.estimate.cost_usd > 0


def test_the_exact_usage_is_the_sum_over_models_and_a_resumed_session_counts_what_it_adds() -> None:
    by_model = {
        "a": {"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 3, "cacheCreationInputTokens": 4},
        "b": {"inputTokens": 10, "outputTokens": 20, "cacheReadInputTokens": 30},
    }
    usage = total_usage(by_model, cost=0.5)
    assert (usage.input_tokens, usage.output_tokens) == (11, 22)
    assert (usage.cache_read_tokens, usage.cache_write_tokens, usage.cost_usd) == (33, 4, 0.5)
    before = total_usage({"a": {"inputTokens": 1}}, cost=0.2)
    assert growth(before, usage).input_tokens == 10
    assert growth(before, usage).cost_usd == pytest.approx(0.3)
