"""Mirroring to GitHub: create, push, push again, and everything that must not happen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from github_git import git
from github_standin import Fault, GitHubStandIn, Request
from mirror_material import PAPER_URL, ShippedMaterial, make_shipped
from pydantic import SecretStr

from factory_assets.domain.errors import (
    CredentialError,
    GateError,
    InfrastructureError,
    InputError,
    NotOursError,
    RateLimitedError,
)
from factory_assets.mirror.description import describe
from factory_assets.mirror.github import GitHubTarget
from factory_assets.mirror.target import MirrorReport

TOKEN = "ghp_seven7seven7seven7seven7seven7seven7"  # made up, known to the stand-in only
TOPICS = ("software-factory", "python")
SLUG = "factory-owner/kv-tuner"


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(
        tmp_path,
        tokens={TOKEN: "factory-owner", "other-token": "stranger"},
        organisations={"paper-tools": frozenset({"factory-owner"}), "closed": frozenset()},
    ) as standin:
        yield standin


@pytest.fixture
def shipped(tmp_path: Path) -> ShippedMaterial:
    return make_shipped(tmp_path / "git", "kv-tuner")


def target(github: GitHubStandIn, *, token: str = TOKEN, owner: str | None = None) -> GitHubTarget:
    return GitHubTarget(
        token=SecretStr(token),
        owner=owner,
        api_url=github.url,
        seconds_between_requests=0,
        seconds_between_writes=0,
        retry_backoff=0,
    )


def publish(to: GitHubTarget, shipped: ShippedMaterial, writes: list[str] | None = None) -> MirrorReport:
    return to.publish(
        shipped.repo,
        shipped.bare,
        description=describe(shipped.repo),
        topics=TOPICS,
        before_write=lambda: writes.append("write") if writes is not None else None,
    )


def test_a_shipped_repo_is_created_with_its_description_and_pushed(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    report = publish(target(github), shipped)

    there = github.repositories[SLUG]
    assert report.created
    assert report.pushed
    assert report.url == f"{github.git_url}/{SLUG}"
    assert report.commit == shipped.repo.commit
    assert there.refs()["refs/heads/main"] == shipped.repo.commit
    assert there.description == describe(shipped.repo)
    assert there.homepage == PAPER_URL
    assert there.topics == list(TOPICS)
    assert not there.private


def test_only_main_and_version_tags_are_pushed(github: GitHubStandIn, shipped: ShippedMaterial) -> None:
    assert {"refs/factory/build", "refs/tags/internal", "refs/heads/scratch"} <= set(shipped.refs())

    publish(target(github), shipped)

    assert set(github.repositories[SLUG].refs()) == {"refs/heads/main", "refs/tags/v0.1.0"}


def test_a_second_publish_changes_nothing_and_succeeds(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    publish(target(github), shipped)
    before = len(github.writes())
    writes: list[str] = []

    report = publish(target(github), shipped, writes)

    assert not report.created
    assert not report.pushed
    assert github.writes()[before:] == []
    assert writes == []


def test_the_pace_is_asked_for_once_before_the_first_write(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    writes: list[str] = []
    publish(target(github), shipped, writes)
    assert writes == ["write"]


def test_an_organisation_owns_the_repo_when_the_owner_is_not_the_tokens_account(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    publish(target(github, owner="paper-tools"), shipped)

    assert "POST /api/v3/orgs/paper-tools/repos" in github.writes()
    assert github.repositories["paper-tools/kv-tuner"].refs()["refs/heads/main"] == shipped.repo.commit


def test_the_tokens_own_account_is_recognised_whatever_its_case(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    publish(target(github, owner="Factory-Owner"), shipped)
    assert "POST /api/v3/user/repos" in github.writes()


def test_an_owner_that_does_not_exist_is_named_with_the_setting(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    with pytest.raises(InputError, match=r"GITHUB_USER.*nobody-at-all"):
        publish(target(github, owner="nobody-at-all"), shipped)


def test_an_organisation_that_the_token_may_not_create_in_is_a_credential_error(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    with pytest.raises(CredentialError, match="need admin access"):
        publish(target(github, owner="closed"), shipped)


def test_a_repository_that_somebody_else_made_is_never_touched(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    theirs = github.add_repository("factory-owner", "kv-tuner", files={"README.md": "mine\n"})
    before = theirs.refs()

    with pytest.raises(NotOursError, match="the factory did not make it"):
        publish(target(github), shipped)

    assert theirs.refs() == before
    assert theirs.topics == []
    assert github.writes() == []


def test_an_empty_repository_that_somebody_else_made_is_never_touched(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    theirs = github.add_repository("factory-owner", "kv-tuner")

    with pytest.raises(NotOursError, match="empty repository"):
        publish(target(github), shipped)

    assert theirs.refs() == {}
    assert github.writes() == []


def test_a_repository_with_branches_but_no_main_is_not_ours(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    theirs = github.add_repository("factory-owner", "kv-tuner", files={"README.md": "mine\n"})
    git("-C", str(theirs.path), "branch", "--move", "main", "trunk")

    with pytest.raises(NotOursError, match="refs but no main"):
        publish(target(github), shipped)

    assert set(theirs.refs()) == {"refs/heads/trunk"}


def test_somebody_who_pushes_at_the_same_moment_is_not_overwritten(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    theirs = github.add_repository("stranger", "other", files={"README.md": "mine\n"})
    their_commit = theirs.refs()["refs/heads/main"]

    def be_faster(request: Request) -> None:
        if "git-receive-pack" in request.query:
            there = github.repositories[SLUG]
            git("push", "--quiet", "--force", str(there.path), "main", cwd=theirs.path)

    github.observer = be_faster
    with pytest.raises(NotOursError, match="Somebody else changed the repository meanwhile"):
        publish(target(github), shipped)

    assert github.repositories[SLUG].refs() == {"refs/heads/main": their_commit}


def test_a_tag_of_somebody_elses_is_not_overwritten(github: GitHubStandIn, shipped: ShippedMaterial) -> None:
    publish(target(github), shipped)
    there = github.repositories[SLUG]
    git("-C", str(there.path), "update-ref", "refs/tags/v0.1.0", shipped.first_commit)

    with pytest.raises(NotOursError, match=r"v0\.1\.0 is not the factory's"):
        publish(target(github), shipped)

    assert there.refs()["refs/tags/v0.1.0"] == shipped.first_commit


def test_a_main_that_people_worked_on_since_stays_as_it_is(
    github: GitHubStandIn, shipped: ShippedMaterial, tmp_path: Path
) -> None:
    publish(target(github), shipped)
    there = github.repositories[SLUG]
    git("clone", "--quiet", str(there.path), str(tmp_path / "user"))
    git("commit", "--quiet", "--allow-empty", "--message=A fix", cwd=tmp_path / "user")
    git("push", "--quiet", "origin", "main", cwd=tmp_path / "user")
    before = there.refs()

    report = publish(target(github), shipped)

    assert not report.pushed
    assert there.refs() == before
    assert before["refs/heads/main"] != shipped.repo.commit


def test_an_older_main_of_ours_is_moved_forward(github: GitHubStandIn, shipped: ShippedMaterial) -> None:
    there = github.add_repository("factory-owner", "kv-tuner")
    git("push", "--quiet", str(there.path), f"{shipped.first_commit}:refs/heads/main", cwd=shipped.bare)

    report = publish(target(github), shipped)

    assert report.pushed
    assert not report.created
    assert there.refs()["refs/heads/main"] == shipped.repo.commit


def test_a_crash_between_create_and_push_is_taken_up_again(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("POST", "git-receive-pack", 502, "Bad gateway", times=4))
    with pytest.raises(InfrastructureError):
        publish(target(github), shipped)
    assert github.repositories[SLUG].refs() == {}

    report = publish(target(github), shipped)

    assert not report.created
    assert report.pushed
    assert github.repositories[SLUG].refs()["refs/heads/main"] == shipped.repo.commit
    assert github.repositories[SLUG].topics == list(TOPICS)


def test_a_crash_between_push_and_topics_is_taken_up_again(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("PUT", "topics", 500, "Server Error", times=4))
    with pytest.raises(InfrastructureError):
        publish(target(github), shipped)

    report = publish(target(github), shipped)

    assert not report.pushed
    assert github.repositories[SLUG].topics == list(TOPICS)


def test_a_create_that_succeeded_but_was_answered_with_a_server_error_is_recognised(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    github.faults.append(Fault("POST", "/user/repos", 502, "Bad gateway", after=True))

    report = publish(target(github), shipped)

    assert github.writes().count("POST /api/v3/user/repos") == 2
    assert report.pushed
    assert github.repositories[SLUG].refs()["refs/heads/main"] == shipped.repo.commit


def test_a_wrong_token_says_so_at_once_and_is_not_retried(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    with pytest.raises(CredentialError) as caught:
        publish(target(github, token="ghp_wrong"), shipped)

    assert "GitHub refused the token" in str(caught.value)
    assert "`repo`" in caught.value.fix
    assert "GITHUB_TOKEN" in caught.value.fix
    assert "ghp_wrong" not in str(caught.value)
    assert len(github.requests) == 1


def test_a_token_without_rights_on_an_existing_repo_is_a_credential_error(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    there = github.add_repository("factory-owner", "kv-tuner")
    git("push", "--quiet", str(there.path), f"{shipped.first_commit}:refs/heads/main", cwd=shipped.bare)

    with pytest.raises(CredentialError, match="GitHub refused the push"):
        publish(target(github, token="other-token", owner="factory-owner"), shipped)


def test_a_secondary_rate_limit_names_the_time_to_come_back(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    github.faults.append(
        Fault(
            "POST",
            "/user/repos",
            403,
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            headers={"Retry-After": "1200"},
        )
    )
    before = datetime.now(UTC)

    with pytest.raises(RateLimitedError) as caught:
        publish(target(github), shipped)

    until = caught.value.until
    assert until is not None
    assert timedelta(seconds=1199) < until - before < timedelta(seconds=1210)
    assert github.writes() == ["POST /api/v3/user/repos"]


def test_a_spent_hourly_limit_names_its_reset(github: GitHubStandIn, shipped: ShippedMaterial) -> None:
    github.faults.append(
        Fault(
            "GET",
            "/user$",
            403,
            "API rate limit exceeded for user ID 1.",
            headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1893456000"},
        )
    )
    with pytest.raises(RateLimitedError) as caught:
        publish(target(github), shipped)
    assert caught.value.until == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_server_that_is_not_there_is_an_infrastructure_failure(shipped: ShippedMaterial) -> None:
    nowhere = GitHubTarget(token=SecretStr(TOKEN), api_url="http://127.0.0.1:9", retry_backoff=0)
    with pytest.raises(InfrastructureError, match="Asking whose token it is"):
        publish(nowhere, shipped)


def test_push_protection_is_told_in_githubs_words(github: GitHubStandIn, shipped: ShippedMaterial) -> None:
    there = github.add_repository("factory-owner", "kv-tuner")
    git("push", "--quiet", str(there.path), f"{shipped.first_commit}:refs/heads/main", cwd=shipped.bare)
    github.refuse_pushes(
        "factory-owner", "kv-tuner", "error: GH013: Push cannot contain secrets\nSee config.py:3"
    )

    with pytest.raises(GateError, match=r"GH013: Push cannot contain secrets\nSee config.py:3"):
        publish(target(github), shipped)


def test_a_token_without_the_workflow_scope_is_a_credential_error(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    there = github.add_repository("factory-owner", "kv-tuner")
    git("push", "--quiet", str(there.path), f"{shipped.first_commit}:refs/heads/main", cwd=shipped.bare)
    github.refuse_pushes(
        "factory-owner",
        "kv-tuner",
        "refusing to allow a Personal Access Token to create or update workflow without `workflow` scope",
    )
    with pytest.raises(CredentialError, match="`workflow` scope"):
        publish(target(github), shipped)


def test_a_private_visibility_makes_a_private_repository(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    private = GitHubTarget(
        token=SecretStr(TOKEN),
        api_url=github.url,
        visibility="private",
        seconds_between_requests=0,
        seconds_between_writes=0,
        retry_backoff=0,
    )
    publish(private, shipped)
    assert github.repositories[SLUG].private
    assert github.repositories[SLUG].refs()["refs/heads/main"] == shipped.repo.commit


def test_nothing_is_ever_deleted(github: GitHubStandIn, shipped: ShippedMaterial) -> None:
    publish(target(github), shipped)
    publish(target(github), shipped)
    assert not [request for request in github.requests if request.method == "DELETE"]


def test_the_stand_in_itself_refuses_anonymous_forced_and_deleting_pushes(
    github: GitHubStandIn, shipped: ShippedMaterial
) -> None:
    publish(target(github), shipped)
    plain = f"{github.git_url}/{SLUG}.git"
    with_token = plain.replace("://", f"://x:{TOKEN}@")

    with pytest.raises(AssertionError, match="could not read Username"):
        git("-c", "credential.helper=", "push", plain, "HEAD:refs/heads/new", cwd=shipped.bare)
    with pytest.raises(AssertionError, match="non-fast-forward"):
        git("push", with_token, f"+{shipped.first_commit}:refs/heads/main", cwd=shipped.bare)
    git("push", "--quiet", with_token, "main:refs/heads/side", cwd=shipped.bare)
    with pytest.raises(AssertionError, match="deletion prohibited"):
        git("push", with_token, ":refs/heads/side", cwd=shipped.bare)
    with pytest.raises(AssertionError, match="tags stay as they are"):
        git("push", with_token, ":refs/tags/v0.1.0", cwd=shipped.bare)


def test_the_token_is_in_no_argv_no_url_and_no_file(tmp_path: Path, shipped: ShippedMaterial) -> None:
    command_lines: list[str] = []

    def look_at_processes(request: Request) -> None:
        if "git-receive-pack" in request.path:
            command_lines.extend(_command_lines())

    with GitHubStandIn(tmp_path, tokens={TOKEN: "factory-owner"}, observer=look_at_processes) as github:
        publish(target(github), shipped)

    pushes = [line for line in command_lines if "kv-tuner.git" in line and "push" in line]
    assert pushes, "the push was not seen in the process list, so this test proves nothing"
    assert not [line for line in command_lines if TOKEN in line]
    assert not [request for request in github.requests if TOKEN in request.path + request.query]
    kept = [
        path for path in shipped.bare.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]
    assert kept == []


def _command_lines() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
