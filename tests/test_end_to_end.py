"""All four assets through Dagster, with the real Claude Code program, from papers to a published repo."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from defs_factory import DefsRuns, checks, metadata
from defs_recordings import copy_recordings
from github_git import CLEAN_GIT, git
from github_standin import GitHubStandIn, Repository
from pydantic import SecretStr

from factory_assets.build_defs import build_defs
from factory_assets.cli.instance import open_instance
from factory_assets.defs.gate_checks import check_name
from factory_assets.defs.partitions import date_rank_key
from factory_assets.domain.builds import BuildStatus, Phase
from factory_assets.gates import ALL_GATES
from factory_assets.instance import Instance
from factory_assets.registry import Registry
from factory_assets.settings import Mode, Settings

pytestmark = pytest.mark.end_to_end

DAY, NAME, PAPER = date(2026, 6, 18), "evidence-order", "2606.19667"
KEY = "2026-06-18|01"
# Nothing of these may be found anywhere afterwards. They are made up.
TOKEN, API_KEY = "ghp_MadeUpForThisTestOnly0123456789abcdef", "sk-ant-api03-made-up-for-this-test-only"
OAUTH = "sk-ant-oat01-made-up-for-this-test-only"


@dataclass(frozen=True)
class Finished:
    """The factory after two runs of all four jobs, mirrored to a folder, and to GitHub after that."""

    home: Path
    settings: Settings
    runs: DefsRuns
    registry: Registry
    first: dict[str, dg.ExecuteInProcessResult]
    second: dict[str, dg.ExecuteInProcessResult]
    calls_of_first: int
    refs_of_first: dict[str, str]
    on_github: dict[str, dg.ExecuteInProcessResult]
    github: GitHubStandIn

    @property
    def bare(self) -> Path:
        return self.settings.git_dir / f"{NAME}.git"

    @property
    def mirrored(self) -> Path:
        assert self.settings.factory_mirror_dir is not None
        return self.settings.factory_mirror_dir / NAME


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("factory")
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        for name, value in _environment(folder).items():
            patch.setenv(name, value)
        settings = open_instance().settings
        with (
            dg.DagsterInstance.get() as instance,
            GitHubStandIn(folder / "outside", tokens={TOKEN: "example"}) as github,
        ):
            yield _run(folder / "home", settings, instance, github)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "GITHUB_TOKEN": TOKEN,
        "ANTHROPIC_API_KEY": API_KEY,
        "CLAUDE_CODE_OAUTH_TOKEN": OAUTH,
        "DAGSTER_HOME": str(_made(folder / "home")),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(folder / "home" / "data"),
        "FACTORY_MIRROR_DIR": str(folder / "home" / "mirrored"),
        "FACTORY_RECORDINGS_DIR": str(copy_recordings(folder / "recordings", {str(DAY): (NAME,)})),
        "FACTORY_START_DATE": "2026-06-17",
        "FACTORY_END_DATE": "2026-06-19",
        "FACTORY_RANKS": "2",
        "FACTORY_SPECS_PER_DAY": "1",
        "FACTORY_ARXIV_INTERVAL": "0",
        "FACTORY_MIRROR_INTERVAL": "0",
    }


def _made(home: Path) -> Path:
    home.mkdir()
    # A replay instance is one that has its .env.
    (home / ".env").write_text("FACTORY_MODE=replay\n")
    return home


def _run(home: Path, settings: Settings, instance: dg.DagsterInstance, github: GitHubStandIn) -> Finished:
    registry = Registry(settings.registry_place)
    runs = DefsRuns(build_defs(settings, {"registry": registry}), instance)
    first = _all_four(runs)
    calls, refs = registry.ledger.usage().calls, _refs(settings.git_dir / f"{NAME}.git")
    second = _all_four(runs)
    live = settings.model_copy(update={"factory_mode": Mode.LIVE, "factory_github_url": github.url})
    to_github = DefsRuns(build_defs(settings, {"registry": registry, "instance": Instance(live)}), instance)
    on_github = {when: to_github.run_rank("mirror", DAY, 1) for when in ("first", "second")}
    return Finished(home, settings, runs, registry, first, second, calls, refs, on_github, github)


def _all_four(runs: DefsRuns) -> dict[str, dg.ExecuteInProcessResult]:
    return {
        "papers": runs.run_day("gather", DAY),
        "specs": runs.run_day("analyze", DAY),
        "built_repos": runs.run_rank("build", DAY, 1),
        "mirrored_repos": runs.run_rank("mirror", DAY, 1),
    }


def _refs(bare: Path) -> dict[str, str]:
    lines = git("-C", str(bare), "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split() for line in lines)


def _objects(bare: Path) -> bytes:
    """Every object of a repository, unpacked."""
    done = subprocess.run(
        ["git", "-C", str(bare), "cat-file", "--batch-all-objects", "--batch"],
        env=CLEAN_GIT,
        capture_output=True,
        check=True,
    )
    assert done.stdout.count(b" commit ") >= 3
    return done.stdout


def test_every_run_ends_well(finished: Finished) -> None:
    for results in (finished.first, finished.second, finished.on_github):
        assert {name for name, result in results.items() if not result.success} == set()


def test_papers_become_a_spec_that_names_its_paper(finished: Finished) -> None:
    papers, specs = metadata(finished.first["papers"], "papers"), metadata(finished.first["specs"], "specs")
    assert papers["papers"] == len(finished.registry.papers.of_day(DAY)) > 10
    assert specs["papers read in this run"] == papers["papers"]
    assert f"| 01 | {NAME} | python | [{PAPER}](https://arxiv.org/abs/{PAPER}) |" in str(specs["specs"])
    assert float(str(specs["dollars"])) > 0
    assert finished.registry.papers.unanalysed(DAY) == []


def test_the_repo_passes_every_gate_in_three_phases_of_the_real_agent(finished: Finished) -> None:
    built = metadata(finished.first["built_repos"], "built_repos", KEY)
    assert built["outcome"] == "shipped"
    assert (built["repo"], built["bare repository"]) == (NAME, str(finished.bare))
    assert int(str(built["tests executed"])) >= 5
    assert all(f"| {phase} | claude-" in str(built["phases"]) for phase in Phase)
    assert checks(finished.first["built_repos"]) == {check_name(gate): True for gate in ALL_GATES}
    queued = finished.registry.queue.named(NAME)
    assert queued is not None
    assert (queued.status, queued.attempts, queued.error_log) == (BuildStatus.SHIPPED, 1, None)
    phases = [record.phase for record in finished.registry.builds.phases_of(queued.id, 1)]
    assert phases == list(Phase)


def test_main_and_its_tag_are_the_commit_that_is_recorded(finished: Finished) -> None:
    repo = finished.registry.repos.named(NAME)
    assert repo is not None
    assert _refs(finished.bare)["refs/heads/main"] == repo.commit
    assert git("-C", str(finished.bare), "rev-parse", "v0.1.0^{commit}") == repo.commit
    assert metadata(finished.first["built_repos"], "built_repos")["commit"] == repo.commit


def test_what_shipped_passes_its_own_tests_and_credits_its_paper(finished: Finished, tmp_path: Path) -> None:
    git("clone", "--quiet", str(finished.mirrored), str(tmp_path / "clone"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "test"],
        cwd=tmp_path / "clone",
        env={"PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert PAPER in (tmp_path / "clone" / "SPEC.md").read_text()
    assert {"README.md", "llms.txt", "AGENTS.md", "CLAUDE.md", "LICENSE", "Makefile"} <= {
        path.name for path in (tmp_path / "clone").iterdir()
    }


def test_the_local_mirror_holds_the_files_of_the_commit_that_shipped(finished: Finished) -> None:
    shown = metadata(finished.first["mirrored_repos"], "mirrored_repos", KEY)
    assert (shown["outcome"], shown["mirror"]) == ("created", str(finished.mirrored))
    assert git("-C", str(finished.mirrored), "rev-parse", "HEAD") == shown["commit"]
    assert git("-C", str(finished.mirrored), "status", "--porcelain") == ""


def test_github_gets_main_and_the_tag_and_nothing_else(finished: Finished) -> None:
    there: Repository = finished.github.repositories[f"example/{NAME}"]
    shipped = _refs(finished.bare)
    assert there.refs() == {name: shipped[name] for name in ("refs/heads/main", "refs/tags/v0.1.0")}
    assert not there.private
    assert there.description
    assert there.topics
    assert metadata(finished.on_github["first"], "mirrored_repos")["outcome"] == "created"
    assert metadata(finished.on_github["second"], "mirrored_repos")["outcome"] == "unchanged"
    mirror = finished.registry.repos.mirror_of(NAME)
    assert mirror is not None
    assert mirror.url == f"{finished.github.git_url}/example/{NAME}"


def test_the_second_time_nothing_is_asked_built_or_pushed(finished: Finished) -> None:
    assert metadata(finished.second["papers"], "papers")["new on these dates"] == 0
    assert metadata(finished.second["specs"], "specs")["papers read in this run"] == 0
    assert metadata(finished.second["built_repos"], "built_repos")["note"] == (
        "Shipped before; nothing was done."
    )
    assert metadata(finished.second["mirrored_repos"], "mirrored_repos")["outcome"] == "unchanged"
    assert finished.registry.ledger.usage().calls == finished.calls_of_first
    assert _refs(finished.bare) == finished.refs_of_first
    assert [queued.spec.name for queued in finished.registry.queue.specs()] == [NAME]


def test_the_second_time_every_data_version_stays(finished: Finished) -> None:
    for asset in ("papers", "specs", "built_repos", "mirrored_repos"):
        versions = [
            event.materialization.tags["dagster/data_version"]
            for result in (finished.first[asset], finished.second[asset])
            for event in result.get_asset_materialization_events()
            if event.asset_key == dg.AssetKey(asset)
        ]
        assert len(versions) == 2
        assert versions[0] == versions[1], asset
    assert not finished.runs.is_stale("mirrored_repos", date_rank_key(DAY, 1))


def test_the_run_is_found_by_the_repos_name(finished: Finished) -> None:
    found = finished.runs.instance.get_runs(dg.RunsFilter(tags={"factory/repo": NAME}))
    expected = [finished.first, finished.second]
    assert {run.run_id for run in found} == {
        *(results[name].run_id for results in expected for name in ("built_repos", "mirrored_repos")),
        *(result.run_id for result in finished.on_github.values()),
    }


def test_no_workspace_is_left_behind(finished: Finished) -> None:
    assert not finished.settings.workspaces_dir.exists() or not list(
        finished.settings.workspaces_dir.iterdir()
    )


@pytest.mark.parametrize(
    "secret", [TOKEN, API_KEY, OAUTH], ids=["GITHUB_TOKEN", "ANTHROPIC_API_KEY", "OAUTH"]
)
def test_no_secret_of_the_environment_is_in_any_file_or_event_or_commit(
    finished: Finished, secret: str
) -> None:
    assert isinstance(finished.settings.github_token, SecretStr)
    needle = secret.encode()
    outside = finished.home.parent / "outside"
    files = [path for root in (finished.home, outside) for path in root.rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if needle in path.read_bytes()] == []
    for run in finished.runs.instance.get_runs():
        assert secret not in repr(finished.runs.instance.all_logs(run.run_id))
    for bare in (finished.bare, finished.github.repositories[f"example/{NAME}"].path):
        assert needle not in _objects(bare)
