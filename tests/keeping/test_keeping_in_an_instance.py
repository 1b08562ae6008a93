"""An instance sends what its builds leave behind, and forgets nothing that is nowhere else."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory_assets.instance import Instance
from factory_assets.settings import Settings


def _settings(folder: Path, **values: object) -> Settings:
    return Settings(_env_file=None, factory_mode="replay", factory_data_dir=folder / "data", **values)


def _old_transcript(folder: Path) -> Path:
    file = folder / "data/transcripts/tool/1-build-1.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("{}\n")
    long_ago = time.time() - 90 * 86_400
    os.utime(file, (long_ago, long_ago))
    return file


def _sweep(instance: Instance) -> None:
    instance.housekeeping.sweep(before=datetime.now(UTC) - timedelta(days=30), remove=True)


def test_an_old_transcript_stays_until_it_was_sent(tmp_path: Path) -> None:
    file, said = _old_transcript(tmp_path), list[str]()
    instance = Instance(_settings(tmp_path, factory_log_store=str(tmp_path / "shared")))
    assert not instance.housekeeping.send_logs(said.append)
    assert "1 transcripts and logs wait here" in said[-1]
    _sweep(instance)
    assert file.exists()
    (tmp_path / "shared").mkdir()
    assert instance.housekeeping.send_logs(said.append)
    _sweep(instance)
    assert not file.exists()
    assert [path.name.partition(".")[0] for path in (tmp_path / "shared").rglob("*.jsonl")] == ["1-build-1"]


def test_without_the_setting_nothing_is_sent_and_age_alone_counts(tmp_path: Path) -> None:
    file, said = _old_transcript(tmp_path), list[str]()
    instance = Instance(_settings(tmp_path))
    assert instance.housekeeping.send_logs(said.append)
    assert said == []
    _sweep(instance)
    assert not file.exists()
    assert not (tmp_path / "data/sent").exists()


def test_a_build_that_breaks_off_has_its_transcripts_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    _old_transcript(tmp_path)
    instance = Instance(_settings(tmp_path, factory_log_store=str(tmp_path / "shared")))

    def broken(*_: object) -> None:
        raise RuntimeError("of the test")

    monkeypatch.setattr(instance.builds, "_build", broken)
    with pytest.raises(RuntimeError, match="of the test"):
        instance.builds.build(None, "run", lambda _line: None)
    assert len(list((tmp_path / "shared").rglob("*.jsonl"))) == 1


@pytest.mark.parametrize("value", ["s3://", "s3://Capital_Letters", "gs://bucket", "https://store/bucket"])
def test_a_place_of_another_kind_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match="a folder, or s3://bucket"):
        _settings(tmp_path, factory_log_store=value)
