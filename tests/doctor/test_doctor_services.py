"""The doctor's checks of servers and credentials, against real servers on loopback."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from github_standin import GitHubStandIn
from pydantic import SecretStr

from factory_assets.doctor.alerts import check_alert_urls
from factory_assets.doctor.result import CheckResult, DoctorInputs, Severity
from factory_assets.doctor.run import errors_of, run_checks
from factory_assets.doctor.services import (
    check_claude_api,
    check_credentials,
    check_mirror,
    check_router,
)

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def bare(tmp_path: Path) -> DoctorInputs:
    """A live instance with nothing set."""
    return DoctorInputs(
        live=True,
        data_dir=tmp_path,
        claude_config=tmp_path / ".claude",
        anthropic_url=NOWHERE,
        github_url=NOWHERE,
    )


@contextmanager
def server(statuses: Mapping[str, int], *, key: str = "right-key") -> Iterator[str]:
    """Answers each path with its status; /v1/models with 401 unless the key is right."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            refused = path == "/v1/models" and self.headers["Authorization"] != f"Bearer {key}"
            self.send_response(401 if refused else statuses.get(path, 404))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            """Nothing is printed."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def done(result: CheckResult | None) -> CheckResult:
    assert result is not None
    return result


def test_a_live_instance_without_any_credential_is_an_error_that_lists_the_ways(bare: DoctorInputs) -> None:
    result = check_credentials(bare)
    assert result.severity is Severity.ERROR
    assert not result.ok
    for way in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "LLM_ROUTER_URL"):
        assert way in result.fix


def test_a_replay_instance_needs_no_credential(bare: DoctorInputs) -> None:
    assert check_credentials(replace(bare, live=False)).ok
    assert check_mirror(replace(bare, live=False)).ok


def test_any_one_credential_serves(bare: DoctorInputs) -> None:
    secret = SecretStr("a-secret")
    for given in (
        replace(bare, api_key=secret),
        replace(bare, auth_token=secret),
        replace(bare, oauth_token=secret),
        replace(bare, router_url=NOWHERE),
    ):
        assert check_credentials(given).ok
        assert "a-secret" not in check_credentials(given).found


def test_claude_codes_own_login_serves(bare: DoctorInputs) -> None:
    bare.claude_config.mkdir()
    login = bare.claude_config / ".credentials.json"
    login.write_text("half-writ")
    assert not check_credentials(bare).ok
    login.write_text(json.dumps({"claudeAiOauth": {"accessToken": "a-secret"}}))
    assert check_credentials(bare).found == "Claude Code's login"


def test_a_key_that_is_accepted_is_told_so(bare: DoctorInputs) -> None:
    with server({"/v1/models": 200}) as url:
        assert done(check_claude_api(replace(bare, api_key=SecretStr("right-key"), anthropic_url=url))).ok


def test_a_key_that_is_refused_is_an_error_that_names_the_setting(bare: DoctorInputs) -> None:
    with server({"/v1/models": 200}) as url:
        result = done(check_claude_api(replace(bare, auth_token=SecretStr("wrong-key"), anthropic_url=url)))
    assert result.severity is Severity.ERROR
    assert "ANTHROPIC_AUTH_TOKEN was refused" in result.found
    assert "wrong-key" not in str(result)


def test_an_api_that_cannot_be_reached_is_a_warning_and_no_verdict_on_the_key(bare: DoctorInputs) -> None:
    result = done(check_claude_api(replace(bare, api_key=SecretStr("a-key"))))
    assert not result.ok
    assert result.severity is Severity.WARNING
    assert "cannot be reached" in result.found


def test_a_gateway_that_lists_no_models_is_a_warning(bare: DoctorInputs) -> None:
    with server({}) as url:
        result = done(check_claude_api(replace(bare, api_key=SecretStr("right-key"), anthropic_url=url)))
    assert result.severity is Severity.WARNING
    assert "answered 404" in result.found


def test_without_a_key_the_api_is_not_asked(bare: DoctorInputs) -> None:
    assert check_claude_api(bare) is None


def test_a_router_is_asked_for_its_health(bare: DoctorInputs) -> None:
    assert check_router(bare) is None
    with server({"/health": 200}) as url:
        assert done(check_router(replace(bare, router_url=f"{url}/"))).ok
    with server({"/health": 503}) as url:
        assert "answered 503" in done(check_router(replace(bare, router_url=url))).found
    down = done(check_router(replace(bare, router_url=NOWHERE)))
    assert down.severity is Severity.ERROR
    assert "LLM_ROUTER_URL" in down.fix


def check_token(tmp_path: Path, bare: DoctorInputs, *, token: str, scopes: str) -> CheckResult:
    with GitHubStandIn(tmp_path / scopes, tokens={"ghp_right": "factory-owner"}, scopes=scopes) as github:
        given = replace(
            bare, github_token=SecretStr(token), github_url=github.url, github_owner="paper-tools"
        )
        return check_mirror(given)


def test_a_github_token_is_told_with_its_account_and_scopes(tmp_path: Path, bare: DoctorInputs) -> None:
    result = check_token(tmp_path, bare, token="ghp_right", scopes="repo, workflow")
    assert result.ok
    assert result.found == "of factory-owner, for paper-tools, with the scopes repo, workflow"


def test_a_wrong_github_token_is_an_error(tmp_path: Path, bare: DoctorInputs) -> None:
    result = check_token(tmp_path, bare, token="ghp_wrong", scopes="repo")
    assert result.severity is Severity.ERROR
    assert "refused" in result.found
    assert "ghp_wrong" not in str(result)


def test_a_github_token_that_cannot_create_repositories_is_an_error(
    tmp_path: Path, bare: DoctorInputs
) -> None:
    result = check_token(tmp_path, bare, token="ghp_right", scopes="gist")
    assert result.severity is Severity.ERROR
    assert "`repo`" in result.fix


def test_a_github_token_without_the_workflow_scope_is_a_warning(tmp_path: Path, bare: DoctorInputs) -> None:
    result = check_token(tmp_path, bare, token="ghp_right", scopes="repo")
    assert result.severity is Severity.WARNING
    assert not result.ok


def test_a_github_that_cannot_be_reached_is_a_warning(bare: DoctorInputs) -> None:
    result = check_mirror(replace(bare, github_token=SecretStr("ghp_right")))
    assert result.severity is Severity.WARNING
    assert "cannot be reached" in result.found


def test_a_local_folder_takes_githubs_place(tmp_path: Path, bare: DoctorInputs) -> None:
    assert check_mirror(replace(bare, mirror_dir=tmp_path)).ok
    assert not check_mirror(bare).ok


def test_every_check_runs_and_each_failure_says_what_it_affects_and_how_to_fix_it(
    tmp_path: Path, bare: DoctorInputs
) -> None:
    (tmp_path / "empty").mkdir()
    results = run_checks(replace(bare, search_path=str(tmp_path / "empty")))

    names = [result.name for result in results]
    assert len(names) == len(set(names))
    assert {"model credentials", "mirror", "git", "make", "bubblewrap", "disk", "data folder"} <= set(names)
    failed = [result for result in results if not result.ok]
    assert all(result.affects and result.fix and result.found for result in failed)
    assert {"model credentials", "git", "make", "bubblewrap"} <= {
        result.name for result in errors_of(results)
    }


def test_alert_urls_that_apprise_takes_are_counted_and_none_is_no_line(bare: DoctorInputs) -> None:
    assert check_alert_urls(bare) is None
    urls = (SecretStr("ntfy://topic"), SecretStr("json://127.0.0.1/hook"))
    result = check_alert_urls(replace(bare, alert_urls=urls))
    assert result is not None
    assert (result.ok, result.found) == (True, "apprise takes all 2")


def test_an_alert_url_that_apprise_does_not_take_is_named_by_its_number_and_never_shown(
    bare: DoctorInputs, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    urls = tuple(map(SecretStr, ("ntfy://topic", "nosuch://secret-part", "slack://secret-part")))
    with caplog.at_level(logging.DEBUG):
        result = check_alert_urls(replace(bare, alert_urls=urls))
    assert result is not None
    assert not result.ok
    assert "does not take number 2, 3" in result.found
    assert "take it out" in result.fix
    assert "secret-part" not in f"{result} {caplog.text} {capfd.readouterr()}"
