"""Specs for other factories: what they say, and that a folder gets each of them once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ideas_fakes import METHOD_TEXT, OTHER, OWN, PROBLEM, STEP, claim, evidence_of
from imported_specs import NOW, TODAY
from registry_samples import paper, spec
from seed_importer import import_from_dir, product_spec

from factory_assets.domain.delivery import Delivered, Delivery
from factory_assets.domain.errors import InfrastructureError
from factory_assets.ideas.delivery import SpecFolder, delivery_of
from factory_assets.intake.folder import Intake
from factory_assets.registry import Registry

QUOTED = claim("method step", "It is scored.", "M1", quotes=[("M1", METHOD_TEXT.splitlines()[0])])
RIVAL = claim("competitor", "It shows and does not say why.", "R1")
REPOSITORY = "https://github.com/example-owner/cache-watch"
RESTS_ON = evidence_of(PROBLEM, STEP, QUOTED, RIVAL, papers=[paper(OWN)])
EVIDENCE = RESTS_ON.model_copy(
    update={
        "pieces": tuple(
            piece.model_copy(update={"url": REPOSITORY}) if piece.id == "R1" else piece
            for piece in RESTS_ON.pieces
        )
    }
)
SPEC = spec(source_papers=(OWN, OTHER))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "specs"


def delivery(**changes: Any) -> Delivery:
    return delivery_of(SPEC.model_copy(update=changes), EVIDENCE, score=61.5)


def test_a_document_has_the_fields_that_idea_engine_gives_a_spec() -> None:
    made = delivery()
    assert (made.arxiv_id, made.title, made.score) == (OWN, "Title of C1", 61.5)
    document = made.document
    assert document["source_repos"] == [REPOSITORY]
    assert delivery_of(SPEC, RESTS_ON).document["source_repos"] == []
    assert document["technique_map"] == {OWN: "The lowest score is evicted."}
    assert document["competing_tools"] == ["It shows and does not say why."]
    read = product_spec(json.dumps(document))
    assert (read["name"], read["language"], read["files"]) == (SPEC.name, SPEC.language, list(SPEC.files))
    assert read["source_url"] == f"https://arxiv.org/abs/{OWN}"


def test_no_text_of_a_paper_goes_with_it_that_may_not_be_published() -> None:
    said = json.dumps(delivery().document)
    assert METHOD_TEXT.splitlines()[0] not in said
    assert "Title of M1" in said


def test_a_folder_gets_a_file_that_both_readers_take(folder: Path, tmp_path: Path) -> None:
    assert SpecFolder(folder).put(delivery()) is Delivered.NEW
    assert [path.name for path in folder.iterdir()] == [f"{SPEC.name}.json"]
    assert [read["name"] for read in import_from_dir(folder)] == [SPEC.name]
    registry = Registry(tmp_path / "registry.duckdb")
    intake = Intake(store=registry.imports, day=TODAY, late_ranks=range(31, 41), now=NOW)
    (report,) = intake.take_folder(folder, steady_seconds=0)
    assert (report.queued, report.reasons) == ((SPEC.name,), ())
    queued = registry.queue.named(SPEC.name)
    assert queued is not None
    assert queued.spec.model_copy(update={"source_url": None}) == SPEC
    further = registry.stories.further_of([SPEC.name])[SPEC.name]
    assert further["evidence"] == delivery().document["evidence"]


def test_delivering_again_changes_nothing_read_already_or_not(folder: Path) -> None:
    place = SpecFolder(folder)
    place.put(delivery())
    file = folder / f"{SPEC.name}.json"
    before = file.stat().st_mtime_ns
    assert place.put(delivery()) is Delivered.BEFORE
    assert file.stat().st_mtime_ns == before
    for read in ("done", "rejected"):
        (folder / read).mkdir()
        moved = file.rename(folder / read / file.name)
        assert place.put(delivery()) is Delivered.BEFORE
        assert not file.exists()
        moved.rename(file)


@pytest.mark.parametrize("held", ['{"name": "of-somebody-else"}', "", "{", "[" * 50_000])
def test_somebody_elses_file_is_left_as_it_is(folder: Path, held: str) -> None:
    folder.mkdir()
    file = folder / f"{SPEC.name}.json"
    file.write_text(held)
    assert SpecFolder(folder).put(delivery()) is Delivered.TAKEN
    assert file.read_text() == held
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_told_and_holds_nothing_half(folder: Path, tmp_path: Path) -> None:
    folder.write_text("a file in the way")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        SpecFolder(folder).put(delivery())
    assert [path.name for path in tmp_path.iterdir()] == ["specs"]
