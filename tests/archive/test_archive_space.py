"""Similar papers: who is near whom, and that the space follows the files whatever becomes of it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from layout import python_path
from sklearn.feature_extraction.text import TfidfVectorizer
from test_archive_store import record

from factory_assets.archive import Archive, learned
from factory_assets.archive import space as spaces
from factory_assets.archive import vectors as files
from factory_assets.archive.learned import Learned
from factory_assets.archive.space import Space
from factory_assets.domain.archive import DeletedRecord
from factory_assets.domain.errors import InfrastructureError

CACHES = record(
    "2606.00001", title="Evicting keys and values", abstract="A cache of attention for long prompts."
)
PROMPTS = record("2606.00002", title="Long prompts", abstract="Attention keeps a cache of keys and values.")
GALAXIES = record("2606.00003", title="Galaxies", abstract="Clusters of galaxies seen by a telescope.")
OLD = record(
    "hep-th/9901001",
    title="A cache of prompts",
    abstract="Attention before its time; galaxies too.",
    submitted=datetime(1999, 1, 4, tzinfo=UTC),
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "archive")
    made.merge([CACHES, PROMPTS, GALAXIES, OLD])
    return made


def near(archive: Archive, arxiv_id: str, count: int = 10) -> list[str]:
    return [found.record.arxiv_id for found in Space(archive).similar(arxiv_id, count)]


def learnings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts the space was learned from, each time that it was."""
    told: list[int] = []
    learn = Learned.of

    def of(texts: list[str]) -> Learned:
        known = list(texts)
        told.append(len(known))
        return learn(known)

    monkeypatch.setattr(Learned, "of", of)
    return told


def given_vectors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first lines of the texts that were given vectors."""
    told: list[str] = []
    vectors = Learned.vectors

    def told_of(self: Learned, texts: list[str]) -> learned.Floats:
        told.extend(text.split("\n")[0] for text in texts)
        return vectors(self, texts)

    monkeypatch.setattr(Learned, "vectors", told_of)
    return told


def test_papers_that_speak_of_the_same_are_near_and_those_without_a_word_in_common_are_not_there(
    archive: Archive,
) -> None:
    found = Space(archive).similar("2606.00001", 10)
    assert [hit.record for hit in found] == [PROMPTS, OLD]
    assert 1 > found[0].likeness > found[1].likeness > 0
    assert near(archive, "2606.00001", 1) == ["2606.00002"]


def test_a_paper_with_a_slash_in_its_id_is_asked_for_and_found(archive: Archive) -> None:
    assert set(near(archive, "hep-th/9901001")) == {"2606.00001", "2606.00002", "2606.00003"}
    assert near(archive, "2606.00003") == ["hep-th/9901001"]


def test_a_paper_is_never_its_own_neighbour_though_another_says_the_very_same(archive: Archive) -> None:
    twins = [CACHES.model_copy(update={"arxiv_id": f"2606.1000{number}"}) for number in range(3)]
    archive.merge(twins)
    found = Space(archive).similar("2606.10001", 3)
    assert [hit.record.arxiv_id for hit in found] == ["2606.00001", "2606.10000", "2606.10002"]
    assert all(hit.likeness > 0.9999 for hit in found)


def test_a_paper_that_is_not_held_has_no_neighbours(archive: Archive) -> None:
    assert near(archive, "2606.99999") == []
    assert near(archive, "hep-th/9901001v2") == []


def test_a_deleted_paper_is_no_neighbour_and_has_none(archive: Archive) -> None:
    assert near(archive, "2606.00001")[0] == "2606.00002"
    archive.merge([DeletedRecord(arxiv_id="2606.00002", changed=date(2026, 6, 9))])
    assert near(archive, "2606.00001") == ["hep-th/9901001"]
    assert near(archive, "2606.00002") == []
    assert Space(archive).papers() == 3


def test_a_month_whose_papers_are_all_deleted_is_empty(archive: Archive) -> None:
    archive.merge([DeletedRecord(arxiv_id="hep-th/9901001", changed=date(2026, 6, 9))])
    assert near(archive, "2606.00001") == ["2606.00002"]
    assert near(archive, "2606.00002") == ["2606.00001"]


def test_texts_that_are_no_papers_are_compared_too(archive: Archive) -> None:
    space = Space(archive)
    assert [hit.record for hit in space.near_text("a telescope for galaxies", 1)] == [GALAXIES]
    assert space.near_text("zyx", 5) == []
    same, other, none = space.likeness("attention cache", ["cache attention", "telescope", "zyx"]) or []
    assert same == pytest.approx(1)
    assert other < 0.1
    assert none == 0
    assert space.likeness("attention", []) == []


def test_an_archive_without_papers_has_no_space(tmp_path: Path) -> None:
    space = Space(Archive(tmp_path / "none"))
    assert (space.similar("2606.00001", 3), space.near_text("x", 3), space.update(), space.papers()) == (
        [],
        [],
        0,
        0,
    )
    assert space.likeness("x", ["x"]) is None
    assert not (tmp_path / "none").exists()


def test_papers_without_a_word_are_near_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.merge([record(f"2606.0000{number}", title="The", abstract="?") for number in range(3)])
    assert near(archive, "2606.00001") == []
    assert Space(archive).likeness("the", ["the"]) == [0]


def test_only_papers_that_say_something_else_now_are_given_new_vectors(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Space(archive)
    assert space.update() == 4
    given, learned_of = given_vectors(monkeypatch), learnings(monkeypatch)
    later = GALAXIES.model_copy(update={"abstract": "A cache of attention.", "changed": date(2026, 6, 9)})
    archive.merge([later, CACHES.model_copy(update={"version": 2, "changed": date(2026, 6, 9)})])
    assert "2606.00003" in [hit.record.arxiv_id for hit in space.similar("2606.00002", 10)]
    assert (given, learned_of) == (["Galaxies"], [])


def test_what_is_gone_from_the_archive_is_gone_from_the_space(archive: Archive) -> None:
    assert "hep-th/9901001" in near(archive, "2606.00001")
    (archive.folder / "1999-01.parquet").unlink()
    assert near(archive, "2606.00001") == ["2606.00002"]
    assert not list(archive.folder.rglob("1999-01.npy"))


def test_the_space_is_learned_anew_when_there_are_twice_as_many_papers(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = learnings(monkeypatch)
    more = [
        record(f"2606.2000{number}", title=f"Paper {number}", abstract="Telescopes.") for number in range(4)
    ]
    near(archive, "2606.00001")
    archive.merge(more[:3])
    near(archive, "2606.00001")
    assert told == [4]
    archive.merge(more)
    assert near(archive, "2606.20001", 3) == ["2606.20000", "2606.20002", "2606.20003"]
    assert told == [4, 8]
    assert len([path for path in (archive.folder / "space-1").iterdir() if path.is_dir()]) == 1


def test_it_is_learned_from_so_many_papers_at_most_and_all_have_a_vector(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spaces, "_LEARNED_FROM", 2)
    told = learnings(monkeypatch)
    assert Space(archive).update() == 4
    assert told == [2]


def test_a_space_that_is_thrown_away_is_made_again_as_it_was(archive: Archive) -> None:
    before = Space(archive).similar("hep-th/9901001", 10)
    state = (archive.folder / "space-1" / "state.json").read_bytes()
    for path in sorted((archive.folder / "space-1").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert Space(archive).similar("hep-th/9901001", 10) == before
    assert (archive.folder / "space-1" / "state.json").read_bytes() == state


def test_one_that_stays_open_sees_what_another_brought_up_to_date(archive: Archive) -> None:
    space = Space(archive)
    assert len(space.similar("2606.00001", 10)) == 2
    archive.merge([record("2606.00009", title="Keys", abstract="Values and keys of a cache.")])
    Space(archive).update()
    assert len(space.similar("2606.00001", 10)) == 3


KILLED = """
import os, signal, sys; from pathlib import Path
from factory_assets.archive import Archive, space
from factory_assets.archive.space import Space
put, left = space.put_in_place, [int(sys.argv[2])]
def until(path, write):
    left[0] -= 1
    if not left[0]:
        path.with_name(path.name + ".new").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    put(path, write)
space.put_in_place = until
Space(Archive(Path(sys.argv[1]))).update()
"""


@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_whoever_is_killed_while_it_is_made_loses_nothing(
    archive: Archive, tmp_path: Path, write: int
) -> None:
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(archive.folder), str(write)], env=env, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    untouched = Archive(tmp_path / "untouched")
    untouched.merge([CACHES, PROMPTS, GALAXIES, OLD])
    for arxiv_id in ("2606.00001", "hep-th/9901001"):
        assert Space(archive).similar(arxiv_id, 9) == Space(untouched).similar(arxiv_id, 9)
    assert not list((archive.folder / "space-1").rglob("*.new"))


def test_months_that_were_done_before_a_kill_are_not_done_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    subprocess.run([sys.executable, "-c", KILLED, str(archive.folder), "3"], env=env, check=False)
    given = given_vectors(monkeypatch)
    Space(archive).update()
    assert sorted(given) == ["Evicting keys and values", "Galaxies", "Long prompts"]


def test_two_processes_at_once_make_it_once(archive: Archive) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from factory_assets.archive import Archive; from factory_assets.archive.space import Space\n"
        "print([hit.record.arxiv_id for hit in Space(Archive(Path(sys.argv[1]))).similar('2606.00001', 9)])\n"
    )
    command = [sys.executable, "-c", code, str(archive.folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=120)[0] for process in both]
    assert told == ["['2606.00002', 'hep-th/9901001']\n"] * 2


def test_a_full_disk_is_one_clear_error_and_what_was_there_answers_afterwards(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = near(archive, "2606.00001")
    archive.merge([record("2606.00009", title="Keys", abstract="Values and keys.")])

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(files.np, "save", full)
        with pytest.raises(InfrastructureError, match="No space left on device") as caught:
            near(archive, "2606.00001")
    assert caught.value.where == str(archive.folder / "space-1")
    assert not list((archive.folder / "space-1").rglob("*.new"))
    assert set(before) < set(near(archive, "2606.00001"))


@pytest.mark.parametrize("name", ["learned.npz", "2026-06.npy"])
@pytest.mark.parametrize("content", [b"", b"no numbers"])
def test_files_that_are_broken_are_an_error_that_says_what_to_remove(
    archive: Archive, name: str, content: bytes
) -> None:
    near(archive, "2606.00001")
    (path,) = archive.folder.rglob(name)
    path.write_bytes(content)
    with pytest.raises(InfrastructureError, match="The space of similar papers cannot be used") as caught:
        near(archive, "2606.00001")
    assert "remove the folder" in caught.value.fix


def test_a_state_that_cannot_be_read_is_made_again(archive: Archive) -> None:
    before = near(archive, "2606.00001")
    state = archive.folder / "space-1" / "state.json"
    kept = json.loads(state.read_bytes())
    state.write_text("{")
    assert near(archive, "2606.00001") == before
    assert json.loads(state.read_bytes()) == kept


def test_what_is_learned_is_kept_without_code_and_read_back_as_it_was(archive: Archive) -> None:
    near(archive, "2606.00001")
    (path,) = archive.folder.rglob("learned.npz")
    held = Learned.load(path)
    assert held.digest == path.parent.name
    assert held.dimensions == 4
    assert held.vectors(["attention"]).tolist() == Learned.load(path).vectors(["attention"]).tolist()


def test_a_text_has_the_vector_that_the_library_gives_it() -> None:
    texts = [f"{word} caches, caches; Ünïcode_{word} the-{word} x {'long' * 20}" for word in "abcdefghijkl"]
    texts += ["", "the", "keys of CACHES keys"]
    held = Learned.of(texts)
    library = TfidfVectorizer(sublinear_tf=True, stop_words="english", token_pattern=r"\w{2,40}")
    projected = library.fit_transform(texts).toarray() @ held.directions
    lengths = np.linalg.norm(projected, axis=1, keepdims=True)
    assert list(library.get_feature_names_out()) == list(held.terms)
    assert np.allclose(held.vectors(texts) * lengths, projected, atol=1e-6)
