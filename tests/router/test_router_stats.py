"""The router's numbers as the UI shows them, and a subscription's windows in `factory status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from defs_commands import Commands
from defs_factory import DefsFactory, metadata
from llm_server import Reply, message, serving
from pydantic import SecretStr
from subscription_headers import headers

from factory_assets.domain.agents import Purpose
from factory_assets.report.plots import plot_router
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess
from factory_assets.router.made import RouterConfig, router_of
from factory_assets.router.serving import in_thread
from factory_assets.router.whereabouts import Whereabouts
from factory_assets.router.windows_file import WindowsFile

KEY = "sk-ant-api03-a-made-up-key-of-a-test"
NOW = datetime.now(UTC)
TOLD = {
    "anthropic-ratelimit-requests-limit": "100",
    "anthropic-ratelimit-requests-remaining": "26",
    "anthropic-ratelimit-requests-reset": (NOW + timedelta(minutes=30)).isoformat(),
    **headers(five=0.83, five_resets=NOW + timedelta(hours=2)),
}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    home = tmp_path / "home"
    home.mkdir()
    return Commands(home, monkeypatch, capsys)


@contextmanager
def live_router(place: Whereabouts, *, answers: Mapping[str, str]) -> Iterator[RouterAccess]:
    """A router that has told its address, before an API whose answers have these headers."""
    with serving(Reply(body=message("4", model="claude-haiku-4-5"), headers=dict(answers))) as api:
        backend = default_backend(api.url, CredentialKind.API_KEY, SecretStr(KEY))
        with (
            router_of(place, RouterConfig(chains={"api": (backend,)})) as router,
            in_thread(router) as url,
            place.told(url),
        ):
            yield place.access_to(url)


def ask(access: RouterAccess, what: str) -> None:
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": what}],
    }
    with access.open(Purpose("analyze", None, None), limit_usd=1.0, seconds=60, plain=True) as way:
        shown = {"x-api-key": way.token("")}
        httpx.post(f"{access.url}/v1/messages", json=body, headers=shown).raise_for_status()


def look_up(factory: DefsFactory) -> dict[str, object]:
    made = factory.defs.resolve_job_def("router").execute_in_process(instance=factory.instance)
    return metadata(made, "router_stats")


def test_the_asset_shows_what_the_routers_calls_came_to(factory: DefsFactory) -> None:
    place = Whereabouts(factory.settings.router_dir)
    with live_router(place, answers=TOLD) as access:
        for what in ("2 + 2?", "2 + 2?", "3 + 1?", "2 + 2?"):
            ask(access, what)
        told = look_up(factory)
        assert place.signer.control() not in str(told)
    assert (told["calls"], told["cache hit rate"], told["joined calls"]) == (4, 0.5, 0)
    # Two answers of 100 tokens in and 50 out.
    assert told["dollars"] == pytest.approx(2 * (100 * 1.0 + 50 * 5.0) / 1e6, abs=1e-4)
    assert "| analyze | 0.0007 | 200 | 0% | 100 |" in str(told["dollars by phase"])
    assert told["prompt cache share"] == 0.0
    assert told["saved dollars"] == 0.0
    assert "| anthropic/claude-haiku-4-5 | healthy | 0 | 2 | 0 |" in str(told["health"])
    assert "| anthropic requests | 26% |" in str(told["rate limits"])
    assert told["threshold"] == 0.5
    assert "Not raised: tier 2 is not known to be good enough" in str(told["why this threshold"])
    assert "anthropic: the 5-hour window is 83 % full" in str(told["subscription"])
    assert "data:image/png;base64," in str(told["plots"])
    assert KEY not in str(told)


def test_where_no_router_runs_the_asset_says_so_and_is_no_failure(factory: DefsFactory) -> None:
    assert look_up(factory) == {
        "router": "No router of this instance runs, so there are no numbers of it; `factory up` starts one."
    }


def test_an_address_that_a_killed_router_left_is_no_router(factory: DefsFactory) -> None:
    place = Whereabouts(factory.settings.router_dir)
    with live_router(place, answers={}) as access:
        left = place.folder / "address"
        address = left.read_text()
        assert access.state() is not None
    left.write_text(address)
    assert access.state() is None
    assert "No router" in str(look_up(factory)["router"])


def test_what_is_no_answer_of_a_router_is_a_failure_that_says_how_to_fix_it(factory: DefsFactory) -> None:
    place = Whereabouts(factory.settings.router_dir)
    with serving(Reply(body={"of": "another version"})) as other, place.told(other.url):
        made = factory.defs.resolve_job_def("router").execute_in_process(
            instance=factory.instance, raise_on_error=False
        )
    assert not made.success
    (failed,) = [event for event in made.all_events if event.is_step_failure]
    assert "`factory down` and `factory up`" in str(failed.step_failure_data.error)


def test_the_picture_of_a_router_without_calls_says_so() -> None:
    nothing = plot_router({}, {})
    assert nothing.startswith(b"\x89PNG")
    assert nothing != plot_router({"build": 2.0}, {"anthropic requests": 0.25})


def test_status_shows_how_full_the_windows_are_though_no_router_runs(commands: Commands) -> None:
    assert "subscription" not in commands("status").out
    place = Whereabouts(commands.data / "router")
    place.folder.mkdir()
    WindowsFile(place.windows).heard("anthropic", TOLD, NOW)
    out = commands("status").out
    resets = NOW + timedelta(hours=2)
    day = "" if resets.date() == NOW.date() else f"on {resets:%Y-%m-%d} "
    line = f"subscription anthropic: the 5-hour window is 83 % full, resets {day}at {resets:%H:%M} UTC"
    assert line in out.partition("papers")[0]
