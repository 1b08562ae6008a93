"""Similar papers by the vectors of a model, asked by way of the instance's router, in the place of a learned space."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from embeddings_server import MODEL, EmbeddingsServer
from json_server import Reply
from test_archive_space import CACHES, GALAXIES, OLD, PROMPTS
from test_archive_store import record

from factory_assets.archive import Archive
from factory_assets.archive.space import Space
from factory_assets.domain.builds import ModelCall, Usage
from factory_assets.domain.errors import BudgetError, FactoryError, InfrastructureError, InputError
from factory_assets.instance import Instance
from factory_assets.router_settings import router_config
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


@contextmanager
def living(told: Settings) -> Iterator[Instance]:
    """An instance with four papers in its archive, whose router ends with it."""
    instance = Instance(told)
    instance.archiving.archive.merge([CACHES, PROMPTS, GALAXIES, OLD])
    try:
        yield instance
    finally:
        instance.close()


@pytest.fixture
def instance(tmp_path: Path, server: EmbeddingsServer) -> Iterator[Instance]:
    with living(settings(tmp_path, server.url)) as instance:
        yield instance


@pytest.fixture
def space(instance: Instance) -> Space:
    return instance.archiving.space()


def backends(folder: Path, url: str, price: str = "") -> Path:
    """A backends file with Claude's API and the server of embeddings at `url`, which wants a key."""
    file = folder / "backends.yaml"
    file.write_text(
        "backends:\n"
        "  - {name: anthropic, kind: anthropic, base_url: 'https://a.example', credential_kind: none,"
        " any_model: true}\n"
        f"  - {{name: vectors, kind: openai, base_url: '{url}/v1', credential: $VECTORS_KEY,"
        f" embeddings: [{{name: {MODEL}{price}}}]}}\n"
    )
    return file


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
    learned = Instance(settings(tmp_path, server.url, factory_archive_space="learned")).archiving.space()
    assert learned.update() == 4
    assert near(learned, CACHES.arxiv_id)[0] == PROMPTS.arxiv_id
    sent = len(server.texts)
    assert near(space, GALAXIES.arxiv_id) == [OLD.arxiv_id]
    assert len(server.texts) > sent


def test_a_model_that_moves_to_another_server_keeps_its_vectors(
    space: Space, server: EmbeddingsServer, tmp_path: Path
) -> None:
    assert space.update() == 4
    with (
        EmbeddingsServer(*server.words) as other,
        living(settings(tmp_path, other.url)) as moved,
    ):
        assert near(moved.archiving.space(), GALAXIES.arxiv_id) == [OLD.arxiv_id]
    assert not other.asked


def test_a_backend_with_a_key_and_a_price_is_asked_and_stands_in_the_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECTORS_KEY", "sk-1")
    with EmbeddingsServer("cache", "galaxies", "keys", "prompts", key="sk-1") as server:
        file = backends(tmp_path, server.url, ", price: 1000")
        with living(settings(tmp_path, None, factory_backends_file=str(file))) as instance:
            assert near(instance.archiving.space(), GALAXIES.arxiv_id) == [OLD.arxiv_id]
            used = instance.registry.ledger.usage(stage="embed")
            read = sum(len(re.findall(r"\w+", text)) for text in server.texts)
            assert (used.input_tokens, used.output_tokens) == (read, 0)
            assert used.cost_usd == pytest.approx(read / 1000)
            assert instance.registry.ledger.spent_since(instance.clock.now() - timedelta(hours=1)) == (
                pytest.approx(used.cost_usd)
            )


def test_what_was_answered_before_a_kill_stands_in_the_ledger(instance: Instance) -> None:
    """A run of many requests may take hours, and a killed one comes to no end of its own."""
    asked = instance.archiving._embedded().source.of([["a cache"], ["keys and a cache"], ["galaxies"]])
    next(asked)
    assert instance.registry.ledger.usage(stage="embed").input_tokens == 2
    next(asked)
    assert instance.registry.ledger.usage(stage="embed").input_tokens == 6
    assert len(list(asked)) == 1
    used = instance.registry.ledger.usage(stage="embed")
    assert (used.calls, used.input_tokens) == (3, 7)


def test_a_model_of_our_own_stands_in_the_ledger_at_no_cost(instance: Instance, space: Space) -> None:
    space.update()
    used = instance.registry.ledger.usage(stage="embed")
    assert used.input_tokens > 10
    assert used.cost_usd == 0


def test_nothing_is_sent_once_the_days_dollars_are_spent_and_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECTORS_KEY", "sk-1")
    with EmbeddingsServer("cache", key="sk-1") as server:
        file = backends(tmp_path, server.url, ", price: 1000")
        with living(settings(tmp_path, None, factory_backends_file=str(file))) as instance:
            day = instance.settings.factory_day_budget_usd
            instance.registry.ledger.record(
                ModelCall(
                    stage="analyze",
                    partition="2026-06-17",
                    repo=None,
                    phase=None,
                    route="api",
                    model="m",
                    usage=Usage(calls=1, cost_usd=day),
                    seconds=1.0,
                    cache_hit=False,
                    outcome="answered",
                    at=instance.clock.now(),
                )
            )
            with pytest.raises(BudgetError, match=r"may take") as raised:
                instance.archiving.space().similar(CACHES.arxiv_id, 3)
            assert "FACTORY_DAY_BUDGET_USD" in raised.value.fix
            assert instance.archiving.space().papers() == 0
            assert instance.registry.ledger.usage(stage="embed").calls == 0
    assert server.asked == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply({"data": []}), "it holds 0 vectors for 1 texts"),
        (Reply({"oops": 1}), "Field required"),
        (Reply(b'{"data": [{"index": 0, "embedding": [1e999]}]}'), "finite number"),
        (Reply({"data": [{"index": 0, "embedding": [1e99]}]}), "a number that is too large"),
        (Reply({"error": {"message": "busy"}}, 500), "busy"),
        (Reply({"error": {"message": "who are you"}}, 401), "who are you"),
        (Reply({"data": [{"index": 0, "embedding": [1.0]}]}, cut=True), "no answer that can be passed on"),
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


def test_a_dead_server_is_one_clear_error_and_the_next_time_all_is_made(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    with living(settings(tmp_path, "http://127.0.0.1:9")) as instance:
        with pytest.raises(InfrastructureError, match=MODEL) as raised:
            instance.archiving.space().similar(CACHES.arxiv_id, 3)
        assert "FACTORY_EMBEDDINGS_URL" in raised.value.fix
        assert instance.registry.ledger.usage(stage="embed").calls == 0
    with living(settings(tmp_path, server.url)) as instance:
        assert instance.archiving.space().update() == 4


def test_a_model_that_is_not_named_or_that_no_backend_makes_is_asked_for(tmp_path: Path) -> None:
    with (
        living(settings(tmp_path, None, factory_embeddings_model="")) as instance,
        pytest.raises(InputError, match="no model of them is named"),
    ):
        instance.archiving.space()
    with living(settings(tmp_path, None)) as instance:
        with pytest.raises(InputError, match="No backend makes embeddings") as raised:
            instance.archiving.space().similar(CACHES.arxiv_id, 3)
        assert "FACTORY_BACKENDS_FILE" in raised.value.fix
    url_alone = settings(tmp_path, "http://127.0.0.1:9", factory_embeddings_model="")
    with pytest.raises(InputError, match="no model of that server is named"):
        router_config(url_alone, {}, None)


def test_a_router_that_was_started_without_embeddings_says_so(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    before = Instance(settings(tmp_path, None, factory_embeddings_model=""))
    with living(settings(tmp_path, server.url)) as instance, ExitStack() as held:
        held.callback(before.close)
        held.enter_context(before.router.place.told(before.router.access.url))
        with pytest.raises(InputError, match="No backend of this router makes embeddings") as raised:
            instance.archiving.space().similar(CACHES.arxiv_id, 3)
        assert "when it starts" in raised.value.fix
    assert not server.asked


def test_a_replay_instance_asks_no_server(tmp_path: Path, server: EmbeddingsServer) -> None:
    parts = Instance(settings(tmp_path, server.url, factory_mode=Mode.REPLAY)).archiving
    parts.archive.merge([CACHES, PROMPTS])
    assert near(parts.space(), CACHES.arxiv_id) == [PROMPTS.arxiv_id]
    assert not server.asked
