"""Transcripts and logs in a shared folder and in a bucket: all of them get there, or wait where they are."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from factory_assets.domain.redaction import Redactor
from factory_assets.keeping.outbox import Kind, Outbox
from factory_assets.keeping.places import Bucket, Place, SharedFolder

SECRET = "sk-ant-0123456789-abcdef"
KEYS = {
    "access_key_id": "key-of-the-store",
    "secret_access_key": "secret-of-the-store",
    "region": "us-east-1",
}


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """An S3-compatible store on loopback, with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    _client(url).create_bucket(Bucket="logs")
    yield url
    server.stop()


@pytest.fixture
def bucket(store: str, tmp_path: Path) -> Bucket:
    return Bucket(f"s3://logs/{tmp_path.name}", {**KEYS, "endpoint": store})


def _client(url: str) -> object:
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEYS["access_key_id"],
        aws_secret_access_key=KEYS["secret_access_key"],
        region_name="us-east-1",
    )


def _in_bucket(url: str, prefix: str) -> dict[str, str]:
    client = _client(url)
    listed = client.list_objects_v2(Bucket="logs", Prefix=prefix).get("Contents", [])
    return {
        found["Key"].removeprefix(f"{prefix}/"): client.get_object(Bucket="logs", Key=found["Key"])["Body"]
        .read()
        .decode()
        for found in listed
    }


def _in_folder(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _outbox(data: Path, place: Place, *, host: str = "host-a") -> Outbox:
    return Outbox(
        kinds=[
            Kind("transcripts", data / "transcripts", "*/*.jsonl", of_host=True),
            Kind("logs", data, "*/compute_logs/*.out"),
        ],
        place=place,
        marks=data / "sent",
        redactor=lambda: Redactor([SECRET]),
        host=host,
    )


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _left_behind(data: Path) -> None:
    _write(data / "transcripts/tool/1-build-1.jsonl", f'{{"said": "{SECRET}"}}\n')
    _write(data / "4711/compute_logs/step.out", f"it began\nwith {SECRET}\n")
    _write(data / "registry.duckdb", "no log")


def test_a_bucket_gets_transcripts_and_logs_without_secrets(
    bucket: Bucket, store: str, tmp_path: Path
) -> None:
    _left_behind(tmp_path)
    sent = _outbox(tmp_path, bucket).send()
    assert (sent.files, sent.waiting, sent.problem) == (2, 0, "")
    kept = _in_bucket(store, tmp_path.name)
    assert sorted(kept) == ["logs/4711/compute_logs/step.out", "transcripts/tool/1-build-1.host-a.jsonl"]
    assert SECRET not in "".join(kept.values())
    assert kept["logs/4711/compute_logs/step.out"].startswith("it began\nwith ")


def test_a_shared_folder_gets_the_same(tmp_path: Path) -> None:
    data, shared = tmp_path / "data", tmp_path / "shared"
    shared.mkdir()
    _left_behind(data)
    assert _outbox(data, SharedFolder(shared)).send().files == 2
    kept = _in_folder(shared)
    assert sorted(kept) == ["logs/4711/compute_logs/step.out", "transcripts/tool/1-build-1.host-a.jsonl"]
    assert SECRET not in "".join(kept.values())
    assert all(path.stat().st_mode & 0o077 == 0 for path in shared.rglob("*") if path.is_file())


def test_what_was_sent_is_not_sent_again_and_what_has_grown_is(
    bucket: Bucket, store: str, tmp_path: Path
) -> None:
    _left_behind(tmp_path)
    _outbox(tmp_path, bucket).send()
    assert _outbox(tmp_path, bucket).send().files == 0
    log = tmp_path / "4711/compute_logs/step.out"
    _write(log, log.read_text() + "and ended\n")
    assert _outbox(tmp_path, bucket).send().files == 1
    assert _in_bucket(store, tmp_path.name)["logs/4711/compute_logs/step.out"].endswith("and ended\n")


def test_a_store_that_is_away_fails_nothing_and_gets_all_of_it_later(
    bucket: Bucket, store: str, tmp_path: Path
) -> None:
    _left_behind(tmp_path)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = Bucket(
            f"s3://logs/{tmp_path.name}", {**KEYS, "endpoint": f"http://127.0.0.1:{nobody.getsockname()[1]}"}
        )
        sent = _outbox(tmp_path, away).send()
    assert (sent.files, sent.waiting) == (0, 2)
    assert "FACTORY_LOG_STORE" in sent.problem
    assert KEYS["secret_access_key"] not in sent.problem
    assert _outbox(tmp_path, bucket).send().files == 2
    assert len(_in_bucket(store, tmp_path.name)) == 2


def test_a_bucket_that_does_not_exist_is_said_and_nothing_counts_as_sent(store: str, tmp_path: Path) -> None:
    _left_behind(tmp_path)
    outbox = _outbox(tmp_path, Bucket("s3://no-such-bucket", {**KEYS, "endpoint": store}))
    assert "NoSuchBucket" in outbox.send().problem
    assert len(outbox.waiting()) == 2


def test_a_folder_that_is_not_mounted_gets_nothing_and_loses_nothing(tmp_path: Path) -> None:
    _left_behind(tmp_path)
    shared = tmp_path / "mount"
    sent = _outbox(tmp_path, SharedFolder(shared)).send()
    assert sent.waiting == 2
    assert "is not there" in sent.problem
    assert not shared.exists()
    shared.mkdir()
    assert _outbox(tmp_path, SharedFolder(shared)).send().files == 2


def test_one_killed_before_its_mark_sends_the_same_again(tmp_path: Path) -> None:
    data, shared = tmp_path / "data", tmp_path / "shared"
    shared.mkdir()
    _left_behind(data)

    class Killed(SharedFolder):
        def put(self, name: str, file: Path) -> None:
            super().put(name, file)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _outbox(data, Killed(shared)).send()
    assert _outbox(data, SharedFolder(shared)).send().files == 2
    assert len(_in_folder(shared)) == 2


def test_two_hosts_that_worked_on_one_repo_keep_both_transcripts(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for host in ("host-a", "host.b"):
        _write(tmp_path / host / "transcripts/tool/1-build-1.jsonl", f"of {host}\n")
        _outbox(tmp_path / host, SharedFolder(shared), host=host).send()
    assert _in_folder(shared) == {
        "transcripts/tool/1-build-1.host-a.jsonl": "of host-a\n",
        "transcripts/tool/1-build-1.host-b.jsonl": "of host.b\n",
    }


def test_another_place_gets_all_of_it_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    _left_behind(data)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        assert _outbox(data, SharedFolder(tmp_path / name)).send().files == 2


def test_a_link_in_the_place_of_a_transcript_is_not_followed(tmp_path: Path) -> None:
    data, shared = tmp_path / "data", tmp_path / "shared"
    shared.mkdir()
    secret = _write(tmp_path / "passwords", "hunter2")
    (data / "transcripts/tool").mkdir(parents=True)
    (data / "transcripts/tool/1-build-1.jsonl").symlink_to(secret)
    assert _outbox(data, SharedFolder(shared)).send().files == 0
    assert _in_folder(shared) == {}


def test_marks_of_files_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    data, shared = tmp_path / "data", tmp_path / "shared"
    shared.mkdir()
    _left_behind(data)
    outbox = _outbox(data, SharedFolder(shared))
    outbox.send()
    (data / "transcripts/tool/1-build-1.jsonl").unlink()
    outbox.forget_gone()
    assert [path.name for path in (data / "sent").rglob("*") if path.is_file()] == ["step.out"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    _left_behind(tmp_path)
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o500)
    assert "can be written" in _outbox(tmp_path, SharedFolder(shared)).send().problem
