"""Finding the factory's own secrets: in every place of a history and every form, without showing them."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from github_git import git
from secret_material import BrokenRules, NoRules, Work

from factory_assets.domain.errors import InfrastructureError
from factory_assets.secret_scan import unpack
from factory_assets.secret_scan.rules import RuleFind
from factory_assets.secret_scan.scanner import (
    NOT_LOOKED_INTO,
    OWN_SECRET,
    SecretScanner,
    describe_secrets,
    mask,
)

SECRET = "tok/EN+0123456789-abcdefghij"
RAW = SECRET.encode()


@pytest.fixture
def work(tmp_path: Path) -> Work:
    made = Work(tmp_path / "work")
    made.commit({"README.md": "# A tool\n"})
    return made


def scan(work: Work, revision: str = "HEAD") -> list[str]:
    leaks = SecretScanner([SECRET, "short"], NoRules()).scan(work.git_dir, revision)
    assert SECRET not in describe_secrets(leaks) if leaks else True
    return [f"{leak.path}:{leak.line}" for leak in leaks if leak.is_own]


def zipped(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/key.txt", content)
    return held.getvalue()


def tarred(content: bytes, mode: str = "w") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode=mode) as archive:
        info = tarfile.TarInfo("inner/key.txt")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return held.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        RAW,
        b"\0\1\2" + RAW + b"\xff",
        base64.b64encode(RAW),
        base64.b64encode(b"x" + RAW + b"y"),
        base64.urlsafe_b64encode(b"xy" + RAW),
        base64.encodebytes(b"a long line comes before it, so that it is wrapped in the midst: " + RAW),
        quote(SECRET, safe="").encode(),
        quote(SECRET, safe="").lower().replace("tok%2fen", "tok%2fEN").encode(),
        RAW.hex().encode(),
        RAW.hex().upper().encode(),
        SECRET.encode("utf-16-le"),
        b'key = ("' + RAW[:9] + b'"\n    "' + RAW[9:] + b'")',
        b'key = "' + RAW[:9] + b'" + "' + RAW[9:] + b'"',
        gzip.compress(RAW),
        bz2.compress(RAW),
        lzma.compress(RAW),
        zipped(RAW),
        tarred(RAW),
        tarred(RAW, "w:gz"),
        zipped(gzip.compress(RAW)),
        base64.b64encode(gzip.compress(b"some text and then " + RAW)),
        base64.encodebytes(zipped(RAW)),
        base64.b64encode(base64.b64encode(b"twice: " + RAW)),
        gzip.compress(b"x" * 1000 + RAW + b"y" * 1000)[:-8],
    ],
    # Compressed content differs from second to second, and test runners in parallel want the same names.
    ids=[f"form {number}" for number in range(1, 25)],
)
def test_the_factorys_own_secret_is_found_in_every_form(work: Work, content: bytes) -> None:
    work.commit({"data/thing.bin": content})
    found = scan(work)
    assert found
    assert all(place.startswith("data/thing.bin") for place in found)


def test_the_line_of_a_find_is_named(work: Work) -> None:
    work.commit({"a.py": f"one\ntwo\nkey = '{SECRET}'\n"})
    assert scan(work) == ["a.py:3"]


def test_a_member_of_an_archive_is_named_with_its_path(work: Work) -> None:
    work.commit({"fixtures.zip": zipped(RAW)})
    assert scan(work) == ["fixtures.zip!inner/key.txt:0"]


def test_a_secret_that_a_later_commit_removed_is_found_with_its_commit(work: Work) -> None:
    bad = work.commit({"key.txt": SECRET})
    work.remove("key.txt")
    (leak,) = SecretScanner([SECRET], NoRules()).scan(work.git_dir, "HEAD")
    assert (leak.commit, leak.path, leak.rule, leak.excerpt) == (bad, "key.txt", OWN_SECRET, "tok/…")


def test_a_secret_on_a_merged_branch_is_found(work: Work) -> None:
    git("checkout", "--quiet", "-b", "side", cwd=work.folder)
    work.commit({"side.txt": SECRET})
    work.remove("side.txt")
    git("checkout", "--quiet", "main", cwd=work.folder)
    work.commit({"main.txt": "x"})
    git("merge", "--quiet", "--no-ff", "--message=Merge", "side", cwd=work.folder)
    assert scan(work) == ["side.txt:1"]


def test_messages_authors_and_tags_are_looked_at(work: Work) -> None:
    work.commit({"a": "b"}, message=f"Use {SECRET}")
    assert scan(work) == ["(commit or tag):6"]
    work.commit({"c": "d"})
    git(
        "commit",
        "--quiet",
        "--allow-empty",
        "--message=x",
        f"--author=A <{SECRET}@example.org>",
        cwd=work.folder,
    )
    assert scan(work) == ["(commit or tag):3", "(commit or tag):6"]


def test_an_annotated_tag_is_looked_at(work: Work) -> None:
    git("tag", "--annotate", f"--message={SECRET}", "v1", cwd=work.folder)
    git("tag", "--annotate", "--message=outer", "v2", "v1", cwd=work.folder)
    assert scan(work, "v2")
    assert not scan(work, "HEAD")


def test_a_name_of_a_file_that_holds_the_secret_is_not_shown(work: Work) -> None:
    name = "0123456789-abcdef-name"
    work.commit({f"docs/{name}.md": "text", f"docs/{name}/x": name})
    leaks = SecretScanner([name], NoRules()).scan(work.git_dir, "HEAD")
    assert {leak.path for leak in leaks} == {"docs/[secret].md", "docs/[secret]/x"}
    assert name not in describe_secrets(leaks)


def test_odd_names_of_files_are_no_trouble(work: Work) -> None:
    work.commit({'new\nline "quoted" ü.txt': SECRET})
    assert scan(work) == ['new?line "quoted" ü.txt:1']


def test_what_is_only_on_other_branches_is_not_meant(work: Work) -> None:
    git("branch", "--quiet", "clean", cwd=work.folder)
    work.commit({"key.txt": SECRET})
    assert scan(work, "clean") == []


def test_objects_that_were_clean_are_not_shown_to_the_rules_again(work: Work) -> None:
    rules = NoRules()
    scanner = SecretScanner([SECRET], rules)
    assert scanner.scan(work.git_dir, "HEAD") == ()
    work.commit({"new.txt": "new"})
    assert scanner.scan(work.git_dir, "HEAD") == ()
    seen = [b"".join(files.values()) for files in rules.shown]
    assert b"# A tool" in seen[0]
    assert b"# A tool" not in seen[1]
    assert b"new" in seen[1]


def test_a_find_stays_a_find_when_it_is_scanned_again(work: Work) -> None:
    work.commit({"key.txt": SECRET})
    scanner = SecretScanner([SECRET], NoRules())
    assert scanner.scan(work.git_dir, "HEAD") == scanner.scan(work.git_dir, "HEAD") != ()


def test_a_bomb_is_refused_and_not_unpacked(work: Work) -> None:
    work.commit({"bomb.gz": gzip.compress(b"\0" * (unpack.LARGEST_TOTAL + 1), compresslevel=1)})
    (leak,) = SecretScanner([SECRET], NoRules()).scan(work.git_dir, "HEAD")
    assert (leak.path, leak.rule) == ("bomb.gz", NOT_LOOKED_INTO)


def test_an_archive_of_too_many_members_is_refused(work: Work) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for number in range(unpack.MOST_PARTS + 1):
            archive.writestr(str(number), str(number))
    work.commit({"many.zip": held.getvalue()})
    (leak,) = SecretScanner([SECRET], NoRules()).scan(work.git_dir, "HEAD")
    assert (leak.path, leak.rule) == ("many.zip", NOT_LOOKED_INTO)


class OneRule:
    """Finds the word that it is made with."""

    def __init__(self, word: str) -> None:
        self.word = word

    def find(self, files: Mapping[str, bytes]) -> list[RuleFind]:
        return [
            RuleFind(name, number, "some-rule", self.word)
            for name, data in files.items()
            for number, line in enumerate(data.splitlines(), start=1)
            if self.word.encode() in line
        ]


def test_a_find_of_the_rules_is_told_with_its_file_and_without_its_value(work: Work) -> None:
    word = "value-of-somebody"
    work.commit(
        {"src/a.py": f"x\n{word}\n", f"{word}.txt": f"{word}\n", "b.gz": gzip.compress(word.encode())}
    )
    leaks = SecretScanner([], OneRule(word)).scan(work.git_dir, "HEAD")
    assert {(leak.path, leak.line, leak.excerpt) for leak in leaks} == {
        ("src/a.py", 2, "valu…"),
        ("[secret].txt", 1, "valu…"),
        ("[secret].txt", 0, "valu…"),
        ("b.gz!content", 1, "valu…"),
    }
    assert word not in describe_secrets(leaks)


def test_a_quick_look_finds_the_factorys_own_secrets(work: Work) -> None:
    work.commit({"key.txt": base64.b64encode(RAW)})
    leaks = SecretScanner([SECRET], NoRules()).scan_quickly(work.git_dir, "HEAD")
    assert {leak.path.partition("!")[0] for leak in leaks} == {"key.txt"}


def test_a_quick_look_spares_the_rules_what_looks_like_no_secret(work: Work) -> None:
    rules = NoRules()
    work.commit({"risk-task.py": "https://example.org/a?b=c  # task-runner, ask-me"})
    scanner = SecretScanner([SECRET], rules)
    assert scanner.scan_quickly(work.git_dir, "HEAD") == ()
    assert rules.shown == []
    scanner.scan(work.git_dir, "HEAD")
    assert len(rules.shown) == 1


@pytest.mark.parametrize(
    "text",
    ["ghp" + "_0123", "-----BEGIN RSA PRIVATE" + " KEY-----", "postgres://me:hunter22@db/x", "AK" + "IA0"],
)
def test_a_quick_look_asks_the_rules_where_something_looks_like_a_secret(work: Work, text: str) -> None:
    rules = NoRules()
    work.commit({"a.py": f'key = "{text}"'})
    SecretScanner([SECRET], rules).scan_quickly(work.git_dir, "HEAD")
    assert len(rules.shown) == 1


def test_rules_that_cannot_be_asked_are_no_pass(work: Work) -> None:
    with pytest.raises(InfrastructureError, match="broken"):
        SecretScanner([], BrokenRules()).scan(work.git_dir, "HEAD")


def test_a_repository_that_is_none_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cat-file"):
        SecretScanner([], NoRules()).scan(tmp_path, "HEAD")


def test_a_revision_that_is_none_is_no_pass(work: Work) -> None:
    with pytest.raises(InfrastructureError, match="no-such-branch"):
        SecretScanner([], NoRules()).scan(work.git_dir, "no-such-branch")


def test_what_a_repositorys_own_configuration_would_start_is_not_started(work: Work, tmp_path: Path) -> None:
    """Here git would fetch a blob that is missing, by a command of the configuration's."""
    work.commit({"gone.txt": "x"})
    blob = git("-C", str(work.git_dir), "rev-parse", "HEAD:gone.txt")
    (work.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    for name, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": str(tmp_path),
        "remote.origin.uploadPack": f"touch {tmp_path}/started;",
    }.items():
        git("-C", str(work.git_dir), "config", name, value)
    with pytest.raises(InfrastructureError):
        SecretScanner([SECRET], NoRules()).scan(work.git_dir, "HEAD")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("value", "shown"), [("abcdefghijklmnop", "abcd…"), ("abcdefgh", "ab…"), ("abc", "…")]
)
def test_an_excerpt_is_four_characters_at_most_and_a_quarter_of_the_value(value: str, shown: str) -> None:
    assert mask(value) == shown
