"""The gate `secrets`: what its verdict says and what it never says."""

from __future__ import annotations

from pathlib import Path

import pytest
from secret_material import BrokenRules, NoRules, Work

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InfrastructureError
from factory_assets.gates.names import SECRETS
from factory_assets.gates.secrets import judge_secrets
from factory_assets.secret_scan.rules import Kingfisher, made_up_key, rule_cache
from factory_assets.secret_scan.scanner import MOST_LISTED, SecretScanner

SECRET = "tok-0123456789-abcdefghij"


@pytest.fixture
def work(tmp_path: Path) -> Work:
    made = Work(tmp_path / "work")
    made.commit({"README.md": "# A tool\n"})
    return made


def judge(work: Work, scanner: SecretScanner | None = None) -> GateVerdict:
    scanner = scanner or SecretScanner([SECRET], NoRules())
    return judge_secrets(Phase.BUILD, work.git_dir, "HEAD", {}, scanner)


def test_a_history_without_secrets_passes(work: Work) -> None:
    verdict = judge(work)
    assert (verdict.gate, verdict.passed, verdict.fix) == (SECRETS, True, "")


def test_the_factorys_own_secret_is_named_by_file_and_never_shown(work: Work) -> None:
    commit = work.commit({"lib/key.sh": f"\nkey={SECRET}\n"})
    work.remove("lib/key.sh")
    verdict = judge(work)
    assert not verdict.passed
    assert verdict.saw.splitlines() == [
        "a secret in lib/key.sh",
        f"lib/key.sh:2: a secret of this factory (tok-…) in commit {commit[:12]}",
    ]
    assert "Change that credential of the factory" in verdict.fix
    assert SECRET not in verdict.saw + verdict.fix


def test_somebody_elses_secret_is_refused_too(work: Work) -> None:
    key = made_up_key()
    work.commit({"a.py": f"token = '{key}'\n"})
    verdict = judge(work, SecretScanner([SECRET], Kingfisher(cache=rule_cache())))
    assert not verdict.passed
    assert "a.py:1: betterleaks.github-pat (ghp_…)" in verdict.saw
    assert verdict.fix.startswith("Build the repo again")
    assert key not in verdict.saw + verdict.fix


def test_a_flood_of_finds_is_cut(work: Work) -> None:
    work.commit({f"key-{number:03}": SECRET + str(number) for number in range(MOST_LISTED + 5)})
    lines = judge(work).saw.splitlines()
    assert lines[0] == "25 finds, the first in key-000"
    assert (len(lines), lines[-1]) == (MOST_LISTED + 2, "and 5 more")


def test_a_scanner_that_does_not_work_is_no_pass(work: Work) -> None:
    with pytest.raises(InfrastructureError):
        judge(work, SecretScanner([SECRET], BrokenRules()))
