"""What GitHub is waited for within one mirror, by a clock that the test holds, and what a killed run leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from github_standin import SECONDARY_LIMIT, Fault, GitHubStandIn
from mirror_material import ShippedMaterial, make_shipped
from pydantic import SecretStr

from factory_assets.domain.errors import (
    CredentialError,
    FactoryError,
    GateError,
    InputError,
    RateLimitedError,
)
from factory_assets.mirror.description import describe
from factory_assets.mirror.github import GitHubTarget
from factory_assets.mirror.pacing import FilePlace, Pacing
from factory_assets.mirror.target import MirrorReport

TOKEN = "ghp_seven7seven7seven7seven7seven7seven7"  # made up, known to the stand-in only
SLUG = "factory-owner/kv-tuner"
LINK = (
    "https://github.com/factory-owner/kv-tuner/security/secret-scanning/unblock-secret/30wrXAdc1banfjSNP45c"
)
PUSH_PROTECTION = f"""error: GH013: Repository rule violations found for refs/heads/main.

- GITHUB PUSH PROTECTION
  —————————————————————————————————————————
    Resolve the following violations before pushing again

    - Push cannot contain secrets


     (?) Learn how to resolve a blocked push
     https://docs.github.com/code-security/secret-scanning/working-with-secret-scanning-and-push-protection

      —— DeepSeek API Key ——————————————————————————————————
       locations:
         - commit: b6ba2be62ff7d6c34065648997f6f53b44ab2092
           path: config.py:3

       (?) To push, remove secret from commit(s) or follow this URL to allow the secret.
       {LINK}
"""


@dataclass
class HeldClock:
    """Stands still but where somebody sleeps."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def github(tmp_path: Path, clock: HeldClock) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(
        tmp_path,
        tokens={TOKEN: "factory-owner"},
        organisations={"paper-tools": frozenset({"factory-owner"})},
        now=clock.now,
    ) as standin:
        yield standin


@pytest.fixture
def shipped(tmp_path: Path) -> ShippedMaterial:
    return make_shipped(tmp_path / "git", "kv-tuner")


def publish(
    github: GitHubStandIn,
    clock: HeldClock,
    shipped: ShippedMaterial,
    *,
    owner: str | None = None,
    asked_to_wait: Callable[[datetime], None] = lambda _: None,
) -> MirrorReport:
    target = GitHubTarget(
        token=SecretStr(TOKEN), owner=owner, api_url=github.url, clock=clock, asked_to_wait=asked_to_wait
    )
    return target.publish(
        shipped.repo,
        shipped.bare,
        description=describe(shipped.repo),
        topics=("software-factory",),
        before_write=lambda: None,
    )


def is_complete(github: GitHubStandIn, shipped: ShippedMaterial, slug: str = SLUG) -> bool:
    there = github.repositories[slug]
    return (
        not there.private
        and there.refs().get("refs/heads/main") == shipped.repo.commit
        and there.description == describe(shipped.repo)
        and there.topics == ["software-factory"]
    )


def test_a_repository_is_created_private_and_made_public_last(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    private: list[tuple[str, bool]] = []
    github.observer = lambda request: (
        private.append((request.method, github.repositories[SLUG].private))
        if SLUG in github.repositories
        else None
    )
    publish(github, clock, shipped)
    assert all(hidden for _, hidden in private)
    assert private[-1][0] == "PATCH"
    assert is_complete(github, shipped)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", r"kv-tuner\.git/info/refs", 500, "Server Error"),
        Fault("POST", "git-receive-pack", 500, "Server Error"),
        Fault("PUT", "topics", 500, "Server Error"),
        Fault("PUT", "topics", 500, "Server Error", after=True),
        Fault("PATCH", "kv-tuner$", 500, "Server Error"),
    ],
)
def test_a_run_that_ends_between_two_steps_is_finished_by_the_next_and_was_never_seen(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial, fault: Fault
) -> None:
    fault = replace(fault, times=1000)
    github.faults.append(fault)
    with pytest.raises(FactoryError):
        publish(github, clock, shipped)
    assert github.repositories[SLUG].private

    fault.times = 0
    clock.sleep(86400)
    report = publish(github, clock, shipped)

    assert not report.created
    assert is_complete(github, shipped)


def test_a_repository_that_somebody_made_private_later_stays_private(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    publish(github, clock, shipped)
    github.repositories[SLUG].private = True
    publish(github, clock, shipped)
    assert github.repositories[SLUG].private


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", r"kv-tuner\.git/info/refs", 404, "Repository not found."),
        Fault("GET", r"kv-tuner\.git/info/refs", 403, "Write access to repository not granted."),
        Fault("POST", "git-receive-pack", 404, "Repository not found."),
        Fault("POST", "git-receive-pack", 403, "Write access to repository not granted."),
        Fault("POST", "git-receive-pack", 503, "Service Unavailable"),
        Fault("PUT", "topics", 404, "Not Found"),
        Fault("PUT", "topics", 409, "Git Repository is empty."),
        Fault("PATCH", "kv-tuner$", 404, "Not Found"),
        Fault("PATCH", "kv-tuner$", 422, "A previous repository operation is still in progress."),
    ],
)
def test_what_lags_behind_a_creation_is_waited_for_in_the_same_run(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial, fault: Fault
) -> None:
    github.faults.append(replace(fault, times=3))
    publish(github, clock, shipped)
    assert is_complete(github, shipped)
    assert sum(clock.slept) < 90


def test_a_create_that_came_through_before_a_5xx_is_waited_for_until_it_shows(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("POST", "/user/repos", 502, "Bad gateway", after=True))
    github.faults.append(Fault("GET", "/repos/factory-owner/kv-tuner$", 404, "Not Found", times=4))
    publish(github, clock, shipped)
    assert is_complete(github, shipped)


def test_a_404_that_stays_after_a_creation_ends_within_about_a_minute(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("GET", r"kv-tuner\.git/info/refs", 404, "Repository not found.", times=1000))
    with pytest.raises(InputError, match="does not show the repository to git"):
        publish(github, clock, shipped)
    assert 30 < sum(clock.slept) < 90


def test_a_404_of_a_repository_that_is_long_there_is_not_waited_for(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    publish(github, clock, shipped)
    clock.sleep(86400)
    clock.slept.clear()
    github.faults.append(Fault("GET", r"kv-tuner\.git/info/refs", 404, "Repository not found.", times=1000))
    with pytest.raises(InputError):
        publish(github, clock, shipped)
    assert sum(clock.slept) < 2


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_that_fits_into_the_run_is_waited_for_and_uses_up_no_try(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial, status: int
) -> None:
    asked: list[datetime] = []
    github.faults.append(
        Fault("POST", "/user/repos", status, SECONDARY_LIMIT, headers={"Retry-After": "20"}, times=7)
    )
    publish(github, clock, shipped, asked_to_wait=asked.append)
    assert is_complete(github, shipped)
    assert len(asked) == 7
    assert sum(clock.slept) >= 140


def test_a_limit_that_ends_soon_by_its_reset_is_waited_for(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    reset = str(int((clock.now() + timedelta(seconds=90)).timestamp()))
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    github.faults.append(
        Fault("GET", "/user$", 403, "API rate limit exceeded for user ID 1.", headers=headers)
    )
    publish(github, clock, shipped)
    assert is_complete(github, shipped)
    assert 88 < max(clock.slept) < 92


def test_limits_that_name_no_time_are_waited_for_a_minute_and_then_twice_as_long(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("PUT", "topics", 403, SECONDARY_LIMIT, times=1000))
    with pytest.raises(RateLimitedError, match="Mirror it after") as caught:
        publish(github, clock, shipped)
    assert [round(seconds) for seconds in clock.slept if seconds > 50] == [61, 121]
    assert caught.value.until == clock.now() + timedelta(minutes=4)


def test_a_wait_that_does_not_fit_names_its_time_and_was_written_down(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial, tmp_path: Path
) -> None:
    pacing = Pacing(FilePlace(tmp_path / "mirror.lock"), 0)
    github.faults.append(Fault("POST", "/user/repos", 403, SECONDARY_LIMIT, headers={"Retry-After": "1200"}))
    with pacing.turn(lambda _: None), pytest.raises(RateLimitedError) as caught:
        publish(github, clock, shipped, asked_to_wait=pacing.put_off)
    assert caught.value.until is not None
    assert f"Mirror it after {caught.value.until:%Y-%m-%d %H:%M} UTC" in caught.value.fix
    with pytest.raises(RateLimitedError, match="this one asked nothing"), pacing.turn(lambda _: None):
        pytest.fail("it asked")


def test_a_git_limit_is_waited_for(github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial) -> None:
    github.faults.append(Fault("POST", "git-receive-pack", 429, "Too Many Requests"))
    publish(github, clock, shipped)
    assert is_complete(github, shipped)
    assert max(clock.slept) > 59


def test_writes_are_a_second_apart_over_retries_and_pushes(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.faults += [
        Fault("POST", "/user/repos", 500, "Server Error", times=2),
        Fault("POST", "git-receive-pack", 500, "Server Error"),
        Fault("PUT", "topics", 502, "Bad gateway"),
    ]
    publish(github, clock, shipped)
    gaps = [after - before for before, after in zip(github.written_at, github.written_at[1:], strict=False)]
    assert len(gaps) >= 6
    assert min(gaps) >= timedelta(seconds=1)


@pytest.mark.parametrize(("method", "path"), [("POST", "git-receive-pack"), ("PATCH", "kv-tuner$")])
def test_what_was_done_and_answered_with_a_5xx_is_no_failure(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial, method: str, path: str
) -> None:
    github.faults.append(Fault(method, path, 502, "Bad gateway", after=True))
    publish(github, clock, shipped)
    assert is_complete(github, shipped)


def test_a_secret_that_push_protection_finds_is_told_with_its_link_and_nothing_is_seen(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("POST", "git-receive-pack", 500, "Server Error", times=4))
    with pytest.raises(FactoryError):
        publish(github, clock, shipped)
    github.refuse_pushes("factory-owner", "kv-tuner", PUSH_PROTECTION)

    with pytest.raises(GateError, match="GH013") as caught:
        publish(github, clock, shipped)

    assert LINK in caught.value.fix
    assert "never changed" in caught.value.fix
    assert "revoke" in caught.value.fix
    assert github.repositories[SLUG].private
    github.admit_pushes("factory-owner", "kv-tuner")
    publish(github, clock, shipped)
    assert is_complete(github, shipped)


def test_an_organisation_without_private_repositories_is_told_so(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.members_may_create_private = False
    with pytest.raises(InputError, match="Visibility can't be private") as caught:
        publish(github, clock, shipped, owner="paper-tools")
    assert "create private repositories" in caught.value.fix
    assert github.repositories == {}


def test_a_token_that_may_not_change_visibility_is_told_that_all_else_is_done(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.members_may_change_visibility = False
    with pytest.raises(InputError, match=r"still private.*can't be changed by this user") as caught:
        publish(github, clock, shipped, owner="paper-tools")
    assert "Change visibility" in caught.value.fix

    github.repositories["paper-tools/kv-tuner"].private = False
    publish(github, clock, shipped, owner="paper-tools")
    assert is_complete(github, shipped, "paper-tools/kv-tuner")


def test_a_refused_token_is_not_waited_for(
    github: GitHubStandIn, clock: HeldClock, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("PUT", "topics", 401, "Bad credentials", times=1000))
    with pytest.raises(CredentialError):
        publish(github, clock, shipped)
    assert max(clock.slept) <= 1
