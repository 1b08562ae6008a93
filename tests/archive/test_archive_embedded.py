"""Similar papers by the vectors of a model, in the place of a space that is learned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from embeddings_server import MODEL, EmbeddingsServer
from json_server import Reply
from test_archive_space import CACHES, GALAXIES, OLD, PROMPTS
from test_archive_store import record

from factory_assets.archive import Archive
from factory_assets.archive.space import Space
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.instance import Instance
from factory_assets.settings import Mode, Settings


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with EmbeddingsServer("cache", "galaxies", "keys", "prompts", "length") as server:
        yield server


def settings(folder: Path, url: str | None, **others: str) -> Settings:
    told = {
        "factory_mode": Mode.LIVE,
        "factory_archive_space": "embeddings",
        "factory_embeddings_model": MODEL,
    }
    return Settings(_env_file=None, factory_data_dir=folder, factory_embeddings_url=url, **(told | others))


@pytest.fixture
def space(tmp_path: Path, server: EmbeddingsServer) -> Space:
    parts = Instance(settings(tmp_path, server.url)).archiving
    parts.archive.merge([CACHES, PROMPTS, GALAXIES, OLD])
    return parts.space(print)


def near(space: Space, arxiv_id: str) -> list[str]:
    return [found.record.arxiv_id for found in space.similar(arxiv_id, 10)]


def test_papers_are_near_by_the_models_vectors_and_each_is_sent_once(
    space: Space, server: EmbeddingsServer
) -> None:
    assert near(space, CACHES.arxiv_id)[0] == PROMPTS.arxiv_id
    assert near(space, GALAXIES.arxiv_id) == [OLD.arxiv_id]
    assert len([text for text in server.texts if "galaxies" in text.lower()]) == 2
    sent = len(server.texts)
    assert near(space, OLD.arxiv_id)[-1] in {CACHES.arxiv_id, GALAXIES.arxiv_id, PROMPTS.arxiv_id}
    assert len(server.texts) == sent


def test_what_changes_is_sent_again_and_nothing_else(
    space: Space, server: EmbeddingsServer, tmp_path: Path
) -> None:
    space.update()
    sent = len(server.texts)
    Archive(tmp_path / "archive").merge([record("2606.00009", title="Galaxies", abstract="More galaxies.")])
    assert near(space, GALAXIES.arxiv_id)[0] == "2606.00009"
    assert [text for text in server.texts[sent:] if text != "length"] == [
        "Galaxies\nGalaxies\nMore galaxies."
    ]


def test_another_model_gives_other_vectors_and_a_learned_space_is_learned_again(
    space: Space, server: EmbeddingsServer, tmp_path: Path
) -> None:
    assert space.update() == 4
    learned = Instance(settings(tmp_path, server.url, factory_archive_space="learned")).archiving.space(print)
    assert learned.update() == 4
    assert near(learned, CACHES.arxiv_id)[0] == PROMPTS.arxiv_id
    sent = len(server.texts)
    assert near(space, GALAXIES.arxiv_id) == [OLD.arxiv_id]
    assert len(server.texts) > sent


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply({"data": []}), "it gave 0 vectors for 1 texts"),
        (Reply({"data": [{"index": 0, "embedding": []}]}), "it gave 1 vectors for 1 texts"),
        (Reply({"oops": 1}), "its answer holds no vectors"),
        (Reply(b'{"data": [{"index": 0, "embedding": [1e999]}]}'), "a vector holds what is no number"),
        (Reply({"error": {"message": "busy"}}, 500), "answered 500"),
        (Reply({"data": [{"index": 0, "embedding": [1.0]}]}, cut=True), "cannot be reached"),
    ],
)
def test_an_odd_answer_is_one_clear_error_and_no_vector_is_kept(
    space: Space, server: EmbeddingsServer, reply: Reply, why: str
) -> None:
    server.next = [reply]
    with pytest.raises(FactoryError, match=why) as raised:
        space.similar(CACHES.arxiv_id, 3)
    assert raised.value.fix
    assert space.papers() == 0


def test_a_server_that_is_not_named_is_asked_for(tmp_path: Path) -> None:
    parts = Instance(settings(tmp_path, None)).archiving
    with pytest.raises(InputError, match="no server of them is named"):
        parts.space(print)


def test_a_replay_instance_asks_no_server(tmp_path: Path, server: EmbeddingsServer) -> None:
    parts = Instance(settings(tmp_path, server.url, factory_mode=Mode.REPLAY)).archiving
    parts.archive.merge([CACHES, PROMPTS])
    assert near(parts.space(print), CACHES.arxiv_id) == [PROMPTS.arxiv_id]
    assert not server.asked
