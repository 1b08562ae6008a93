"""The rule-based scanner itself: what it finds, what it leaves alone, and that nothing in a repo can blind it."""

from __future__ import annotations

import base64
import gzip
import json
import random
import string
from pathlib import Path

import pytest
from secret_material import Work

from factory_assets.doctor.secrets import try_scanner
from factory_assets.domain.errors import InfrastructureError
from factory_assets.secret_scan.rules import Kingfisher, made_up_key, rule_cache
from factory_assets.secret_scan.scanner import SecretScanner, describe_secrets

_RANDOM = random.Random(7)
_LETTERS = string.ascii_letters + string.digits


def some(length: int, letters: str = _LETTERS) -> str:
    return "".join(_RANDOM.choice(letters) for _ in range(length))


def part_of_jwt(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


# None of these was ever anybody's: they are made up here, so that no file of this project holds one.
KEYS = {
    "aws": f'aws_access_key_id = "AKIA{some(16, string.ascii_uppercase + "234567")}"\n'
    f'aws_secret_access_key = "{some(40)}"',
    "github": f"token = ghp_{some(36)}",
    "github-fine-grained": f"token = github_pat_{some(22)}_{some(59)}",
    "gitlab": f"token = glpat-{some(20)}",
    "anthropic": f"key = sk-ant-api03-{some(93)}AA",
    "openai": f"key = sk-{some(20)}T3BlbkFJ{some(20)}",
    "slack": f"token = xoxb-{some(12, string.digits)}-{some(13, string.digits)}-{some(24)}",
    "stripe": f"key = sk_live_{some(24)}",
    "google": f"key = AIza{some(35)}",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\n"
    + "\n".join(some(64) for _ in range(20))
    + "\n-----END RSA PRIVATE KEY-----",
    "jwt": f"t = {part_of_jwt({'alg': 'HS256', 'typ': 'JWT'})}."
    f"{part_of_jwt({'sub': '1234567890', 'name': 'Jo', 'iat': 1716239022})}.{some(43)}",
    "postgresql": f'DB = "postgresql://admin:{some(18)}@db.prod-internal.net:5432/app"',
    "mongodb": f'DB = "mongodb+srv://root:{some(18)}@cluster0.ab1cd.mongodb.net/x"',
}
HARMLESS = """
token = "abc"
password = "hunter2"
password = "s3cret-value"
api_key = "test-key-123"
API_KEY = "your-api-key-here"
SECRET = "changeme"
digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
api_key = "550e8400-e29b-41d4-a716-446655440000"
key_hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
token_hash = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
url = "postgres://user:password@localhost:5432/test"
url = "https://user:pass@example.com/x"
headers = {"Authorization": "Bearer test-token"}
fake = "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
fake = "AKIAIOSFODNN7EXAMPLE"
max_tokens = 4096
"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==",
golang.org/x/text v0.3.0 h1:g61tztE5qeGQ89tm6NTjjM9VPIm088od1l6aSorWRWg=
"""


@pytest.fixture(scope="module")
def kingfisher() -> Kingfisher:
    # Its rules take 10 s to compile, so all tests share what this user has compiled before.
    return Kingfisher(cache=rule_cache())


def test_keys_of_the_usual_services_are_found_and_ordinary_fixtures_are_not(kingfisher: Kingfisher) -> None:
    files = {**{name: text.encode() for name, text in KEYS.items()}, "harmless": HARMLESS.encode()}
    assert {find.file for find in kingfisher.find(files)} == set(KEYS)


def test_nothing_that_a_repo_holds_makes_the_scanner_look_away(
    tmp_path: Path, kingfisher: Kingfisher
) -> None:
    work = Work(tmp_path / "work")
    keys = [made_up_key() for _ in range(7)]
    everything = "[allowlist]\npaths = ['''.*''']\nregexes = ['''.*''']\n[[allowlists]]\npaths = ['''.*''']\n"
    work.commit(
        {
            ".gitleaks.toml": everything,
            ".betterleaks.toml": everything,
            "kingfisher.yaml": "scan:\n  exclude: ['*', '**']\n  skip_regex: ['.*']\n",
            ".gitleaksignore": "a.py:github-pat:1\n*\n",
            ".kingfisherignore": "*\n",
            ".gitignore": "*\n",
            ".ignore": "*\n",
            ".gitattributes": "* binary -diff -text export-ignore filter=x\n",
            "a.py": f'a = "{keys[0]}"  # gitleaks:allow\nb = "{keys[1]}"  # kingfisher:ignore\n',
            "b.py": f'# kingfisher:ignore-file betterleaks:allow\nc = "{keys[2]}"  # nosec noqa trufflehog:ignore\n',
            "node_modules/x/package-lock.json": keys[3],
            "tests/fixtures/image.png": b"\x89PNG\r\n\x1a\n\0\0" + keys[4].encode() + b"\0",
            ".hidden/.env": f"GH={keys[5]}",
            "data/archive.gz": gzip.compress(keys[6].encode()),
        }
    )
    leaks = SecretScanner([], kingfisher).scan(work.git_dir, "HEAD")
    assert {(leak.path, leak.line) for leak in leaks} == {
        ("a.py", 1),
        ("a.py", 2),
        ("b.py", 2),
        ("node_modules/x/package-lock.json", 1),
        ("tests/fixtures/image.png", 3),
        (".hidden/.env", 1),
        ("data/archive.gz!content", 1),
    }
    assert not any(key in describe_secrets(leaks) for key in keys)


def test_a_key_in_history_a_message_or_a_name_is_found(tmp_path: Path, kingfisher: Kingfisher) -> None:
    work = Work(tmp_path / "work")
    removed, said, named = (made_up_key() for _ in range(3))
    bad = work.commit({"key.txt": removed})
    work.remove("key.txt")
    work.commit({f"{named}.txt": ""}, message=f"Use token = {said}")
    leaks = SecretScanner([], kingfisher).scan(work.git_dir, "HEAD")
    assert {leak.path for leak in leaks} == {"key.txt", "(commit or tag)", "[secret].txt"}
    assert next(leak for leak in leaks if leak.path == "key.txt").commit == bad


def test_a_clean_repository_has_no_finds(tmp_path: Path, kingfisher: Kingfisher) -> None:
    work = Work(tmp_path / "work")
    work.commit({"README.md": "# A tool\n", "tool.py": HARMLESS, "empty": ""})
    assert SecretScanner([], kingfisher).scan(work.git_dir, "HEAD") == ()


def program(folder: Path, script: str) -> Path:
    path = folder / "kingfisher"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo boom >&2; exit 2", r"ended with 2: boom"),
        ("echo nonsense", "report cannot be read"),
        ("echo '{\"findings\": []}'", "did not find the made-up key"),
        ("sleep 5", "stopped after 1 s"),
    ],
)
def test_a_scanner_that_does_not_work_is_an_error_and_no_pass(tmp_path: Path, script: str, said: str) -> None:
    broken = Kingfisher(program(tmp_path, script), seconds=1)
    with pytest.raises(InfrastructureError, match=said):
        broken.find({"a": b"b"})


def test_a_scanner_that_is_missing_is_an_error_and_no_pass(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="does not start"):
        Kingfisher(tmp_path / "nothing").find({"a": b"b"})


def test_the_scanner_sees_no_environment_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "tok-0123456789")
    monkeypatch.setenv("KF_ANYTHING", "x")
    told = tmp_path / "told"
    spy = Kingfisher(program(tmp_path, f'env > {told}; echo "$@" >> {told}; exit 3'))
    with pytest.raises(InfrastructureError):
        SecretScanner(["tok-0123456789"], spy).scan(_repository(tmp_path), "HEAD")
    names = {line.split("=")[0] for line in told.read_text().splitlines() if "=" in line}
    assert names <= {"PATH", "HOME", "TMPDIR", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "tok-0123456789" not in told.read_text()
    assert "--no-validate" in told.read_text()


def _repository(folder: Path) -> Path:
    work = Work(folder / "work")
    work.commit({"a": "b"})
    return work.git_dir


def test_what_is_scanned_is_gone_afterwards(short_path: Path, kingfisher: Kingfisher, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_path))
    kingfisher.find({"a": b"b"})
    (base,) = short_path.iterdir()
    assert list(base.iterdir()) == []


def test_the_doctor_says_whether_the_scanner_works(tmp_path: Path, kingfisher: Kingfisher) -> None:
    assert try_scanner(kingfisher).ok
    result = try_scanner(Kingfisher(program(tmp_path, "exit 9")))
    assert not result.ok
    assert "ended with 9" in result.found
    assert "nothing ships unscanned" in result.affects
