"""The doctor's checks of the machine: with fake programs on a search path of their own, and real ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factory_assets.doctor.machine import (
    check_bash,
    check_bubblewrap,
    check_cargo,
    check_claude_code,
    check_data_dir,
    check_disk,
    check_git,
    check_go,
    check_make,
    check_node,
    check_protections,
    check_python,
    judge_disk,
)
from factory_assets.doctor.result import CheckResult, DoctorInputs, Severity


def inputs(tmp_path: Path, *, live: bool = True, unsandboxed: bool = False, **programs: str) -> DoctorInputs:
    """Settings whose search path holds only `programs`, each a shell script of that text."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return DoctorInputs(
        live=live,
        data_dir=tmp_path / "data",
        claude_config=tmp_path / "claude",
        anthropic_url="http://127.0.0.1:9",
        github_url="http://127.0.0.1:9",
        unsandboxed=unsandboxed,
        search_path=str(folder),
    )


def assert_error(result: CheckResult, *, affects: str) -> None:
    assert not result.ok
    assert result.severity is Severity.ERROR
    assert affects in result.affects
    assert result.fix


def test_a_git_that_is_missing_is_an_error_with_its_fix(tmp_path: Path) -> None:
    result = check_git(inputs(tmp_path))
    assert_error(result, affects="built_repos")
    assert result.found == "git is not installed"


def test_a_git_too_old_for_configuration_by_the_environment_is_an_error(tmp_path: Path) -> None:
    assert_error(check_git(inputs(tmp_path, git="echo git version 2.30.2")), affects="mirrored_repos")


def test_a_make_that_is_not_gnus_is_an_error(tmp_path: Path) -> None:
    assert_error(check_make(inputs(tmp_path, make="echo bmake 20220101")), affects="built_repos")


def test_a_program_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    result = check_cargo(inputs(tmp_path, cargo="echo 'no default toolchain' >&2; exit 1"))
    assert not result.ok
    assert "no default toolchain" in result.found


def test_a_missing_toolchain_is_a_warning_that_names_its_specs(tmp_path: Path) -> None:
    nothing = inputs(tmp_path)
    for check, language in [
        (check_go, "Go"),
        (check_node, "TypeScript"),
        (check_cargo, "Rust"),
        (check_bash, "Bash"),
    ]:
        result = check(nothing)
        assert not result.ok
        assert result.severity is Severity.WARNING
        assert f"specs in {language}" in result.affects
        assert result.fix


def test_a_node_without_npm_does_not_serve_typescript(tmp_path: Path) -> None:
    result = check_node(inputs(tmp_path, node="echo v22.1.0"))
    assert not result.ok
    assert "npm is not installed" in result.found


def test_a_node_too_old_to_run_tests_does_not_serve_typescript(tmp_path: Path) -> None:
    result = check_node(inputs(tmp_path, node="echo v18.19.1", npm="echo 9.2.0"))
    assert not result.ok
    assert "v18.19.1 is too old" in result.found


def test_toolchains_that_are_there_are_found_with_their_versions(tmp_path: Path) -> None:
    all_there = inputs(
        tmp_path, go="echo go version go1.25.1 linux/amd64", node="echo v22.1.0", npm="echo 11.0.0"
    )
    assert "go1.25.1" in check_go(all_there).found
    assert check_node(all_there).ok


def test_the_factorys_own_python_has_pytest(tmp_path: Path) -> None:
    result = check_python(inputs(tmp_path, python3="exit 0"))
    assert result.ok
    assert "pytest" in result.found


def test_a_bubblewrap_that_may_not_make_namespaces_stops_a_live_instance(tmp_path: Path) -> None:
    forbidden = "echo 'bwrap: Creating new namespace failed: Operation not permitted' >&2; exit 1"
    given = inputs(tmp_path, bwrap=forbidden)
    result = check_bubblewrap(given)
    assert_error(result, affects="built_repos")
    assert "Operation not permitted" in result.found
    assert "FACTORY_UNSANDBOXED" in result.fix
    assert check_protections(given) is None


@pytest.mark.parametrize(("live", "unsandboxed"), [(False, False), (True, True)])
def test_a_missing_bubblewrap_is_a_warning_where_builds_go_on_without(
    tmp_path: Path, live: bool, unsandboxed: bool
) -> None:
    result = check_bubblewrap(inputs(tmp_path, live=live, unsandboxed=unsandboxed))
    assert not result.ok
    assert result.severity is Severity.WARNING


def test_the_real_bubblewrap_is_really_tried(tmp_path: Path) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    real = inputs(tmp_path)
    folder = tmp_path / "bin"
    for program in ("bwrap", "true"):
        (folder / program).symlink_to(str(shutil.which(program)))
    assert check_bubblewrap(real).ok
    protections = check_protections(real)
    assert protections is not None
    assert "a token of the router" in protections.found
    assert "512 processes" in protections.found


def test_the_bundled_claude_code_starts_and_says_its_version(tmp_path: Path) -> None:
    result = check_claude_code(inputs(tmp_path))
    assert result.ok
    assert "Claude Code" in result.found


def test_a_claude_code_that_is_not_there_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    missing = DoctorInputs(**{**given.__dict__, "claude_binary": tmp_path / "no-claude"})
    result = check_claude_code(missing)
    assert_error(result, affects="built_repos")
    assert "CLAUDE_BINARY" in result.fix


def test_a_program_gets_no_secrets_and_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "a-secret")
    spying = inputs(tmp_path, git='echo "git version 9.9 token=$GITHUB_TOKEN home=$HOME"')
    found = check_git(spying).found
    assert "token= " in found
    assert f"home={Path.home()}" not in found


def test_a_data_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    result = check_data_dir(inputs(tmp_path))
    assert result.ok
    assert "will be made" in result.found
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    (tmp_path / "data").write_text("a file where the folder should be")
    result = check_data_dir(given)
    assert_error(result, affects="every stage")
    assert "FACTORY_DATA_DIR" in result.fix


def test_little_free_disk_is_a_warning_and_hardly_any_an_error(tmp_path: Path) -> None:
    assert judge_disk(20, tmp_path).ok
    assert judge_disk(4.9, tmp_path).severity is Severity.WARNING
    assert not judge_disk(4.9, tmp_path).ok
    assert_error(judge_disk(0.9, tmp_path), affects="every stage")


def test_the_disk_of_a_folder_that_is_not_there_yet_is_measured(tmp_path: Path) -> None:
    assert "GB free" in check_disk(inputs(tmp_path)).found
