"""What the command says to wrong input: one clear text, exit code 1, and nothing half-written."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from defs_commands import Commands

from factory_assets.cli.processes import free_port
from factory_assets.cli.supervisor import check_port
from factory_assets.domain.errors import InputError
from factory_assets.settings import Settings


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a replay instance over 2026-06-17 to 2026-06-19."""
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    return made


def test_a_date_that_is_none_is_named_with_the_form_that_is_wanted(commands: Commands) -> None:
    ended = commands("gather", "--date", "17.06.2026", FACTORY_MODE="replay")
    assert ended.code == 1
    assert ended.err == "error: '17.06.2026' is no date. Fix: Write it as 2026-06-17."


@pytest.mark.parametrize("command", ["gather", "analyze", "build", "mirror"])
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--date", "2026-06-17", "--from", "2026-06-17"], "--date goes alone, or --from with --to."),
        (["--from", "2026-06-17"], "A range wants both ends in order."),
        (["--to", "2026-06-17"], "A range wants both ends in order."),
        (["--from", "2026-06-19", "--to", "2026-06-17"], "A range wants both ends in order."),
        (["--date", "2026-06-16"], "is beyond the partitions: 2026-06-17 to 2026-06-19."),
        (
            ["--from", "2026-06-17", "--to", "2026-06-20"],
            "is beyond the partitions: 2026-06-17 to 2026-06-19.",
        ),
    ],
)
def test_dates_that_contradict_each_other_or_are_no_partitions_are_refused_before_anything_starts(
    commands: Commands, command: str, options: list[str], says: str
) -> None:
    ended = commands(command, *options, FACTORY_MODE="replay")
    assert ended.code == 1
    assert says in ended.err
    assert "Fix: " in ended.err
    assert not (commands.data / "logs").exists()


def test_a_factory_whose_first_date_is_to_come_says_so(commands: Commands) -> None:
    for command in (["gather"], ["analyze"], ["gather", "--date", "2030-01-01"], ["status"]):
        ended = commands(
            *command, FACTORY_MODE="replay", FACTORY_START_DATE="2130-01-01", FACTORY_END_DATE="2130-02-01"
        )
        assert ended.code == 1
        assert "FACTORY_START_DATE: No date has come yet" in ended.err


def test_an_analysis_of_yesterday_beyond_the_dates_is_refused_before_anything_starts(
    commands: Commands,
) -> None:
    ended = commands("analyze", FACTORY_MODE="replay")
    assert ended.code == 1
    assert "is beyond the partitions: 2026-06-17 to 2026-06-19." in ended.err
    assert not (commands.data / "logs").exists()


def test_a_replay_instance_that_was_never_made_points_to_the_demo(commands: Commands, tmp_path: Path) -> None:
    ended = commands("status", FACTORY_MODE="replay", DAGSTER_HOME=str(tmp_path / "nowhere"))
    assert ended.code == 1
    assert "There is no replay instance yet. Fix: Run `make demo`, which makes one." in ended.err
    assert not (tmp_path / "nowhere").exists()


def test_a_mode_that_is_none_is_named(commands: Commands) -> None:
    ended = commands("status", FACTORY_MODE="reply")
    assert ended.code == 1
    assert ended.err == "error: FACTORY_MODE: 'reply' is no mode. Fix: Set it to live or replay."


def test_a_data_directory_of_the_other_mode_is_refused(commands: Commands) -> None:
    assert commands("status", FACTORY_MODE="replay").code == 0
    ended = commands("status", FACTORY_MODE="live")
    assert ended.code == 1
    assert "This data directory belongs to a replay instance, and FACTORY_MODE is live." in ended.err
    assert str(commands.data) in ended.err


def test_a_malformed_setting_is_named_with_its_file(commands: Commands) -> None:
    commands.write_replay({"BUILD_WORKERS": "many"})
    ended = commands("status", FACTORY_MODE="replay")
    assert ended.code == 1
    assert str(commands.home / ".env") in ended.err
    assert "BUILD_WORKERS is not valid" in ended.err


def test_a_malformed_setting_of_the_environment_is_named_so(commands: Commands) -> None:
    ended = commands("status", FACTORY_MODE="replay", FACTORY_UI_PORT="99999")
    assert ended.code == 1
    assert "error: the environment: FACTORY_UI_PORT is not valid" in ended.err


def test_a_live_factory_without_a_credential_does_not_start(commands: Commands, tmp_path: Path) -> None:
    ended = commands(
        *("up",),
        FACTORY_MODE="live",
        DAGSTER_HOME=str(tmp_path / "live"),
        FACTORY_DATA_DIR=str(tmp_path / "live" / "data"),
        CLAUDE_CONFIG_DIR=str(tmp_path / "no-login"),
    )
    assert ended.code == 1
    assert "No credential for Claude." in ended.err
    assert "ANTHROPIC_API_KEY" in ended.err
    assert not (tmp_path / "live" / "data" / "supervisor.pid").exists()


def test_a_port_in_use_is_named_with_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError) as error:
            check_port("127.0.0.1", port)
    assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use." in str(error.value)
    assert error.value.where == "FACTORY_UI_PORT"
    check_port("127.0.0.1", port)


def test_the_command_without_arguments_shows_its_help(commands: Commands) -> None:
    ended = commands.program()
    assert "papers become specs" in ended.out + ended.err


@pytest.mark.parametrize("host", ["::1", "localhost", "0.0.0.0", "127.0.0.1"])
def test_a_host_of_either_family_is_no_port_in_use(host: str) -> None:
    try:
        check_port(host, free_port())
    except InputError as error:
        # A machine without IPv6 has no such address, which is not the port's fault.
        assert error.where == "FACTORY_UI_HOST"  # noqa: PT017


def test_a_host_that_is_none_is_named_by_its_setting() -> None:
    with pytest.raises(InputError, match="no address of this machine") as raised:
        check_port("192.0.2.1", free_port())
    assert raised.value.where == "FACTORY_UI_HOST"


def test_an_ipv6_host_has_brackets_in_its_url() -> None:
    assert Settings(_env_file=None, factory_ui_host="::1").ui_url == "http://[::1]:3000"
    assert Settings(_env_file=None, factory_ui_host="::").local_ui_url == "http://[::1]:3000"
