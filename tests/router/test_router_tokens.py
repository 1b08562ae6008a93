"""The tokens by which the router knows who asks."""

from __future__ import annotations

import base64
import multiprocessing
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory_assets.domain.errors import CredentialError
from factory_assets.router.tokens import Grant, Signer

NOW = datetime(2026, 6, 17, 8, tzinfo=UTC)
GRANT = Grant(
    id="a1", stage="build", repo="word-count", phase="build", limit_usd=3.0, until=NOW + timedelta(hours=1)
)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "data" / "router.key")


def test_a_token_says_what_it_was_issued_for(signer: Signer) -> None:
    assert signer.read(signer.issue(GRANT), now=NOW) == GRANT


def test_a_token_is_of_no_use_after_its_time(signer: Signer) -> None:
    with pytest.raises(CredentialError, match="word-count, phase build, has ended"):
        signer.read(signer.issue(GRANT), now=NOW + timedelta(hours=1))


def test_a_token_of_another_instance_is_of_no_use(signer: Signer, tmp_path: Path) -> None:
    other = Signer(tmp_path / "other.key")
    with pytest.raises(CredentialError, match="no token of this factory"):
        signer.read(other.issue(GRANT), now=NOW)


def test_a_higher_limit_cannot_be_written_into_a_token(signer: Signer) -> None:
    _, _, mark = signer.issue(GRANT).partition(".")
    raised = GRANT.model_copy(update={"limit_usd": 300.0}).model_dump_json().encode()
    forged = f"factory-{base64.urlsafe_b64encode(raised).rstrip(b'=').decode()}.{mark}"
    with pytest.raises(CredentialError):
        signer.read(forged, now=NOW)


def test_programs_see_the_beginning_that_they_look_for(signer: Signer) -> None:
    token = signer.issue(GRANT, beginning="sk-ant-oat01-")
    assert token.startswith("sk-ant-oat01-")
    assert signer.read(token, now=NOW) == GRANT


def test_what_sees_grants_opens_no_model_and_no_grant_sees_another(signer: Signer) -> None:
    assert signer.is_control(signer.control())
    assert not signer.is_control(signer.issue(GRANT))
    with pytest.raises(CredentialError):
        signer.read(signer.control(), now=NOW)


@pytest.mark.parametrize(
    "token", ["", ".", "factory-", "factory-.", "factory-e30.e30", "sk-ant-x", "factory-ü.ü"]
)
def test_what_is_no_token_is_refused_and_breaks_nothing(signer: Signer, token: str) -> None:
    with pytest.raises(CredentialError):
        signer.read(token, now=NOW)


def test_the_key_is_readable_by_its_owner_alone(signer: Signer) -> None:
    signer.issue(GRANT)
    assert stat.S_IMODE(signer.file.stat().st_mode) == 0o600
    assert list(signer.file.parent.iterdir()) == [signer.file]


def _issue(file: str) -> str:
    return Signer(Path(file)).issue(GRANT)


def test_processes_that_begin_together_sign_by_one_key(signer: Signer) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        tokens = pool.map(_issue, [str(signer.file)] * 8)
    assert [signer.read(token, now=NOW) for token in tokens] == [GRANT] * 8
