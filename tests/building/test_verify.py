"""`factory verify`: a shipped repo holds against its own claims, and each lie is found by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from build_fakes import SubprocessCommands
from provenance_material import Shipment, git
from typer.testing import CliRunner

from factory_assets.building.verify import Bench, VerifyReport, verify_clone
from factory_assets.cli.app import app
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.indexes import Indexes

# What needs no package touches no registry.
NOWHERE = Indexes(pypi_url="http://127.0.0.1:9", npm_url="http://127.0.0.1:9")


def failures(report: VerifyReport) -> dict[str, str]:
    return {check.name: check.saw for check in report.checks if not check.passed}


def verified(shipment: Shipment) -> dict[str, str]:
    return failures(verify_clone(str(shipment.ship())))


def test_what_the_factory_ships_holds_in_a_clone_in_the_bare_repository_and_by_address(
    tmp_path: Path,
) -> None:
    bare = Shipment(tmp_path).ship()
    git(tmp_path, "clone", "--quiet", str(bare), "clone")
    for source in (str(tmp_path / "clone"), str(bare), bare.as_uri()):
        report = verify_clone(source)
        assert report.passed, report
        assert [check.name for check in report.checks] == [
            *["tag", "provenance", "commit", "agreement", "gates", "history", "release", "spec", "papers"],
            "attribution",
        ]


def test_the_tests_of_a_clone_are_run_when_asked_for(tmp_path: Path) -> None:
    bench = Bench(commands=SubprocessCommands(), indexes=NOWHERE, seconds=60)
    checks = {check.name: check for check in verify_clone(str(Shipment(tmp_path).ship()), bench=bench).checks}
    assert checks["tests"].passed, checks["tests"].saw


def test_tests_that_fail_are_shown(tmp_path: Path) -> None:
    class Broken(Shipment):
        def works(self) -> dict[Phase, dict[str, str]]:
            return super().works() | {
                Phase.REVIEW: {"tests/test_count.py": "def test_it():\n    assert 1 == 2\n"}
            }

    bench = Bench(commands=SubprocessCommands(), indexes=NOWHERE, seconds=60)
    assert "assert 1 == 2" in failures(verify_clone(str(Broken(tmp_path).ship()), bench=bench))["tests"]


def test_a_commit_on_top_of_what_was_shipped_is_found(tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    git(tmp_path, "clone", "--quiet", str(bare), "clone")
    git(tmp_path / "clone", "commit", "--quiet", "--allow-empty", "-m", "more")
    assert set(failures(verify_clone(str(tmp_path / "clone")))) == {"commit"}


def test_a_tag_that_was_moved_is_found(tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    git(tmp_path, "clone", "--quiet", str(bare), "clone")
    clone = tmp_path / "clone"
    (clone / "word_count" / "__init__.py").write_text("def count(text): return 0\n")
    git(clone, "commit", "--quiet", "-am", "quietly")
    message = git(clone, "tag", "-l", "--format=%(contents)", "v0.1.0")
    git(clone, "tag", "-f", "-a", "v0.1.0", "-m", message)
    found = failures(verify_clone(str(clone)))
    assert set(found) == {"commit", "history", "release"}
    assert "word_count/__init__.py" in found["release"]


@pytest.mark.parametrize(("arguments", "word"), [((), "missing"), (("v0.1.0", "main"), "not annotated")])
def test_a_tag_without_a_record_is_found(arguments: tuple[str, ...], word: str, tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    git(bare, "tag", "-d", "v0.1.0")
    if arguments:
        git(bare, "tag", *arguments)
    report = verify_clone(str(bare))
    assert word in failures(report)["tag"]
    assert len(report.checks) == 1


@pytest.mark.parametrize(
    ("changes", "check", "word"),
    [
        ({"claims": {"name": "other"}, "record": {"name": "word-count"}}, "agreement", "other"),
        ({"record": {"commit": "e" * 40}}, "commit", "eeeeeeee"),
        ({"record": {"tests_executed": 0}}, "gates", "no test"),
        ({"record": {"gates": {}}}, "gates", "tests-pass"),
        ({"claims": {"spec_sha256": "0" * 64}}, "spec", "0000"),
        ({"claims": {"papers": ()}}, "papers", "no paper"),
        ({"claims": {"phases": ()}}, "history", "phases none"),
        ({"paper_line": "Paper: https://arxiv.org/abs/1111.11111"}, "papers", "1111.11111"),
        (
            {"last_files": {"README.md": "# word-count\n\nCounts words.\n"}},
            "attribution",
            "Counting Words in Streams",
        ),
        ({"last_files": {"word_count/__init__.py": "evil = 1\n"}}, "release", "word_count/__init__.py"),
    ],
)
def test_a_lie_is_found_where_it_stands(
    changes: dict[str, object], check: str, word: str, tmp_path: Path
) -> None:
    found = verified(Shipment(tmp_path, **changes))  # type: ignore[arg-type]
    assert set(found) == {check}
    assert word in found[check]


def test_lock_files_may_be_added_at_the_end(tmp_path: Path) -> None:
    assert verified(Shipment(tmp_path, last_files={"requirements.lock": "six==1.17.0\n"})) == {}


@pytest.mark.parametrize(
    ("added", "is_kept"),
    [
        ("## Attribution\n\nThe paper, by its authors.\n", True),
        ("## Attribution\n\nThe paper.\n\n## Support\n\nSend money.\n", False),
        ("Send money.\n", False),
    ],
)
def test_a_readme_may_gain_its_attribution_at_the_end_and_nothing_else(
    added: str, is_kept: bool, tmp_path: Path
) -> None:
    shipment = Shipment(tmp_path)
    reviewed = shipment.works()[Phase.REVIEW]["README.md"]
    shipment.last_files = {"README.md": f"{reviewed}\n{added}"}
    assert ("release" not in verified(shipment)) is is_kept


def test_a_file_that_is_no_provenance_is_found(tmp_path: Path) -> None:
    assert (
        "provenance.json" in verified(Shipment(tmp_path, last_files={"provenance.json": "{}"}))["provenance"]
    )


def test_a_shallow_clone_says_that_its_history_is_cut_off(tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    git(tmp_path, "clone", "--quiet", "--depth", "1", bare.as_uri(), "clone")
    assert "shallow" in failures(verify_clone(str(tmp_path / "clone")))["history"]


def test_nothing_in_a_clones_own_configuration_is_run(tmp_path: Path) -> None:
    bare = Shipment(tmp_path).ship()
    git(tmp_path, "clone", "--quiet", str(bare), "clone")
    trap = tmp_path / "trap"
    trap.write_text("#!/bin/sh\ntouch sprung\n")
    trap.chmod(0o755)
    for name in (
        "core.fsmonitor",
        "core.hooksPath",
        "gpg.program",
        "uploadpack.packObjectsHook",
        "core.sshCommand",
    ):
        git(tmp_path / "clone", "config", name, str(trap))
    git(tmp_path / "clone", "config", "log.showSignature", "true")
    assert verify_clone(str(tmp_path / "clone")).passed
    assert list(tmp_path.rglob("sprung")) == []


def test_a_folder_without_a_repository_and_an_unknown_scheme_are_refused(tmp_path: Path) -> None:
    for source in (str(tmp_path), "ext::sh -c touch% /tmp/pwned", "/no/such/folder"):
        with pytest.raises(InputError, match="no git repository"):
            verify_clone(source)


def test_an_address_that_does_not_answer_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="git clone"):
        verify_clone((tmp_path / "nothing.git").as_uri())


def test_the_command_prints_each_check_and_needs_no_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    bare = Shipment(tmp_path).ship()
    done = CliRunner().invoke(app, ["verify", "word-count.git"])
    assert done.exit_code == 0, done.output
    assert "passed   history: 5 commits in one line" in done.output
    git(bare, "tag", "-d", "v0.1.0")
    done = CliRunner().invoke(app, ["verify", "word-count.git"])
    assert done.exit_code == 1
    assert "failed   tag: The tag v0.1.0 is missing" in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["word-count.git", "work"]
