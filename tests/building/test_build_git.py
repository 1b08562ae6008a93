"""The factory's own git: byte-exact, deaf to what a workspace plants, and never moving what shipped."""

from __future__ import annotations

import subprocess

import pytest
from build_material import NOW

from factory_assets.building.git import BareRepo
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InfrastructureError, InputError, MissingToolError, StatusError
from factory_assets.domain.leases import LeaseLostError
from factory_assets.domain.trees import EXECUTABLE, SYMLINK
from factory_assets.git_program import find_git

AUTHOR = "Software Factory <factory@localhost>"


@pytest.fixture
def repo(tmp_path):
    return BareRepo(tmp_path / "git" / "tool.git", author=AUTHOR)


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "scratch" / "work"
    folder.mkdir(parents=True)
    (folder / "tool.py").write_text("print('hello')\n")
    return folder


def commit(repo, workspace, *, parent=None, message="First\n"):
    return repo.commit(workspace, parent=parent, message=message, when=NOW)


def git(repo, *args):
    done = subprocess.run(["git", "--git-dir", repo.path, *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_same_files_give_the_same_commit(repo, workspace):
    assert commit(repo, workspace) == commit(repo, workspace)


def test_commits_carry_the_configured_author(repo, workspace):
    first = commit(repo, workspace)
    assert git(repo, "show", "-s", "--format=%an <%ae> %cn", first) == f"{AUTHOR} Software Factory"


def test_an_author_without_a_mail_is_named_as_the_setting_to_fix(tmp_path):
    with pytest.raises(InputError, match="FACTORY_GIT_AUTHOR"):
        BareRepo(tmp_path / "x.git", author="Somebody")


def test_modes_links_and_bytes_come_back_as_they_were(repo, workspace, tmp_path):
    (workspace / "run").write_bytes(b"#!/bin/sh\r\n\xff\x00")
    (workspace / "run").chmod(0o755)
    (workspace / "link").symlink_to("run")
    odd = "odd\nname"
    (workspace / odd).write_text("x")
    first = commit(repo, workspace)
    tree = repo.tree(first)
    assert tree["run"].mode == EXECUTABLE
    assert tree["run"].data == b"#!/bin/sh\r\n\xff\x00"
    assert (tree["link"].mode, tree["link"].data) == (SYMLINK, b"run")
    target = tmp_path / "exported"
    repo.export(first, target)
    assert (target / "run").read_bytes() == b"#!/bin/sh\r\n\xff\x00"
    assert (target / "run").stat().st_mode & 0o100
    assert (target / "link").readlink().name == "run"
    assert (target / odd).read_text() == "x"


def test_a_link_is_committed_as_a_link_and_never_followed(repo, workspace):
    (workspace / "passwd").symlink_to("/etc/passwd")
    assert repo.tree(commit(repo, workspace))["passwd"].data == b"/etc/passwd"


def test_build_junk_and_ignored_files_stay_out_whatever_gitignore_says(repo, workspace):
    (workspace / ".gitignore").write_text("*.log\n!__pycache__/\n")
    for name in ("__pycache__/a.pyc", "node_modules/m/index.js", "target/debug/x", "a.log", "keep.py"):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text("x")
    assert set(repo.tree(commit(repo, workspace))) == {".gitignore", "keep.py", "tool.py"}


def test_planted_hooks_fsmonitor_and_filters_do_nothing(repo, workspace, tmp_path):
    marker = tmp_path / "marker"
    hook = f"#!/bin/sh\ntouch {marker}\n"
    for folder in (".git/hooks", ".githooks"):
        (workspace / folder).mkdir(parents=True)
        for name in ("pre-commit", "post-commit", "post-checkout", "reference-transaction", "fsmonitor"):
            path = workspace / folder / name
            path.write_text(hook)
            path.chmod(0o755)
    config = (
        f"[core]\nfsmonitor = {workspace}/.githooks/fsmonitor\nhooksPath = .githooks\n"
        f'[filter "evil"]\nclean = touch {marker}\nsmudge = touch {marker}\nrequired = true\n'
    )
    (workspace / ".git" / "config").write_text(config)
    (workspace / ".gitconfig").write_text(config)
    (workspace / ".gitattributes").write_text("* filter=evil eol=crlf ident working-tree-encoding=UTF-16\n")
    first = commit(repo, workspace)
    repo.finish_phase(Phase.BUILD, first)
    repo.export(first, tmp_path / "exported")
    assert repo.tree(first)["tool.py"].data == b"print('hello')\n"
    assert not marker.exists()
    assert not (workspace / ".git").exists()


def test_a_nested_repository_becomes_plain_files(repo, workspace):
    nested = workspace / "vendor" / "lib"
    nested.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", nested], check=True)
    (nested / "lib.py").write_text("x = 1\n")
    (workspace / "other").mkdir()
    (workspace / "other" / ".git").write_text("gitdir: /elsewhere\n")
    (workspace / "other" / "a.py").write_text("a = 1\n")
    assert set(repo.tree(commit(repo, workspace))) == {"tool.py", "vendor/lib/lib.py", "other/a.py"}


def test_a_clone_holds_exactly_the_commit(repo, workspace, tmp_path):
    first = commit(repo, workspace)
    (workspace / "later.py").write_text("x = 1\n")
    clone = tmp_path / "clone"
    clone.mkdir()
    repo.clone(first, clone)
    assert sorted(path.name for path in clone.iterdir()) == [".git", "tool.py"]


def test_phases_done_stop_at_the_first_gap(repo, workspace):
    first = commit(repo, workspace)
    repo.finish_phase(Phase.BUILD, first)
    repo.finish_phase(Phase.REVIEW, first)
    assert repo.phases_done() == {Phase.BUILD: first}


def test_a_failure_is_kept_and_clears_the_way_for_the_next_attempt(repo, workspace):
    first = commit(repo, workspace)
    repo.set_scaffold(first)
    repo.finish_phase(Phase.BUILD, first)
    repo.keep_failed(1, first, "It failed.", again_from=Phase.BUILD)
    assert repo.refs() == {"refs/factory/failed/1": first}
    assert [repo.failed_words(attempt) for attempt in (1, 2)] == ["It failed.", None]
    assert repo.phases_done() == {}


def test_shipping_twice_changes_nothing_and_shipping_something_else_is_refused(repo, workspace):
    first = commit(repo, workspace)
    repo.ship(first, version="v0.1.0", message="word-count v0.1.0")
    before = git(repo, "for-each-ref")
    repo.ship(first, version="v0.1.0", message="word-count v0.1.0")
    assert git(repo, "for-each-ref") == before
    assert repo.main() == first
    second = commit(repo, workspace, parent=first, message="Second\n")
    with pytest.raises(StatusError, match="shall not move"):
        repo.ship(second, version="v0.1.0", message="word-count v0.1.0")
    assert repo.main() == first


@pytest.mark.parametrize(("there", "missing"), [("heads/main", "tags/v0.1.0"), ("tags/v0.1.0", "heads/main")])
def test_a_half_done_ship_is_completed(repo, workspace, there, missing):
    first = commit(repo, workspace)
    git(repo, "update-ref", f"refs/{there}", first)
    repo.ship(first, version="v0.1.0", message="word-count v0.1.0")
    assert repo.refs()[f"refs/{missing}"] == first


def test_the_tag_is_there_before_main_since_it_holds_the_record_of_what_shipped(repo, workspace, monkeypatch):
    asked = []
    transaction = BareRepo._transaction

    def seen(self, commands):
        asked.extend(command.split()[1] for command in commands)
        transaction(self, commands)

    first = commit(repo, workspace)
    monkeypatch.setattr(BareRepo, "_transaction", seen)
    repo.ship(first, version="v0.1.0", message="word-count v0.1.0")
    assert asked == ["refs/tags/v0.1.0", "refs/heads/main"]


def test_a_plain_clone_of_what_shipped_has_main_and_the_tag_and_no_phases(repo, workspace, tmp_path):
    first = commit(repo, workspace)
    repo.finish_phase(Phase.BUILD, first)
    repo.ship(first, version="v0.1.0", message="word-count v0.1.0")
    subprocess.run(["git", "clone", "-q", repo.path, tmp_path / "clone"], check=True)
    listed = subprocess.run(
        ["git", "-C", tmp_path / "clone", "for-each-ref", "--format=%(refname)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "refs/tags/v0.1.0" in listed.stdout
    assert "factory" not in listed.stdout


def test_the_bare_repository_passes_gits_own_check(repo, workspace):
    repo.ship(commit(repo, workspace), version="v0.1.0", message="word-count v0.1.0")
    assert git(repo, "fsck", "--strict") == ""


def test_gits_own_words_are_in_the_error(repo):
    with pytest.raises(InfrastructureError, match=r"ls-tree failed: fatal: not a tree object"):
        repo.tree("0" * 40)


def test_a_missing_git_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="git is not installed"):
        find_git()


def test_of_two_hosts_only_the_one_that_took_over_changes_refs(repo, workspace):
    """They have nothing in common but the repository."""
    first = commit(repo, workspace)
    other = BareRepo(repo.path, author=AUTHOR)
    repo.take(1)
    repo.set_scaffold(first)
    other.take(2)
    before = repo.refs()
    for act in (
        lambda: repo.set_scaffold(commit(repo, workspace, message="Other\n")),
        lambda: repo.finish_phase(Phase.BUILD, first),
        lambda: repo.keep_stopped(Phase.BUILD, first),
        lambda: repo.keep_failed(1, first, "words", again_from=Phase.BUILD),
        lambda: repo.undo(Phase.BUILD),
        lambda: repo.drop(["refs/factory/scaffold"]),
        lambda: repo.ship(first, version="v0.1.0", message="It passed."),
        lambda: repo.take(1),
    ):
        with pytest.raises(LeaseLostError, match="Another host has taken this spec over"):
            act()
    assert other.refs() == before
    other.finish_phase(Phase.BUILD, first)
    other.ship(first, version="v0.1.0", message="It passed.")
    assert (other.phases_done(), other.main()) == ({Phase.BUILD: first}, first)
    assert other.fence() == 2


def test_two_hosts_that_finish_a_phase_at_one_moment_do_not_both_finish_it(repo, workspace):
    """The second takes over while the first is between its reading of the refs and its change of them."""
    first = commit(repo, workspace)
    second = commit(repo, workspace, message="Another\n")
    repo.take(1)
    other = BareRepo(repo.path, author=AUTHOR)
    read = repo.refs

    def overtaken():
        found = read()
        if other.fence() == 1:
            other.take(2)
            other.finish_phase(Phase.BUILD, second)
        return found

    repo.refs = overtaken
    with pytest.raises(LeaseLostError):
        repo.finish_phase(Phase.BUILD, first)
    assert other.phases_done() == {Phase.BUILD: second}


def test_what_git_refuses_for_another_reason_is_no_loss_of_the_spec(repo, workspace):
    first = commit(repo, workspace)
    repo.take(1)
    with pytest.raises(InfrastructureError, match="update-ref failed"):
        repo.finish_phase(Phase.BUILD, "f" * 40)
    repo.finish_phase(Phase.BUILD, first)
